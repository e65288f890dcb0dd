"""What the batch framework knows. A job of a million inputs is a few ranges and one byte per input; only what fails or is retried has a record of its own."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from raymesos.errors import InvariantBroken
from raymesos.frameworks.base import Subscription
from raymesos.model.settings import BatchSettings
from raymesos.model.tasks import TaskState
from raymesos.wire.jobs import JobSpec
from raymesos.wire.messages import Offer
from raymesos.wire.work import Blob, Failed

ACCEPTED = "Accepted"
KILL_INITIATED = "KillInitiated"
FINISHED = "Finished"

OPEN, OK, BAD = 0, 1, 2
"""The status byte of an input: not decided, succeeded, failed for good."""

# Attempts that `tasks` and `logs` can still speak of; the oldest rows leave first.
ROWS_KEPT = 20_000


@dataclass(slots=True)
class Row:
    """One attempt: a task for the inputs `index` to `hi`. `reason` is Titus' code once it has ended."""

    id: str
    index: int
    hi: int
    original_id: str
    resubmit_of: str = ""
    resubmit_number: int = 0
    system_resubmit_number: int = 0
    eviction_resubmit_number: int = 0
    state: TaskState = TaskState.STAGING
    reason: str = ""
    agent_id: str = ""
    message: str = ""


@dataclass(slots=True)
class Kill:
    """A kill that was asked for: why (Titus' code), and when it counts as unconfirmed."""

    why: str
    until_ms: int
    attempts: int = 1


@dataclass(slots=True)
class Chunk:
    """A task that has not ended for us: launched, perhaps started, perhaps ended but with its report still on the way."""

    row: Row
    lo: int
    hi: int
    launched_ms: int
    started_ms: int | None = None
    kill: Kill | None = None
    reported: bool = False
    ended: str = ""
    """Titus' code, when the terminal status came before the report."""
    result_due_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """Results as they were booked: the inputs `lo` to `hi` but for `skipped` (to come later). `failed` failed for good; with `error`, all of them did."""

    lo: int
    hi: int
    results: Blob
    failed: tuple[Failed, ...] = ()
    skipped: tuple[int, ...] = ()
    error: str = ""


@dataclass(slots=True)
class Job:
    spec: JobSpec
    submitted_ms: int
    state: str = ACCEPTED
    why: str = ""
    ended_ms: int | None = None
    inputs: bytearray = field(default_factory=bytearray)
    waiting: deque[tuple[int, int]] = field(default_factory=deque)
    """Ranges to be run, first come first."""
    retries: list[tuple[int, int, int]] = field(default_factory=list)
    """(due, lo, hi) of ranges that wait for their time, soonest first."""
    chunks: dict[str, Chunk] = field(default_factory=dict)
    rows: dict[str, Row] = field(default_factory=dict)
    lineage: dict[int, Row] = field(default_factory=dict)
    """The last attempt of inputs that were tried more than once, or alone."""
    user_failures: dict[int, int] = field(default_factory=dict)
    system_resubmits: dict[int, int] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)
    succeeded: int = 0
    failed: int = 0
    retried: int = 0
    tasks_named: int = 0
    input_us: int | None = None
    """Measured run time of one input."""
    wave: int = 1
    """Largest chunk so far allowed: grows with what was measured."""
    version: int = 0
    """Grows with every change that a client may want to see."""
    noted: tuple[object, ...] = ()

    @property
    def id(self) -> str:
        return self.spec.job_id

    @property
    def waiting_count(self) -> int:
        return sum(hi - lo for lo, hi in self.waiting) + sum(hi - lo for _, lo, hi in self.retries)

    @property
    def running_count(self) -> int:
        return sum(c.hi - c.lo for c in self.chunks.values() if not c.ended)

    @property
    def not_started(self) -> int:
        """Tasks between accepted and started."""
        return sum(1 for c in self.chunks.values() if c.started_ms is None and not c.ended)


@dataclass(slots=True)
class GangHold:
    """Offers kept back for the oldest gang until there are enough, or until `until_ms`."""

    job_id: str
    until_ms: int
    offers: dict[str, Offer] = field(default_factory=dict)


@dataclass(slots=True)
class State:
    settings: BatchSettings
    address: str
    subscription: Subscription
    jobs: dict[str, Job] = field(default_factory=dict)
    """In the order of submission."""
    of_name: dict[str, str] = field(default_factory=dict)
    """Name to id of jobs that have not finished."""
    hold: GangHold | None = None
    slots: dict[str, int] = field(default_factory=dict)
    """Milli-CPUs seen in offers, by agent: how wide a job could spread."""
    finished: int = 0
    notes_asked: bool = False
    dropped: list[str] = field(default_factory=list)
    """Ids of jobs whose data may go; the host takes them from here."""


def open_jobs(state: State) -> list[Job]:
    return [job for job in state.jobs.values() if job.state == ACCEPTED]


def add_row(job: Job, row: Row) -> None:
    job.rows[row.id] = row
    if row.hi - row.index == 1:
        job.lineage[row.index] = row
    if len(job.rows) > ROWS_KEPT:
        for old in [r for r in list(job.rows.values())[:100] if r.id not in job.chunks]:
            del job.rows[old.id]


def check(state: State) -> None:
    """Raises InvariantBroken if the books of a job do not agree: each open input waits or runs, once."""
    for job in state.jobs.values():
        _check_job(job)


def _check_job(job: Job) -> None:
    succeeded, failed = job.inputs.count(OK), job.inputs.count(BAD)
    if (succeeded, failed) != (job.succeeded, job.failed):
        raise InvariantBroken(
            "batch.counts", f"{job.id}: {succeeded}+{failed} decided, {job.succeeded}+{job.failed} counted"
        )
    if job.state != ACCEPTED:
        return
    seen = bytearray(job.spec.total)
    ranges = [*job.waiting, *((lo, hi) for _, lo, hi in job.retries), *((c.lo, c.hi) for c in job.chunks.values())]
    for lo, hi in ranges:
        for index in range(lo, hi):
            if job.inputs[index] == OPEN:
                if seen[index]:
                    raise InvariantBroken("batch.twice", f"{job.id}: input {index} waits or runs twice")
                seen[index] = 1
    lost = next((i for i in range(job.spec.total) if job.inputs[i] == OPEN and not seen[i]), None)
    if lost is not None:
        raise InvariantBroken("batch.lost", f"{job.id}: input {lost} neither waits nor runs nor is decided")
