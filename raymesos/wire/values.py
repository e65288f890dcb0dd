"""What messages are made of: frameworks, agents, tasks, offers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from raymesos.model.attributes import Attributes
from raymesos.model.quota import Quantities
from raymesos.model.resources import EMPTY, Resources
from raymesos.model.revocable import as_revocable
from raymesos.model.tasks import Reason, Source, TaskState
from raymesos.wire.checks import NOT_CHECKED, Check, Checked, Condition
from raymesos.wire.maintenance import Unavailability
from raymesos.wire.work import CommandWork, Work


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
    offer_filters: tuple[tuple[str, tuple[Quantities, ...]], ...] = ()
    """By role: an offer holds at least one of these quantities, or, where there are none, anything. Roles that are not named: the master's own."""
    checkpoint: bool = False
    """Shown as it was said. Agents keep executors and updates of every framework over their restarts."""


class ExecutorType(StrEnum):
    """`UNSET` where a framework does not say. (mesos.proto, ExecutorInfo.Type)"""

    UNSET = ""
    DEFAULT = "DEFAULT"
    """Ours, for task groups: it runs the commands of its tasks."""
    CUSTOM = "CUSTOM"
    """The framework's own program: it is told of its tasks over `/api/v1/executor`."""


@dataclass(frozen=True, slots=True)
class ExecutorInfo:
    """An executor that a framework describes. What it holds itself (`resources`) it holds from its first task until it has ended.

    `role`, that of the offer which it came with, is filled by the master.
    """

    executor_id: str
    command: CommandWork | None = None
    resources: Resources = EMPTY
    type: ExecutorType = ExecutorType.CUSTOM
    name: str = ""
    source: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    data: bytes = b""
    shutdown_grace_ms: int | None = None
    """Between being told to shut down and being killed; None takes the agent's own."""
    role: str = ""
    v1: bytes = b""
    """As that of TaskInfo."""

    @property
    def is_custom(self) -> bool:
        return self.type is not ExecutorType.DEFAULT


@dataclass(frozen=True, slots=True)
class TaskInfo:
    """A task to launch. `work` says what runs; `role` is filled by the master from the offer."""

    task_id: str
    name: str
    resources: Resources
    work: Work | None
    """None if its executor knows what to do: that is a custom one."""
    executor_id: str = ""
    """Empty for the default executor of the framework on the agent."""
    role: str = ""
    kill_grace_ms: int | None = None
    max_completion_ms: int | None = None
    priority: int = 0
    labels: tuple[tuple[str, str], ...] = ()
    group_id: str = ""
    """Given by the master to the tasks of a LaunchGroup: when one of them fails or is killed, the others are killed."""
    gpu_ids: tuple[int, ...] = ()
    """Which of its agent's GPUs it has, counted from 0: filled by the agent."""
    v1: bytes = b""
    """A JSON object of what the v1 API says of it and nobody but its readers looks at (discovery, container, health_check): shown as it came. Empty for none."""
    executor: ExecutorInfo | None = None
    """Its executor, which is started with it if it is not there. The master takes it out: from then on `executor_id` names it."""
    data: bytes = b""
    """For its executor."""
    agent_id: str = ""
    """Where it is to run, if its framework says so: it runs nowhere else."""
    health: Check | None = None
    """Who fails it so often in a row is ended, and FAILED."""
    readiness: Check | None = None
    """Nobody is ended for failing it; whether it may have traffic is told in `TaskStatus.ready`."""


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
    v1: bytes = b""
    """As that of TaskInfo: labels, container_status, check_status, limitation."""
    ready: bool | None = None
    """What its readiness check said last; None while it has none, and before the first answer."""
    checked: Checked | None = None
    """What its readiness check has seen last; None while it has none."""

    @property
    def condition(self) -> Condition:
        if self.healthy is None and self.ready is None and self.checked is None:
            return NOT_CHECKED
        return Condition(self.healthy, self.ready, self.checked)


@dataclass(frozen=True, slots=True)
class Offer:
    """`resources` of an agent, for `role` of the framework, until it answers, the offer is rescinded or its time is up."""

    id: str
    framework_id: str
    agent_id: str
    hostname: str
    role: str
    resources: Resources
    attributes: Attributes
    executor_ids: tuple[str, ...] = ()
    agent_name: str = ""
    unavailability: Unavailability | None = None
    """When the agent's machine is scheduled for maintenance."""


@dataclass(frozen=True, slots=True)
class Demand:
    """`count` tasks of shape `resources` wanted in `role` (every role of the call if empty). `exact`: offers that hold none are of no use, and more than they hold is not needed."""

    resources: Resources
    count: int
    role: str = ""
    exact: bool = False
    more: bool = False
    """Of an exact demand: `count` is not the end of it, as much as fits is of use."""
    gang: bool = False
    """Of an exact demand: all `count` tasks in one pass, or none."""
    run_ms: int = 0
    """About how long such a task runs; 0 if nobody knows. Short ones may use an agent that is kept for another."""


@dataclass(frozen=True, slots=True)
class TaskRef:
    """A task asked after. Without `agent_id` the master looks everywhere."""

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
class Claim:
    """The framework's role is owed resources that others use: `count` tasks of `shape`, or, of a framework that did not say what it wants, `quantities`.

    `takings` are (role, at most so much of it; names that are not there: as much as it holds), from whom to take first first. `agents` are those that it would use.
    `kind`: guarantee or fair.
    """

    framework_id: str
    role: str
    kind: str
    shape: Resources
    count: int
    quantities: Quantities
    takings: tuple[tuple[str, Quantities], ...]
    agents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AgentInfo:
    """What an agent says of itself. `name` is unique in the cluster and is its address's last part. `resources` are its own, without what is lent out."""

    name: str
    hostname: str
    resources: Resources
    attributes: Attributes
    node_id: str = ""
    """The Ray node that it lives on; processes with the same node id share files."""
    region: str = ""
    zone: str = ""
    """Its fault domain; empty if it has none."""
    revocable: Resources = EMPTY
    """What it lends out besides, as plain scalars: used by nobody now, taken back when its owner wants it. An estimate, so no record of it is kept."""
    endpoint: str = ""
    """host:port of its own HTTP address, told by who serves it; empty while nobody does. No record of it is kept."""

    @property
    def total(self) -> Resources:
        """All that there is: its own, and what it lends out, which is revocable."""
        return self.resources + as_revocable(self.revocable) if self.revocable else self.resources


@dataclass(frozen=True, slots=True)
class AgentTask:
    """A task as its agent knows it, told when the agent registers again. `preempted_for`: it was told to end it for somebody else."""

    framework_id: str
    task: TaskInfo
    state: TaskState
    preempted_for: str = ""
    condition: Condition = NOT_CHECKED
