"""Commands beside tasks for an event loop: one connection to the shim carries them all, and is made anew when it has broken."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from pathlib import Path
from typing import Any

from raymesos.shim.launch import find_shim
from raymesos.shim.protocol import VERSION, Broken, pack, read_frame

AWAY = "the shim of the task's agent is away"


class ShimExecs:
    """All calls come from one loop. `directory` is the shim's."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._owner = f"checks {uuid.uuid4()}"
        self._writer: asyncio.StreamWriter | None = None
        self._connecting = asyncio.Lock()
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._asked = 0
        self._reading: asyncio.Task[None] | None = None

    async def run(self, task_id: str, argv: list[str], env: dict[str, str], timeout_ms: int) -> dict[str, Any]:
        """The fields of `executed`. Raises Broken if the shim cannot be asked, or goes away meanwhile."""
        writer = await self._connected()
        self._asked += 1
        key = str(self._asked)
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[key] = answer
        try:
            writer.write(pack("exec", {"key": key, "id": task_id, "argv": argv, "env": env, "timeout_ms": timeout_ms}))
            return await answer
        finally:
            self._waiting.pop(key, None)

    async def _connected(self) -> asyncio.StreamWriter:
        async with self._connecting:
            if self._writer is None:
                found = find_shim(self._directory)
                if found is None:
                    raise Broken(AWAY)
                try:
                    reader, writer = await asyncio.open_unix_connection(found.socket)
                    writer.write(pack("hello", {"owner": self._owner, "version": VERSION}))
                    kind, fields = await read_frame(reader)
                except OSError as error:
                    raise Broken(AWAY) from error
                if kind != "welcome":
                    writer.close()
                    raise Broken(str(fields.get("why", kind)))
                self._writer = writer
                self._reading = asyncio.create_task(self._read(reader, writer))
            return self._writer

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, Broken):
            while True:
                kind, fields = await read_frame(reader)
                waiter = self._waiting.get(fields.get("key", "")) if kind == "executed" else None
                if waiter is not None and not waiter.done():
                    waiter.set_result(fields)
        self._writer = None
        writer.close()
        for waiter in self._waiting.values():
            if not waiter.done():
                waiter.set_exception(Broken(AWAY))
