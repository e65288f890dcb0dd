"""How long passes take, as the allocator's host measures it."""

from __future__ import annotations

from typing import Any

import pytest

from raymesos.actors.pass_times import KEPT, KEY, TimedPasses
from raymesos.machine import Outbox


class Machine:
    """Takes `message` seconds for a pass; a message of 0 makes none."""

    def __init__(self) -> None:
        self.passes, self.now_s = 0, 0.0

    def handle(self, now_ms: int, sender: str, message: Any, out: Outbox) -> None:
        self.now_s += message
        self.passes += message > 0

    def check(self) -> None: ...


def told(seconds: list[float]) -> tuple[TimedPasses, dict[str, float]]:
    machine = Machine()
    timed = TimedPasses(machine, lambda: machine.now_s)
    for each in seconds:
        timed.handle(0, "x", each, Outbox())
    return timed, {key: value for note in timed.note(5) for key, value in note.values}


def test_each_pass_is_timed_and_nothing_else() -> None:
    timed, found = told([0, 0.25, 0, 0.5, 0.125])
    assert (found[KEY], found[f"{KEY}/min"], found[f"{KEY}/max"]) == (125, 125, 500)
    assert (found[f"{KEY}/count"], found[f"{KEY}/p50"]) == (3, 250)
    assert timed.note(6) == []


def test_what_lies_between_two_passes_is_between_their_times() -> None:
    _, found = told([1 / 1024 * n for n in range(1, 102)])
    assert found[f"{KEY}/p99"] == pytest.approx(1000 / 1024 * 100)
    assert found[f"{KEY}/p999"] == pytest.approx(1000 / 1024 * 100.9)


def test_only_the_last_ones_count() -> None:
    _, found = told([8.0] + [0.5] * KEPT)
    assert (found[f"{KEY}/max"], found[f"{KEY}/count"]) == (500, KEPT)


def test_without_a_pass_nothing_is_told() -> None:
    _, found = told([0])
    assert found == {}
