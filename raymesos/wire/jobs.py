"""Batch jobs on the wire: what a client submits to the batch framework, and what the framework's journal keeps."""

from __future__ import annotations

from dataclasses import dataclass, field

from raymesos.model.resources import Resources
from raymesos.model.retries import RetryPolicy
from raymesos.wire.registry import message
from raymesos.wire.work import Blob, Failed, WorkReport


@dataclass(frozen=True, slots=True)
class InputSegment:
    """The inputs `base` to `base + count` of a job."""

    base: int
    count: int
    blob: Blob


@dataclass(frozen=True, slots=True)
class JobSpec:
    """A batch job: `total` calls of `fn`, one per input, or `total` runs of `argv`. The client chooses `job_id`; `digest` tells a repeated submit from another job."""

    job_id: str
    name: str
    role: str
    resources: Resources
    total: int
    digest: str = ""
    fn: Blob = field(default_factory=Blob)
    inputs: tuple[InputSegment, ...] = ()
    argv: tuple[str, ...] = ()
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    runtime_limit_ms: int | None = None
    retry_on_runtime_limit: bool = False
    max_parallel: int | None = None
    env: tuple[tuple[str, str], ...] = ()
    working_dir: str = ""
    sys_path: tuple[str, ...] = ()
    python: str = ""
    after: tuple[str, ...] = ()
    gang: bool = False
    isolated: bool = False
    attributes: tuple[tuple[str, str], ...] = ()
    ports: int = 0
    alone: bool = False
    """Each input has a task of its own: never are several packed in one."""
    descriptor: str = ""
    """JSON: what else its client said of it. Kept and shown, never acted on."""
    budget: str = ""
    """JSON: its disruption budget, as its client gave it. Kept and shown."""


@message(220)
class Submit:
    """Take the job. The same submit again is the same job."""

    spec: JobSpec


@message(221)
class JobAccepted:
    """The job is kept and will run."""

    job_id: str


@message(222)
class JobRefused:
    """`kind` is the error's class: InvalidJob, Conflict, UnknownId."""

    job_id: str
    kind: str
    field: str
    reason: str


@message(223)
class CancelJob:
    """End what runs of the job and start nothing more."""

    job_id: str


@message(224)
class CancelAnswered:
    """`known` is false when there is no such job."""

    job_id: str
    known: bool


@message(225)
class ForgetJobs:
    """Their client has all it wants of them: those that have finished need not be kept."""

    job_ids: tuple[str, ...]


@message(226)
class JobsForgotten:
    """Those that were dropped; also a record of the journal."""

    job_ids: tuple[str, ...]


@message(227)
class ChangeAttributes:
    """Put these attributes on the job, or on its task `task_id`, and take those away; others stay as they are."""

    job_id: str
    task_id: str = ""
    put: tuple[tuple[str, str], ...] = ()
    remove: tuple[str, ...] = ()


@message(228)
class SetBudget:
    """The job's disruption budget is this one from now on (JSON)."""

    job_id: str
    budget: str


@message(229)
class EndTask:
    """Kill the task at the user's cost: what it owes is tried again if the job's retries allow it."""

    task_id: str


@message(230)
class JobChanged:
    """Done; or not, and why: there is no such `job` or `task` (`unknown`), or it is over already (`ended`)."""

    unknown: str = ""
    ended: bool = False


# ---------------------------------------------------------------- what a client reads


@dataclass(frozen=True, slots=True)
class Part:
    """Results as they were booked: the inputs `lo` to `hi` but for `skipped` (to come later). `failed` failed for good; with `error`, all of them did."""

    lo: int
    hi: int
    results: Blob
    failed: tuple[Failed, ...] = ()
    skipped: tuple[int, ...] = ()
    error: str = ""


# ---------------------------------------------------------------- records of the batch framework's journal


@message(261)
class JobKept:
    """The job was accepted."""

    spec: JobSpec
    at_ms: int


@message(262)
class ReportTaken:
    """What a report said, as it was booked; `charge` is false when its task was not expected any more, so that only successes count."""

    report: WorkReport
    charge: bool


@message(263)
class InputsCharged:
    """The inputs `lo` to `hi` failed once in the task at the user's cost, for a reason that no report told. `retries`: how many the user had for this."""

    job_id: str
    lo: int
    hi: int
    error: str
    retries: int
    task_id: str


@message(272)
class KillAsked:
    """The task is to be killed for `why` (Titus' code), which says who pays for another attempt. Empty: it was given up, at the system's cost."""

    job_id: str
    task_id: str
    why: str


@message(264)
class CancelAsked:
    """Somebody cancelled the job."""

    job_id: str
    at_ms: int = 0


@message(265)
class JobEnded:
    """The job is over; `why` says how."""

    job_id: str
    why: str
    at_ms: int


@message(266)
class SubscriptionKept:
    """The framework's id with the master, and the roles that it subscribed in."""

    framework_id: str
    roles: tuple[str, ...]


@message(267)
class LifeBegan:
    """The framework's `life`-th life: it names its tasks by it, so no id is ever used twice."""

    life: int


@message(268)
class PartsKept:
    """In a snapshot: parts of the job's results, in the order in which clients count them."""

    job_id: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Charge:
    """The input failed `count` times at the user's cost, lastly in the `number`-th task of the `life`-th life."""

    index: int
    count: int
    life: int
    number: int


@message(269)
class ChargesKept:
    """In a snapshot: what open inputs of the job have cost so far, and how many attempts were repeated in all."""

    job_id: str
    charges: tuple[Charge, ...]
    retried: int


@message(270)
class JobChangeKept:
    """The job has these attributes and this budget now."""

    job_id: str
    attributes: tuple[tuple[str, str], ...]
    budget: str


@message(271)
class TaskAttributesKept:
    """The task of the job has these attributes now."""

    job_id: str
    task_id: str
    attributes: tuple[tuple[str, str], ...]
