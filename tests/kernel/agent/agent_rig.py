"""One agent machine alone, driven by hand: everything around it is the test."""

from __future__ import annotations

from typing import Any

from raymesos.kernel.agent.machine import AgentMachine
from raymesos.machine import MASTER, Pump, Wake
from raymesos.model.attributes import Attributes
from raymesos.model.resources import Resources
from raymesos.model.settings import AgentSettings
from raymesos.model.tasks import Reason, Source, TaskState
from raymesos.wire.messages import (
    AgentInfo,
    AgentRegistered,
    ExecutorSubscribe,
    ExecutorUpdate,
    FrameworkInfo,
    RunTasks,
    StatusAcknowledged,
    StatusUpdate,
    TaskInfo,
    TaskStatus,
)
from raymesos.wire.work import CommandWork

F1 = "c-1-0001"
F2 = "c-1-0002"
E1 = f"default-{F1}"
AGENT = "agent/A1"
EXECUTOR = f"executor/A1/{E1}"
LAUNCHER = "launcher/A1"
INFO = AgentInfo("A1", "A1", Resources.parse("cpus:4;mem:4096"), Attributes())
PING_TIMEOUT_MS = 75_000


def framework(framework_id: str = F1) -> FrameworkInfo:
    return FrameworkInfo("f", ("role",), id=framework_id)


def task(task_id: str = "t1", resources: str = "cpus:1;mem:128", **more: Any) -> TaskInfo:
    return TaskInfo(task_id, task_id, Resources.parse(resources), CommandWork(("true",)), role="role", **more)


class Rig:
    """`tell` and `advance` return what left the agent, as (to, message); records and notes pile up."""

    def __init__(self, *, start: bool = True, **more: Any) -> None:
        self.now_ms = 0
        self.records: list[Any] = []
        self.notes: list[Any] = []
        self.made = 0
        self.settings = more.pop("settings", AgentSettings())
        self.agent = AgentMachine(self.settings, more.pop("info", INFO), more.pop("incarnation", 1), **more)
        self.pump = Pump()
        self.pump.add(AGENT, self.agent)
        if start:
            self.tell(Wake("start"), sender=AGENT)

    def tell(self, message: Any, sender: str = MASTER) -> list[tuple[str, Any]]:
        return self._take(self.pump.deliver(self.now_ms, [(AGENT, sender, message)]))

    def advance(self, ms: int) -> list[tuple[str, Any]]:
        """Let time pass, waking the agent when it asked for it."""
        end = self.now_ms + ms
        sent: list[tuple[str, Any]] = []
        while (at := self.pump.next_wake_ms()) is not None and at <= end:
            self.now_ms = at
            sent += self._take(self.pump.fire(at))
        self.now_ms = end
        return sent

    def register(self, agent_id: str = "c-S0", **more: Any) -> list[tuple[str, Any]]:
        return self.tell(AgentRegistered(agent_id, "c", PING_TIMEOUT_MS, **more))

    def run(self, *tasks: TaskInfo, framework_id: str = F1) -> list[tuple[str, Any]]:
        return self.tell(RunTasks(framework(framework_id), tasks))

    def subscribe(self, framework_id: str = F1, **more: Any) -> list[tuple[str, Any]]:
        """The default executor of the framework subscribes."""
        executor_id = f"default-{framework_id}"
        return self.tell(ExecutorSubscribe(framework_id, executor_id, **more), f"executor/A1/{executor_id}")

    def update(self, task_id: str, state: TaskState, framework_id: str = F1, **more: Any) -> list[tuple[str, Any]]:
        """The default executor reports a state."""
        executor_id = f"default-{framework_id}"
        status = self.status(task_id, state, executor_id=executor_id, **more)
        return self.tell(ExecutorUpdate(framework_id, executor_id, status), f"executor/A1/{executor_id}")

    def status(self, task_id: str, state: TaskState, *, uuid: str = "", **more: Any) -> TaskStatus:
        self.made += 1
        uuid = uuid or f"u{self.made}"
        more.setdefault("executor_id", E1)
        more.setdefault("agent_id", "c-S0")
        return TaskStatus(task_id, state, source=Source.EXECUTOR, uuid=uuid, timestamp_ms=self.now_ms, **more)

    def acknowledge(self, task_id: str, uuid: str, framework_id: str = F1) -> list[tuple[str, Any]]:
        return self.tell(StatusAcknowledged(framework_id, task_id, uuid))

    def running(self, *tasks: TaskInfo) -> None:
        """Registered, with these tasks reported RUNNING and acknowledged."""
        self.register()
        self.run(*tasks)
        self.subscribe()
        for info in tasks:
            self.update(info.task_id, TaskState.RUNNING, uuid=f"running-{info.task_id}")
            self.acknowledge(info.task_id, f"running-{info.task_id}")

    def events(self) -> list[str]:
        return [n.kind for n in self.notes]

    def _take(self, departure: Any) -> list[tuple[str, Any]]:
        self.agent.check()
        self.records += [r for _, r in departure.records]
        self.notes += departure.notes
        # Order among destinations is the host's business; within one it is the machine's.
        return [(to, m) for messages in departure.messages.values() for to, _, m in messages]


def updates(sent: list[tuple[str, Any]]) -> list[tuple[str, TaskState, Reason]]:
    """(task id, state, reason) of the updates that went to the master."""
    return [(m.status.task_id, m.status.state, m.status.reason) for to, m in sent if isinstance(m, StatusUpdate)]


def to(address: str, sent: list[tuple[str, Any]]) -> list[Any]:
    return [m for receiver, m in sent if receiver == address]
