"""The shell around machines, between hosts of one process: order, durability before departure, new lives, clients, and what happens to a bug."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from raymesos.actors.host import Host
from raymesos.actors.link import Batch, Reply
from raymesos.machine import OBSERVER, LinkDown, LinkUp, Outbox, Wake
from raymesos.wire.messages import Decline, Rescind
from raymesos.wire.notes import EventNote


class Wires:
    """Carries batches between hosts of one process. `cut` loses calls; a host that is not there is gone."""

    def __init__(self) -> None:
        self.hosts: dict[str, Host] = {}
        self.cut: dict[str, None] = {}

    def carrier(self, own: str) -> Any:
        wires = self

        class Carrier:
            def carry(
                self, peer: str, from_epoch: int, batch: Batch, done: Callable[[Reply | None, bool], None]
            ) -> None:
                host = wires.hosts.get(peer)
                if host is None or peer in wires.cut or own in wires.cut:
                    done(None, host is None)
                else:
                    done(host.receive(own, from_epoch, batch), False)

        return Carrier()

    def host(self, name: str, epoch: int, machine: Any, keepers: dict[str, Any] | None = None) -> Host:
        made = Host(name, epoch, self.carrier(name), keepers)
        made.on_broken = lambda error: None
        made.add(name, machine)
        self.hosts[name] = made
        return made


class Recorder:
    """A machine that keeps what it gets and lets a test wait for it."""

    def __init__(self, react: Callable[[Any, Outbox], None] | None = None) -> None:
        self.got: list[Any] = []
        self._react = react
        self._changed = threading.Condition()

    def handle(self, now_ms: int, sender: str, message: Any, out: Outbox) -> None:
        if self._react is not None:
            self._react(message, out)
        with self._changed:
            self.got.append(message)
            self._changed.notify_all()

    def check(self) -> None:
        return

    def wait_for(self, ready: Callable[[list[Any]], bool]) -> list[Any]:
        with self._changed:
            assert self._changed.wait_for(lambda: ready(self.got), timeout=20), self.got
            return list(self.got)


@pytest.fixture
def wires() -> Any:
    made = Wires()
    yield made
    for host in made.hosts.values():
        host.stop()


def offers(got: list[Any]) -> list[str]:
    return [m.offer_id for m in got if isinstance(m, Rescind)]


def passes_on(to: str) -> Callable[[Any, Outbox], None]:
    return lambda message, out: out.send(to, message) if isinstance(message, Rescind) else None


def test_what_one_machine_sends_the_other_gets_in_order(wires: Wires) -> None:
    b = Recorder()
    wires.host("b", 1, b).start()
    a = wires.host("a", 1, Recorder(passes_on("b")))
    a.start()
    for i in range(500):
        a.post("a", "test", Rescind(str(i)))
    got = b.wait_for(lambda got: len(offers(got)) == 500)
    assert offers(got) == [str(i) for i in range(500)]
    assert got[0] == Wake("start")


def test_nothing_leaves_before_its_records_are_durable(wires: Wires) -> None:
    done: list[str] = []

    class Keeper:
        def append(self, records: list[Any]) -> None:
            done.append(f"append {len(records)}")

        def commit(self) -> None:
            done.append("commit")

    def react(message: Any, out: Outbox) -> None:
        if isinstance(message, Rescind):
            out.persist(message)
            out.send("b", message)

    b = Recorder(lambda message, out: done.append("arrived") if isinstance(message, Rescind) else None)
    wires.host("b", 1, b).start()
    a = wires.host("a", 1, Recorder(react), {"a": Keeper()})
    a.start()
    a.post("a", "test", Rescind("1"))
    b.wait_for(lambda got: offers(got) == ["1"])
    assert done == ["append 1", "commit", "arrived"]


def test_a_record_that_cannot_be_kept_stops_the_host_and_nothing_leaves(wires: Wires) -> None:
    class Full:
        def append(self, records: list[Any]) -> None:
            raise OSError("disk full")

        def commit(self) -> None: ...

    def react(message: Any, out: Outbox) -> None:
        if isinstance(message, Rescind):
            out.persist(message)
            out.send("b", message)

    b = Recorder()
    wires.host("b", 1, b).start()
    a = wires.host("a", 1, Recorder(react), {"a": Full()})
    broken = threading.Event()
    a.on_broken = lambda error: broken.set()
    a.start()
    a.post("a", "test", Rescind("1"))
    assert broken.wait(20)
    assert isinstance(a.broken, OSError)
    assert offers(b.got) == []


def test_a_peer_with_a_new_life_is_noticed_by_who_sends(wires: Wires) -> None:
    first = Recorder()
    wires.host("b", 1, first).start()
    machine = Recorder(passes_on("b"))
    a = wires.host("a", 1, machine)
    a.start()
    a.post("a", "test", Rescind("1"))
    first.wait_for(lambda got: offers(got) == ["1"])
    wires.hosts["b"].stop()
    second = Recorder()
    wires.host("b", 2, second).start()
    a.post("a", "test", Rescind("2"))
    machine.wait_for(lambda got: LinkUp("b", restarted=True) in got)
    a.post("a", "test", Rescind("3"))
    # What was on its way to the former life is not for the new one: the machines were told, and begin again.
    assert offers(second.wait_for(lambda got: bool(offers(got)))) == ["3"]


def test_a_peer_with_a_new_life_is_noticed_by_who_only_watches(wires: Wires) -> None:
    wires.host("b", 1, Recorder()).start()
    machine = Recorder(passes_on("b"))
    a = wires.host("a", 1, machine)
    a.watch("b", 5)
    a.start()
    a.post("a", "test", Rescind("1"))
    machine.wait_for(lambda got: len(offers(got)) == 1)
    wires.hosts["b"].stop()
    wires.host("b", 2, Recorder()).start()
    machine.wait_for(lambda got: LinkUp("b", restarted=True) in got)


def test_a_peer_that_is_gone_is_down_and_up_again_when_it_answers(wires: Wires) -> None:
    wires.host("b", 1, Recorder()).start()
    machine = Recorder(passes_on("b"))
    a = wires.host("a", 1, machine)
    a.watch("b", 5)
    a.start()
    a.post("a", "test", Rescind("1"))
    machine.wait_for(lambda got: len(offers(got)) == 1)
    gone = wires.hosts.pop("b")
    machine.wait_for(lambda got: LinkDown("b") in got)
    wires.hosts["b"] = gone
    machine.wait_for(lambda got: LinkUp("b", restarted=False) in got)
    assert machine.got.count(LinkDown("b")) == 1


def test_messages_are_carried_over_a_short_cut(wires: Wires) -> None:
    b = Recorder()
    wires.host("b", 1, b).start()
    a = wires.host("a", 1, Recorder(passes_on("b")))
    a.start()
    wires.cut["b"] = None
    for i in range(10):
        a.post("a", "test", Rescind(str(i)))
    a.ask(lambda now_ms: None)
    del wires.cut["b"]
    assert offers(b.wait_for(lambda got: len(offers(got)) == 10)) == [str(i) for i in range(10)]


def test_what_is_noted_every_so_often_reaches_the_observer(wires: Wires) -> None:
    observer = Recorder()
    wires.host(OBSERVER, 1, observer).start()
    a = wires.host("a", 1, Recorder())
    a.note_every(5, lambda now_ms: [EventNote(now_ms, "tick", "a")])
    a.start()
    observer.wait_for(lambda got: sum(isinstance(m, EventNote) for m in got) >= 2)


def test_a_client_gets_the_one_answer_to_its_call(wires: Wires) -> None:
    class Answers(Recorder):
        def handle(self, now_ms: int, sender: str, message: Any, out: Outbox) -> None:
            if isinstance(message, Decline):
                out.send(sender, Rescind(message.offer_ids[0]))

    a = wires.host("a", 1, Answers())
    a.start()
    assert a.call("a", "one", Decline("f", ("o",), 0), 20) == Rescind("o")
    with pytest.raises(TimeoutError):
        a.call("a", "two", Rescind("nobody answers this"), 0.05)


def test_a_reader_sees_machines_between_turns_and_gets_what_it_raises(wires: Wires) -> None:
    a = wires.host("a", 1, Recorder())
    a.start()
    assert a.ask(lambda now_ms: now_ms > 0)

    def fails(now_ms: int) -> None:
        raise KeyError("not there")

    with pytest.raises(KeyError, match="not there"):
        a.ask(fails)
    assert a.broken is None


def test_a_machine_that_is_seated_later_starts_and_one_that_is_unseated_hears_what_came_before(wires: Wires) -> None:
    b, late = Recorder(), Recorder()
    host = wires.host("b", 1, b)
    host.start()
    host.seat("x@b", late)
    late.wait_for(lambda got: len(got) == 1)
    host.post("x@b", "x@b", Rescind("o1"))
    host.unseat("x@b")
    host.ask(lambda now_ms: None)
    host.post("x@b", "x@b", Rescind("o2"))
    host.post("b", "b", Rescind("last"))
    b.wait_for(lambda got: offers(got) == ["last"])
    assert late.got == [Wake("start"), Rescind("o1")]


def test_a_watched_peer_is_reached_until_it_is_gone(wires: Wires) -> None:
    a, b = Recorder(), Recorder()
    host = wires.host("a", 1, a)
    host.watch("b", 10)
    wires.host("b", 1, b).start()
    host.start()
    assert host.reaches("b")
    host.post("a", "a", Rescind("o"))
    a.wait_for(lambda got: offers(got) == ["o"])
    wires.hosts.pop("b").stop()
    while host.reaches("b"):
        host.ask(lambda now_ms: None)
    assert not host.reaches("b")


def test_seats_that_nobody_knows_any_more_are_forgotten_and_others_hear_of_their_link(wires: Wires) -> None:
    a, known = Recorder(), {"stays@b": None}
    host = wires.host("a", 1, a)
    host.forget_seats(known.__contains__, every_ms=0)
    host.start()
    b = wires.host("b", 1, Recorder())
    for seat in ("stays@b", "goes@b"):
        b.seat(seat, Recorder(lambda message, out: out.send("a", message) if isinstance(message, Rescind) else None))
    b.start()
    for seat in ("stays@b", "goes@b"):
        b.post(seat, seat, Rescind(seat))
    a.wait_for(lambda got: len(offers(got)) == 2)
    b.post("b", "b", Rescind("x"))
    while host.ask(lambda now_ms: "goes@b" in host._peers["b"].addresses):
        pass  # It is forgotten after a turn.
    b.stop()
    again = wires.host(
        "b", 2, Recorder(lambda message, out: out.send("a", Rescind("new")) if message == Wake("start") else None)
    )
    again.start()
    got = a.wait_for(lambda got: "new" in offers(got))
    told = [m.peer for m in got if isinstance(m, LinkUp)]
    assert "stays@b" in told and "goes@b" not in told
