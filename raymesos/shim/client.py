"""The executor's end of the shim's socket: send requests, take what comes back. No threads; wait on `fileno` or in `receive`."""

from __future__ import annotations

import socket
from typing import Any

from raymesos.shim.protocol import OWNER_GRACE_S, VERSION, Broken, Stream

CONNECT_TIMEOUT_S = 10.0


class ShimClient:
    def __init__(self, stream: Stream, welcome: dict[str, Any]) -> None:
        self._stream = stream
        self.pid: int = welcome["pid"]
        self.python: str = welcome["python"]
        self.running: list[str] = welcome["running"]
        self.ended: list[str] = welcome["ended"]
        """Tasks that ended while the owner was away; their events come next."""

    @classmethod
    def connect(cls, path: str, owner: str, grace_s: float = OWNER_GRACE_S) -> ShimClient:
        """Connect as `owner`; a second connection of an owner replaces the first. What it runs outlives a lost connection by `grace_s`.

        Raises OSError, Broken (with the shim's reason).
        """
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(CONNECT_TIMEOUT_S)
        try:
            sock.connect(path)
            stream = Stream(sock)
            grace = {"grace_s": grace_s} if grace_s != OWNER_GRACE_S else {}
            stream.send_now("hello", {"owner": owner, "version": VERSION} | grace)
            kind, fields = stream.receive()
        except (OSError, Broken):
            sock.close()
            raise
        if kind != "welcome":
            sock.close()
            raise Broken(str(fields.get("why", kind)))
        sock.settimeout(None)
        return cls(stream, fields)

    def send(self, kind: str, **fields: Any) -> None:
        """One request. Raises Broken when the shim is gone."""
        self._stream.send_now(kind, fields)

    def receive(self) -> tuple[str, dict[str, Any]]:
        """The next event, waiting for it. Raises Broken when the shim is gone."""
        return self._stream.receive()

    def fileno(self) -> int:
        return self._stream.fileno()

    def close(self) -> None:
        try:
            self._stream.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # The other side was quicker.
        self._stream.close()
