"""Hot calls over real sockets: begun without a task where all of a call is there, and in order whatever some of them wait for."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.types import Receive, Scope, Send

from raymesos.http.asgi import Answer, read_body, send_answer
from raymesos.http.hot_calls import Corked
from raymesos.http.listening import listen
from raymesos.http.security.gate import Gate
from raymesos.http.serving import Serving
from raymesos.model.settings import HttpSettings

PATIENCE_S = 20.0
HOT, COLD = "/api/v1/scheduler", "/cold"


class App:
    """Answers with the body of the call, and whether it was begun in a task. `wait` takes a while, `break` breaks. `heard` has the bodies in order."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return
        begun = "at once" if asyncio.current_task() is None else "in a task"
        body = await read_body(receive)
        assert body is not None
        self.heard.append(body.decode())
        if body == b"break":
            raise RuntimeError("the app is broken")
        if body.startswith(b"wait"):
            await asyncio.sleep(0.05)
        await send_answer(send, Answer(200, f"{body.decode()[:10]} {begun}"))


@contextmanager
def connected(app: App) -> Iterator[socket.socket]:
    serving = Serving(HttpSettings())
    listening = listen("127.0.0.1", 0)
    serving.serve(Gate(app, loopback=True, settings=HttpSettings()), listening)
    try:
        with socket.create_connection(listening.getsockname()[:2], PATIENCE_S) as made:
            yield made
    finally:
        serving.stop()


def call(body: str, path: str = HOT, more: str = "") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    return (head + body).encode()


def answers(connection: socket.socket, count: int) -> list[str]:
    """The bodies of so many answers. They end in `at once`, `in a task` or, where something is wrong, in a full stop."""
    came = b""
    while len(found := re.findall(rb"\r\n\r\n([^\r]*?(?:at once|in a task))(?=HTTP|$)", came)) < count:
        data = connection.recv(2**16)
        assert data, came
        came += data
    return [each.decode() for each in found]


def test_calls_that_come_in_one_piece_are_answered_at_once_and_in_order() -> None:
    app = App()
    with connected(app) as client:
        client.sendall(b"".join(call(str(i)) for i in range(300)))
        assert answers(client, 300) == [f"{i} at once" for i in range(300)]
    assert app.heard == [str(i) for i in range(300)]


class Wire(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.did: list[object] = []

    def write(self, data: bytes) -> None:  # type: ignore[override]
        self.did.append(data)

    def close(self) -> None:
        self.did.append("closed")


def test_what_is_written_while_a_piece_is_read_goes_out_at_once_and_before_the_end() -> None:
    wire = Wire()
    corked = Corked(wire)
    corked.write(b"1")
    corked.cork()
    corked.write(b"2")
    corked.write(b"3")
    assert wire.did == [b"1"]
    corked.flush()
    corked.write(b"4")
    corked.cork()
    corked.flush()
    corked.cork()
    corked.write(b"5")
    corked.close()
    corked.flush()
    assert wire.did == [b"1", b"23", b"4", b"5", "closed"]


def test_calls_behind_one_that_waits_are_carried_out_after_it() -> None:
    app = App()
    with connected(app) as client:
        client.sendall(call("1") + call("wait") + call("2") + call("wait again") + call("3"))
        said = answers(client, 5)
        assert said == [f"{each} at once" for each in ("1", "wait", "2", "wait again", "3")]
        client.sendall(call("4"))
        assert answers(client, 1) == ["4 at once"]
    assert app.heard == ["1", "wait", "2", "wait again", "3", "4"]


def test_only_hot_calls_are_begun_at_once() -> None:
    with connected(App()) as client:
        client.sendall(call("1", COLD))
        assert answers(client, 1) == ["1 in a task"]
        client.sendall(call("2"))
        assert answers(client, 1) == ["2 at once"]


def test_a_call_whose_body_comes_later_or_is_long_is_answered_as_well() -> None:
    app, long = App(), "x" * 1_000_000
    with connected(app) as client:
        whole = call("later")
        client.sendall(whole[:-3])
        client.sendall(whole[-3:])
        assert answers(client, 1)[0].startswith("later ")
        client.sendall(call(long))
        assert answers(client, 1) == ["xxxxxxxxxx in a task"]
    assert app.heard == ["later", long]


def test_a_client_that_asks_before_it_sends_the_body_is_told_to_go_on() -> None:
    with connected(App()) as client:
        whole = call("asked", more="Expect: 100-continue\r\n")
        client.sendall(whole[: -len("asked")])
        assert client.recv(2**16) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"asked")
        assert answers(client, 1) == ["asked in a task"]


def test_calls_behind_a_long_one_are_carried_out_in_one_go() -> None:
    app, long = App(), "x" * 1_000_000
    with connected(app) as client:
        client.sendall(call(long) + b"".join(call(str(i)) for i in range(300)))
        assert answers(client, 301) == ["xxxxxxxxxx in a task", *[f"{i} at once" for i in range(300)]]
    assert app.heard == [long, *[str(i) for i in range(300)]]


def test_after_the_call_that_ends_the_connection_none_is_carried_out() -> None:
    app = App()
    with connected(app) as client:
        client.sendall(call("last", more="Connection: close\r\n") + call("none"))
        came = b""
        while data := client.recv(2**16):
            came += data
    assert came.endswith(b"last at once") and app.heard == ["last"]


def test_a_call_that_breaks_is_answered_500_and_those_behind_it_are_carried_out() -> None:
    app = App()
    with connected(app) as client:
        client.sendall(call("break") + call("next"))
        assert answers(client, 1) == ["next at once"]
    assert app.heard == ["break", "next"]
