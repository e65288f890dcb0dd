"""The prober of an executor: it does the checks of its tasks, all on one thread, and says what it found.

To the executor's machine this is the machine at `prober/...`, on the same host. Nothing runs before the first probe: most executors have no task to check.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from pathlib import Path
from typing import Any, Protocol

import uvloop

from raymesos.actors.probing import Found, probe_http, probe_tcp, silence
from raymesos.actors.shim_execs import ShimExecs
from raymesos.machine import Outbox
from raymesos.shim.protocol import Broken
from raymesos.shim.tasks import death_text
from raymesos.wire.messages import Probe, Probed

log = logging.getLogger("raymesos.prober")

# The shim itself kills a command that takes too long; one that does not even say so has not answered.
SHIM_SLACK_S = 2.0
TEXT_CHARS = 200


class Posts(Protocol):
    """What the prober needs of its host."""

    def post(self, to: str, sender: str, message: Any) -> None: ...


class Prober:
    def __init__(self, address: str, executor: str, host: Posts, shim_directory: Path) -> None:
        self._address, self._executor, self._host = address, executor, host
        self._shim_directory = shim_directory
        self._loop: asyncio.AbstractEventLoop | None = None
        self._execs: ShimExecs | None = None
        self._running: dict[asyncio.Task[None], None] = {}
        """A loop holds its tasks by weak references only."""

    # ------------------------------------------------------------ on the host's thread

    def handle(self, now_ms: int, sender: str, message: Any, out: Outbox) -> None:
        if not isinstance(message, Probe):
            return
        if self._loop is None:
            self._loop = uvloop.new_event_loop()
            threading.Thread(target=self._loop.run_forever, name="prober", daemon=True).start()
        self._loop.call_soon_threadsafe(self._begin, message)

    def check(self) -> None:
        return

    def close(self) -> None:
        """No probe is begun or answered any more."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)

    # ------------------------------------------------------------ on its own

    def _begin(self, probe: Probe) -> None:
        task = asyncio.ensure_future(self._answer(probe))
        self._running[task] = None
        task.add_done_callback(self._running.pop)

    async def _answer(self, probe: Probe) -> None:
        try:
            found = await self._find(probe)
        except Exception as error:
            log.exception("a check of %s could not be done", probe.task_id)
            found = Found(ok=False, text=f"the check could not be done: {error!r}")
        answer = Probed(probe.task_id, probe.number, found.ok, found.text[:TEXT_CHARS], found.value)
        self._host.post(self._executor, self._address, answer)

    async def _find(self, probe: Probe) -> Found:
        match probe.check.kind:
            case "http":
                return await probe_http(probe.check)
            case "tcp":
                return await probe_tcp(probe.check)
            case "command":
                return await self._run(probe)
            case kind:
                return Found(ok=False, text=f"there is no check of kind {kind!r}")

    async def _run(self, probe: Probe) -> Found:
        """The command of the check, beside the task."""
        check = probe.check
        if self._execs is None:
            self._execs = ShimExecs(self._shim_directory)
        try:
            async with asyncio.timeout(check.timeout_ms / 1000 + SHIM_SLACK_S):
                done = await self._execs.run(probe.task_id, list(check.argv), dict(check.env), check.timeout_ms)
        except TimeoutError:
            return Found(ok=False, text=silence(check))
        except Broken as error:
            return Found(ok=False, text=str(error))
        if done["timed_out"]:
            return Found(ok=False, text=silence(check))
        if done["why"]:
            return Found(ok=False, text=done["why"])
        ok = done["exit"] == 0
        return Found(ok, "" if ok else death_text(done["exit"], done["signal"]), done["exit"])
