"""What the service framework knows. A service has slots, one for each index; a slot is held by an instance, or for a while by two: the old one and the next.

Who holds an index `epoch`-th is never in service together with another holder of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from raymesos.frameworks.base import Subscription
from raymesos.frameworks.kills import Kill
from raymesos.model.settings import ServiceSettings
from raymesos.model.tasks import TaskState
from raymesos.wire.messages import Demand
from raymesos.wire.routes import Route
from raymesos.wire.service_records import Lineage, Rollout
from raymesos.wire.services import ServiceSpec, Template

# Titus' code for an instance that ends because of something that Titus has no word for.
UPDATED = "updated"
REPLACED = "replaced"
"""Another holds its index."""


@dataclass(slots=True)
class Stop:
    """The instance is being ended: first it gets no new requests (until no gateway in `waits` has one of it open, or until its time is up), then it is killed."""

    why: str
    waits: dict[str, None] = field(default_factory=dict)
    drain_until_ms: int = 0
    kill: Kill | None = None


@dataclass(slots=True)
class Instance:
    """One attempt at an index. `reason` is Titus' code once it has ended."""

    id: str
    index: int
    epoch: int
    version: int
    lineage: Lineage
    agent_id: str
    host: str
    ports: tuple[int, ...]
    launched_ms: int
    state: TaskState = TaskState.STAGING
    steps: list[tuple[str, int, str]] = field(default_factory=list)
    """(state, when, Titus' reason code), oldest first: no state twice in a row."""
    started_ms: int | None = None
    healthy: bool | None = None
    judged: bool = True
    """What an outside judge of health says."""
    ready: bool | None = None
    well_since_ms: int | None = None
    """Since when it could be in service; None while it could not."""
    unreachable_ms: int | None = None
    stop: Stop | None = None
    reason: str = ""
    message: str = ""
    metrics: dict[str, tuple[int, int]] = field(default_factory=dict)
    """By name: (value in thousandths, when it was seen)."""


@dataclass(slots=True)
class Slot:
    """An index, to be held by an instance of `version`; `beside`: which may start while another still holds it."""

    index: int
    version: int
    beside: bool = False
    holders: dict[str, Instance] = field(default_factory=dict)
    """Those that have not ended, oldest first."""
    failures: int = 0
    """In a row, at the user's cost; and `losses` at the system's."""
    losses: int = 0
    because: str = ""
    times: int = 0
    """So often in a row it failed because of that."""
    due_ms: int = 0
    """The next attempt begins no earlier."""
    last_id: str = ""
    next: Lineage | None = None
    """That of the next attempt; None: it begins a line of its own."""


@dataclass(slots=True)
class Version:
    number: int
    template: Template
    at_ms: int
    why: str = ""


@dataclass(slots=True)
class Decision:
    """What a scaling policy thinks: since when fewer would do, the most of them that it wanted since, and what it thinks now."""

    fewer_since_ms: int | None = None
    fewer: int = 0
    text: str = ""


@dataclass(slots=True)
class Job:
    spec: ServiceSpec
    submitted_ms: int
    state: str
    why: str = ""
    ended_ms: int | None = None
    cancelled_ms: int | None = None
    versions: dict[int, Version] = field(default_factory=dict)
    version: int = 1
    """The last one that was whole."""
    rollout: Rollout | None = None
    slots: dict[int, Slot] = field(default_factory=dict)
    instances: dict[str, Instance] = field(default_factory=dict)
    """Those that have not ended, in a slot or not any more."""
    rows: dict[str, Instance] = field(default_factory=dict)
    """All attempts that can still be asked for, in the order in which they were made."""
    epochs: dict[int, int] = field(default_factory=dict)
    evictions: list[int] = field(default_factory=list)
    """When, as far back as the rate looks."""
    kills_left: int = 0
    """In this cycle."""
    scaled_ms: int | None = None
    """When a policy changed the size last."""
    decisions: list[Decision] = field(default_factory=list)
    traffic: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    """By gateway: (requests a second in thousandths, requests that wait, when that was seen)."""
    due_ms: int | None = None
    """When something is due."""
    restless: bool = True
    """Something is to become of it: each cycle looks at it."""
    told: Route | None = None
    """What gateways know of it."""
    revision: int = 0
    """Grows with every change that a client may want to see."""
    noted: int = -1
    moved: dict[str, Instance] = field(default_factory=dict)
    """Attempts that have changed since the observer was told of them."""

    @property
    def id(self) -> str:
        return self.spec.job_id


@dataclass(slots=True)
class Plan:
    """A relocation: the instance is to leave its agent, not before `at_ms`. `result` is what became of the last try."""

    task_id: str
    reason: str
    decided_ms: int
    at_ms: int
    tried_ms: int | None = None
    result: str = ""


@dataclass(slots=True)
class Bucket:
    """Of evictions of all services: `milli` tokens were left at `at_ms`."""

    milli: int
    at_ms: int = 0


@dataclass(slots=True)
class State:
    settings: ServiceSettings
    address: str
    subscription: Subscription
    bucket: Bucket
    life: int = 0
    named: int = 0
    """Instances that this life has named."""
    jobs: dict[str, Job] = field(default_factory=dict)
    open: dict[str, Job] = field(default_factory=dict)
    """Those that have not finished."""
    ended: dict[str, None] = field(default_factory=dict)
    of_name: dict[str, str] = field(default_factory=dict)
    """The open service of that name."""
    of_task: dict[str, str] = field(default_factory=dict)
    """The service of each instance that has not ended."""
    gateways: dict[str, None] = field(default_factory=dict)
    routes_version: int = 0
    published: bool = False
    """Gateways are told: we know what runs."""
    leaving: dict[str, str] = field(default_factory=dict)
    """Agents that are to be left, and why."""
    inverse: dict[str, str] = field(default_factory=dict)
    """The last inverse offer of each agent: that of its maintenance."""
    plans: dict[str, Plan] = field(default_factory=dict)
    """By instance."""
    dirty: dict[str, None] = field(default_factory=dict)
    """Services that the next pass looks at."""
    pass_asked: bool = False
    cycle_asked: bool = False
    notes_asked: bool = False
    asked_for: dict[str, tuple[Demand, ...]] = field(default_factory=dict)
    """By role: what was last asked for."""
    dropped: list[str] = field(default_factory=list)
    """Ids of services whose data may go; the host takes them from here."""


def touch(state: State, job: Job) -> None:
    """The next pass looks at it."""
    job.revision += 1
    state.dirty[job.id] = None


def step(job: Job, instance: Instance, state: TaskState, now_ms: int, reason: str = "") -> None:
    """The attempt is in this state from now on; said again it changes nothing."""
    instance.state = state
    if not instance.steps or (instance.steps[-1][0], instance.steps[-1][2]) != (state, reason):
        instance.steps.append((str(state), now_ms, reason))
        job.moved[instance.id] = instance


def template_of(job: Job, instance: Instance) -> Template:
    return job.versions[instance.version].template


def is_well(job: Job, instance: Instance) -> bool:
    """Whether it could be in service: started, neither unhealthy nor unready, in reach, not being ended."""
    return (
        instance.state is TaskState.RUNNING
        and instance.stop is None
        and instance.unreachable_ms is None
        and instance.healthy is not False
        and instance.judged
        and (instance.ready is True or (instance.ready is None and template_of(job, instance).readiness is None))
    )


def holder(slot: Slot) -> Instance | None:
    """Who is to hold the slot: of its version, not being ended, not given up."""
    return next(
        (
            h
            for h in reversed(slot.holders.values())
            if h.version == slot.version and h.stop is None and not (slot.beside and h.unreachable_ms is not None)
        ),
        None,
    )


def wants_instance(slot: Slot) -> bool:
    """Whether an instance is to be launched for it, now or when its time has come."""
    return holder(slot) is None and (slot.beside or all(h.unreachable_ms is not None for h in slot.holders.values()))


def serving(job: Job, slot: Slot) -> Instance | None:
    """The one that is in service: of those that are well the one of the slot's version, else the last."""
    well = [h for h in slot.holders.values() if is_well(job, h)]
    return max(well, key=lambda h: (h.version == slot.version, h.epoch), default=None)


def starting(job: Job) -> int:
    """Instances between launched and started."""
    return sum(i.started_ms is None for i in job.instances.values())
