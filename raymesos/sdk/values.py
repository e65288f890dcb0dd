"""What a scheduler deals with: plain values, times in seconds, resources as `Resources` or Mesos' text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from raymesos.errors import InvalidValue
from raymesos.model.attributes import Attribute, Attributes
from raymesos.model.quota import Quantities, parse_quantities
from raymesos.model.resources import Resources
from raymesos.model.roles import validate_role
from raymesos.model.tasks import ALL_CAPABILITIES, TaskState, is_terminal
from raymesos.wire import messages as wire
from raymesos.wire.work import CommandWork


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameworkInfo:
    """Who a framework is. `failover_timeout` is how long its tasks live on while nobody runs it; `framework_id` resumes a former run.

    `capabilities` None stands for all. Raises InvalidValue.
    """

    name: str
    roles: Sequence[str] = ("*",)
    principal: str = ""
    failover_timeout: float = 0.0
    capabilities: Sequence[str] | None = None
    framework_id: str = ""
    user: str = ""
    labels: Mapping[str, str] | None = None
    min_allocatable: Mapping[str, Sequence[str]] | None = None
    """By role: an offer holds at least one of these quantities (`"cpus:4;mem:1024"`), or, where there are none, anything. Other roles: the cluster's own."""

    def __post_init__(self) -> None:
        if not self.name:
            raise InvalidValue("name", self.name, "must not be empty")
        if isinstance(self.roles, str) or not self.roles or len(set(self.roles)) < len(self.roles):
            raise InvalidValue("roles", self.roles, "must be a list of at least one role, each once")
        for role in self.roles:
            validate_role(role, field="roles")
        for capability in self.capabilities or ():
            if capability not in ALL_CAPABILITIES:
                raise InvalidValue("capabilities", capability, f"must be one of {', '.join(ALL_CAPABILITIES)}")
        milliseconds("failover_timeout", self.failover_timeout)
        for role in self.min_allocatable or ():
            if role not in self.roles:
                raise InvalidValue("min_allocatable", role, "is a role that the framework is not in")
        self._least()

    def _least(self) -> tuple[tuple[str, tuple[Quantities, ...]], ...]:
        return tuple(
            (role, tuple(parse_quantities(text, "min_allocatable") for text in least))
            for role, least in (self.min_allocatable or {}).items()
        )

    def to_wire(self) -> wire.FrameworkInfo:
        return wire.FrameworkInfo(
            name=self.name,
            roles=tuple(self.roles),
            id=self.framework_id,
            user=self.user,
            principal=self.principal,
            capabilities=ALL_CAPABILITIES if self.capabilities is None else tuple(str(c) for c in self.capabilities),
            failover_timeout_ms=milliseconds("failover_timeout", self.failover_timeout),
            labels=tuple((self.labels or {}).items()),
            offer_filters=self._least(),
        )


@dataclass(frozen=True, slots=True)
class Unavailability:
    """From `start` on, in seconds since 1970, for `duration` seconds; for ever if that is None."""

    start: float
    duration: float | None


@dataclass(frozen=True, slots=True)
class InverseOffer:
    """We are asked to leave the agent before it is unavailable. Empty `resources` stand for all that we hold there."""

    id: str
    agent_id: str
    unavailability: Unavailability
    resources: Resources
    framework_id: str


@dataclass(frozen=True, slots=True)
class Offer:
    """Resources of one agent, offered to one role of the framework. `agent` is the agent's name, `hostname` its machine's."""

    id: str
    agent_id: str
    agent: str
    hostname: str
    role: str
    resources: Resources
    attributes: dict[str, Any]
    """By name: text, a number, (begin, end) pairs, or a tuple of items."""
    framework_id: str
    unavailability: Unavailability | None = None
    """When the agent is scheduled to be unavailable."""

    @property
    def cpus(self) -> float:
        return self.resources.scalar("cpus") / 1000

    @property
    def mem(self) -> float:
        """In MB."""
        return self.resources.scalar("mem") / 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskInfo:
    """A task to launch: a `command` (a list of arguments, or text for the shell) with `resources` out of an offer. Times in seconds.

    `task_id` is the framework's own and is used once. Raises InvalidValue.
    """

    task_id: str
    command: str | Sequence[str]
    resources: Resources | str
    env: Mapping[str, str] | None = None
    working_dir: str = ""
    """Without one it runs in its sandbox."""
    name: str = ""
    kill_grace: float | None = None
    """Between SIGTERM and SIGKILL; None for the agent's default."""
    max_completion_time: float | None = None
    labels: Mapping[str, str] | None = None
    priority: int = 0
    """Of the framework's tasks, and all others, those with the lowest are ended first when somebody has to give something back."""
    volumes: Sequence[str] = ()
    """Ids of volumes that it uses, found in its sandbox under their paths."""

    def __post_init__(self) -> None:
        if not isinstance(self.priority, int) or isinstance(self.priority, bool):
            raise InvalidValue("priority", self.priority, "must be a whole number")
        if isinstance(self.volumes, str) or not all(isinstance(id, str) for id in self.volumes):
            raise InvalidValue("volumes", self.volumes, "must be a list of ids")
        self.to_wire()

    def to_wire(self) -> wire.TaskInfo:
        return wire.TaskInfo(
            task_id=self.task_id,
            name=self.name or self.task_id,
            resources=Resources.of(self.resources),
            work=CommandWork(_argv(self.command), _pairs("env", self.env), self.working_dir),
            kill_grace_ms=_optional_ms("kill_grace", self.kill_grace),
            max_completion_ms=_optional_ms("max_completion_time", self.max_completion_time),
            labels=_pairs("labels", self.labels),
            priority=self.priority,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskGroup:
    """Tasks that start on one executor or not at all; when one of them fails or is killed, the others are killed. One that exits 0 ends alone.

    An executor named by `executor_id` leaves after its last group; without a name it is the framework's own, which stays. Raises InvalidValue.
    """

    tasks: Sequence[TaskInfo]
    executor_id: str = ""

    def __post_init__(self) -> None:
        if not self.tasks or not all(isinstance(task, TaskInfo) for task in self.tasks):
            raise InvalidValue("tasks", self.tasks, "must be a list of at least one TaskInfo")
        if not isinstance(self.executor_id, str):
            raise InvalidValue("executor_id", self.executor_id, "must be text")

    def to_wire(self) -> wire.LaunchGroup:
        return wire.LaunchGroup(tuple(task.to_wire() for task in self.tasks), self.executor_id)


@dataclass(frozen=True, slots=True)
class TaskStatus:
    """What became of a task. `state`, `reason` and `source` have their v1 names; `uuid` is empty where no acknowledgement is wanted."""

    task_id: str
    state: str
    reason: str
    source: str
    message: str
    agent_id: str
    uuid: str
    timestamp: float
    """Seconds since 1970."""
    executor_id: str = ""
    healthy: bool | None = None
    """What its health check said last; None while it has none, and before the first answer."""
    usage: Mapping[str, int] | None = None
    """Measured figures of a task that ended: `cpu_ms`, `peak_rss_kb`."""
    ready: bool | None = None
    """What its readiness check said last, as `healthy`."""

    @property
    def is_terminal(self) -> bool:
        """Whether the task has ended for good and holds nothing."""
        return is_terminal(TaskState(self.state))


def offer_of(offer: wire.Offer) -> Offer:
    return Offer(
        id=offer.id,
        agent_id=offer.agent_id,
        agent=offer.agent_name or offer.hostname,
        hostname=offer.hostname,
        role=offer.role,
        resources=offer.resources,
        attributes=_attributes(offer.attributes),
        framework_id=offer.framework_id,
        unavailability=None if offer.unavailability is None else _when(offer.unavailability),
    )


def inverse_offer_of(offer: wire.InverseOffer) -> InverseOffer:
    return InverseOffer(
        id=offer.id,
        agent_id=offer.agent_id,
        unavailability=_when(offer.unavailability),
        resources=offer.resources,
        framework_id=offer.framework_id,
    )


def _when(unavailability: wire.Unavailability) -> Unavailability:
    duration_ms = unavailability.duration_ms
    return Unavailability(unavailability.start_ms / 1000, None if duration_ms is None else duration_ms / 1000)


def status_of(status: wire.TaskStatus) -> TaskStatus:
    return TaskStatus(
        task_id=status.task_id,
        state=str(status.state),
        reason=str(status.reason),
        source=str(status.source),
        message=status.message,
        agent_id=status.agent_id,
        uuid=status.uuid,
        timestamp=status.timestamp_ms / 1000,
        executor_id=status.executor_id,
        healthy=status.healthy,
        ready=status.ready,
        usage=dict(status.usage),
    )


def milliseconds(field: str, seconds: float) -> int:
    """`seconds` in ms. Raises InvalidValue unless it is a finite number of at least 0."""
    if not isinstance(seconds, int | float) or not math.isfinite(seconds) or seconds < 0:
        raise InvalidValue(field, seconds, "must be a number of seconds, 0 or more")
    return round(seconds * 1000)


def _argv(command: str | Sequence[str]) -> tuple[str, ...]:
    argv = ("/bin/sh", "-c", command) if isinstance(command, str) else tuple(command)
    if not command or not all(isinstance(part, str) for part in argv):
        raise InvalidValue("command", command, "must be text for the shell or a list of texts, not empty")
    return argv


def _pairs(field: str, values: Mapping[str, str] | None) -> tuple[tuple[str, str], ...]:
    for name, value in (values or {}).items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise InvalidValue(f"{field}.{name}", value, "must be text")
    return tuple((values or {}).items())


def _optional_ms(field: str, seconds: float | None) -> int | None:
    return None if seconds is None else milliseconds(field, seconds)


def _attributes(attributes: Attributes) -> dict[str, Any]:
    return {name: _plain(value) for name, value in attributes}


def _plain(value: Attribute) -> Any:
    return value / 1000 if isinstance(value, int) else value if isinstance(value, str) else tuple(value)
