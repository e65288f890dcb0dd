"""Answers that do not end by themselves: one stream of records to one client, and what is done about a client that does not read them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.types import Receive, Send

from raymesos.http.recordio import frame

# What waits for a client beyond what the transport holds: a large cluster's offers are a few MB.
MAX_WAITING_BYTES = 16 * 2**20
# A write that takes longer than this goes to a client that does not read. (Mesos waits for ever, with all that the client is offered)
MAX_WRITE_S = 60.0


class Stream:
    """For the event loop's thread. `on_gone` is called once, unless the stream was ended from our side: the client has left, or was cut off for reading too slowly."""

    def __init__(self, headers: list[tuple[bytes, bytes]], on_gone: Callable[[], None]) -> None:
        self._headers, self._on_gone = headers, on_gone
        self._waiting: list[bytes] = []
        self._size = 0
        self._over = self._gone = False
        self._news = asyncio.Event()
        self._writing_since: float | None = None
        self._writer: asyncio.Task[None] | None = None

    @property
    def open(self) -> bool:
        return not (self._over or self._gone)

    def push(self, record: bytes) -> None:
        """Send the record, with all that comes until the loop gets to write. A client that is too far behind is cut off."""
        if not self.open:
            return
        self._waiting.append(frame(record))
        self._size += len(record)
        if self._size > MAX_WAITING_BYTES or self._stalls():
            self._cut()
        self._news.set()

    def end(self) -> None:
        """Nothing more comes: what waits is still sent."""
        self._over = True
        self._news.set()

    async def run(self, receive: Receive, send: Send) -> None:
        """Answer with the stream until it ends, or the client does."""
        watcher = asyncio.create_task(self._watch(receive))
        self._writer = asyncio.create_task(self._write(send))
        try:
            await asyncio.wait({self._writer})
        finally:
            watcher.cancel()
            self._writer.cancel()
            self._leave()

    async def _write(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self._headers})
        while not self._gone:
            if self._waiting:
                await self._send(send)
            elif self._over:
                await send({"type": "http.response.body", "body": b""})
                return
            else:
                self._news.clear()
                await self._news.wait()

    async def _send(self, send: Send) -> None:
        chunk, self._waiting, self._size = b"".join(self._waiting), [], 0
        self._writing_since = asyncio.get_running_loop().time()
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
        self._writing_since = None

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._leave()

    def _stalls(self) -> bool:
        since = self._writing_since
        return since is not None and asyncio.get_running_loop().time() - since > MAX_WRITE_S

    def _cut(self) -> None:
        self._leave()
        if self._writer is not None:
            self._writer.cancel()

    def _leave(self) -> None:
        if self.open:
            self._gone = True
            self._news.set()
            self._on_gone()
        self._gone = True
