"""An owner and its shim: a connection that breaks costs no task; a shim that is lost costs those that it ran."""

from __future__ import annotations

import json
import os
import queue
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from raymesos.actors.shim_link import ShimLink
from raymesos.shim import process
from raymesos.shim.client import ShimClient
from raymesos.shim.launch import ShimAddress, start_shim
from raymesos.shim.protocol import LOST, VERSION, Stream

PATIENCE_S = 30.0
Event = tuple[str, Any]


class Owner:
    """A link, and what it said, in order: (kind, fields), ("down", None) and ("up", restarted)."""

    def __init__(self, directory: Path) -> None:
        self.said: queue.Queue[Event] = queue.Queue()
        self.link = ShimLink(
            directory,
            "owner",
            heard=lambda kind, fields: self.said.put((kind, fields)),
            down=lambda: self.said.put(("down", None)),
            up=lambda restarted: self.said.put(("up", restarted)),
        )
        self.link.begin()

    def next(self) -> Event:
        return self.said.get(timeout=PATIENCE_S)

    def run(self, task_id: str, script: str) -> None:
        fields = {"argv": ["/bin/sh", "-c", script], "env": {}, "dir": "", "mem_kb": 0}
        self.link.run(task_id, "run_command", fields)

    def cut(self) -> None:
        """The connection breaks; both sides notice by themselves."""
        assert self.link._client is not None
        self.link._client._stream.sock.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def shim(tmp_path: Path) -> Iterator[ShimAddress]:
    started = start_shim(tmp_path / "shim")
    yield started
    started.shutdown()


# ---------------------------------------------------------------- a real shim


def test_a_task_outlives_a_broken_connection_and_its_end_is_told_once(shim: ShimAddress, tmp_path: Path) -> None:
    owner = Owner(tmp_path / "shim")
    os.mkfifo(tmp_path / "go")
    owner.run("t", f"read line < {tmp_path}/go; exit 3")
    assert owner.next()[0] == "started"
    owner.cut()
    owner.run("u", f"echo once >> {tmp_path}/u")
    assert [(kind, fields["id"]) for kind, fields in (owner.next(), owner.next())] == [("started", "u"), ("ended", "u")]
    (tmp_path / "go").write_text("\n")
    kind, fields = owner.next()
    assert (kind, fields["id"], fields["exit"]) == ("ended", "t", 3)
    assert (tmp_path / "u").read_text() == "once\n"
    assert owner.said.empty()


def test_what_ran_in_a_shim_that_is_lost_is_lost_and_the_next_one_starts_with_nothing(tmp_path: Path) -> None:
    shim = start_shim(tmp_path / "shim")
    owner = Owner(tmp_path / "shim")
    owner.run("t", "exec sleep 1000")
    assert owner.next()[0] == "started"
    process.send_signal(shim.pid, 9)
    assert owner.next() == ("down", None)
    another = start_shim(tmp_path / "shim")
    try:
        assert owner.next() == ("up", True)
        owner.run("u", "exit 0")
        assert [owner.next()[0], owner.next()[0]] == ["started", "ended"]
    finally:
        another.shutdown()


def test_what_a_former_owner_of_the_name_left_running_is_ended(shim: ShimAddress, tmp_path: Path) -> None:
    former = ShimClient.connect(shim.socket, "owner")
    former.send("run_command", id="old", argv=["/bin/sleep", "1000"], env={}, dir="", mem_kb=0)
    assert former.receive()[0] == "started"
    owner = Owner(tmp_path / "shim")
    kind, fields = owner.next()
    assert (kind, fields["id"], fields["signal"]) == ("ended", "old", 15)


# ---------------------------------------------------------------- a shim by hand


class HandShim:
    """A shim that is this test: it says what it likes."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self._path = directory / "s"
        pid = os.getpid()
        (directory / "shim.json").write_text(
            json.dumps([str(self._path), str(directory), pid, process.start_time(pid)])
        )
        self._stream: Stream | None = None
        self.listen()

    def listen(self) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._path))
        self._listener.listen()
        self._listener.settimeout(PATIENCE_S)

    def deafen(self) -> None:
        """Nobody can connect any more."""
        self._listener.close()
        self._path.unlink()

    def welcome(self, running: tuple[str, ...] = (), ended: tuple[str, ...] = ()) -> None:
        """The next connection is taken, and told this."""
        sock, _ = self._listener.accept()
        sock.settimeout(PATIENCE_S)
        self._stream = Stream(sock)
        assert self._stream.receive() == ("hello", {"owner": "owner", "version": VERSION})
        fields = {"version": VERSION, "python": "3", "pid": os.getpid(), "running": running, "ended": ended}
        self._stream.send_now("welcome", fields)

    def say(self, kind: str, **fields: Any) -> None:
        assert self._stream is not None
        self._stream.send_now(kind, fields)

    def hear(self) -> tuple[str, str]:
        """(kind, task id) of the next request."""
        assert self._stream is not None
        kind, fields = self._stream.receive()
        return kind, fields["id"]

    def hang_up(self) -> None:
        assert self._stream is not None
        self._stream.close()

    def close(self) -> None:
        self.hang_up()
        self._listener.close()


@pytest.fixture
def hand(tmp_path: Path) -> Iterator[HandShim]:
    made = HandShim(tmp_path / "hand")
    yield made
    made.close()


@pytest.fixture
def owner(hand: HandShim, tmp_path: Path) -> Owner:
    """Connected, with the tasks a to d asked for."""
    connected: queue.Queue[Owner] = queue.Queue()
    threading.Thread(target=lambda: connected.put(Owner(tmp_path / "hand")), daemon=True).start()
    hand.welcome()
    made = connected.get(timeout=PATIENCE_S)
    for task_id in "abcd":
        made.run(task_id, "true")
        assert hand.hear() == ("run_command", task_id)
    return made


def ended(task_id: str) -> dict[str, Any]:
    return {"id": task_id, "exit": 0, "signal": None, "reason": "", "message": "", "usage": {}}


def test_what_the_shim_did_not_hear_is_asked_for_again_and_what_it_has_is_not(hand: HandShim, owner: Owner) -> None:
    hand.hang_up()
    hand.welcome(running=("a",), ended=("b",))
    assert [hand.hear(), hand.hear()] == [("run_command", "c"), ("run_command", "d")]
    hand.say("ended", **ended("b"))
    assert owner.next() == ("ended", ended("b"))
    owner.link.forget("b")
    assert hand.hear() == ("forget", "b")


def test_a_task_that_had_started_and_that_the_shim_does_not_know_is_lost_not_run_twice(
    hand: HandShim, owner: Owner
) -> None:
    hand.say("started", id="a", pid=1)
    assert owner.next()[0] == "started"
    hand.hang_up()
    hand.welcome(running=("b", "c", "d"))
    kind, fields = owner.next()
    assert (kind, fields["id"], fields["exit"], fields["signal"], fields["reason"]) == ("ended", "a", None, None, LOST)
    assert owner.said.empty()


def test_a_request_that_breaks_the_connection_is_made_twice_and_no_more(hand: HandShim, owner: Owner) -> None:
    for _ in range(2):
        hand.hang_up()
        hand.welcome(running=("b", "c", "d"))
    kind, fields = owner.next()
    assert (kind, fields["id"], fields["reason"]) == ("ended", "a", LOST)
    hand.hang_up()
    hand.welcome(running=("b", "c", "d"))
    owner.link.stop("b", 5)
    assert hand.hear() == ("stop", "b")


def test_a_stop_that_may_be_lost_is_said_again_and_what_nobody_asked_for_is_stopped(
    hand: HandShim, owner: Owner
) -> None:
    owner.link.stop("b", 70)
    assert hand.hear() == ("stop", "b")
    hand.hang_up()
    hand.welcome(running=("a", "b", "c", "d", "x"))
    assert [hand.hear(), hand.hear()] == [("stop", "x"), ("stop", "b")]


def test_a_shim_that_lives_and_cannot_be_reached_in_time_has_lost_all_and_is_no_new_one(
    hand: HandShim, owner: Owner
) -> None:
    hand.deafen()
    hand.hang_up()
    assert owner.next() == ("down", None)
    hand.listen()
    hand.welcome(running=("a",))
    assert hand.hear() == ("stop", "a")
    assert owner.next() == ("up", False)


class Keeper(Owner):
    """An owner of programs that outlive it: it takes over what it knows."""

    def __init__(self, directory: Path, known: tuple[str, ...] = ()) -> None:
        self.said = queue.Queue()
        self.link = ShimLink(
            directory,
            "keeper",
            heard=lambda kind, fields: self.said.put((kind, fields)),
            down=lambda: self.said.put(("down", None)),
            up=lambda restarted: self.said.put(("up", restarted)),
            adopts=known.__contains__,
            grace_s=PATIENCE_S,
        )
        self.link.begin()


def test_an_owner_takes_over_what_its_former_life_ran_and_ends_the_rest(shim: ShimAddress) -> None:
    former = Keeper(Path(shim.directory))
    for task_id in ("kept", "stray"):
        former.run(task_id, "sleep 60")
        former.next()
    owner = Keeper(Path(shim.directory), ("kept",))
    assert sorted(owner.link.found) == ["kept", "stray"]
    kind, fields = owner.next()
    assert (kind, fields["id"]) == ("ended", "stray")
    owner.link.stop("kept", 0)
    kind, fields = owner.next()
    assert (kind, fields["id"]) == ("ended", "kept")
