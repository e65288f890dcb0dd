"""The messages between the master, the allocator, agents, executors and frameworks.

Calls are imperatives (`Accept`), events say what happened (`AgentLost`) or hold a noun (`Offers`). All are frozen values. Every message that a
framework sends carries its framework id. Times end in `_ms`; resources are `Resources`. `register` gives each a tag that never changes.
"""

from __future__ import annotations

from dataclasses import dataclass

from raymesos.model.attributes import Attributes
from raymesos.model.resources import Resources
from raymesos.model.tasks import Reason, Source, TaskState
from raymesos.wire.registry import message
from raymesos.wire.work import Work

# ---------------------------------------------------------------- values


@dataclass(frozen=True, slots=True)
class FrameworkInfo:
    """Who a framework says it is. `id` is empty at its first subscription."""

    name: str
    roles: tuple[str, ...]
    id: str = ""
    user: str = ""
    principal: str = ""
    capabilities: tuple[str, ...] = ()
    failover_timeout_ms: int = 0
    hostname: str = ""
    webui_url: str = ""
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class TaskInfo:
    """A task to launch. `work` says what runs; `role` is filled by the master from the offer."""

    task_id: str
    name: str
    resources: Resources
    work: Work
    executor_id: str = ""
    """Empty for the default executor of the framework on the agent."""
    role: str = ""
    kill_grace_ms: int | None = None
    max_completion_ms: int | None = None
    priority: int = 0
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class TaskStatus:
    """What is known of a task. `uuid` is empty where no acknowledgement is wanted."""

    task_id: str
    state: TaskState
    agent_id: str = ""
    executor_id: str = ""
    source: Source = Source.MASTER
    reason: Reason = Reason.NONE
    message: str = ""
    timestamp_ms: int = 0
    uuid: str = ""
    data: bytes = b""
    healthy: bool | None = None
    unreachable_ms: int | None = None
    usage: tuple[tuple[str, int], ...] = ()
    """Measured figures, name to integer (`cpu_ms`, `peak_rss_kb`), in a terminal status."""


@dataclass(frozen=True, slots=True)
class Offer:
    id: str
    framework_id: str
    agent_id: str
    hostname: str
    role: str
    resources: Resources
    attributes: Attributes
    executor_ids: tuple[str, ...] = ()
    agent_name: str = ""


@dataclass(frozen=True, slots=True)
class Demand:
    """`count` tasks of shape `resources` wanted in `role` (every role of the call if empty)."""

    resources: Resources
    count: int
    role: str = ""


@dataclass(frozen=True, slots=True)
class TaskRef:
    task_id: str
    agent_id: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """What a framework holds of one agent in one role, offered or used."""

    framework_id: str
    role: str
    agent_id: str
    resources: Resources


@dataclass(frozen=True, slots=True)
class Grant:
    """The allocator's word: `resources` of the agent go to the framework in `role`. `incarnation` is that of AgentAdded."""

    framework_id: str
    role: str
    agent_id: str
    incarnation: int
    resources: Resources


@dataclass(frozen=True, slots=True)
class AgentInfo:
    """What an agent says of itself. `name` is unique in the cluster and is its address's last part."""

    name: str
    hostname: str
    resources: Resources
    attributes: Attributes
    node_id: str = ""
    """The Ray node that it lives on; processes with the same node id share files."""


@dataclass(frozen=True, slots=True)
class AgentTask:
    """A task as its agent knows it, told when the agent registers again."""

    framework_id: str
    task: TaskInfo
    state: TaskState


@dataclass(frozen=True, slots=True)
class Launch:
    """The operation of an Accept that starts tasks."""

    tasks: tuple[TaskInfo, ...]


Operation = Launch

# ---------------------------------------------------------------- framework → master


@message(1)
class Subscribe:
    """Open (or, with `info.id`, resume) a subscription. The sender's address is where events go."""

    info: FrameworkInfo
    suppressed_roles: tuple[str, ...] = ()


@message(2)
class UpdateFramework:
    """Replace roles and other changeable facts of a subscribed framework."""

    info: FrameworkInfo
    suppressed_roles: tuple[str, ...] = ()


@message(3)
class Teardown:
    """Kill all tasks, remove the framework; its id is burnt."""

    framework_id: str


@message(4)
class Accept:
    """Use offers: operations in order; the rest returns with a filter of `refuse_ms`. No operations is a decline."""

    framework_id: str
    offer_ids: tuple[str, ...]
    operations: tuple[Launch, ...] = ()
    refuse_ms: int = 5_000


@message(5)
class Decline:
    framework_id: str
    offer_ids: tuple[str, ...]
    refuse_ms: int = 5_000


@message(6)
class Revive:
    """Wake `roles` (all if empty), clear their filters; `demand` says what is wanted and replaces what was said before."""

    framework_id: str
    roles: tuple[str, ...] = ()
    demand: tuple[Demand, ...] = ()


@message(7)
class Suppress:
    framework_id: str
    roles: tuple[str, ...] = ()


@message(8)
class Kill:
    """`grace_ms` None takes the task's own, else the agent's default."""

    framework_id: str
    task_id: str
    agent_id: str = ""
    grace_ms: int | None = None


@message(9)
class Acknowledge:
    framework_id: str
    agent_id: str
    task_id: str
    uuid: str


@message(10)
class Reconcile:
    """Ask for the state of `tasks`; of all non-terminal ones if empty."""

    framework_id: str
    tasks: tuple[TaskRef, ...] = ()


@message(11)
class ToExecutor:
    """Best effort, like Mesos' MESSAGE."""

    framework_id: str
    agent_id: str
    executor_id: str
    data: bytes


@message(12)
class ShutdownExecutor:
    framework_id: str
    agent_id: str
    executor_id: str


# ---------------------------------------------------------------- master → framework


@message(20)
class Subscribed:
    framework_id: str
    master_id: str
    heartbeat_ms: int = 15_000


@message(21)
class Offers:
    offers: tuple[Offer, ...]


@message(22)
class Rescind:
    offer_id: str


@message(23)
class Update:
    """To be acknowledged if, and only if, `status.uuid` is not empty."""

    status: TaskStatus


@message(24)
class FromExecutor:
    agent_id: str
    executor_id: str
    data: bytes


@message(25)
class Failure:
    """An agent was lost (no `executor_id`) or an executor ended."""

    agent_id: str
    executor_id: str = ""
    exit_status: int | None = None


@message(26)
class FrameworkError:
    """The subscription is over."""

    text: str


# ---------------------------------------------------------------- master → allocator


@message(40)
class AllocatorReset:
    """Forget everything. What follows rebuilds the books; grants carry `epoch` back, those of another epoch are void."""

    epoch: int
    paused: bool = False


@message(41)
class AgentAdded:
    agent_id: str
    incarnation: int
    hostname: str
    total: Resources
    attributes: Attributes
    held: tuple[Held, ...] = ()
    active: bool = True


@message(42)
class AgentChanged:
    agent_id: str
    total: Resources
    attributes: Attributes


@message(43)
class AgentRemoved:
    agent_id: str


@message(44)
class AgentActivated:
    agent_id: str


@message(45)
class AgentDeactivated:
    """Offer nothing of it until it is activated; what is held stays held."""

    agent_id: str


@message(46)
class FrameworkAdded:
    framework_id: str
    roles: tuple[str, ...]
    suppressed_roles: tuple[str, ...]
    capabilities: tuple[str, ...]
    active: bool = True


@message(47)
class FrameworkChanged:
    framework_id: str
    roles: tuple[str, ...]
    suppressed_roles: tuple[str, ...]
    capabilities: tuple[str, ...]


@message(48)
class FrameworkActivated:
    framework_id: str


@message(49)
class FrameworkDeactivated:
    """Offer it nothing; its filters are gone; what it holds stays held until recovered."""

    framework_id: str


@message(50)
class FrameworkRemoved:
    """Never offer it anything again. What it still holds stays on the books until recovered."""

    framework_id: str


@message(51)
class ReviveRoles:
    framework_id: str
    roles: tuple[str, ...]
    demand: tuple[Demand, ...] = ()


@message(52)
class SuppressRoles:
    framework_id: str
    roles: tuple[str, ...]


@message(53)
class Recover:
    """Resources come back. `refuse_ms` leaves a filter (None or 0: no filter). `task_ended` asks for a pass at once."""

    framework_id: str
    role: str
    agent_id: str
    incarnation: int
    resources: Resources
    refuse_ms: int | None = None
    task_ended: bool = False


@message(54)
class WeightsChanged:
    """(role, weight as decimal text) pairs."""

    weights: tuple[tuple[str, str], ...]


# ---------------------------------------------------------------- allocator → master


@message(60)
class AllocatorReady:
    """A new allocator without books asks to be told."""


@message(61)
class Allocations:
    """One message a pass."""

    epoch: int
    grants: tuple[Grant, ...]


# ---------------------------------------------------------------- agent ↔ master


@message(70)
class RegisterAgent:
    """`incarnation` grows with each start of the agent process."""

    info: AgentInfo
    incarnation: int


@message(71)
class ReregisterAgent:
    """`executors` and `tasks` are all that live there now; terminal tasks with unacknowledged updates included."""

    agent_id: str
    info: AgentInfo
    incarnation: int
    tasks: tuple[AgentTask, ...] = ()
    frameworks: tuple[FrameworkInfo, ...] = ()


@message(72)
class AgentRegistered:
    """`reconcile`: tasks that the master thinks are there and the agent did not list; it answers for each."""

    agent_id: str
    master_id: str
    ping_timeout_ms: int
    reconcile: tuple[tuple[str, str], ...] = ()
    """(framework id, task id) pairs."""


@message(73)
class AgentRefused:
    """The agent may not register (it was marked gone, or its name is taken); it kills what runs and stops."""

    reason: str


@message(74)
class UnregisterAgent:
    """The agent leaves on purpose."""

    agent_id: str


@message(75)
class Ping:
    """`connected` tells the agent what the master believes; an agent that is told False registers again."""

    connected: bool


@message(76)
class Pong:
    agent_id: str


@message(77)
class RunTasks:
    framework: FrameworkInfo
    tasks: tuple[TaskInfo, ...]


@message(78)
class KillTask:
    framework_id: str
    task_id: str
    grace_ms: int | None = None


@message(79)
class StatusUpdate:
    """Resent until acknowledged. `latest_state` is the newest state that the agent knows, which may be ahead of `status`."""

    framework_id: str
    status: TaskStatus
    latest_state: TaskState


@message(80)
class StatusAcknowledged:
    framework_id: str
    task_id: str
    uuid: str


@message(81)
class ShutdownFramework:
    """Kill all tasks and executors of the framework on this agent."""

    framework_id: str


@message(82)
class ExecutorMessage:
    """Framework data on its way to (`down`) or from an executor."""

    framework_id: str
    executor_id: str
    data: bytes
    down: bool


@message(83)
class ExecutorExited:
    framework_id: str
    executor_id: str
    exit_status: int | None


@message(84)
class ShutdownOneExecutor:
    framework_id: str
    executor_id: str


@message(85)
class Leave:
    """To an agent, from its host or an operator: kill what runs (`grace_ms` None: the agent's default), then unregister and stop."""

    grace_ms: int | None = None


# ---------------------------------------------------------------- agent ↔ launcher (the host's side) and executor


@message(90)
class StartExecutor:
    """To the launcher: an executor for this framework is to live at `executor/<agent name>/<executor_id>`."""

    framework_id: str
    executor_id: str
    agent_id: str


@message(91)
class StopExecutor:
    """To the launcher: end the executor's process if it is still there."""

    framework_id: str
    executor_id: str


@message(92)
class ExecutorLost:
    """From the launcher: the executor's process ended or could not be started."""

    framework_id: str
    executor_id: str
    message: str
    exit_status: int | None = None


@message(93)
class ExecutorSubscribe:
    """An executor is up. `tasks` and `updates` are what it holds from before, none if it is new.

    `states` has the latest state of each of `tasks`, in their order; `updates` holds those that nobody acknowledged, oldest first for each task.
    """

    framework_id: str
    executor_id: str
    tasks: tuple[TaskInfo, ...] = ()
    updates: tuple[TaskStatus, ...] = ()
    states: tuple[TaskState, ...] = ()


@message(94)
class ExecutorSubscribed:
    agent_id: str
    agent: AgentInfo


@message(95)
class LaunchTasks:
    tasks: tuple[TaskInfo, ...]


@message(96)
class KillLaunched:
    task_id: str
    grace_ms: int


@message(97)
class ExecutorUpdate:
    """A status with its `uuid` set by the executor; kept there until acknowledged."""

    framework_id: str
    executor_id: str
    status: TaskStatus


@message(98)
class ExecutorAcknowledged:
    task_id: str
    uuid: str


@message(99)
class ShutdownExecutorNow:
    """Kill everything and leave."""

    grace_ms: int


@message(100)
class ExecutorReconnect:
    """From a restarted agent: subscribe again and say what you hold."""


# ---------------------------------------------------------------- executor ↔ shim


@message(110)
class StartWork:
    """Run `work` under `task_id`; memory above `mem_limit_kb` ends it. `env` is added to the work's own."""

    task_id: str
    work: Work
    role: str
    mem_limit_kb: int | None = None
    env: tuple[tuple[str, str], ...] = ()


@message(111)
class StopWork:
    task_id: str
    grace_ms: int


@message(112)
class WorkStarted:
    task_id: str
    pid: int = 0


@message(113)
class WorkEnded:
    """`exit_code` or `signal` of the process, or neither when it never ran; `reason` when it was our doing.

    `parts` are for work that has several inputs or commands: what became of each range of indexes.
    """

    task_id: str
    exit_code: int | None = None
    signal: int | None = None
    reason: Reason = Reason.NONE
    message: str = ""
    usage: tuple[tuple[str, int], ...] = ()


@message(114)
class ForgetWork:
    """The shim may drop what it keeps of an ended task."""

    task_id: str


# ---------------------------------------------------------------- operator → master


@message(130)
class SetWeights:
    """(role, weight as decimal text) pairs; all or none. `request_id` comes back in the answer."""

    weights: tuple[tuple[str, str], ...]
    request_id: str = ""


@message(131)
class OperatorAnswer:
    """`error` is empty when the call was carried out."""

    request_id: str
    error: str = ""


# ---------------------------------------------------------------- records of the master's journal


@message(150)
class MasterStarted:
    """One per start: `epoch` numbers the master's lives."""

    cluster_id: str
    epoch: int


@message(151)
class AgentAdmitted:
    agent_id: str
    info: AgentInfo


@message(152)
class AgentUnreachable:
    agent_id: str
    since_ms: int


@message(153)
class AgentReachable:
    agent_id: str


@message(154)
class AgentGone:
    """Removed for ever: it left, or was marked gone."""

    agent_id: str


@message(155)
class FrameworkIdGiven:
    info: FrameworkInfo


@message(156)
class FrameworkIdBurnt:
    framework_id: str


@message(157)
class WeightsSet:
    weights: tuple[tuple[str, str], ...]


# ---------------------------------------------------------------- records of an agent's journal


@message(158)
class AgentIdKept:
    """The id that the master gave; a restarted agent registers again under it."""

    agent_id: str


@message(159)
class ExecutorKept:
    """An executor was asked for or has subscribed. `address` is empty until it did; `framework` until a task of it came."""

    framework_id: str
    executor_id: str
    address: str = ""
    framework: FrameworkInfo | None = None


@message(160)
class ExecutorDropped:
    framework_id: str
    executor_id: str
