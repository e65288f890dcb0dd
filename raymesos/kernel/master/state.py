"""What the master knows: agents, frameworks, tasks, outstanding offers. All but the registry is relearned when agents and frameworks come back."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from raymesos.model.amounts import Amounts
from raymesos.model.quota import Quota
from raymesos.model.resources import EMPTY, Resources
from raymesos.model.revocable import as_revocable
from raymesos.model.settings import MasterSettings
from raymesos.model.tasks import Capability, TaskState, is_terminal
from raymesos.wire.messages import (
    AgentInfo,
    AgentMode,
    AgentModeKept,
    Demand,
    ExecutorInfo,
    FrameworkInfo,
    Gone,
    InverseOffer,
    MachineId,
    Offer,
    Operate,
    OperationStatus,
    ResourceOperation,
    TaskInfo,
    TaskStatus,
    Unavailability,
    Window,
)

if TYPE_CHECKING:
    from raymesos.kernel.master.limits import Limiter


@dataclass(slots=True)
class Task:
    """A task until its terminal update is acknowledged. `holding` while its resources are on the allocator's books."""

    framework_id: str
    info: TaskInfo
    agent_id: str
    state: TaskState
    status: TaskStatus | None = None
    """The last update that its agent sent; None if none came since the master's start."""
    holding: bool = True
    kill_grace_ms: int | None = None
    kill_asked: bool = False
    number: int = 0
    """Tasks are numbered as the master comes to know of them: the youngest has the highest."""
    preempted_for: str = ""
    """For whom it is being killed, if its framework did not ask for that."""
    stray: bool = False
    """Its id was given to another task while its agent was away: it is being killed, and its framework hears nothing of it."""

    @property
    def key(self) -> tuple[str, str]:
        return self.framework_id, self.info.task_id


@dataclass(slots=True)
class Executor:
    """An executor that its framework has described. What it holds itself is on its agent's books until the agent says that it has ended."""

    framework_id: str
    info: ExecutorInfo
    agent_id: str
    preempted: bool = False
    """It was idle, and is told to leave for who is owed what it holds."""

    @property
    def key(self) -> tuple[str, str]:
        return self.framework_id, self.info.executor_id


@dataclass(slots=True)
class Framework:
    """`address` is where its events go; None while it is disconnected. `removed`: its id is burnt and its tasks are being killed."""

    info: FrameworkInfo
    address: str | None = None
    suppressed_roles: tuple[str, ...] = ()
    offer_constraints: str = ""
    demand: dict[str, tuple[Demand, ...]] = field(default_factory=dict)
    """By role: what its last revive said, for an allocator that has to be told anew."""
    tasks: dict[str, Task] = field(default_factory=dict)
    unreachable: dict[str, Task] = field(default_factory=dict)
    """Tasks on unreachable agents, in the order in which they were lost."""
    executors: dict[tuple[str, str], Executor] = field(default_factory=dict)
    """By (agent id, executor id): those that it has described."""
    offers: dict[str, None] = field(default_factory=dict)
    inverse_offers: dict[str, None] = field(default_factory=dict)
    removed: bool = False
    sent: int = 0
    accepted: int = 0
    declined: int = 0
    rescinded: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    """What it has called and been told: `counts.py`."""
    registered_ms: int | None = None
    """When it first subscribed in this life of the master; None: only its tasks are back."""
    reregistered_ms: int = 0

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
    own: Resources
    """What operations have made of `info.resources`."""
    connected: bool = True
    mode: AgentMode = AgentMode.ACTIVE
    """As `State.modes` has it."""
    missed_pings: int = 0
    tasks: dict[tuple[str, str], Task] = field(default_factory=dict)
    """By (framework id, task id)."""
    executors: dict[tuple[str, str], Executor] = field(default_factory=dict)
    """By (framework id, executor id)."""
    used: Resources = EMPTY
    """What its tasks and executors hold."""
    offers: dict[str, None] = field(default_factory=dict)
    inverse_offers: dict[str, str] = field(default_factory=dict)
    """The outstanding one of each framework that is asked to leave, by framework id."""
    inverse_answers: dict[str, str] = field(default_factory=dict)
    """ACCEPT or DECLINE, by framework id: what each said last, since the agent's unavailability was last changed."""
    operations: dict[tuple[str, str], OperationStatus] = field(default_factory=dict)
    """By (framework id, operation id): those with an id, until their outcome is acknowledged."""
    asked: dict[tuple[str, str], ResourceOperation] = field(default_factory=dict)
    """What of these was to be done, where it was asked for in this life of the master."""
    registered_ms: int = 0
    """When it came in this life of the master."""
    reregistered_ms: int = 0
    """When it last registered again; 0: never."""
    shrunk: bool = False
    """Its total has become less since the allocator was told of this incarnation: a grant made before may not fit."""

    @property
    def offerable(self) -> bool:
        return self.connected and self.mode is AgentMode.ACTIVE

    @property
    def whole(self) -> Resources:
        """All that it has, as the allocator is told: what operations have made of its own resources, and what it lends out."""
        return self.own + as_revocable(self.info.revocable)


@dataclass(slots=True)
class Plan:
    """Room that is being made for somebody on an agent: it waits for the ends of these tasks and idle executors. `released` numbers the last that came."""

    agent_id: str
    amounts: Amounts
    tasks: dict[tuple[str, str], None] = field(default_factory=dict)
    """By (framework id, task id)."""
    executors: dict[tuple[str, str], None] = field(default_factory=dict)
    """By (framework id, executor id)."""
    released: int = 0


@dataclass(slots=True)
class PendingOperate:
    """An operator's operation that waits for the allocator's word. `before` of the agent becomes `after`; `tries` counts those that failed."""

    sender: str
    message: Operate
    agent_id: str = ""
    incarnation: int = 0
    before: Resources = EMPTY
    after: Resources = EMPTY
    tries: int = 0


@dataclass(slots=True)
class Machine:
    """A machine on the maintenance schedule."""

    id: MachineId
    unavailability: Unavailability
    down: bool = False


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
    offers: dict[str, Offer] = field(default_factory=dict)
    """Outstanding ones."""
    expiring: deque[tuple[int, str]] = field(default_factory=deque)
    """(when, offer id), soonest first; ids of offers that are gone are skipped."""
    operating: dict[str, PendingOperate] = field(default_factory=dict)
    """By the id of the request to the allocator."""
    plans: dict[tuple[str, str], list[Plan]] = field(default_factory=dict)
    """By (framework id, role): the room that is being made for it."""
    releases: int = 0
    tasks_known: int = 0
    inverse_offers: dict[str, InverseOffer] = field(default_factory=dict)
    """Outstanding ones."""
    turned_away: dict[str, str] = field(default_factory=dict)
    """Addresses of agents that may not register while their machine is down, with its host."""
    live: dict[TaskState, int] = field(default_factory=dict)
    """How many tasks on registered agents are in each state."""
    untold: dict[str, None] = field(default_factory=dict)
    """Frameworks whose offers have changed since observers were told of them."""
    counted: dict[str, None] = field(default_factory=dict)
    """Frameworks for which something was counted since."""
    # ---- the registry
    admitted: dict[str, AgentInfo] = field(default_factory=dict)
    unreachable: dict[str, int] = field(default_factory=dict)
    """Agent id to when it was lost, in that order."""
    gone: dict[str, Gone] = field(default_factory=dict)
    modes: dict[str, AgentModeKept] = field(default_factory=dict)
    """Admitted agents that are not active because an operator said so."""
    windows: tuple[Window, ...] = ()
    """The maintenance schedule."""
    machines: dict[str, Machine] = field(default_factory=dict)
    """The machines on it, by host."""
    known_frameworks: dict[str, FrameworkInfo] = field(default_factory=dict)
    burnt: dict[str, None] = field(default_factory=dict)
    weights: dict[str, str] = field(default_factory=dict)
    quotas: dict[str, Quota] = field(default_factory=dict)
    """By role; none that is default."""
    # ---- after a restart
    recovering: dict[str, None] = field(default_factory=dict)
    """Admitted agents that have not come back since this master started."""
    expected: int = 0
    """So many were there to come back, while nothing is allocated because too few have; else 0."""
    # ---- counters
    agents_named: int = 0
    frameworks_named: int = 0
    offers_named: int = 0
    groups_named: int = 0
    incarnations: int = 0
    conversions_asked: int = 0
    resets: int = 0
    limiters: dict[str, Limiter] = field(default_factory=dict)
    """Rate limiters by principal; that of all who are not listed under the empty one."""
    messages_received: dict[str, int] = field(default_factory=dict)
    messages_processed: dict[str, int] = field(default_factory=dict)
    """By principal."""
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


def unname(state: State, agent: Agent) -> None:
    """The agent's name and address are free for another."""
    if state.agent_of_name.get(agent.info.name) == agent.id:
        del state.agent_of_name[agent.info.name]
    if state.agent_of_address.get(agent.address) == agent.id:
        del state.agent_of_address[agent.address]


def note_agent_id(state: State, agent_id: str) -> None:
    """The id is taken: agents are numbered over all lives of the master, and over those whose registry was lost."""
    number = agent_id.rpartition("-S")[2]
    if number.isdecimal():
        state.agents_named = max(state.agents_named, int(number))


def trim(kept: dict[str, Any], bound: int) -> None:
    """Forget the oldest until at most `bound` are left."""
    while len(kept) > bound:
        del kept[next(iter(kept))]


# ---------------------------------------------------------------- the books of tasks


def add_task(state: State, agent: Agent, task: Task) -> None:
    """Put the task on the books of its agent and, unless it is a stray, of its framework."""
    state.tasks_known += 1
    task.number = state.tasks_known
    agent.tasks[task.key] = task
    state.live[task.state] = state.live.get(task.state, 0) + 1
    if task.holding:
        agent.used = agent.used + task.info.resources
    if not task.stray:
        state.frameworks[task.framework_id].tasks[task.info.task_id] = task


def drop_task(state: State, task: Task) -> None:
    """Forget the task; a removed framework is forgotten with its last one. What it held is the caller's to settle."""
    agent = state.agents[task.agent_id]
    del agent.tasks[task.key]
    state.live[task.state] -= 1
    stop_holding(agent, task)
    framework = state.frameworks.get(task.framework_id)
    if framework is not None and framework.tasks.get(task.info.task_id) is task:
        del framework.tasks[task.info.task_id]
        forget_if_over(state, framework)


def add_executor(state: State, agent: Agent, executor: Executor) -> None:
    """Put the executor, and what it holds, on the books of its agent and its framework."""
    agent.executors[executor.key] = executor
    agent.used = agent.used + executor.info.resources
    state.frameworks[executor.framework_id].executors[agent.id, executor.info.executor_id] = executor


def drop_executor(state: State, executor: Executor) -> None:
    """Forget the executor. What it held is the caller's to settle."""
    agent = state.agents[executor.agent_id]
    del agent.executors[executor.key]
    agent.used = agent.used - executor.info.resources
    framework = state.frameworks[executor.framework_id]
    del framework.executors[agent.id, executor.info.executor_id]
    forget_if_over(state, framework)


def forget_if_over(state: State, framework: Framework) -> None:
    """A removed framework is forgotten when nothing of it is left on any agent."""
    if framework.removed and not framework.tasks and not framework.executors:
        state.frameworks.pop(framework.id, None)


def set_state(state: State, task: Task, new: TaskState) -> None:
    state.live[task.state] -= 1
    state.live[new] = state.live.get(new, 0) + 1
    task.state = new


def stop_holding(agent: Agent, task: Task) -> bool:
    """The task's resources are off its agent's books. False if they were not on them."""
    if not task.holding:
        return False
    task.holding = False
    agent.used = agent.used - task.info.resources
    return True


def ended_for_framework(task: Task) -> bool:
    """Whether the update that is with the framework, or on its way to it, is the last."""
    return task.status is not None and is_terminal(task.status.state)
