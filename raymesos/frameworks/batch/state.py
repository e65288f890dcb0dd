"""What the batch framework knows. A job of a million inputs is a few ranges and one byte per input; only what fails or is retried has a record of its own."""

from __future__ import annotations

from dataclasses import dataclass, field

from raymesos.frameworks.base import ACCEPTED, FINISHED, KILL_INITIATED, Subscription
from raymesos.frameworks.batch.queue import BAD, OK, OPEN, Queue, Span
from raymesos.frameworks.kills import Kill
from raymesos.model.resources import Resources
from raymesos.model.settings import BatchSettings
from raymesos.model.tasks import TaskState
from raymesos.wire.jobs import JobSpec, Part
from raymesos.wire.messages import Offer
from raymesos.wire.work import Blob

__all__ = ["ACCEPTED", "BAD", "FINISHED", "KILL_INITIATED", "OK", "OPEN", "Kill", "Part"]

TaskKey = tuple[int, int]
"""(life of the framework, number in it): later tasks of a job have greater keys."""

NO_RESULTS = Blob()
# Rows leave so many at a time: a sweep goes over all of them.
ROWS_SLACK = 2_000


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
    steps: list[tuple[str, int, str]] = field(default_factory=list)
    """(state, when, Titus' reason code), oldest first: no state twice in a row, so a handful."""


@dataclass(slots=True)
class Chunk:
    """A task that has not ended for us: launched, perhaps started, perhaps ended but with its report still on the way.

    It owes what `results.owed` says: the open inputs of its span that were not charged to it (or to a later task) already.
    """

    row: Row
    span: Span
    key: TaskKey
    launched_ms: int
    started_ms: int | None = None
    kill: Kill | None = None
    reported: bool = False
    """No more reports of it will come."""
    useful: bool = False
    """Some of its inputs were decided or charged by its reports."""
    failure: str = ""
    """Of a task of one input: what was reported to have gone wrong."""
    never_ran: bool = False
    ended: str = ""
    """Titus' code, when the terminal status came before the report."""
    result_due_ms: int | None = None


@dataclass(slots=True)
class Job:
    spec: JobSpec
    submitted_ms: int
    state: str = ACCEPTED
    why: str = ""
    ended_ms: int | None = None
    inputs: bytearray = field(default_factory=bytearray)
    """A status byte each, until the job has finished."""
    queue: Queue = field(default_factory=Queue)
    chunks: dict[str, Chunk] = field(default_factory=dict)
    live: int = 0
    """Chunks that have not ended."""
    starting: int = 0
    """Of these, those that have not started."""
    throttled: bool = False
    """It left offers unused because of its bounds, and must ask anew when they allow more."""
    rows: dict[str, Row] = field(default_factory=dict)
    sweep_rows_at: int = 0
    lineage: dict[int, Row] = field(default_factory=dict)
    """The last attempt of an input that had a task for itself and waits for another."""
    failures: dict[int, tuple[int, TaskKey]] = field(default_factory=dict)
    """Of open inputs that failed at the user's cost: how often, and in which task last."""
    parts: list[Part] = field(default_factory=list)
    """Each decides at least one input, so there are no more than inputs. Clients count them: they are never reordered, nor changed."""
    succeeded: int = 0
    failed: int = 0
    retried: int = 0
    tasks_named: int = 0
    input_us: int | None = None
    """Measured run time of one input."""
    wave: int = 1
    """Largest chunk so far allowed: grows with what was measured."""
    width: tuple[int, int] = (-1, 1)
    """(`slots_version` that it was reckoned for, how many tasks could run at once)."""
    limit_asked: bool = False
    """A wake for the next runtime limit has been asked for."""
    cancelled_ms: int | None = None
    version: int = 0
    """Grows with every change that a client may want to see."""
    noted: int = -1
    described: bool = False
    """Whether the observer knows its spec."""
    moved: dict[str, Row] = field(default_factory=dict)
    """Attempts that have changed since the observer was told of them."""
    kills: dict[str, str] = field(default_factory=dict)
    """By task id, why a former life asked for a kill, until it is known what has become of it."""
    task_attributes: dict[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    """By task id, of those that were given some."""

    @property
    def id(self) -> str:
        return self.spec.job_id

    @property
    def undecided(self) -> int:
        return self.spec.total - self.succeeded - self.failed


@dataclass(slots=True)
class GangHold:
    """Offers kept back for the oldest gang until there are enough, or until the hold's time is over."""

    job_id: str
    offers: dict[str, Offer] = field(default_factory=dict)


@dataclass(slots=True)
class State:
    settings: BatchSettings
    address: str
    subscription: Subscription
    life: int = 1
    """Which life of the framework this is."""
    jobs: dict[str, Job] = field(default_factory=dict)
    """In the order of submission."""
    open: dict[str, Job] = field(default_factory=dict)
    """Those that have not finished."""
    ended: dict[str, None] = field(default_factory=dict)
    """Ids of those that have, in the order in which they did."""
    ended_parts: int = 0
    ended_rows: int = 0
    of_name: dict[str, str] = field(default_factory=dict)
    """Name to id of jobs that have not finished."""
    hold: GangHold | None = None
    slots: dict[str, int] = field(default_factory=dict)
    """Milli-CPUs seen in offers, by agent: how wide a job could spread."""
    slots_version: int = 0
    asked_for: dict[str, dict[Resources | str, int]] = field(default_factory=dict)
    """The shapes of tasks that the last wish named (of gangs their ids), by role, and for how long it said that each runs (ms; 0: nobody knew)."""
    cycle_asked: bool = False
    retries_asked_ms: int | None = None
    """When the wake for retries is due."""
    notes_asked: bool = False
    dropped: list[str] = field(default_factory=list)
    """Ids of jobs whose data may go; the host takes them from here."""


def open_jobs(state: State) -> list[Job]:
    """Those that may still start something, in the order of submission."""
    return [job for job in state.open.values() if job.state == ACCEPTED]


def task_id_of(job_id: str, span: Span, key: TaskKey) -> str:
    return f"{job_id}.{span.lo}-{span.hi}.{key[0]}-{key[1]}"


def parse_task_id(task_id: str) -> tuple[str, int, int, TaskKey] | None:
    """(job id, lo, hi, key) of a task id of ours; None for any other text."""
    head, _, key = task_id.rpartition(".")
    job_id, _, span = head.rpartition(".")
    numbers = [*span.split("-"), *key.split("-")]
    if len(numbers) != 4 or not job_id or not all(n.isascii() and n.isdigit() for n in numbers):
        return None
    lo, hi, life, number = map(int, numbers)
    return job_id, lo, hi, (life, number)


def add_row(state: State, job: Job, row: Row) -> None:
    """Keep the attempt; beyond `rows_kept` the oldest that have ended leave."""
    job.rows[row.id] = row
    if len(job.rows) < max(job.sweep_rows_at, state.settings.rows_kept + ROWS_SLACK):
        return
    surplus = len(job.rows) - state.settings.rows_kept
    for old in [r for r in job.rows if r not in job.chunks][:surplus]:
        del job.rows[old]
    job.sweep_rows_at = len(job.rows) + ROWS_SLACK


def step(job: Job, row: Row, state: TaskState, now_ms: int, reason: str = "") -> None:
    """The attempt is in this state from now on; said again it changes nothing."""
    row.state = state
    if not row.steps or (row.steps[-1][0], row.steps[-1][2]) != (state, reason):
        row.steps.append((str(state), now_ms, reason))
        job.moved[row.id] = row


def add_chunk(job: Job, chunk: Chunk) -> None:
    job.chunks[chunk.row.id] = chunk
    job.live += 1
    job.starting += chunk.started_ms is None
    job.version += 1


def chunk_started(job: Job, chunk: Chunk, now_ms: int) -> None:
    chunk.started_ms = now_ms
    job.starting -= 1
    job.version += 1


def chunk_ended(job: Job, chunk: Chunk, code: str) -> None:
    """It runs no more; said again it changes nothing."""
    if not chunk.ended:
        chunk.ended = code
        job.live -= 1
        job.starting -= chunk.started_ms is None
        job.version += 1
