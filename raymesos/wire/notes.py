"""Notes: what the machines tell the observer. Views, metrics, stories and explanations are folded from these, and from nothing else.

A note may be lost, so each says how things are now, not how they changed; `at_ms` is the clock of the machine that wrote it.
"""

from __future__ import annotations

from dataclasses import dataclass

from raymesos.model.attributes import Attributes
from raymesos.model.quota import Quantities, Quota
from raymesos.model.resources import Resources
from raymesos.wire.jobs import JobSpec
from raymesos.wire.maintenance import MachineId, Window
from raymesos.wire.operations import OperationStatus, ResourceOperation
from raymesos.wire.registry import message
from raymesos.wire.values import ExecutorInfo, FrameworkInfo, Offer, TaskStatus


@dataclass(frozen=True, slots=True)
class OpenOperation:
    """An operation with an id whose outcome is not acknowledged. `asked` is None if the master has forgotten what it was to do: that was before its restart."""

    framework_id: str
    status: OperationStatus
    asked: ResourceOperation | None = None


@message(200)
class AgentNote:
    """`state`: active, draining, drained, deactivated, disconnected, unreachable, recovering (not back since the master's restart), gone.

    `total` has reservations and volumes as they are now.
    """

    at_ms: int
    agent_id: str
    name: str
    hostname: str
    state: str
    total: Resources
    attributes: Attributes
    region: str = ""
    zone: str = ""
    node_id: str = ""
    registered_ms: int = 0
    reregistered_ms: int = 0
    """0 if it has not registered again in this life of the master."""
    mode: str = "active"
    """What an operator has made of it: active, draining, drained, deactivated; wherever it is."""
    drain_grace_ms: int | None = None
    mark_gone: bool = False
    """It is to be gone once it is drained."""
    operations: tuple[OpenOperation, ...] = ()
    endpoint: str = ""
    """host:port of its own HTTP address; empty if it has none now."""


@message(201)
class FrameworkNote:
    """`state`: active, disconnected, recovered (agents brought tasks of it, it has not subscribed since the master's restart), completed."""

    at_ms: int
    framework_id: str
    name: str
    roles: tuple[str, ...]
    state: str
    principal: str = ""
    info: FrameworkInfo | None = None
    suppressed_roles: tuple[str, ...] = ()
    offer_constraints: str = ""
    registered_ms: int = 0
    reregistered_ms: int = 0
    """When it subscribed last."""
    unregistered_ms: int = 0


@message(202)
class TaskNote:
    """The latest state of a task, as the master told its framework."""

    at_ms: int
    framework_id: str
    task_id: str
    name: str
    role: str
    agent_id: str
    state: str
    reason: str
    message: str
    resources: Resources
    executor_id: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    statuses: tuple[TaskStatus, ...] = ()
    """Those that the sender knows of, oldest first: the master knows the last. Whoever folds notes keeps the earlier ones."""
    v1: bytes = b""
    """As in TaskInfo."""


@message(203)
class OffersNote:
    """Outstanding offers of a framework and how many of each fate there were since the master started."""

    at_ms: int
    framework_id: str
    outstanding: int
    sent: int
    accepted: int
    declined: int
    rescinded: int


@message(204)
class ShareNote:
    """What a role holds (offered and used, its sub-roles included) and its dominant share as (part, whole), weight not applied."""

    at_ms: int
    role: str
    weight: str
    share: tuple[int, int]
    held: Resources
    guarantee: Quantities = ()
    limit: Quantities = ()
    dominant: str = ""
    """The resource that the share is of."""
    entitled: tuple[int, int] = (0, 1)
    """The share that it would have if every role that now wants or holds something had what its weight says."""


@dataclass(frozen=True, slots=True)
class WaitReason:
    """One thing that stands in the way, on `agents` agents. `kind` is one of

    suppressed, no_agents, filtered (`until_ms`), no_agent_fits (`quantities` are missing on the nearest), nothing_free, role_behind, limit (of `role`, with `quantities` of room
    left), headroom (kept for `role`), constraint, capability, domain, minimum, held (for `role`, `until_ms`), inactive (draining, deactivated, disconnected).
    """

    kind: str
    detail: str = ""
    until_ms: int | None = None
    role: str = ""
    quantities: Quantities = ()
    agents: int = 0


@message(205)
class WaitNote:
    """Why a framework got nothing in a role in the last pass, or empty `why` when it did get something or wants nothing.

    `why`, `detail` and `until_ms` are those of the first of `reasons`.
    """

    at_ms: int
    framework_id: str
    role: str
    why: str
    detail: str = ""
    until_ms: int | None = None
    reasons: tuple[WaitReason, ...] = ()


@message(206)
class PassNote:
    """One allocation pass: agents looked at, grants made, filters in force by role."""

    at_ms: int
    agents: int
    grants: int
    filters: tuple[tuple[str, int], ...] = ()


@message(207)
class JobNote:
    """A batch job now. `state`: Accepted, KillInitiated, Finished. Counts are of inputs (or commands)."""

    at_ms: int
    job_id: str
    name: str
    role: str
    framework_id: str
    state: str
    total: int
    waiting: int
    running: int
    succeeded: int
    failed: int
    retried: int
    shape: Resources
    why: str = ""
    """Why nothing of it runs, or why it ended as it did."""
    submitted_ms: int = 0
    ended_ms: int | None = None
    cancelled_ms: int | None = None
    """When it began to be killed."""


@message(214)
class JobSpecNote:
    """What the job is, without its function and inputs: told when it is submitted, and when something of it was changed."""

    at_ms: int
    spec: JobSpec


@message(215)
class AttemptNote:
    """A task of a batch job now, as its framework sees it: the inputs `lo` to `hi`, which attempt at them it is, and where it has been.

    `steps`: (Mesos' state, when, Titus' reason code), oldest first; the last one is how it stands.
    """

    at_ms: int
    job_id: str
    task_id: str
    lo: int
    hi: int
    original_id: str
    resubmit_of: str
    resubmit_number: int
    system_resubmit_number: int
    eviction_resubmit_number: int
    agent_id: str
    message: str
    steps: tuple[tuple[str, int, str], ...]
    ended: bool
    attributes: tuple[tuple[str, str], ...] = ()


@message(218)
class ServiceNote:
    """A service now. `state`: Accepted, KillInitiated, Finished. `update` says how far an update is; `why` what it waits for, or why it ended."""

    at_ms: int
    job_id: str
    name: str
    role: str
    framework_id: str
    state: str
    min: int
    desired: int
    max: int
    running: int
    ready: int
    waiting: int
    version: int
    enabled: bool
    shape: Resources
    why: str = ""
    update: str = ""
    scaling: str = ""
    """What its policies last decided, and why."""
    submitted_ms: int = 0
    ended_ms: int | None = None
    cancelled_ms: int | None = None
    attributes: tuple[tuple[str, str], ...] = ()


@message(219)
class InstanceNote:
    """An instance of a service now: the `epoch`-th holder of its index. The other fields are those of an AttemptNote."""

    at_ms: int
    job_id: str
    task_id: str
    index: int
    epoch: int
    version: int
    original_id: str
    resubmit_of: str
    resubmit_number: int
    system_resubmit_number: int
    eviction_resubmit_number: int
    agent_id: str
    host: str
    ports: tuple[int, ...]
    message: str
    steps: tuple[tuple[str, int, str], ...]
    ended: bool
    healthy: bool | None = None
    ready: bool | None = None
    serving: bool = False
    """Gateways send requests to it."""


@message(208)
class EventNote:
    """Something an operator reads in `raymesos events`: `kind` is a noun with a verb (`agent lost`), `subject` an id."""

    at_ms: int
    kind: str
    subject: str
    text: str = ""


@message(209)
class MetricsNote:
    """Counters and gauges by the names of Mesos' /metrics/snapshot, as they are now."""

    at_ms: int
    values: tuple[tuple[str, float], ...]


@message(210)
class MaintenanceNote:
    """The whole maintenance schedule, which of its machines are down now, and what frameworks last said to inverse offers.

    `answers`: (hostname, framework id, ACCEPT or DECLINE).
    """

    at_ms: int
    windows: tuple[Window, ...]
    down: tuple[MachineId, ...] = ()
    answers: tuple[tuple[str, str, str], ...] = ()


@message(211)
class MasterNote:
    """Who leads, and what operators have set. `weights`: (role, decimal text) of all roles that were given one."""

    at_ms: int
    master_id: str
    started_ms: int
    weights: tuple[tuple[str, str], ...] = ()
    quotas: tuple[Quota, ...] = ()


@message(212)
class OutstandingNote:
    """The offers that a framework has, at most OFFERS_SHOWN of them, oldest first."""

    at_ms: int
    framework_id: str
    offers: tuple[Offer, ...]


@message(213)
class ExecutorNote:
    """An executor that its framework has described. `state`: active, ended."""

    at_ms: int
    framework_id: str
    agent_id: str
    info: ExecutorInfo
    state: str


@message(216)
class CallsNote:
    """What a framework has called, been told and asked for since the master began its present life: `calls`, `calls/accept`, `events/offers`, `operations/launch`, ..."""

    at_ms: int
    framework_id: str
    counts: tuple[tuple[str, int], ...]


# ---------------------------------------------------------------- the observer's memory, kept again elsewhere


@message(290)
class WatchNotes:
    """To the observer: tell the sender all that you know, and from then on each note as it comes."""


@message(291)
class NotesBegin:
    """From the observer: forget what you know. All that it knows follows, then NotesComplete, then each note as it comes.

    `events_before` events happened before the oldest one that it still has.
    """

    events_before: int = 0


@message(292)
class NotesComplete:
    """That was all. `task_ends`: how many tasks ended in each state so far."""

    task_ends: tuple[tuple[str, int], ...] = ()


@message(293)
class HistoryNote:
    """The history of a role's share: (at_ms, share, entitled), oldest first."""

    role: str
    points: tuple[tuple[int, tuple[int, int], tuple[int, int]], ...]
