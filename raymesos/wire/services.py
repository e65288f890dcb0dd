"""Services on the wire: what clients tell the service framework, and what each of their values means. Times in ms."""

from __future__ import annotations

from dataclasses import dataclass, field

from raymesos.model.resources import Resources
from raymesos.model.retries import RetryPolicy
from raymesos.wire.checks import Check
from raymesos.wire.registry import message
from raymesos.wire.work import Blob


@dataclass(frozen=True, slots=True)
class Size:
    """How many instances: min ≤ desired ≤ max."""

    min: int
    desired: int
    max: int


@dataclass(frozen=True, slots=True)
class Constraint:
    """Where instances may run. `kind`: equals (the agent's `attribute` is `value`) or unique-host (no two on one host)."""

    kind: str
    attribute: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    """What an instance is. Another template is another version; everything else of a service may change without touching an instance.

    The `port` of a check counts the instance's ports from 0; the command finds them as `$PORT0`, ...
    """

    resources: Resources
    argv: tuple[str, ...] = ()
    fn: Blob = field(default_factory=Blob)
    ports: int = 0
    env: tuple[tuple[str, str], ...] = ()
    working_dir: str = ""
    sys_path: tuple[str, ...] = ()
    python: str = ""
    health: Check | None = None
    readiness: Check | None = None
    grace_ms: int | None = None
    constraints: tuple[Constraint, ...] = ()
    app: str = ""
    """`module:attribute` of an ASGI app, instead of a command or a function."""


@dataclass(frozen=True, slots=True)
class UpdateRules:
    """How a new version takes the old one's place. `stable_ms`: a new instance counts once it was well so long; `deadline_ms`: without progress the update has failed."""

    batch_size: int = 1
    max_surge: int = 1
    max_unavailable: int = 0
    canary: int = 0
    pause_after_canary: bool = False
    stable_ms: int = 0
    max_failures: int = 0
    auto_rollback: bool = True
    deadline_ms: int = 600_000


@dataclass(frozen=True, slots=True)
class BudgetWindow:
    """On these days (Monday is 0), in these hours (from, to; none: all day), of a zone whose clock is ahead of UTC by the last of `offsets` that has begun: (from, ms)."""

    days: tuple[int, ...]
    hours: tuple[tuple[int, int], ...] = ()
    zone: str = "UTC"
    offsets: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Budget:
    """How much of a service may be moved.

    `policy`: availability (`limit` thousandths of a percent well), unhealthy (`limit` not well), relocations (`limit` moves of an index), self-managed (`limit` ms to move them
    itself), or none. `rate`: unlimited, count (`rate_limit` in `interval_ms`) or percent (`rate_limit` thousandths of a percent in `interval_ms`).
    `health`: checks, or started (who has started is well).
    """

    policy: str = "none"
    limit: int = 0
    rate: str = "unlimited"
    rate_limit: int = 0
    interval_ms: int = 3_600_000
    windows: tuple[BudgetWindow, ...] = ()
    health: str = "checks"


@dataclass(frozen=True, slots=True)
class ScalingPolicy:
    """`kind` target: the mean of `metric` over instances is to be `target_milli`. `kind` step: beyond `target_milli` (`above` or not) the size changes by the last of `steps`
    (distance, change; both in thousandths) that is reached, as `adjustment` says (change, percent, exact)."""

    kind: str
    metric: str
    target_milli: int
    out_cooldown_ms: int = 60_000
    in_cooldown_ms: int = 300_000
    disable_in: bool = False
    above: bool = True
    steps: tuple[tuple[int, int], ...] = ()
    adjustment: str = "change"
    min_change: int = 1


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """A service. The client chooses `job_id`; `digest` tells a repeated submit from another service. `group`: empty, or a name that no other running service has."""

    job_id: str
    name: str
    role: str
    template: Template
    size: Size
    digest: str = ""
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    update: UpdateRules = field(default_factory=UpdateRules)
    budget: Budget = field(default_factory=Budget)
    scaling: tuple[ScalingPolicy, ...] = ()
    drain_ms: int = 30_000
    enabled: bool = True
    no_increase: bool = False
    no_decrease: bool = False
    group: str = ""
    attributes: tuple[tuple[str, str], ...] = ()
    descriptor: str = ""
    """JSON: what else its client said of it. Kept and shown, never acted on."""


# ---------------------------------------------------------------- client → service framework; each is answered with one ServiceAnswer


@message(320)
class SubmitService:
    """Take the service. The same submit again is the same service."""

    spec: ServiceSpec


@message(321)
class ServiceAnswer:
    """Done; or, with a `kind`, not: InvalidJob (`field`), Conflict, UnknownId (`field` says of what), QuotaRefused. `text` says why, or what was done; `number` is the
    version that an update has made."""

    job_id: str
    kind: str = ""
    field: str = ""
    text: str = ""
    number: int = 0


@message(322)
class StopService:
    """End all instances; nothing is started any more."""

    job_id: str


@message(323)
class ScaleService:
    """Change what is given. With min or max alone, desired follows into their range."""

    job_id: str
    min: int | None = None
    desired: int | None = None
    max: int | None = None


@message(324)
class UpdateService:
    """The service is so from now on; its size, name and role stay. Another template makes a new version, which takes the old one's place by the new spec's rules.

    `version`, unless 0, is the one that the client has seen: a conflict if it is another one now.
    """

    spec: ServiceSpec
    version: int = 0


@message(325)
class RollbackService:
    """Back to an earlier version, the last one that was whole if `version` is 0; an update that goes on is broken off."""

    job_id: str
    version: int = 0


@message(326)
class PauseUpdate:
    """Begin no more of the update; what has begun goes on."""

    job_id: str


@message(327)
class ResumeUpdate:
    """Go on with an update that is paused, or that has failed."""

    job_id: str


@message(328)
class EnableService:
    """With traffic and scaling, or without; its instances run on."""

    job_id: str
    enabled: bool


@message(329)
class SetProcesses:
    """Whether desired may grow and shrink."""

    job_id: str
    no_increase: bool
    no_decrease: bool


@message(330)
class KillInstance:
    """End the instance; another takes its index. `shrink`: none does, desired is one less, and min too if it must; with `keep_min` refused where it must."""

    task_id: str
    shrink: bool = False
    keep_min: bool = False


@message(331)
class EvictInstance:
    """End the instance if the disruption budgets allow it. Refused with kind QuotaRefused, `field` names what is in the way."""

    task_id: str
    reason: str = ""


@message(332)
class MoveInstance:
    """The instance belongs to another service of the same template from now on, without a restart."""

    task_id: str
    to_job_id: str
    job_id: str = ""
    """The service that it is thought to belong to; empty: whichever."""


@message(333)
class ChangeServiceAttributes:
    """Put these attributes on the service, and take those away; others stay."""

    job_id: str
    put: tuple[tuple[str, str], ...] = ()
    remove: tuple[str, ...] = ()


@message(334)
class SetServiceBudget:
    """The service's disruption budget is this one from now on."""

    job_id: str
    budget: Budget


@message(335)
class SetScaling:
    """The service's scaling policies are these from now on."""

    job_id: str
    scaling: tuple[ScalingPolicy, ...] = ()


@message(336)
class LeaveAgent:
    """Move all instances away from the agent, as the budgets allow, and start none there; or, not `leave`, stay."""

    agent_id: str
    leave: bool = True
    reason: str = ""


@message(337)
class ForgetServices:
    """Those that have finished need not be kept."""

    job_ids: tuple[str, ...]


# ---------------------------------------------------------------- measurements → service framework; not answered


@message(340)
class MetricSeen:
    """What was measured of an instance, (metric, thousandths of its unit) each: cpu and memory in percent of what it asked for, requests a second, queue, or its own."""

    task_id: str
    values: tuple[tuple[str, int], ...]


@message(341)
class HealthSeen:
    """What a judge of health outside says of an instance: one that is not well has no traffic and counts as unhealthy, but is not ended for it."""

    task_id: str
    well: bool
