"""Readers of the operator's events, in process: a call that stays open, and what it has been sent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from starlette.types import ASGIApp, Message

from raymesos.http.recordio import Reader

SUBSCRIBE = orjson.dumps({"type": "SUBSCRIBE"})


class Stream:
    """One open call; `close` is the client that leaves."""

    def __init__(self, app: ASGIApp, caller: Any = None) -> None:
        self.events: list[dict[str, Any]] = []
        self.headers: dict[str, str] = {}
        self.over = False
        self._reader = Reader()
        self._asked = False
        self._left = asyncio.Event()
        self._task = asyncio.create_task(self._run(app, caller))

    async def until(self, done: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        """The events, once `done` says so of them."""
        async with asyncio.timeout(10):
            while not done(self.events):
                await asyncio.sleep(0)
        return self.events

    async def close(self) -> None:
        self._left.set()
        await self._task

    async def ended(self) -> None:
        async with asyncio.timeout(10):
            await self._task

    async def _run(self, app: ASGIApp, caller: Any) -> None:
        headers = [(b"host", b"127.0.0.1:5050"), (b"content-type", b"application/json")]
        length = (b"content-length", b"%d" % len(SUBSCRIBE))
        scope = {"type": "http", "method": "POST", "path": "/api/v1", "headers": [*headers, length]}
        scope |= {"query_string": b"", "http_version": "1.1", "client": ("127.0.0.1", 1)} | (caller or {})
        await app(scope, self._receive, self._send)

    async def _receive(self) -> Message:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": SUBSCRIBE}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.headers = {k.decode(): v.decode() for k, v in message["headers"]}
            return
        self.events += [orjson.loads(record) for record in self._reader.feed(message["body"])]
        self.over = not message.get("more_body", False)


def running(work: Callable[[], Awaitable[None]]) -> None:
    """`work` on an event loop of its own."""
    asyncio.run(work())  # type: ignore[arg-type]


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"] for event in events]
