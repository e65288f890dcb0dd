"""What the service framework keeps in its journal. Times in ms."""

from __future__ import annotations

from dataclasses import dataclass

from raymesos.wire.registry import message
from raymesos.wire.services import ServiceSpec, Template


@dataclass(frozen=True, slots=True)
class Lineage:
    """Which attempt at its index an instance is, and for whose sake it was needed."""

    original_id: str
    resubmit_of: str = ""
    resubmits: int = 0
    system_resubmits: int = 0
    eviction_resubmits: int = 0


@message(360)
class ServiceKept:
    """The service was accepted; its template is that of version `number`, the first one unless this is a snapshot's."""

    spec: ServiceSpec
    at_ms: int
    number: int = 1


@message(361)
class SpecKept:
    """The service is so now; its template is that of its newest version."""

    spec: ServiceSpec


@message(362)
class VersionKept:
    """The service has one more version; those that are too old are forgotten."""

    job_id: str
    number: int
    template: Template
    at_ms: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class Rollout:
    """An update from the version `before` to `target`. `phase`: canary, rolling, paused (told to, or after the canary), failed (stopped where it was).

    `back`: it is a rollback, because of `why`. `failures`: new instances that have failed. `moved_ms`: when it last got on.
    """

    before: int
    target: int
    phase: str
    begun_ms: int
    moved_ms: int
    back: bool = False
    why: str = ""
    failures: int = 0
    canary: int = 0
    """So many go first; 0 once they are well."""


@message(363)
class RolloutKept:
    """How far the update is; None: `version` is whole, and the service's from now on."""

    job_id: str
    rollout: Rollout | None
    version: int


@message(364)
class SlotKept:
    """The index is one of the service's, to be held by an instance of `version`; `beside`: it may start while the one before it still runs. Or it is `gone`."""

    job_id: str
    index: int
    version: int
    beside: bool = False
    gone: bool = False


@message(365)
class InstanceKept:
    """An instance was launched: the `epoch`-th that ever held the index."""

    job_id: str
    task_id: str
    index: int
    epoch: int
    version: int
    lineage: Lineage
    agent_id: str
    host: str
    ports: tuple[int, ...]
    at_ms: int


@message(366)
class StopKept:
    """The instance is being ended; `why` is Titus' code."""

    job_id: str
    task_id: str
    why: str
    at_ms: int


@message(367)
class InstanceEnded:
    """The instance has ended with Titus' `code`, after it had run for `ran_ms`."""

    job_id: str
    task_id: str
    state: str
    code: str
    text: str
    ran_ms: int
    at_ms: int


@message(368)
class InstanceMoved:
    """The instance holds the index of the other service now."""

    job_id: str
    task_id: str
    to_job_id: str
    index: int
    epoch: int


@message(369)
class SlotBooks:
    """In a snapshot: what is known of an index besides: its last epoch, failures in a row and why, when the next attempt may begin, the last attempt."""

    job_id: str
    index: int
    epoch: int
    failures: int
    losses: int
    because: str
    times: int
    due_ms: int
    lineage: Lineage | None
    task_id: str


@message(370)
class StopAsked:
    """Somebody ended the service."""

    job_id: str
    at_ms: int


@message(371)
class ServiceEnded:
    """The service is over."""

    job_id: str
    why: str
    at_ms: int


@message(372)
class ServicesForgotten:
    """Those that were dropped."""

    job_ids: tuple[str, ...]


@message(373)
class PlanKept:
    """The instance is to leave its agent, not before `at_ms`; or, `over`, it need not."""

    task_id: str
    reason: str
    decided_ms: int
    at_ms: int
    over: bool = False


@message(374)
class LeavingKept:
    """The agent is to be left; or not any more."""

    agent_id: str
    leave: bool
    reason: str = ""


@message(375)
class EvictionsKept:
    """In a snapshot: when instances of the service were evicted, as far back as its rate looks."""

    job_id: str
    at_ms: tuple[int, ...]
