"""The world under the machines: time, order, links, journals. Machines here are toys that write down what they hear."""

from __future__ import annotations

from typing import Any

import pytest

from raymesos.errors import Conflict, InvariantBroken, UnknownId
from raymesos.machine import LinkDown, LinkUp, Outbox, Wake
from raymesos.sim.world import World
from raymesos.wire.messages import AgentIdKept, Pong


class Diary:
    """Writes down (time, sender, message); answers a text that names a receiver (`b: hello`) by sending the rest there."""

    def __init__(self) -> None:
        self.heard: list[tuple[int, str, Any]] = []

    def handle(self, now_ms: int, sender: str, message: Any, out: Outbox) -> None:
        self.heard.append((now_ms, sender, message))
        if isinstance(message, str) and ": " in message:
            to, _, text = message.partition(": ")
            if to == "wake":
                key, _, after = text.partition(" ")
                out.wake(key, int(after))
            elif to == "keep":
                out.persist(AgentIdKept(text))
            else:
                out.send(to, text)

    def check(self) -> None:
        return

    def texts(self) -> list[Any]:
        return [m for _, _, m in self.heard if m != Wake("start")]


def two(world: World) -> tuple[Diary, Diary]:
    a, b = Diary(), Diary()
    world.add("a", a)
    world.add("b", b)
    world.settle()
    return a, b


def test_messages_arrive_in_order_in_the_instant_in_which_they_are_sent() -> None:
    world = World(1_000)
    a, b = two(world)
    for n in range(3):
        world.post("a", "b", n)
    world.settle()
    assert b.heard[1:] == [(1_000, "a", 0), (1_000, "a", 1), (1_000, "a", 2)]
    assert a.texts() == []


def test_a_wake_without_delay_comes_after_everything_that_is_being_delivered() -> None:
    world = World()
    a, b = two(world)
    world.post("b", "a", "wake: pass 0")
    world.post("a", "b", "a: first")
    world.post("a", "b", "a: second")
    world.settle()
    assert a.texts() == ["wake: pass 0", "first", "second", Wake("pass")]
    assert b.texts() == ["a: first", "a: second"]


def test_time_stops_at_each_wake_and_ends_where_it_was_told_to() -> None:
    world = World()
    a, _ = two(world)
    world.post("b", "a", "wake: late 700")
    world.post("b", "a", "wake: early 300")
    world.advance(600)
    assert [(t, m) for t, _, m in a.heard if isinstance(m, Wake)][1:] == [(300, Wake("early"))]
    assert world.now_ms == 600
    world.advance(100)
    assert a.heard[-1] == (700, "a", Wake("late"))


def test_a_delayed_link_keeps_its_order_even_when_a_later_message_would_be_quicker() -> None:
    world = World()
    _, b = two(world)
    delays = iter([500, 10, 10])
    world.network.slow("a", "b", lambda: next(delays))
    for n in range(3):
        world.post("a", "b", n)
    world.advance(499)
    assert b.texts() == []
    world.advance(1)
    assert b.texts() == [0, 1, 2]


def test_what_is_on_its_way_when_a_link_is_cut_is_lost_and_both_sides_are_told() -> None:
    world = World()
    a, b = two(world)
    world.post("a", "b", "before")
    world.settle()
    world.network.slow("a", "b", lambda: 100)
    world.post("a", "b", "on its way")
    world.advance(50)
    world.cut("a", "b")
    world.post("a", "b", "into the void")
    world.advance(1_000)
    assert b.texts() == ["before", LinkDown("a")]
    assert a.texts() == [LinkDown("b")]
    world.network.slow("a", "b", None)
    world.heal("a", "b")
    world.post("a", "b", "after")
    world.settle()
    assert b.texts() == ["before", LinkDown("a"), LinkUp("a", False), "after"]
    assert a.texts() == [LinkDown("b"), LinkUp("b", False)]


def test_a_crash_is_news_only_to_those_that_ever_spoke_with_the_machine() -> None:
    world = World()
    _, b = two(world)
    c = Diary()
    world.add("c", c)
    world.post("a", "b", "hello")
    world.settle()
    world.remove("a")
    world.settle()
    assert b.texts() == ["hello", LinkDown("a")]
    assert c.texts() == []
    world.add("a", Diary())
    world.settle()
    assert b.texts() == ["hello", LinkDown("a"), LinkUp("a", True)]
    assert c.texts() == []


def test_a_peer_that_was_born_again_behind_a_cut_is_known_for_it_when_the_link_heals() -> None:
    world = World()
    _, b = two(world)
    world.post("a", "b", "hello")
    world.settle()
    world.isolate("a")
    world.remove("a")
    world.add("a", Diary())
    world.settle()
    assert b.texts() == ["hello", LinkDown("a")]
    world.rejoin("a")
    world.settle()
    assert b.texts() == ["hello", LinkDown("a"), LinkUp("a", True)]


def test_what_a_former_life_sent_does_not_arrive_after_the_news_of_the_new_one() -> None:
    world = World()
    _, b = two(world)
    world.post("a", "b", "hello")
    world.settle()
    world.network.slow("a", "b", lambda: 100)
    world.post("a", "b", "last words")
    world.remove("a")
    world.add("a", Diary())
    world.advance(1_000)
    assert b.texts() == ["hello", LinkDown("a"), LinkUp("a", True)]


def test_what_the_neighbours_of_a_machine_that_is_born_again_sent_and_are_sent_arrives() -> None:
    world = World()
    a, b, neighbour = Diary(), Diary(), Diary()
    world.add("a", a)
    world.add("n", neighbour, "a")
    world.add("b", b)
    world.post("a", "b", "hello")
    world.settle()
    world.network.slow("a", "b", lambda: 100)
    world.post("b", "n", "to the neighbour")
    world.post("n", "b", "from the neighbour")
    world.post("b", "a", "to the former life")
    world.remove("a")
    reborn = Diary()
    world.add("a", reborn)
    world.advance(1_000)
    assert neighbour.texts() == [LinkDown("a"), LinkUp("a", True), "to the neighbour"]
    assert b.texts() == ["hello", "from the neighbour", LinkDown("a"), LinkUp("a", True)]
    assert reborn.texts() == []


def test_a_dead_machine_hears_nothing_and_its_wakes_die_with_it() -> None:
    world = World()
    a, _ = two(world)
    world.post("b", "a", "wake: late 700")
    world.settle()
    world.remove("a")
    reborn = Diary()
    world.post("b", "a", "to the dead")
    world.add("a", reborn)
    world.advance(1_000)
    assert reborn.texts() == ["to the dead"]
    assert a.texts() == ["wake: late 700"]


def test_records_are_in_the_journal_before_the_batch_leaves_and_outlive_the_machine() -> None:
    world = World()
    two(world)
    world.post("b", "a", "keep: id-1")
    world.settle()
    world.remove("a")
    assert len(list(world.journal("a").replay())) == 1
    assert world.journal("a").epoch == 2


def test_machines_that_answer_each_other_for_ever_are_found_out() -> None:
    class Echo(Diary):
        def handle(self, now_ms: int, sender: str, message: Any, out: Outbox) -> None:
            if isinstance(message, Pong):
                out.send("b" if sender == "a" else "a", message)

    world = World()
    world.add("a", Echo())
    world.add("b", Echo())
    world.post("a", "b", Pong("x"))
    with pytest.raises(InvariantBroken, match=r"sim\.livelock"):
        world.settle()


def test_an_address_has_one_machine_at_a_time() -> None:
    world = World()
    two(world)
    with pytest.raises(Conflict):
        world.add("a", Diary())
    with pytest.raises(UnknownId):
        world.post("a", "nobody", "hello")
    world.remove("a")
    with pytest.raises(UnknownId):
        world.remove("a")
