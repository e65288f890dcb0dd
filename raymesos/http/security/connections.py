"""Connections that hold what they do not use are cut: uvicorn's protocol with bounds on how many there are, how long headers are, and how slow a client may be.

uvicorn itself only bounds how long a connection may rest between two requests.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from typing import Any

from raymesos.http.hot_calls import HotCalls
from raymesos.http.security.loopback import is_loopback
from raymesos.model.settings import HttpSettings

log = logging.getLogger("raymesos.http")

# How late a slow client is noticed at most.
LOOK_S = 1.0

_IDLE, _HEADERS, _BODY = 0, 1, 2


class Connections:
    """Those of one event loop. The slow ones among them are looked at once a second; a request that comes in one piece never is."""

    def __init__(self, loop: asyncio.AbstractEventLoop, settings: HttpSettings) -> None:
        self.loop, self.settings = loop, settings
        self.open = 0
        self._by_address: dict[str, int] = {}
        self._late: dict[Guarded, None] = {}
        self._look: asyncio.TimerHandle | None = None

    def protocol(self) -> type[asyncio.Protocol]:
        """What uvicorn makes for each connection."""
        return type("GuardedHere", (Guarded,), {"room": self})

    def admit(self, address: str) -> bool:
        """Whether there is room for one more of this address; if so it is counted."""
        count = self._by_address.get(address, 0)
        bound = self.settings.connections
        if self.open >= bound or (count >= self.settings.connections_per_address and not is_loopback(address)):
            return False
        self.open += 1
        self._by_address[address] = count + 1
        return True

    def leave(self, address: str) -> None:
        self.open -= 1
        count = self._by_address.pop(address) - 1
        if count:
            self._by_address[address] = count

    def watch(self, connection: Guarded) -> None:
        """Look at it from now on, until it says itself that it is done."""
        self._late[connection] = None
        if self._look is None:
            self._look = self.loop.call_later(LOOK_S, self.look)

    def unwatch(self, connection: Guarded) -> None:
        self._late.pop(connection, None)

    def look(self) -> None:
        """Cut all that are late."""
        self._look = None
        now = self.loop.time()
        for connection in [c for c in self._late if c.is_late(now)]:
            del self._late[connection]
            connection.cut()
        if self._late:
            self._look = self.loop.call_later(LOOK_S, self.look)


class Guarded(HotCalls):
    """One connection."""

    room: Connections

    def __init__(self, *arguments: Any, **fields: Any) -> None:
        super().__init__(*arguments, **fields)
        self._address = ""
        self._phase = _HEADERS
        self._since = self._last = 0.0
        self._came = self._waiting = self._piece = 0
        self._too_long = self._watched = False

    # ------------------------------------------------------------ how many

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        address = self.client[0] if self.client else ""
        if not self.room.admit(address):
            self._phase = _IDLE
            self._say(503, "Too many connections", b"retry-after: 1\r\n")
            return
        self._address = address or "?"
        self._since = self._last = self.room.loop.time()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self) -> None:
        self._gone()
        super().handle_websocket_upgrade()

    def _gone(self) -> None:
        self._unwatch()
        if self._address:
            self.room.leave("" if self._address == "?" else self._address)
            self._address = ""

    # ------------------------------------------------------------ how long, how slow

    def data_received(self, data: bytes) -> None:
        self._piece = len(data)
        if self._phase != _IDLE:
            self._last = self.room.loop.time()
            self._came += len(data)
        super().data_received(data)
        if self._phase == _IDLE:
            if self._watched and not self.flow.write_paused:
                self._unwatch()
        else:
            if not self._came:
                # It began somewhere in this piece. Where, nobody says: of a large one most may have been requests before it.
                self._came = self._piece if self._piece <= self.room.settings.header_bytes else 1
            self._watch()
        if self._phase == _HEADERS and self._came > self.room.settings.header_bytes:
            self._header_too_long()

    def on_message_begin(self) -> None:
        self._phase, self._came = _HEADERS, 0
        self._since = self._last = self.room.loop.time()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        # Only what comes in large pieces can be too long in whole; a walk over the headers of each request would be felt.
        bound = self.room.settings.header_bytes
        if self._piece > bound:
            size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
            if size > bound:
                self._too_long = True
                raise ValueError("headers too long")
        self._phase = _BODY
        self._since, self._came = self._last, 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        # Answered already, and the client sends on: for a while, so that it reads the answer, and not for ever.
        if self.cycle.response_complete and self._came > self.room.settings.job_body_bytes:
            self.transport.close()

    def on_message_complete(self) -> None:
        self._phase = _IDLE
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        if self._too_long:
            self._header_too_long()
        else:
            super().send_400_response(msg)

    def _header_too_long(self) -> None:
        self._phase = _IDLE
        self._say(431, f"The request's line and headers have more than {self.room.settings.header_bytes} bytes")

    # ------------------------------------------------------------ slow readers

    def pause_writing(self) -> None:
        super().pause_writing()
        self._waiting = self.transport.get_write_buffer_size()
        self._last = self.room.loop.time()
        self._watch()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._phase == _IDLE:
            self._unwatch()

    # ------------------------------------------------------------ being looked at

    def is_late(self, now: float) -> bool:
        settings = self.room.settings
        stall = settings.body_stall_ms / 1000
        if self.flow.write_paused:
            waiting = self.transport.get_write_buffer_size()
            if waiting != self._waiting:
                self._waiting, self._last = waiting, now
            return now - self._last > stall
        if self._phase == _HEADERS:
            return now - self._since > settings.header_ms / 1000
        if self.flow.read_paused:
            # It is we who do not read on.
            self._last = now
            return False
        return now - self._last > stall or now - self._since > stall + self._came / settings.body_bytes_per_s

    def cut(self) -> None:
        """End it; whoever waits for its request's body hears that the client has left."""
        self._watched = False
        if self._phase != _HEADERS or self.flow.write_paused:
            _reset(self.transport)
        elif self._came:
            self._say(408, "The request's headers did not come in time")
        else:
            self.transport.close()

    def _watch(self) -> None:
        if not self._watched:
            self._watched = True
            self.room.watch(self)

    def _unwatch(self) -> None:
        if self._watched:
            self._watched = False
            self.room.unwatch(self)

    def _say(self, status: int, text: str, headers: bytes = b"") -> None:
        """A last word, where no answer has begun."""
        if self.transport.is_closing() or (self.cycle is not None and not self.cycle.response_complete):
            self.transport.close()
            return
        body = text.encode()
        head = b"HTTP/1.1 %d \r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\nconnection: close\r\n%b\r\n"
        self.transport.write(head % (status, len(body), headers) + body)
        self.transport.close()


def _reset(transport: asyncio.Transport) -> None:
    """What the peer has not taken is thrown away, in the kernel too: it would be kept there for minutes."""
    sock = transport.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
