"""Clients that are slow, endless or too many, over real sockets."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from raymesos.http.listening import listen
from raymesos.http.security import connections as module
from raymesos.http.security.gate import Gate
from raymesos.http.serving import Serving
from raymesos.model.settings import HttpSettings

# Longer than any of these takes; reached only by what is wrong.
PATIENCE_S = 20.0
HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


class App:
    """Reads the whole body and answers its length; `ended` is how bodies ended. /big answers 32 MB."""

    def __init__(self) -> None:
        self.ended: list[str] = []
        self.left = threading.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.ended.append("left")
                self.left.set()
                return
            size += len(message.get("body", b""))
            if not message.get("more_body"):
                break
        self.ended.append("whole")
        body = b"x" * 2**25 if scope["path"] == "/big" else b"%d" % size
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
        await send({"type": "http.response.body", "body": body})


@contextmanager
def server(app: Any = None, **settings: int) -> Iterator[int]:
    serving = Serving(HttpSettings(**settings))
    listening = listen("127.0.0.1", 0)
    port = listening.getsockname()[1]
    serving.serve(Gate(app or App(), loopback=True, settings=HttpSettings(**settings)), listening)
    try:
        yield port
    finally:
        serving.stop()


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_S", 0.02)


def connect(port: int) -> socket.socket:
    made = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
    made.settimeout(PATIENCE_S)
    return made


def rest(connection: socket.socket) -> bytes:
    """All that comes until the server ends the connection."""
    parts = []
    try:
        while data := connection.recv(2**16):
            parts.append(data)
    except ConnectionResetError:
        parts.append(b"<reset>")
    return b"".join(parts)


def dribble(connection: socket.socket, data: bytes) -> None:
    """One byte after another, as often as the server can be seen to read, until it ends the connection."""
    deadline = time.monotonic() + PATIENCE_S
    with pytest.raises(OSError):
        while time.monotonic() < deadline:
            connection.sendall(data)
            connection.settimeout(0.02)
            try:
                if not connection.recv(1):
                    raise ConnectionResetError
            except TimeoutError:
                connection.settimeout(PATIENCE_S)


def test_a_connection_that_says_nothing_is_closed_without_a_word() -> None:
    with server(header_ms=100) as port, connect(port) as silent:
        assert rest(silent) == b""


def test_headers_that_do_not_end_are_answered_408_and_closed() -> None:
    with server(header_ms=100) as port, connect(port) as slow:
        slow.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-A: ")
        assert rest(slow).startswith(b"HTTP/1.1 408 ")


def test_headers_that_come_byte_by_byte_do_not_win_time() -> None:
    with server(header_ms=200) as port, connect(port) as slow:
        slow.sendall(b"GET / HTTP/1.1\r\nX-A: ")
        dribble(slow, b"a")


def test_headers_of_a_later_request_have_the_same_time_from_their_first_byte() -> None:
    with server(header_ms=200) as port, connect(port) as slow:
        slow.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert slow.recv(2**16).startswith(b"HTTP/1.1 200 ")
        slow.sendall(b"GET / HTT")
        assert rest(slow).startswith(b"HTTP/1.1 408 ")


def test_a_connection_that_rests_between_requests_is_kept() -> None:
    with server(header_ms=50, body_stall_ms=50) as port, connect(port) as resting, connect(port) as silent:
        resting.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert resting.recv(2**16).startswith(b"HTTP/1.1 200 ")
        assert rest(silent) == b""  # The time is over for the one that never asked,
        resting.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")  # and the other may still ask.
        assert resting.recv(2**16).startswith(b"HTTP/1.1 200 ")


def test_a_body_that_does_not_go_on_is_cut_and_the_app_hears_that_its_client_left() -> None:
    app = App()
    with server(app, body_stall_ms=100) as port, connect(port) as slow:
        slow.sendall(HEAD + b"Content-Length: 100\r\n\r\nhalf")
        assert rest(slow) in (b"", b"<reset>")
        assert app.left.wait(PATIENCE_S) and app.ended == ["left"]


def test_a_body_that_comes_byte_by_byte_is_cut() -> None:
    app = App()
    with server(app, body_stall_ms=300, body_bytes_per_s=2**20) as port, connect(port) as slow:
        slow.sendall(HEAD + b"Content-Length: 100000\r\n\r\n")
        dribble(slow, b"x")
        assert app.left.wait(PATIENCE_S)


def test_a_body_in_pieces_that_keep_coming_is_taken() -> None:
    with server(body_stall_ms=10_000) as port, connect(port) as steady:
        steady.sendall(HEAD + b"Content-Length: 300\r\n\r\n")
        for _ in range(3):
            steady.sendall(b"x" * 100)
        assert steady.recv(2**16).endswith(b"\r\n\r\n300")


def test_a_reader_that_stops_reading_is_cut() -> None:
    with server(body_stall_ms=200) as port, connect(port) as lazy:
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        lazy.sendall(b"GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n")
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE_S) as other:
            deadline = time.monotonic() + PATIENCE_S
            while _is_open(lazy):
                assert time.monotonic() < deadline, "it was never cut"
                assert other.get("/").status_code == 200


def _is_open(connection: socket.socket) -> bool:
    """Whether the kernel still holds it as established: what was sent before is not read for this."""
    return struct.unpack("B", connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1))[0] == 1


def test_headers_above_the_bound_are_431_in_one_piece_or_in_many() -> None:
    long = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-A: " + b"a" * 5_000
    with server(header_bytes=4_000, header_ms=600_000) as port:
        with connect(port) as whole:
            whole.sendall(long + b"\r\n\r\n")
            assert rest(whole).startswith(b"HTTP/1.1 431 ")
        with connect(port) as endless:
            endless.sendall(long[:3_000])
            dribble(endless, b"a" * 1_000)
        with connect(port) as fitting:
            fitting.sendall(long[:3_000] + b"\r\n\r\n")
            assert fitting.recv(2**16).startswith(b"HTTP/1.1 200 ")


def test_many_requests_in_one_piece_are_not_long_headers() -> None:
    with server(header_bytes=4_000) as port, connect(port) as pipelined:
        pipelined.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 500)
        came = b""
        while came.count(b"HTTP/1.1 200 ") < 500:
            data = pipelined.recv(2**16)
            assert data, came[-200:]
            came += data


def test_connections_above_the_bound_are_503_until_one_ends() -> None:
    with server(connections=2) as port:
        first, second = connect(port), connect(port)
        for each in (first, second):
            each.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert each.recv(2**16).startswith(b"HTTP/1.1 200 ")
        with connect(port) as third:
            said = rest(third)
            assert said.startswith(b"HTTP/1.1 503 ") and b"retry-after: 1\r\n" in said
        first.close()
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            with connect(port) as again:
                again.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                if again.recv(2**16).startswith(b"HTTP/1.1 200 "):
                    break
        else:
            raise AssertionError("the place of the first was never free")
        second.close()


def test_a_body_that_is_refused_can_be_sent_to_its_end_and_the_connection_used_again() -> None:
    """A client that sends first and reads later must find the answer, not a reset."""
    with server(body_bytes=1_000) as port, httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        for _ in range(2):
            answer = client.post("/", content=b"x" * 3_000_000, headers={"content-type": "application/json"})
            assert answer.status_code == 413
        assert client.get("/").status_code == 200


def test_what_is_no_http_is_answered_400_and_tells_nothing() -> None:
    with server() as port, connect(port) as odd:
        odd.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")
        said = rest(odd)
    assert said.startswith(b"HTTP/1.1 400 ") and b"Traceback" not in said and b"server:" not in said.lower()


def test_dns_rebinding_over_a_real_socket_is_refused() -> None:
    with server() as port:
        answer = httpx.get(f"http://127.0.0.1:{port}/", headers={"host": f"evil.example:{port}"})
        assert answer.status_code == 403 and "server" not in answer.headers
