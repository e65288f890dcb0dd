"""Agent ↔ master."""

from __future__ import annotations

from raymesos.model.attributes import Attributes
from raymesos.model.resources import EMPTY, Resources
from raymesos.model.tasks import TaskState
from raymesos.wire.operations import OperationStatus
from raymesos.wire.registry import message
from raymesos.wire.values import AgentInfo, AgentTask, ExecutorInfo, FrameworkInfo, TaskInfo, TaskStatus


@message(70)
class RegisterAgent:
    """`incarnation` grows with each start of the agent process. `own` is what operations have made of the resources in `info`; empty: nothing else."""

    info: AgentInfo
    incarnation: int
    own: Resources = EMPTY


@message(71)
class ReregisterAgent:
    """`executors` and `tasks` are all that live there now; terminal tasks with unacknowledged updates included.

    `own` is what operations have made of the resources in `info` (empty: nothing else); `operations` are those whose outcome nobody has acknowledged.
    """

    agent_id: str
    info: AgentInfo
    incarnation: int
    tasks: tuple[AgentTask, ...] = ()
    frameworks: tuple[FrameworkInfo, ...] = ()
    own: Resources = EMPTY
    operations: tuple[tuple[str, OperationStatus], ...] = ()
    """(framework id, status) pairs."""
    executors: tuple[tuple[str, ExecutorInfo], ...] = ()
    """(framework id, info) of those that frameworks have described."""


@message(72)
class AgentRegistered:
    """`reconcile`: tasks that the master thinks are there and the agent did not list; it answers for each. So for `operations`.

    `own` is what the master thinks that operations have made of the agent: if it is something else by now, the agent registers again. Empty: nothing.
    """

    agent_id: str
    master_id: str
    ping_timeout_ms: int
    reconcile: tuple[tuple[str, str], ...] = ()
    """(framework id, task id) pairs."""
    own: Resources = EMPTY
    operations: tuple[tuple[str, str], ...] = ()
    """(framework id, operation id) pairs."""
    executors: tuple[tuple[str, str], ...] = ()
    """(framework id, executor id) of those that the master thinks are there and the agent did not list: it says of each that is not there that it ended."""


@message(73)
class AgentRefused:
    """The agent may not register; it kills what runs and stops. `for_now` (its machine is down): it asks again, as a new agent."""

    reason: str
    for_now: bool = False


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
    """The agent lives."""

    agent_id: str


@message(77)
class RunTasks:
    """Start these tasks of one framework: verified against offers, booked by the master.

    `executors` are those of their executors that the framework has described; of them those in `new` are booked with this message and are started with it, the
    others are there. One that is not there any more is not started again: what it holds was given back.
    """

    framework: FrameworkInfo
    tasks: tuple[TaskInfo, ...]
    executors: tuple[ExecutorInfo, ...] = ()
    new: tuple[str, ...] = ()


@message(78)
class KillTask:
    """End the task; `grace_ms` None takes the task's own, else the agent's default. `preempted_for`: for whom, if its framework did not ask for it."""

    framework_id: str
    task_id: str
    grace_ms: int | None = None
    preempted_for: str = ""


@message(79)
class StatusUpdate:
    """Resent until acknowledged. `latest_state` is the newest state that the agent knows, which may be ahead of `status`."""

    framework_id: str
    status: TaskStatus
    latest_state: TaskState


@message(80)
class StatusAcknowledged:
    """The framework has the update: the agent may send the task's next one."""

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
    """An executor ended, or never began; what it held itself is free. `exit_status` is None when nobody knows it."""

    framework_id: str
    executor_id: str
    exit_status: int | None


@message(84)
class ShutdownOneExecutor:
    """End one executor of the framework with all of its tasks."""

    framework_id: str
    executor_id: str


@message(85)
class Leave:
    """To an agent, from its host or an operator: kill what runs (`grace_ms` None: the agent's default), then unregister and stop."""

    grace_ms: int | None = None


@message(86)
class ApplyOperation:
    """Turn `before`, which no task uses, into `after`: it is booked by the master already. The outcome of one with an id is told by OperationReport."""

    framework_id: str
    before: Resources
    after: Resources
    operation_id: str = ""


@message(87)
class OperationReport:
    """Resent until acknowledged."""

    framework_id: str
    status: OperationStatus


@message(88)
class OperationAcknowledged:
    """The framework has the outcome: the agent may forget it."""

    framework_id: str
    operation_id: str
    uuid: str


@message(89)
class AgentUpdated:
    """The registered agent has another total, other attributes, another fault domain or another estimate of what it can lend. Its name stays."""

    agent_id: str
    info: AgentInfo


# ---------------------------------------------------------------- host → agent


@message(106)
class AgentServed:
    """From whoever serves HTTP for the agent, and on to its launcher: the agent's own address is `endpoint`, host:port."""

    endpoint: str


@message(103)
class Estimated:
    """What the agent can lend out now, as plain scalars. Revocable tasks that hold more are killed until it is enough."""

    revocable: Resources


@message(102)
class ConfigureAgent:
    """The agent has these resources, attributes and fault domain from now on. Nothing that runs is ended: what is missing is not given out again."""

    resources: Resources
    attributes: Attributes
    region: str = ""
    zone: str = ""


@message(107)
class Drain:
    """Master → agent: kill all tasks, each with its own grace but at most `grace_ms`, and take no new ones. Said again each time the agent registers."""

    grace_ms: int | None = None


@message(108)
class DrainOver:
    """Master → agent: tasks are welcome again."""


@message(109)
class RegisterAgain:
    """Master → agent: you were refused for now, and may be taken now."""
