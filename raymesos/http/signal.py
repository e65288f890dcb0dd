"""News for many who wait, on one event loop: what is new is worked out once, however many are told."""

from __future__ import annotations

import asyncio


class Signal:
    """`set` wakes all who wait now. Whoever was not waiting looks for itself at what changed."""

    def __init__(self) -> None:
        self._next: asyncio.Future[None] | None = None

    def set(self) -> None:
        if self._next is not None and not self._next.done():
            self._next.set_result(None)
        self._next = None

    async def wait(self, timeout_s: float) -> bool:
        """True once it is set, False after `timeout_s`."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        done, _ = await asyncio.wait([self._next], timeout=timeout_s)
        return bool(done)
