"""The Pump and the Outbox: order, wakes, and what leaves a host."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raymesos.errors import InvariantBroken
from raymesos.machine import MAX_LOCAL_STEPS, Departure, Outbox, Pump, Wake, host_of

Heard = tuple[int, str, Any]


class Scripted:
    """Remembers what it hears and answers each message as `script` says."""

    def __init__(self, script: dict[Any, Callable[[Outbox], None]] | None = None) -> None:
        self.heard: list[Heard] = []
        self.script = script or {}

    def handle(self, now_ms: int, sender: str, message: Any, out: Outbox) -> None:
        self.heard.append((now_ms, sender, message))
        answer = self.script.get(message)
        if answer is not None:
            answer(out)

    def check(self) -> None:
        return


def pump(**machines: Scripted) -> Pump:
    made = Pump()
    for address, each in machines.items():
        made.add(address, each)
    return made


def sends(*pairs: tuple[str, Any]) -> Callable[[Outbox], None]:
    def act(out: Outbox) -> None:
        for to, message in pairs:
            out.send(to, message)

    return act


def wakes(*pairs: tuple[str, int | None]) -> Callable[[Outbox], None]:
    def act(out: Outbox) -> None:
        for key, after_ms in pairs:
            if after_ms is None:
                out.sleep(key)
            else:
                out.wake(key, after_ms)

    return act


def empty(departure: Departure) -> bool:
    return not departure.records and not departure.messages and not departure.notes


# ---------------------------------------------------------------- delivery


def test_messages_come_in_order_with_their_sender_and_the_time() -> None:
    a = Scripted()
    departure = pump(a=a).deliver(5, [("a", "x", 1), ("a", "y", 2), ("a", "x", 3)])
    assert a.heard == [(5, "x", 1), (5, "y", 2), (5, "x", 3)]
    assert empty(departure)


def test_local_consequences_run_before_deliver_returns_after_what_came_with_them() -> None:
    a = Scripted({"go": sends(("b", "first"), ("b", "second"), ("a", "to itself"))})
    b = Scripted({"first": sends(("a", "answer"))})
    departure = pump(a=a, b=b).deliver(0, [("a", "x", "go"), ("b", "x", "with it")])
    assert b.heard == [(0, "x", "with it"), (0, "a", "first"), (0, "a", "second")]
    assert a.heard == [(0, "x", "go"), (0, "a", "to itself"), (0, "b", "answer")]
    assert empty(departure)


def test_what_leaves_is_grouped_by_host_in_the_order_it_was_sent() -> None:
    a = Scripted({"go": sends(("far@h1", 1), ("other", 2), ("near@h1", 3), ("b", 4), ("other", 5))})
    b = Scripted({4: sends(("far@h1", 6))})
    departure = pump(a=a, b=b).deliver(0, [("a", "x", "go")])
    assert departure.messages == {
        "h1": [("far@h1", "a", 1), ("near@h1", "a", 3), ("far@h1", "b", 6)],
        "other": [("other", "a", 2), ("other", "a", 5)],
    }
    assert list(departure.messages) == ["h1", "other"]


def test_the_host_of_an_address_stands_behind_the_at() -> None:
    assert host_of("master") == "master"
    assert host_of("framework/batch@agent/A1") == "agent/A1"
    assert host_of("client/me@here@host") == "host"


def test_a_message_to_nobody_is_dropped_and_the_others_come() -> None:
    a = Scripted()
    departure = pump(a=a).deliver(0, [("gone", "x", 1), ("a", "x", 2)])
    assert a.heard == [(0, "x", 2)]
    assert empty(departure)


def test_notes_leave_in_order_and_reach_no_machine() -> None:
    a = Scripted({"go": lambda out: (out.note("n1"), out.send("b", "on"), out.note("n2"))[0]})
    b = Scripted({"on": lambda out: out.note("n3")})
    departure = pump(a=a, b=b).deliver(0, [("a", "x", "go")])
    assert departure.notes == ["n1", "n2", "n3"]
    assert b.heard == [(0, "a", "on")]


def test_records_leave_with_their_owner_apart_from_what_waits_for_them() -> None:
    def keep(out: Outbox) -> None:
        out.send("far", "told before it was kept")
        out.persist("r1")
        out.send("b", "on")
        out.persist("r2")

    departure = pump(a=Scripted({"go": keep}), b=Scripted({"on": lambda out: out.persist("r3")})).deliver(
        0, [("a", "x", "go")]
    )
    assert departure.records == [("a", "r1"), ("a", "r2"), ("b", "r3")]
    assert departure.messages == {"far": [("far", "a", "told before it was kept")]}


def test_nothing_of_one_delivery_is_left_for_the_next() -> None:
    a = Scripted({"go": lambda out: (out.note("n"), out.persist("r"), out.send("far", 1))[0]})
    host = pump(a=a)
    assert not empty(host.deliver(0, [("a", "x", "go")]))
    assert empty(host.deliver(0, []))
    assert empty(host.fire(10**9))


def test_machines_that_answer_each_other_for_ever_are_stopped() -> None:
    class Echo(Scripted):
        def handle(self, now_ms: int, sender: str, message: Any, out: Outbox) -> None:
            out.send(sender, message)

    with pytest.raises(InvariantBroken, match=rf"pump\.livelock: {MAX_LOCAL_STEPS + 1} local steps; last str to a"):
        pump(a=Echo(), b=Echo()).deliver(0, [("a", "b", "ping")])


# ---------------------------------------------------------------- wakes


def test_a_wake_comes_once_at_its_time_and_not_before() -> None:
    a = Scripted({"go": wakes(("k", 50))})
    host = pump(a=a)
    host.deliver(100, [("a", "x", "go")])
    assert host.next_wake_ms() == 150
    host.fire(149)
    assert a.heard == [(100, "x", "go")]
    host.fire(150)
    assert a.heard[1:] == [(150, "a", Wake("k"))]
    assert host.next_wake_ms() is None
    host.fire(10_000)
    assert len(a.heard) == 2


def test_a_wake_that_is_late_still_comes() -> None:
    a = Scripted({"go": wakes(("k", 50))})
    host = pump(a=a)
    host.deliver(0, [("a", "x", "go")])
    host.fire(9_000)
    assert a.heard[1:] == [(9_000, "a", Wake("k"))]


def test_wakes_come_in_the_order_of_their_times_then_of_asking() -> None:
    a = Scripted({"go": wakes(("late", 30), ("first", 10), ("second", 10))})
    b = Scripted({"go": wakes(("third", 10))})
    host = pump(a=a, b=b)
    host.deliver(0, [("a", "x", "go"), ("b", "x", "go")])
    host.fire(30)
    assert [m.key for _, _, m in a.heard[1:]] == ["first", "second", "late"]
    assert [m.key for _, _, m in b.heard[1:]] == ["third"]


@pytest.mark.parametrize("again_ms", [5, 80])
def test_asking_again_under_the_same_key_replaces_the_wake(again_ms: int) -> None:
    a = Scripted({"go": wakes(("k", 50)), "again": wakes(("k", again_ms))})
    host = pump(a=a)
    host.deliver(0, [("a", "x", "go"), ("a", "x", "again")])
    assert host.next_wake_ms() == again_ms
    host.fire(1_000)
    assert a.heard[2:] == [(1_000, "a", Wake("k"))]


def test_a_cancelled_wake_does_not_come() -> None:
    a = Scripted({"go": wakes(("k", 50), ("other", 60)), "stop": wakes(("k", None), ("never asked for", None))})
    host = pump(a=a)
    host.deliver(0, [("a", "x", "go"), ("a", "x", "stop")])
    assert host.next_wake_ms() == 60
    host.fire(1_000)
    assert a.heard[2:] == [(1_000, "a", Wake("other"))]


def test_a_wake_that_an_earlier_one_cancels_or_puts_off_does_not_come() -> None:
    a = Scripted(
        {
            "go": wakes(("first", 10), ("cancelled", 20), ("put off", 20), ("last", 20)),
            Wake("first"): wakes(("cancelled", None), ("put off", 500)),
        }
    )
    host = pump(a=a)
    host.deliver(0, [("a", "x", "go")])
    host.fire(20)
    assert [m.key for _, _, m in a.heard[1:]] == ["first", "last"]
    assert host.next_wake_ms() == 520


def test_the_consequences_of_a_wake_come_before_the_next_wake() -> None:
    a = Scripted({"go": wakes(("first", 10), ("second", 10)), Wake("first"): sends(("a", "consequence"))})
    host = pump(a=a)
    host.deliver(0, [("a", "x", "go")])
    departure = host.fire(10)
    assert [m for _, _, m in a.heard[1:]] == [Wake("first"), "consequence", Wake("second")]
    assert empty(departure)


def test_what_several_wakes_send_leaves_together() -> None:
    a = Scripted(
        {
            "go": wakes(("k1", 1), ("k2", 2)),
            Wake("k1"): sends(("far", 1)),
            Wake("k2"): sends(("far", 2), ("farther", 3)),
        }
    )
    host = pump(a=a)
    host.deliver(0, [("a", "x", "go")])
    assert host.fire(2).messages == {"far": [("far", "a", 1), ("far", "a", 2)], "farther": [("farther", "a", 3)]}


@pytest.mark.parametrize("after_ms", [0, -5])
def test_a_wake_at_once_comes_with_the_next_firing_not_in_this_one(after_ms: int) -> None:
    a = Scripted({"go": wakes(("k", after_ms)), Wake("k"): wakes(("k", after_ms))})
    host = pump(a=a)
    host.deliver(7, [("a", "x", "go")])
    assert host.next_wake_ms() == 7
    for _ in range(3):
        host.fire(7)
    assert a.heard[1:] == [(7, "a", Wake("k"))] * 3


def test_equal_keys_of_two_machines_are_two_wakes() -> None:
    a, b = Scripted({"go": wakes(("k", 10)), "stop": wakes(("k", None))}), Scripted({"go": wakes(("k", 10))})
    host = pump(a=a, b=b)
    host.deliver(0, [("a", "x", "go"), ("b", "x", "go"), ("a", "x", "stop")])
    host.fire(10)
    assert len(a.heard) == 2
    assert b.heard[1:] == [(10, "b", Wake("k"))]


def test_wakes_that_are_put_off_for_ever_leave_nothing_behind() -> None:
    a = Scripted({"go": wakes(("k", 60_000)), "on": wakes(("other", 90_000))})
    host = pump(a=a)
    host.deliver(0, [("a", "x", "on")])
    for now in range(2_000):
        host.deliver(now, [("a", "x", "go")])
    assert len(host._timers) < 200
    host.fire(100_000)
    assert [m.key for _, _, m in a.heard if isinstance(m, Wake)] == ["k", "other"]


# ---------------------------------------------------------------- coming and going


def test_a_machine_that_was_taken_out_hears_nothing_more() -> None:
    a = Scripted({"go": wakes(("k", 10))})
    host = pump(a=a, b=Scripted())
    host.deliver(0, [("a", "x", "go")])
    assert host.addresses() == ["a", "b"]
    assert host.machine("a") is a
    assert host.remove("a") is a
    assert host.remove("a") is None
    assert host.addresses() == ["b"]
    assert host.next_wake_ms() is None
    host.deliver(1, [("a", "x", "late")])
    host.fire(100)
    assert a.heard == [(0, "x", "go")]


def test_a_successor_does_not_inherit_wakes() -> None:
    host = pump(a=Scripted({"go": wakes(("k", 10))}))
    host.deliver(0, [("a", "x", "go")])
    host.remove("a")
    second = Scripted()
    host.add("a", second)
    host.fire(100)
    assert second.heard == []


def test_messages_to_a_machine_that_left_the_host_leave_too() -> None:
    b = Scripted({"go": sends(("a", "where are you"))})
    host = pump(a=Scripted(), b=b)
    host.remove("a")
    assert host.deliver(0, [("b", "x", "go")]).messages == {"a": [("a", "b", "where are you")]}


# ---------------------------------------------------------------- any life

_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.sampled_from("ab"), st.sampled_from("kl"), st.integers(0, 20)),
        st.tuples(st.just("cancel"), st.sampled_from("ab"), st.sampled_from("kl"), st.just(0)),
        st.tuples(st.just("pass"), st.just(""), st.just(""), st.integers(1, 15)),
    ),
    max_size=30,
)


@given(_STEPS)
def test_every_wake_comes_when_a_plain_table_says_so(steps: list[tuple[str, str, str, int]]) -> None:
    machines = {"a": Scripted(), "b": Scripted()}
    host = pump(**machines)
    table: dict[tuple[str, str], int] = {}
    expected: list[tuple[int, str, str]] = []
    now = 0
    for kind, owner, key, number in steps:
        if kind == "pass":
            for _ in range(number):
                now += 1
                expected += sorted((now, o, k) for (o, k), at in table.items() if at <= now)
                table = {who: at for who, at in table.items() if at > now}
                host.fire(now)
            continue
        asked = number if kind == "ask" else None
        machines[owner].script = {"do": wakes((key, asked))}
        host.deliver(now, [(owner, "x", "do")])
        machines[owner].script = {}
        if asked is None:
            table.pop((owner, key), None)
        else:
            table[owner, key] = now + asked
        assert host.next_wake_ms() == min(table.values(), default=None)
    heard = [(t, o, m.key) for o, each in machines.items() for t, _, m in each.heard if isinstance(m, Wake)]
    assert sorted(heard) == sorted(expected)
