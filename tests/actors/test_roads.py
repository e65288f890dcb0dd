"""Roads between hosts of one machine: real sockets, and a stand-in for actor calls that knows every host."""

from __future__ import annotations

import os
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from raymesos.actors.host import Host
from raymesos.actors.link import Batch, Reply
from raymesos.actors.roads import Roads
from raymesos.machine import Outbox
from raymesos.wire.messages import Rescind

Done = Callable[[Reply | None, bool], None]


class Recorder:
    """A machine that passes on to `to` what it is posted, keeps what it gets, and lets a test wait for it."""

    def __init__(self, to: str = "") -> None:
        self._to, self._got = to, 0
        self.ids: list[str] = []
        self._changed = threading.Condition()

    def handle(self, now_ms: int, sender: str, message: Any, out: Outbox) -> None:
        if not isinstance(message, Rescind):
            return
        if self._to:
            out.send(self._to, message)
            return
        with self._changed:
            self.ids.append(message.offer_id)
            self._changed.notify_all()

    def check(self) -> None:
        return

    def wait_for(self, count: int) -> list[str]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.ids) >= count, timeout=20), len(self.ids)
            return list(self.ids)


class Machine:
    """All hosts of a test, where their roads are, and how many batches went by calls to each."""

    def __init__(self) -> None:
        self.hosts: dict[str, Host] = {}
        self.roads: dict[str, Roads] = {}
        self.addresses: dict[str, str] = {}
        self.calls: dict[str, int] = {}

    def host(self, name: str, machine: Any, user: int | None = None) -> Host:
        roads = self.open(name, user)
        made = self.hosts[name] = Host(name, 1, roads)
        made.on_broken = lambda error: None
        made.add(name, machine)
        roads.open(made.receive)
        made.start()
        return made

    def open(self, name: str, user: int | None = None) -> Roads:
        """New roads, which do not take anything yet."""
        made = self.roads[name] = Roads(name, _Calls(self, name), user)
        self.addresses[name] = made.address
        return made


class _Calls:
    def __init__(self, machine: Machine, own: str) -> None:
        self._machine, self._own = machine, own

    def carry(self, peer: str, from_epoch: int, batch: Batch, done: Done) -> None:
        self._machine.calls[peer] = self._machine.calls.get(peer, 0) + 1
        done(self._machine.hosts[peer].receive(self._own, from_epoch, batch), False)

    def ask_road(self, peer: str, told: Callable[[str], None]) -> None:
        told(self._machine.addresses[peer])


@pytest.fixture
def machine() -> Iterator[Machine]:
    made = Machine()
    yield made
    for host in made.hosts.values():
        host.stop()
    for roads in made.roads.values():
        roads.close()


def send(host: Host, first: int, count: int) -> None:
    for i in range(first, first + count):
        host.post(host.name, "test", Rescind(str(i)))


def numbers(count: int) -> list[str]:
    return [str(i) for i in range(count)]


def test_after_the_first_batch_no_call_is_made_and_all_comes_in_order(machine: Machine) -> None:
    b = Recorder()
    machine.host("b", b)
    a = machine.host("a", Recorder("b"))
    send(a, 0, 1)
    b.wait_for(1)
    send(a, 1, 499)
    assert b.wait_for(500) == numbers(500)
    assert machine.calls == {"b": 1}


def test_when_a_road_breaks_nothing_is_lost_and_the_next_one_is_found(machine: Machine) -> None:
    b = Recorder()
    machine.host("b", b)
    a = machine.host("a", Recorder("b"))
    send(a, 0, 1)
    b.wait_for(1)
    send(a, 1, 99)
    b.wait_for(100)
    machine.roads["b"].close()
    machine.open("b").open(machine.hosts["b"].receive)
    send(a, 100, 100)
    b.wait_for(200)
    # Whether the end of the road or its first failure is noticed first, two calls are enough to find the next one.
    send(a, 200, 1)
    b.wait_for(201)
    calls = machine.calls["b"]
    send(a, 201, 99)
    assert b.wait_for(300) == numbers(300)
    assert 2 <= calls == machine.calls["b"] <= 3


def test_a_host_of_another_user_is_reached_by_calls_alone(machine: Machine) -> None:
    b = Recorder()
    machine.host("b", b, user=os.getuid() + 1)
    a = machine.host("a", Recorder("b"))
    for i in range(5):
        send(a, i, 1)
        b.wait_for(i + 1)
    assert b.ids == numbers(5)
    assert machine.calls["b"] >= 2


def test_one_who_listens_under_another_user_is_told_nothing(machine: Machine) -> None:
    b = Recorder()
    machine.host("b", b)
    a = machine.host("a", Recorder("b"), user=os.getuid() + 1)
    for i in range(5):
        send(a, i, 1)
        b.wait_for(i + 1)
    assert machine.calls == {"b": 5}


def test_what_is_no_frame_ends_its_own_road_and_no_other(machine: Machine) -> None:
    b = Recorder()
    machine.host("b", b)
    a = machine.host("a", Recorder("b"))
    send(a, 0, 1)
    b.wait_for(1)
    stranger = socket.socket(socket.AF_UNIX)
    stranger.connect("\0" + machine.roads["b"].address)
    stranger.settimeout(20)
    stranger.sendall(b"\x05\x00\x00\x00\x92\xa1x\x80\xc0")
    assert stranger.recv(1) == b""
    stranger.close()
    send(a, 1, 9)
    assert b.wait_for(10) == numbers(10)
    assert machine.calls == {"b": 1}


def test_a_peer_that_does_not_read_holds_nobody_up(machine: Machine) -> None:
    """Behind the road to `deaf` is a socket that nobody reads: it is sent more than it can hold, and `b` hears all of its own none the later."""
    deaf = socket.socket(socket.AF_UNIX)
    deaf.bind("\0" + secrets.token_hex(16))
    deaf.listen()
    b = Recorder()
    machine.host("b", b)
    machine.host("deaf", Recorder())
    machine.addresses["deaf"] = deaf.getsockname()[1:].decode()
    a = machine.host("a", Both())
    send(a, 0, 1)
    b.wait_for(1)
    for _ in range(20):
        a.post("a", "test", Rescind("x" * 90_000))
    assert len(b.wait_for(21)) == 21
    assert machine.calls == {"deaf": 1, "b": 1}
    taken, _ = deaf.accept()
    taken.settimeout(20)
    # Whoever reads after all gets the link's window, which no socket holds.
    assert len(_read(taken, 4 * 90_000)) >= 4 * 90_000
    taken.close()
    deaf.close()


def _read(sock: socket.socket, count: int) -> bytes:
    got = b""
    while len(got) < count:
        got += sock.recv(1 << 20)
    return got


class Both(Recorder):
    def handle(self, now_ms: int, sender: str, message: Any, out: Outbox) -> None:
        if isinstance(message, Rescind):
            out.send("deaf", message)
            out.send("b", message)
