"""A driver's mailbox: what is delivered is answered by the process that fetches it, or not at all."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from raymesos.actors.mailbox import Slots

CONTENTS = ("master", 1, 2, 3, 4, 5, b"x")
ANSWER = (7, 8, False)


def test_a_delivery_returns_what_the_process_answered() -> None:
    slots = Slots()
    with ThreadPoolExecutor() as pool:
        delivered = pool.submit(slots.deliver, CONTENTS, 10.0)
        ((number, contents),), missed = slots.fetch([], 10.0)
        assert (contents, missed, delivered.done()) == (CONTENTS, 0, False)
        assert slots.fetch([(number, ANSWER)], 0.0) == ([], 0)
        assert delivered.result(10) == ANSWER
    assert (slots.waiting, slots.wanted, slots.answers) == ({}, {}, {})


def test_a_delivery_that_nobody_fetches_fails_and_is_counted() -> None:
    slots = Slots()
    with pytest.raises(TimeoutError):
        slots.deliver(CONTENTS, 0.0)
    assert slots.fetch([], 0.0) == ([], 1)


def test_an_answer_that_nobody_waits_for_any_more_is_dropped() -> None:
    slots = Slots()
    with pytest.raises(TimeoutError):
        slots.deliver(CONTENTS, 0.0)
    slots.fetch([(1, ANSWER)], 0.0)
    assert (slots.waiting, slots.wanted, slots.answers) == ({}, {}, {})


def test_letters_are_handed_out_once_in_their_order() -> None:
    slots = Slots()
    with ThreadPoolExecutor() as pool:
        futures = []
        for n in range(3):
            futures.append(pool.submit(slots.deliver, ("master", n, 0, 0, 0, 0, b""), 10.0))
            with slots.changed:
                assert slots.changed.wait_for(lambda: len(slots.waiting) == n + 1, 10)  # noqa: B023
        letters, _ = slots.fetch([], 10.0)
        assert [contents[1] for _, contents in letters] == [0, 1, 2]
        assert slots.fetch([(number, (n, 0, False)) for n, (number, _) in enumerate(letters)], 0.0) == ([], 0)
        assert [f.result(10) for f in futures] == [(0, 0, False), (1, 0, False), (2, 0, False)]
