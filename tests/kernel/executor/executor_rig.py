"""One executor machine alone, driven by hand."""

from __future__ import annotations

from typing import Any

from raymesos.kernel.executor.machine import ExecutorMachine
from raymesos.machine import Pump, Wake
from raymesos.model.attributes import Attributes
from raymesos.model.resources import Resources
from raymesos.model.settings import ExecutorSettings
from raymesos.model.tasks import Reason, TaskState
from raymesos.wire.messages import (
    AgentInfo,
    ExecutorAcknowledged,
    ExecutorSubscribed,
    ExecutorUpdate,
    LaunchTasks,
    TaskInfo,
    TaskStatus,
    WorkEnded,
    WorkStarted,
)
from raymesos.wire.work import Blob, ChunkWork, CommandWork, WorkReport

F1 = "c-1-0001"
E1 = f"default-{F1}"
AGENT = "agent/A1"
EXECUTOR = f"executor/A1/{E1}"
SHIM = f"shim/A1/{E1}"
BATCH = "framework/batch"
INFO = AgentInfo("A1", "A1", Resources.parse("cpus:4;mem:4096"), Attributes())


def task(task_id: str = "t1", resources: str = "cpus:1;mem:128", **more: Any) -> TaskInfo:
    return TaskInfo(task_id, task_id, Resources.parse(resources), more.pop("work", CommandWork(("true",))), **more)


def chunk(task_id: str = "t1", **more: Any) -> TaskInfo:
    return task(task_id, work=ChunkWork("j", 0, 10, Blob(), Blob(), reply_to=BATCH), **more)


def report(task_id: str = "t1", part: int = 0, inline: bytes = b"", **more: Any) -> WorkReport:
    return WorkReport(task_id, "j", part, part, part + 1, results=Blob(inline), **more)


class Rig:
    """`tell` and `advance` return what left the executor, as (to, message)."""

    def __init__(self, *, subscribed: bool = True, **settings: Any) -> None:
        self.now_ms = 0
        self.notes: list[Any] = []
        self.executor = ExecutorMachine(F1, E1, AGENT, SHIM, 1, ExecutorSettings(**settings))
        self.pump = Pump()
        self.pump.add(EXECUTOR, self.executor)
        if subscribed:
            self.tell(Wake("start"), EXECUTOR)
            self.tell(ExecutorSubscribed("c-S0", INFO))

    def tell(self, message: Any, sender: str = AGENT) -> list[tuple[str, Any]]:
        return self._take(self.pump.deliver(self.now_ms, [(EXECUTOR, sender, message)]))

    def advance(self, ms: int) -> list[tuple[str, Any]]:
        end = self.now_ms + ms
        sent: list[tuple[str, Any]] = []
        while (at := self.pump.next_wake_ms()) is not None and at <= end:
            self.now_ms = at
            sent += self._take(self.pump.fire(at))
        self.now_ms = end
        return sent

    def launch(self, *tasks: TaskInfo) -> list[tuple[str, Any]]:
        return self.tell(LaunchTasks(tasks))

    def run(self, *tasks: TaskInfo) -> None:
        """Launched, started, and all that was acknowledged."""
        sent = self.launch(*tasks)
        for info in tasks:
            sent += self.tell(WorkStarted(info.task_id), SHIM)
        self.acknowledge(sent)

    def end(self, task_id: str, exit_code: int | None = 0, **more: Any) -> list[tuple[str, Any]]:
        return self.tell(WorkEnded(task_id, exit_code, **more), SHIM)

    def acknowledge(self, sent: list[tuple[str, Any]]) -> None:
        for _, message in sent:
            if isinstance(message, ExecutorUpdate):
                self.tell(ExecutorAcknowledged(message.status.task_id, message.status.uuid))

    def _take(self, departure: Any) -> list[tuple[str, Any]]:
        self.executor.check()
        assert departure.records == []
        self.notes += departure.notes
        return [(to, m) for messages in departure.messages.values() for to, _, m in messages]


def statuses(sent: list[tuple[str, Any]]) -> list[TaskStatus]:
    return [m.status for to, m in sent if isinstance(m, ExecutorUpdate)]


def states(sent: list[tuple[str, Any]]) -> list[tuple[str, TaskState, Reason, str]]:
    return [(s.task_id, s.state, s.reason, s.message) for s in statuses(sent)]


def to(address: str, sent: list[tuple[str, Any]]) -> list[Any]:
    return [m for receiver, m in sent if receiver == address]
