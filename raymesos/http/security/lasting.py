"""Answers that last: a stream ends when the token of who reads it is not good any more."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from typing import Protocol

from raymesos.http.security.keyring import LOOK_MS, Keyring


class Lasts(Protocol):
    @property
    def lasts(self) -> bool:
        """Whether its answer has begun and is not complete."""


class Lasting:
    """The requests of callers with tokens that are under way. What has not begun to be answered is answered: it ends by itself."""

    __slots__ = ("_ended", "_keyring", "_open", "_watcher")

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring
        self._open: dict[asyncio.Task[object], tuple[bytes | None, Lasts]] = {}
        self._ended: dict[asyncio.Task[object], None] = {}
        self._watcher: asyncio.Task[None] | None = None

    async def run(self, authorization: bytes | None, exchange: Lasts, work: Awaitable[None]) -> bool:
        """Do the work, which is this task's own, to its end: True. False if it was ended because what it showed is not good any more."""
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = (authorization, exchange)
        if self._watcher is None:
            self._watcher = asyncio.ensure_future(self._watch())
        try:
            await work
        except asyncio.CancelledError:
            if task not in self._ended:
                raise
            task.uncancel()
            return False
        finally:
            del self._open[task]
            self._ended.pop(task, None)
        return True

    def look(self, now_ms: int) -> None:
        """End the streams whose tokens are not good any more."""
        for task, (authorization, exchange) in self._open.items():
            if exchange.lasts and task not in self._ended and self._keyring.caller(authorization, now_ms) is None:
                self._ended[task] = None
                task.cancel()

    async def _watch(self) -> None:
        while self._open:
            await asyncio.sleep(LOOK_MS / 1000)
            self.look(int(time.time() * 1000))
        self._watcher = None
