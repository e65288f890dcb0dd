"""The simulated shim: user work that runs nothing. What becomes of each piece of work is decided by a `Script`.

A scripted framework's task starts in the instant in which it is launched and ends when it is told to; a built-in framework's waits to be started. In generated
runs work starts by itself and ends after a drawn time. Work that is told to stop stops at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from raymesos.machine import Outbox, Wake
from raymesos.model.tasks import Reason
from raymesos.wire.messages import ExecutorInfo, ForgetWork, Probe, StartWork, StopWork, WorkEnded, WorkStarted
from raymesos.wire.work import ChunkWork, CommandsWork, CommandWork, WorkReport

TERMINATED = 15
SCRIPTED = CommandWork(("scripted",))
"""What the tasks of scripted frameworks run."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What a piece of work does by itself: it starts after `start_ms` (None: when told to) and ends `run_ms` later (None: when told to) with `end`."""

    start_ms: int | None = 0
    run_ms: int | None = None
    exit_code: int = 0


@dataclass(frozen=True, slots=True)
class Begin:
    """To the shim: the work starts now."""

    task_id: str


@dataclass(frozen=True, slots=True)
class Finish:
    """To the shim: the work ends now. `reason` when it was the system's doing."""

    task_id: str
    exit_code: int | None = 0
    signal: int | None = None
    reason: Reason = Reason.NONE
    message: str = ""


class Script(Protocol):
    """Decides what work does, and watches it."""

    def fate(self, agent: str, work: StartWork) -> Fate: ...

    def report(self, work: StartWork, end: Finish) -> WorkReport | None:
        """What the work reports of its parts as it ends so; None if it has none."""

    def is_well(self, agent: str, probe: Probe) -> bool:
        """What a probe of the work finds."""

    def began(self, at_ms: int, agent: str, work: StartWork, shim: str) -> None: ...

    def ended(self, at_ms: int, agent: str, task_id: str) -> None: ...

    def executor_began(self, agent: str, info: ExecutorInfo) -> None:
        """The agent runs an executor that its framework has described."""

    def executor_ended(self, agent: str, info: ExecutorInfo) -> None: ...


@dataclass(slots=True)
class Running:
    work: StartWork
    fate: Fate
    started: bool = False


class SimulatedShim:
    """The shim of one executor at `address`. Work is there from StartWork until it ends."""

    def __init__(self, address: str, agent: str, executor: str, script: Script) -> None:
        self._address, self._agent, self._executor = address, agent, executor
        self._script = script
        self._work: dict[str, Running] = {}

    def handle(self, now_ms: int, sender: str, message: object, out: Outbox) -> None:
        match message:
            case StartWork():
                self._take(now_ms, message, out)
            case StopWork(task_id):
                self._end(now_ms, Finish(task_id, None, TERMINATED, Reason.EXECUTOR_TERMINATED), out)
            case Begin(task_id):
                self._begin(task_id, out)
            case Finish():
                self._end(now_ms, message, out)
            case Wake(key):
                self._wake(now_ms, key, out)
            case ForgetWork() | _:
                return

    def close(self, now_ms: int) -> None:
        """Its processes are gone with it."""
        for task_id in list(self._work):
            del self._work[task_id]
            self._script.ended(now_ms, self._agent, task_id)

    def check(self) -> None:
        return

    def _take(self, now_ms: int, work: StartWork, out: Outbox) -> None:
        if work.task_id in self._work:
            return
        fate = self._script.fate(self._agent, work)
        self._work[work.task_id] = Running(work, fate)
        self._script.began(now_ms, self._agent, work, self._address)
        if fate.start_ms == 0:
            self._begin(work.task_id, out)
        elif fate.start_ms is not None:
            out.wake(f"start {work.task_id}", fate.start_ms)

    def _begin(self, task_id: str, out: Outbox) -> None:
        running = self._work.get(task_id)
        if running is None or running.started:
            return
        running.started = True
        out.send(self._executor, WorkStarted(task_id))
        if running.fate.run_ms is not None:
            out.wake(f"end {task_id}", running.fate.run_ms)

    def _wake(self, now_ms: int, key: str, out: Outbox) -> None:
        kind, _, task_id = key.partition(" ")
        if kind == "start":
            self._begin(task_id, out)
        elif kind == "end" and task_id in self._work:
            self._end(now_ms, Finish(task_id, self._work[task_id].fate.exit_code), out)

    def _end(self, now_ms: int, end: Finish, out: Outbox) -> None:
        running = self._work.pop(end.task_id, None)
        if running is None:
            return
        out.sleep(f"end {end.task_id}")
        out.sleep(f"start {end.task_id}")
        if isinstance(running.work.work, ChunkWork | CommandsWork):
            report = self._script.report(running.work, end)
            if report is not None:
                out.send(self._executor, report)
        self._script.ended(now_ms, self._agent, end.task_id)
        out.send(self._executor, WorkEnded(end.task_id, end.exit_code, end.signal, end.reason, end.message))
