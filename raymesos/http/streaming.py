"""Server-sent events, for as long as the reader stays. A reader that takes nothing for a while is let go: it comes back and is told anew."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import orjson
from sse_starlette.sse import EventSourceResponse
from starlette.responses import Response

# Proxies and browsers give up on a connection that is silent for longer.
PING_S = 15.0
STALLED_S = 30.0
PING = b": ping\n\n"


def sse(event: str, data: bytes, id: str = "") -> bytes:
    """One event. `data` is JSON as orjson writes it: one line."""
    head = f"id: {id}\n" if id else ""
    return f"{head}event: {event}\ndata: ".encode() + data + b"\n\n"


def sse_json(event: str, value: object, id: str = "") -> bytes:
    return sse(event, orjson.dumps(value), id)


def stream(pieces: AsyncIterator[bytes]) -> Response:
    """The answer whose body are these events."""
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return EventSourceResponse(pieces, headers=headers, ping=0, send_timeout=STALLED_S, media_type="text/event-stream")


class Follower:
    """A task that works something out for all its readers, and runs only while there are any."""

    def __init__(self, work: Callable[[], Awaitable[None]]) -> None:
        self._work, self._readers = work, 0
        self._task: asyncio.Task[None] | None = None

    def __enter__(self) -> None:
        self._readers += 1
        if self._task is None:
            self._task = asyncio.ensure_future(self._run())

    def __exit__(self, *_: object) -> None:
        self._readers -= 1
        if not self._readers and self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self) -> None:
        await self._work()
