"""The v1 API by plain sockets, as a client of Mesos that knows nothing of us would speak it: a stream of records, and calls on a connection of their own."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import uuid
from collections.abc import Iterator
from typing import Any

TIMEOUT_S = 60.0


def _connect(endpoint: str) -> socket.socket:
    host, _, port = endpoint.rpartition(":")
    return socket.create_connection((host, int(port)), TIMEOUT_S)


def request(endpoint: str, path: str, body: Any, headers: dict[str, str]) -> bytes:
    text = json.dumps(body).encode()
    lines = [f"POST {path} HTTP/1.1", f"Host: {endpoint}", "Content-Type: application/json", "Accept: application/json"]
    lines += [f"Content-Length: {len(text)}", *[f"{name}: {value}" for name, value in headers.items()]]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + text


class Calls:
    """Calls of a kept connection; their answers are read with `settle`, so that many may be on their way."""

    def __init__(self, endpoint: str, path: str) -> None:
        self.endpoint, self.path = endpoint, path
        self.headers: dict[str, str] = {}
        self._sock = _connect(endpoint)
        self._file = self._sock.makefile("rb")
        self._open = 0

    def send(self, *bodies: Any) -> None:
        self._sock.sendall(b"".join([request(self.endpoint, self.path, body, self.headers) for body in bodies]))
        self._open += len(bodies)

    def settle(self) -> list[tuple[int, str]]:
        """(status, text) of all that are open."""
        found = [self._answer() for _ in range(self._open)]
        self._open = 0
        return found

    def _answer(self) -> tuple[int, str]:
        status = int(self._file.readline().split()[1])
        length = 0
        while (line := self._file.readline().strip()) != b"":
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return status, self._file.read(length).decode()


class Stream:
    """A SUBSCRIBE that was taken. `status` and `text` say why, if it was not."""

    def __init__(self, endpoint: str, path: str, body: Any) -> None:
        self._sock = _connect(endpoint)
        self._sock.sendall(request(endpoint, path, body, {}))
        self._file = self._sock.makefile("rb")
        self.status = int(self._file.readline().split()[1])
        self.headers: dict[str, str] = {}
        while (line := self._file.readline().strip()) != b"":
            name, _, value = line.decode().partition(":")
            self.headers[name.lower()] = value.strip()
        self.text = "" if self.status == 200 else self._file.read(int(self.headers["content-length"])).decode()

    def events(self) -> Iterator[dict[str, Any]]:
        """Until the stream ends."""
        held = bytearray()
        while chunk := self._chunk():
            held += chunk
            while (end := held.find(b"\n")) >= 0:
                length = int(held[:end])
                if len(held) < end + 1 + length:
                    break
                yield json.loads(held[end + 1 : end + 1 + length])
                del held[: end + 1 + length]

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()

    def _chunk(self) -> bytes:
        try:
            size = int(self._file.readline() or b"0", 16)
            data = self._file.read(size)
            self._file.readline()
        except (OSError, ValueError):
            return b""
        return data


def value(id: str) -> dict[str, str]:
    return {"value": id}


def new_uuid() -> str:
    return base64.b64encode(uuid.uuid4().bytes).decode()
