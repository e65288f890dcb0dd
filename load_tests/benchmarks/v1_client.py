"""A scheduler on plain sockets: the least that speaks Mesos' v1 API, so that what is measured is the server. Calls are pipelined: no answer is waited for."""

from __future__ import annotations

import json
import select
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

Event = dict[str, Any]


class Chunks:
    """Takes an HTTP answer with a chunked body as it comes, and gives out whole records of RecordIO."""

    def __init__(self) -> None:
        self._raw, self._body = bytearray(), bytearray()
        self.headers = b""

    def feed(self, data: bytes) -> Iterator[Event]:
        self._raw += data
        if not self.headers:
            end = self._raw.find(b"\r\n\r\n")
            if end < 0:
                return
            self.headers = bytes(self._raw[:end])
            del self._raw[: end + 4]
        self._unchunk()
        yield from self._records()

    def _unchunk(self) -> None:
        raw, at = self._raw, 0
        while (end := raw.find(b"\r\n", at)) >= 0:
            size = int(raw[at:end], 16)
            if len(raw) < end + 2 + size + 2:
                break
            self._body += raw[end + 2 : end + 2 + size]
            at = end + 2 + size + 2
        del raw[:at]

    def _records(self) -> Iterator[Event]:
        body, at = self._body, 0
        while (end := body.find(b"\n", at)) >= 0:
            size = int(body[at:end])
            if len(body) < end + 1 + size:
                break
            yield json.loads(body[end + 1 : end + 1 + size])
            at = end + 1 + size
        del body[:at]


class Connection:
    """One stream of events and one connection for calls, to the scheduler's or an executor's API at `path`."""

    def __init__(self, host: str, port: int, path: str, subscribe: Event) -> None:
        self._host, self._port, self._path = host, port, path
        self.chunks = Chunks()
        self.stream = self._connect()
        self.stream.sendall(self._post(json.dumps(subscribe).encode(), "Connection: close\r\n"))
        self.calls = self._connect()
        self.stream.setblocking(False)
        self.calls.setblocking(False)
        self.stream_id = ""
        self._out = bytearray()
        self.answered: dict[int, int] = {}
        """How many calls were answered with each status."""
        self._answers = b""

    def call(self, call: Event) -> None:
        self._out += self._post(json.dumps(call).encode(), f"Mesos-Stream-Id: {self.stream_id}\r\n")

    def pump(self, timeout_s: float) -> list[Event]:
        """Send what waits, and return the events that have come, waiting for one at most so long."""
        events: list[Event] = []
        readable, writable, _ = select.select(
            [self.stream, self.calls], [self.calls] if self._out else [], [], timeout_s
        )
        if self.calls in readable:
            self._count(self.calls.recv(1 << 20))
        if writable:
            sent = self.calls.send(self._out[: 1 << 20])
            del self._out[:sent]
        if self.stream in readable:
            data = self.stream.recv(1 << 20)
            if not data:
                raise ConnectionError(f"the stream ended; calls were answered {self.answered}")
            events = list(self.chunks.feed(data))
            if not self.stream_id:
                self.stream_id = _header(self.chunks.headers, b"mesos-stream-id")
        return events

    def close(self) -> None:
        self.stream.close()
        self.calls.close()

    def _connect(self) -> socket.socket:
        made = socket.create_connection((self._host, self._port))
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def _post(self, body: bytes, more: str) -> bytes:
        head = (
            f"POST {self._path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\nContent-Type: application/json\r\n"
            f"Accept: application/json\r\nContent-Length: {len(body)}\r\n{more}\r\n"
        )
        return head.encode() + body

    def _count(self, data: bytes) -> None:
        lines = (self._answers + data).split(b"\r\n")
        self._answers = lines.pop()
        for line in lines:
            # A body has no line end before the next answer's first line.
            at = line.find(b"HTTP/1.1 ")
            if at >= 0:
                status = int(line[at + 9 : at + 12])
                self.answered[status] = self.answered.get(status, 0) + 1


class Scheduler:
    """A framework that has subscribed. `on_offer(offer)` is asked for tasks, `on_status(status)` hears of them; every update is acknowledged."""

    def __init__(
        self,
        host: str,
        port: int,
        name: str,
        on_offer: Callable[[Event], list[Event]],
        on_status: Callable[[Event], None],
    ) -> None:
        info = {
            "user": "root",
            "name": name,
            "roles": [name],
            "capabilities": [{"type": "MULTI_ROLE"}, {"type": "PARTITION_AWARE"}, {"type": "RESERVATION_REFINEMENT"}],
        }
        subscribe = {"type": "SUBSCRIBE", "subscribe": {"framework_info": info}}
        self._connection = Connection(host, port, "/api/v1/scheduler", subscribe)
        self._on_offer, self._on_status = on_offer, on_status
        self._id: Event = {}

    def run_until(self, done: Callable[[], bool], timeout_s: float) -> None:
        """Raises TimeoutError."""
        deadline = time.monotonic() + timeout_s
        while not done():
            if time.monotonic() > deadline:
                raise TimeoutError(f"calls were answered {self._connection.answered}")
            for event in self._connection.pump(0.5):
                self._hear(event)

    def call(self, kind: str, **body: Any) -> None:
        self._connection.call({"type": kind, "framework_id": self._id} | ({kind.lower(): body} if body else {}))

    def close(self) -> None:
        """Tear down, and wait until the stream ends."""
        self.call("TEARDOWN")
        try:
            while True:
                self._connection.pump(5)
        except OSError:
            pass
        self._connection.close()

    def _hear(self, event: Event) -> None:
        match event["type"]:
            case "SUBSCRIBED":
                self._id = event["subscribed"]["framework_id"]
            case "UPDATE":
                status = event["update"]["status"]
                if "uuid" in status:
                    self.call("ACKNOWLEDGE", **{name: status[name] for name in ("agent_id", "task_id", "uuid")})
                self._on_status(status)
            case "OFFERS":
                for offer in event["offers"]["offers"]:
                    self._answer(offer)
            case "ERROR":
                raise ConnectionError(event["error"]["message"])

    def _answer(self, offer: Event) -> None:
        tasks = self._on_offer(offer)
        if not tasks:
            self.call("DECLINE", offer_ids=[offer["id"]], filters={"refuse_seconds": 0.05})
            return
        launch = {"type": "LAUNCH", "launch": {"task_infos": tasks}}
        self.call("ACCEPT", offer_ids=[offer["id"]], operations=[launch], filters={"refuse_seconds": 0})


def _header(headers: bytes, name: bytes) -> str:
    for line in headers.split(b"\r\n"):
        key, _, value = line.partition(b":")
        if key.lower() == name:
            return value.strip().decode()
    return ""
