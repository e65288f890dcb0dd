"""What the master knows: agents, frameworks, tasks, outstanding offers. All but the registry is relearned when agents and frameworks come back."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from raymesos.errors import InvariantBroken
from raymesos.model.resources import EMPTY, Resources
from raymesos.model.settings import MasterSettings
from raymesos.model.tasks import Capability, TaskState, is_terminal
from raymesos.wire.messages import AgentInfo, FrameworkInfo, Offer, TaskInfo, TaskStatus


@dataclass(slots=True)
class Task:
    """A task until its terminal update is acknowledged. `holding` while its resources are on the allocator's books."""

    framework_id: str
    info: TaskInfo
    agent_id: str
    state: TaskState
    status: TaskStatus | None = None
    holding: bool = True
    kill_grace_ms: int | None = None
    kill_asked: bool = False


@dataclass(slots=True)
class Framework:
    """`address` is where its events go; None while it is disconnected. `removed`: its id is burnt and its tasks are being killed."""

    info: FrameworkInfo
    address: str | None = None
    suppressed_roles: tuple[str, ...] = ()
    tasks: dict[str, Task] = field(default_factory=dict)
    unreachable: dict[str, Task] = field(default_factory=dict)
    offers: dict[str, None] = field(default_factory=dict)
    removed: bool = False
    sent: int = 0
    accepted: int = 0
    declined: int = 0
    rescinded: int = 0

    @property
    def id(self) -> str:
        return self.info.id

    @property
    def partition_aware(self) -> bool:
        return Capability.PARTITION_AWARE in self.info.capabilities


@dataclass(slots=True)
class Agent:
    """A registered agent. `incarnation` numbers its additions to the allocator; `life` is the agent process' own."""

    id: str
    info: AgentInfo
    address: str
    life: int
    incarnation: int
    connected: bool = True
    missed_pings: int = 0
    tasks: dict[tuple[str, str], Task] = field(default_factory=dict)
    """By (framework id, task id)."""
    offers: dict[str, None] = field(default_factory=dict)


@dataclass(slots=True)
class Outstanding:
    offer: Offer
    incarnation: int
    expires_ms: int | None


@dataclass(slots=True)
class State:
    settings: MasterSettings
    cluster_id: str
    epoch: int = 0
    started_ms: int = 0
    agents: dict[str, Agent] = field(default_factory=dict)
    agent_of_name: dict[str, str] = field(default_factory=dict)
    agent_of_address: dict[str, str] = field(default_factory=dict)
    frameworks: dict[str, Framework] = field(default_factory=dict)
    framework_of_address: dict[str, str] = field(default_factory=dict)
    offers: dict[str, Outstanding] = field(default_factory=dict)
    expiring: deque[tuple[int, str]] = field(default_factory=deque)
    """(when, offer id), soonest first; ids of offers that are gone are skipped."""
    # ---- the registry
    admitted: dict[str, AgentInfo] = field(default_factory=dict)
    unreachable: dict[str, int] = field(default_factory=dict)
    """Agent id to when it was lost."""
    gone: dict[str, None] = field(default_factory=dict)
    known_frameworks: dict[str, FrameworkInfo] = field(default_factory=dict)
    burnt: dict[str, None] = field(default_factory=dict)
    weights: dict[str, str] = field(default_factory=dict)
    # ---- after a restart
    recovering: dict[str, None] = field(default_factory=dict)
    """Admitted agents that have not come back since this master started."""
    # ---- counters
    agents_named: int = 0
    frameworks_named: int = 0
    offers_named: int = 0
    incarnations: int = 0
    resets: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    """Counters by Mesos' metric names without `master/`."""

    @property
    def master_id(self) -> str:
        return f"{self.cluster_id}-{self.epoch:04d}"

    @property
    def allocator_epoch(self) -> int:
        return self.epoch * 1_000_000 + self.resets


def count(state: State, name: str, by: int = 1) -> None:
    state.counts[name] = state.counts.get(name, 0) + by


def subscriber(state: State, sender: str, framework_id: str) -> Framework | None:
    """The framework if `sender` is its present subscriber; a call of anyone else has no effect."""
    framework = state.frameworks.get(framework_id)
    if framework is None or framework.removed or framework.address != sender:
        count(state, "dropped_messages")
        return None
    return framework


def agent_at(state: State, sender: str, agent_id: str | None = None) -> Agent | None:
    """The registered agent that lives at `sender` (and has this id)."""
    found = state.agents.get(state.agent_of_address.get(sender, ""))
    return found if found is not None and agent_id in (None, found.id) else None


def add_task(state: State, agent: Agent, task: Task) -> None:
    state.frameworks[task.framework_id].tasks[task.info.task_id] = task
    agent.tasks[task.framework_id, task.info.task_id] = task


def drop_task(state: State, task: Task) -> None:
    """Forget the task; a removed framework without tasks is forgotten with its last one."""
    agent = state.agents.get(task.agent_id)
    if agent is not None:
        agent.tasks.pop((task.framework_id, task.info.task_id), None)
    framework = state.frameworks.get(task.framework_id)
    if framework is not None:
        framework.tasks.pop(task.info.task_id, None)
        if framework.removed and not framework.tasks:
            del state.frameworks[task.framework_id]


def check(state: State) -> None:
    """Raises InvariantBroken if the master's books do not agree."""
    for offer_id, row in state.offers.items():
        offer = row.offer
        if (
            offer_id not in state.frameworks[offer.framework_id].offers
            or offer_id not in state.agents[offer.agent_id].offers
        ):
            raise InvariantBroken("master.offers", f"{offer_id} is not with its framework and its agent")
    for framework in state.frameworks.values():
        _check_framework(state, framework)
    for agent in state.agents.values():
        _check_agent(state, agent)


def _check_framework(state: State, framework: Framework) -> None:
    for offer_id in framework.offers:
        if offer_id not in state.offers:
            raise InvariantBroken("master.offers", f"{framework.id} has offer {offer_id}, which is gone")
    for task in framework.tasks.values():
        agent = state.agents.get(task.agent_id)
        if agent is None or (framework.id, task.info.task_id) not in agent.tasks:
            raise InvariantBroken(
                "master.tasks", f"task {task.info.task_id} of {framework.id} is not on agent {task.agent_id}"
            )
        if is_terminal(task.state) and task.holding:
            raise InvariantBroken("master.holding", f"task {task.info.task_id} is {task.state} and holds resources")


def _check_agent(state: State, agent: Agent) -> None:
    held: Resources = EMPTY
    for task in agent.tasks.values():
        if task.holding:
            held = held + task.info.resources
    for offer_id in agent.offers:
        held = held + state.offers[offer_id].offer.resources
    if not agent.info.resources.contains(held):
        raise InvariantBroken(
            "master.overcommit", f"agent {agent.id} has {agent.info.resources}, used and offered {held}"
        )
