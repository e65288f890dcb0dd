"""A bounded load over HTTP/1.1 on kept connections: `python -m load_tests.benchmarks.http_load URL --connections 64 --seconds 5`, one line of JSON.

Each connection has one request in flight. A process of its own, so that whom it measures shares no interpreter with it; bare protocols, since a client library would be the
slowest part of all.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import cast
from urllib.parse import urlsplit

import uvloop

from load_tests.benchmarks.common import percentile


@dataclass(frozen=True, slots=True)
class Load:
    """What came of it. `errors`: answers that were no 2xx, connections that broke with a request in flight or could not be made."""

    requests: int
    errors: int
    rps: float
    p50_ms: float
    p99_ms: float
    statuses: dict[str, int] = field(default_factory=dict)
    first_error: str = ""


class Connection(asyncio.Protocol):
    """Sends the request again whenever its answer is there. Answers have a Content-Length."""

    def __init__(self, run: Run) -> None:
        self._run, self._in, self._sent = run, b"", 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own is none by its class.
        self._send()

    def data_received(self, data: bytes) -> None:
        self._in += data
        head, found, body = self._in.partition(b"\r\n\r\n")
        if not found:
            return
        length = _length(head)
        if len(body) < length:
            return
        self._in = body[length:]
        self._run.answered(head[9:12].decode(), time.perf_counter() - self._sent)
        if self._run.is_over:
            self._sent = 0.0
            self._transport.close()
        elif b"connection: close" in head.lower():
            self._sent = 0.0
            self._transport.close()
            self._run.again()
        else:
            self._send()

    def connection_lost(self, error: Exception | None) -> None:
        if self._sent and not self._run.is_over:
            self._run.failed(f"the connection broke: {error or 'closed'}")
            self._run.again()

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(self._run.request)


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


class Run:
    def __init__(self, url: str, connections: int, seconds: float) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None and parts.port is not None
        self._where = (parts.hostname, parts.port)
        self._connections, self._seconds = connections, seconds
        self.request = f"GET {parts.path or '/'} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode()
        self._times: list[float] = []
        self._statuses: dict[str, int] = {}
        self._errors: list[str] = []
        self._until = 0.0
        self._making: set[asyncio.Task[None]] = set()

    @property
    def is_over(self) -> bool:
        return time.perf_counter() >= self._until

    def answered(self, status: str, took_s: float) -> None:
        self._times.append(took_s)
        self._statuses[status] = self._statuses.get(status, 0) + 1
        if not status.startswith("2"):
            self.failed(f"HTTP {status}")

    def failed(self, why: str) -> None:
        self._errors.append(why)

    def again(self) -> None:
        task = asyncio.get_running_loop().create_task(self._connect())
        self._making.add(task)
        task.add_done_callback(self._making.discard)

    async def measure(self) -> Load:
        began = time.perf_counter()
        self._until = began + self._seconds
        for _ in range(self._connections):
            self.again()
        await asyncio.sleep(self._seconds)
        took, done = time.perf_counter() - began, len(self._times)
        times = [1000 * t for t in self._times] or [0.0]
        return Load(
            done,
            len(self._errors),
            round(done / took, 1),
            round(percentile(times, 0.5), 2),
            round(percentile(times, 0.99), 2),
            self._statuses,
            self._errors[0] if self._errors else "",
        )

    async def _connect(self) -> None:
        while not self.is_over:
            try:
                await asyncio.get_running_loop().create_connection(lambda: Connection(self), *self._where)
            except OSError as error:
                self.failed(f"no connection: {error}")
                await asyncio.sleep(0.05)
            else:
                return


class Loading:
    """A load that runs in a process of its own until its time is over."""

    def __init__(self, url: str, *, connections: int, seconds: float) -> None:
        command = [sys.executable, "-m", "load_tests.benchmarks.http_load", url]
        command += ["--connections", str(connections), "--seconds", str(seconds)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self._patience_s = seconds + 30

    def outcome(self) -> Load:
        """Waits for its end."""
        text, _ = self._process.communicate(timeout=self._patience_s)
        return Load(**json.loads(text))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("url")
    arguments.add_argument("--connections", type=int, default=64)
    arguments.add_argument("--seconds", type=float, default=5.0)
    given = arguments.parse_args()
    run = Run(given.url, given.connections, given.seconds)
    print(json.dumps(asdict(uvloop.run(run.measure()))))


if __name__ == "__main__":
    main()
