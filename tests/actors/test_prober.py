"""The prober against real servers on loopback and a real shim. Nothing sleeps: answers are waited for."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from raymesos.actors.prober import Prober
from raymesos.machine import Outbox
from raymesos.shim.client import ShimClient
from raymesos.shim.launch import ShimAddress, start_shim
from raymesos.wire.messages import Check, Probe, Probed

PATIENCE_S = 30.0
Talk = Callable[[socket.socket], None]


class Posted:
    """What the prober says to its host."""

    def __init__(self) -> None:
        self.answers: SimpleQueue[Probed] = SimpleQueue()

    def post(self, to: str, sender: str, message: Any) -> None:
        assert (to, sender) == ("executor/A1/e", "prober/A1/e")
        self.answers.put(message)


class Rig:
    def __init__(self, directory: Path) -> None:
        self.posted = Posted()
        self.prober = Prober("prober/A1/e", "executor/A1/e", self.posted, directory)
        self.asked = 0

    def begin(self, check: Check) -> int:
        self.asked += 1
        self.prober.handle(0, "executor/A1/e", Probe("t", self.asked, check), Outbox())
        return self.asked

    def ask(self, check: Check) -> tuple[bool, str, int | None]:
        number = self.begin(check)
        answer = self.posted.answers.get(timeout=PATIENCE_S)
        assert (answer.task_id, answer.number) == ("t", number)
        return answer.ok, answer.text, answer.value


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path / "shim")
    yield made
    made.prober.close()


@pytest.fixture
def serve() -> Iterator[Callable[[Talk], int]]:
    """Serves each connection, one after another, by calling what is given. Returns the port."""
    listeners = []

    def begin(talk: Talk) -> int:
        listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        listeners.append(listener)

        def loop() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    try:
                        talk(connection)
                    except OSError:
                        continue  # The prober has hung up.

        threading.Thread(target=loop, daemon=True).start()
        return int(listener.getsockname()[1])

    yield begin
    for each in listeners:
        each.shutdown(socket.SHUT_RDWR)
        each.close()


def says(answer: bytes) -> Talk:
    def talk(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(answer)

    return talk


def waits(connection: socket.socket) -> None:
    """Until the other side hangs up."""
    while connection.recv(4096):
        pass


def http(port: int, **more: Any) -> Check:
    return Check("http", port, **{"path": "/health", "timeout_ms": 20_000} | more)


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", (True, "", 200)),
        (b"HTTP/1.1 204 No Content\r\n\r\n", (True, "", 204)),
        (b"HTTP/1.1 302 Found\r\nLocation: http://10.255.255.1/\r\n\r\n", (True, "", 302)),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 No\r\n\r\n", (False, "HTTP 503", 503)),
        (b"HTTP/1.0 404 Not Found\r\n\r\n", (False, "HTTP 404", 404)),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n", (True, "", 200)),
        (b"", (False, "closed without an answer", None)),
        (b"HTTP/1.1 200 OK\r\nA: b\r\n", (False, "closed without an answer", None)),
    ],
)
def test_the_status_of_an_answer_says_whether_it_is_well(
    rig: Rig, serve: Callable[[Talk], int], answer: bytes, found: tuple[bool, str, int | None]
) -> None:
    assert rig.ask(http(serve(says(answer)))) == found


def test_what_is_asked_for_is_the_path_once(rig: Rig, serve: Callable[[Talk], int]) -> None:
    heard: SimpleQueue[bytes] = SimpleQueue()

    def talk(connection: socket.socket) -> None:
        heard.put(connection.recv(4096))
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")

    port = serve(talk)
    assert rig.ask(http(port))[0]
    request = heard.get(timeout=PATIENCE_S).decode()
    assert request.startswith(f"GET /health HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n")
    assert request.endswith("\r\n\r\n") and heard.empty()


def test_the_statuses_that_are_well_may_be_named(rig: Rig, serve: Callable[[Talk], int]) -> None:
    port = serve(says(b"HTTP/1.1 404 Not Found\r\n\r\n"))
    assert rig.ask(http(port, statuses=(404, 410))) == (True, "", 404)
    assert rig.ask(http(port, statuses=(200,))) == (False, "HTTP 404", 404)


def test_garbage_and_endless_headers_are_no_answer(rig: Rig, serve: Callable[[Talk], int]) -> None:
    ok, text, value = rig.ask(http(serve(says(b"SSH-2.0-OpenSSH\r\n"))))
    assert (ok, value) == (False, None) and text.startswith("no HTTP answer: ")

    def endless(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            connection.sendall(b"X: " + b"x" * 100 + b"\r\n")

    ok, _, value = rig.ask(http(serve(endless)))
    assert (ok, value) == (False, None)


def test_an_endless_body_is_not_read(rig: Rig, serve: Callable[[Talk], int]) -> None:
    over: SimpleQueue[str] = SimpleQueue()

    def endless(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            while True:
                connection.sendall(bytes(65_536))
        except OSError:
            over.put("hung up")

    assert rig.ask(http(serve(endless))) == (True, "", 200)
    assert over.get(timeout=PATIENCE_S) == "hung up"


@pytest.mark.parametrize("kind", ["http", "https"])
def test_who_never_answers_has_failed_when_the_time_is_over_and_is_hung_up_on(
    rig: Rig, serve: Callable[[Talk], int], kind: str
) -> None:
    over: SimpleQueue[str] = SimpleQueue()

    def talk(connection: socket.socket) -> None:
        try:
            waits(connection)
        finally:
            over.put("hung up")

    assert rig.ask(http(serve(talk), scheme=kind, timeout_ms=100)) == (False, "no answer in 0.1 s", None)
    assert over.get(timeout=PATIENCE_S) == "hung up"


def test_a_port_that_nobody_listens_on_is_refused(rig: Rig) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert rig.ask(http(port)) == (False, "connection refused", None)
    assert rig.ask(Check("tcp", port)) == (False, "connection refused", 0)


def test_a_connection_that_is_taken_is_well(rig: Rig, serve: Callable[[Talk], int]) -> None:
    assert rig.ask(Check("tcp", serve(waits))) == (True, "", 1)


def test_a_slow_one_holds_nobody_up(rig: Rig, serve: Callable[[Talk], int]) -> None:
    slow, quick = serve(waits), serve(says(b"HTTP/1.1 200 OK\r\n\r\n"))
    first = rig.begin(http(slow, timeout_ms=3_000))
    numbers = [rig.begin(http(quick)) for _ in range(50)]
    answers = [rig.posted.answers.get(timeout=PATIENCE_S) for _ in range(51)]
    assert sorted(a.number for a in answers if a.ok) == numbers
    assert [a.number for a in answers if not a.ok] == [first]


def test_a_kind_that_does_not_exist_fails(rig: Rig) -> None:
    assert rig.ask(Check("smell")) == (False, "there is no check of kind 'smell'", None)


# ---------------------------------------------------------------- commands


@pytest.fixture
def shim(rig: Rig, tmp_path: Path) -> Iterator[ShimAddress]:
    """A shim that runs task `t`."""
    started = start_shim(tmp_path / "shim")
    owner = ShimClient.connect(started.socket, "owner")
    owner.send("run_resident", id="t", argv=["sleep", "600"], env={"COLOR": "red"}, dir="", mem_kb=0)
    assert owner.receive()[0] == "started"
    yield started
    owner.close()
    started.shutdown()


def command(script: str, **more: Any) -> Check:
    return Check("command", argv=("/bin/sh", "-c", script), **{"timeout_ms": 20_000} | more)


def test_a_command_has_the_environment_of_the_task_and_its_exit_code_says_whether_it_is_well(
    rig: Rig, shim: ShimAddress
) -> None:
    assert rig.ask(command('test "$COLOR $MORE" = "red m"', env=(("MORE", "m"),))) == (True, "", 0)
    assert rig.ask(command("exit 3")) == (False, "exit 3", 3)
    assert rig.ask(command("kill -9 $$")) == (False, "killed by SIGKILL (9)", None)
    assert rig.ask(command("sleep 600", timeout_ms=100)) == (False, "no answer in 0.1 s", None)
    ok, text, _ = rig.ask(Check("command", argv=("no-such",)))
    assert not ok and text.startswith("'no-such' could not be started: ")


def test_commands_are_done_again_when_the_shim_is_back(rig: Rig, shim: ShimAddress, tmp_path: Path) -> None:
    assert rig.ask(command("true"))[0]
    shim.shutdown()
    ok, text, _ = rig.ask(command("true"))
    assert not ok and text == "the shim of the task's agent is away"
    again = start_shim(tmp_path / "shim")
    try:
        assert rig.ask(command("true")) == (False, "task 't' does not run here", None)
    finally:
        again.shutdown()
