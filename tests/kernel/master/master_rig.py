"""One master alone, driven by hand: agents, frameworks and the allocator around it are the test. Its books are checked after every message."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from master_books import Books

from raymesos.kernel.master.machine import MasterMachine
from raymesos.machine import ALLOCATOR, MASTER, LinkDown, Pump, Wake
from raymesos.model.attributes import Attributes
from raymesos.model.resources import Resources
from raymesos.model.settings import MasterSettings
from raymesos.model.tasks import ALL_CAPABILITIES, Capability, Reason, Source, TaskState
from raymesos.wire.messages import (
    Accept,
    Acknowledge,
    AgentInfo,
    AgentRegistered,
    AgentTask,
    Allocations,
    FrameworkInfo,
    Launch,
    Offer,
    Offers,
    Ping,
    Pong,
    RegisterAgent,
    ReregisterAgent,
    StatusUpdate,
    Subscribe,
    Subscribed,
    TaskInfo,
    TaskStatus,
    Update,
)
from raymesos.wire.work import CommandWork

Sent = list[tuple[str, Any]]
NOT_PARTITION_AWARE = tuple(c for c in ALL_CAPABILITIES if c != Capability.PARTITION_AWARE)
WHOLE = "cpus:4;mem:4096"
A1, A2 = "agent/A1", "agent/A2"
F1, F2 = "framework/F1", "framework/F2"


def agent_info(name: str = "A1", resources: str = WHOLE) -> AgentInfo:
    return AgentInfo(name, name, Resources.parse(resources), Attributes())


def framework_info(name: str = "F1", roles: tuple[str, ...] = ("dev",), **more: Any) -> FrameworkInfo:
    more.setdefault("capabilities", ALL_CAPABILITIES)
    return FrameworkInfo(name, roles, **more)


def task(task_id: str = "t1", resources: str = "cpus:1;mem:128", **more: Any) -> TaskInfo:
    return TaskInfo(task_id, task_id, Resources.parse(resources), CommandWork(("true",)), **more)


class Rig:
    """`tell` and `advance` return what left the master, as (to, message); records and notes pile up. Agents answer pings unless they are `silent`."""

    def __init__(self, *, records: Iterable[Any] = (), now_ms: int = 0, start: bool = True, **settings: Any) -> None:
        self.now_ms = now_ms
        self.records: list[Any] = list(records)
        self.notes: list[Any] = []
        self.books = Books()
        self.silent: list[str] = []
        self.agent_ids: dict[str, str] = {}
        """By address, as the master named them."""
        self.made = 0
        self.settings = settings
        self.master = MasterMachine(MasterSettings(**settings), "c")
        self.master.restore(self.records)
        self.pump = Pump()
        self.pump.add(MASTER, self.master)
        if start:
            self.tell(MASTER, Wake("start"))

    # ------------------------------------------------------------ in and out

    def tell(self, sender: str, message: Any) -> Sent:
        return self._take(self.pump.deliver(self.now_ms, [(MASTER, sender, message)]))

    def advance(self, ms: int) -> Sent:
        """Let time pass, waking the master when it asked for it."""
        end = self.now_ms + ms
        sent: Sent = []
        while (at := self.pump.next_wake_ms()) is not None and at <= end:
            self.now_ms = at
            sent += self._take(self.pump.fire(at))
        self.now_ms = end
        return sent

    def restart(self) -> Rig:
        """The master's next life, from the records of this one."""
        rig = Rig(records=self.records, now_ms=self.now_ms, **self.settings)
        rig.agent_ids = dict(self.agent_ids)
        rig.made = self.made
        return rig

    def events(self) -> list[str]:
        return [n.kind for n in self.notes if hasattr(n, "kind")]

    def metric(self, name: str) -> float:
        return self.master.metrics(self.now_ms)[f"master/{name}"]

    # ------------------------------------------------------------ agents

    def agent(self, name: str = "A1", resources: str = WHOLE, life: int = 1) -> str:
        """Register the agent. Returns its id."""
        address = f"agent/{name}"
        sent = self.tell(address, RegisterAgent(agent_info(name, resources), life))
        [answer] = [m for m in to(address, sent) if isinstance(m, AgentRegistered)]
        return str(answer.agent_id)

    def back(
        self, name: str = "A1", tasks: Iterable[AgentTask] = (), resources: str = WHOLE, life: int = 1, **more: Any
    ) -> Sent:
        """The agent registers again with `tasks`, and with the infos of `frameworks` (those of the tasks if not said)."""
        address = f"agent/{name}"
        tasks = tuple(tasks)
        agent_id = more.pop("agent_id", None) or self.agent_ids[address]
        known = self.master.state.known_frameworks
        infos = dict.fromkeys(t.framework_id for t in tasks)
        frameworks = more.pop("frameworks", [known[f] for f in infos if f in known])
        message = ReregisterAgent(agent_id, agent_info(name, resources), life, tasks, tuple(frameworks))
        return self.tell(address, message)

    def lose(self, name: str = "A1") -> Sent:
        """The agent answers no ping until it is unreachable."""
        self.silent.append(f"agent/{name}")
        sent = self.advance(90_000)
        self.silent.remove(f"agent/{name}")
        return sent

    # ------------------------------------------------------------ frameworks

    def framework(self, name: str = "F1", roles: tuple[str, ...] = ("dev",), **more: Any) -> str:
        """Subscribe the framework. Returns its id."""
        suppressed = more.pop("suppressed", ())
        address = more.pop("address", f"framework/{name}")
        sent = self.tell(address, Subscribe(framework_info(name, roles, **more), suppressed))
        [answer] = [m for m in to(address, sent) if isinstance(m, Subscribed)]
        return str(answer.framework_id)

    def address(self, framework_id: str) -> str:
        return str(self.master.state.frameworks[framework_id].address)

    def leave(self, framework_id: str) -> Sent:
        return self.tell(MASTER, LinkDown(self.address(framework_id)))

    # ------------------------------------------------------------ offers and tasks

    def grant(self, framework_id: str, agent_id: str, resources: str = WHOLE, role: str = "dev") -> Sent:
        grant = self.books.grant(framework_id, role, agent_id, Resources.parse(resources))
        return self.tell(ALLOCATOR, Allocations(self.books.epoch, (grant,)))

    def offer(self, framework_id: str, agent_id: str, resources: str = WHOLE, role: str = "dev") -> Offer:
        sent = self.grant(framework_id, agent_id, resources, role)
        [(receiver, message)] = sent
        assert isinstance(message, Offers)
        assert receiver == self.address(framework_id)
        [offer] = message.offers
        return offer

    def accept(self, framework_id: str, offers: Iterable[Offer | str], *tasks: TaskInfo, refuse_ms: int = 0) -> Sent:
        ids = tuple(o if isinstance(o, str) else o.id for o in offers)
        operations = (Launch(tasks),) if tasks else ()
        return self.tell(self.address(framework_id), Accept(framework_id, ids, operations, refuse_ms))

    def run(self, framework_id: str, agent_id: str, *tasks: TaskInfo, role: str = "dev") -> None:
        """Offered all that the tasks need, launched, reported RUNNING, acknowledged."""
        for info in tasks:
            offer = self.offer(framework_id, agent_id, str(info.resources), role)
            self.accept(framework_id, [offer], info)
            self.report(framework_id, agent_id, info.task_id, TaskState.RUNNING, uuid=f"running-{info.task_id}")
            self.acknowledge(framework_id, agent_id, info.task_id, f"running-{info.task_id}")

    def report(
        self, framework_id: str, agent_id: str, task_id: str, state: TaskState, *, uuid: str = "", **more: Any
    ) -> Sent:
        """The agent sends an update of the task."""
        self.made += 1
        uuid = uuid or f"u{self.made}"
        latest = more.pop("latest", state)
        address = self.master.state.agents[agent_id].address
        more.setdefault("source", Source.EXECUTOR)
        status = TaskStatus(task_id, state, agent_id, uuid=uuid, timestamp_ms=self.now_ms, **more)
        return self.tell(address, StatusUpdate(framework_id, status, latest))

    def acknowledge(self, framework_id: str, agent_id: str, task_id: str, uuid: str, sender: str = "") -> Sent:
        message = Acknowledge(framework_id, agent_id, task_id, uuid)
        return self.tell(sender or self.address(framework_id), message)

    # ------------------------------------------------------------

    def _take(self, departure: Any) -> Sent:
        # Order among destinations is the host's business; within one it is the machine's.
        sent = [(to, m) for messages in departure.messages.values() for to, _, m in messages]
        self.records += [r for _, r in departure.records]
        self.notes += departure.notes
        for receiver, message in sent:
            if receiver == ALLOCATOR:
                self.books.hear(message)
            elif isinstance(message, AgentRegistered):
                self.agent_ids[receiver] = message.agent_id
        self.master.check()
        self.books.agree_with(self.master.state)
        for receiver, message in list(sent):
            if isinstance(message, Ping) and receiver not in self.silent:
                sent += self.tell(receiver, Pong(self.agent_ids[receiver]))
        return sent


def to(address: str, sent: Sent) -> list[Any]:
    return [m for receiver, m in sent if receiver == address]


def updates(address: str, sent: Sent) -> list[tuple[str, TaskState, Reason]]:
    """(task id, state, reason) of the updates that went to a framework."""
    return [(m.status.task_id, m.status.state, m.status.reason) for m in to(address, sent) if isinstance(m, Update)]


def statuses(address: str, sent: Sent) -> list[TaskStatus]:
    return [m.status for m in to(address, sent) if isinstance(m, Update)]


def of(kind: type, sent: Sent) -> list[tuple[str, Any]]:
    return [(receiver, m) for receiver, m in sent if isinstance(m, kind)]
