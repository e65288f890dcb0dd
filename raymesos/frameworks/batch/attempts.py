"""Tasks of jobs: what is reported of them and how they end. When one has ended, each of its inputs is decided, charged and tried again, or queued again."""

from __future__ import annotations

from raymesos.frameworks import kills
from raymesos.frameworks.base import acknowledge, lives
from raymesos.frameworks.batch import results
from raymesos.frameworks.batch.sizing import measured
from raymesos.frameworks.batch.state import (
    ACCEPTED,
    Chunk,
    Job,
    Row,
    State,
    chunk_ended,
    chunk_started,
    step,
)
from raymesos.frameworks.batch.timing import ask_for_cycle, ask_for_limit
from raymesos.frameworks.retry import FAILED, KILLED, LOST, NEVER_RAN, NORMAL, RUNTIME_LIMIT, STUCK_KILLING, code_of
from raymesos.machine import Outbox
from raymesos.model.tasks import Reason, TaskState, is_terminal
from raymesos.wire.jobs import InputsCharged, KillAsked, ReportTaken
from raymesos.wire.messages import TaskStatus
from raymesos.wire.work import WorkReport, WorkReportTaken

OUT_OF_TIME = "runtime limit exceeded"


def job_of_task(state: State, task_id: str) -> Job | None:
    """The job that the id names. Whether the job has such a task is for its chunks to say."""
    return state.jobs.get(task_id.rpartition(".")[0].rpartition(".")[0])


def reported(state: State, sender: str, report: WorkReport, out: Outbox, now_ms: int) -> None:
    """Book what the executor says of a task's inputs, durably, and tell it that we have it. Said again it changes nothing."""
    out.send(sender, WorkReportTaken(report.task_id, report.part))
    job = state.jobs.get(report.job_id)
    if job is None or job.state != ACCEPTED:
        return
    chunk = job.chunks.get(report.task_id)
    if chunk is None:
        if results.take_report(job, report, now_ms, None):
            out.persist(ReportTaken(report, charge=False))
        return
    if results.take_report(job, report, now_ms, chunk.key, chunk.span.lost):
        out.persist(ReportTaken(report, charge=True))
        chunk.useful = True
        measured(job, report.hi - report.lo, report.elapsed_us)
    if report.failed and chunk.span.hi - chunk.span.lo == 1:
        chunk.failure = report.failed[0].error or FAILED
    _remember(job, chunk)
    chunk.reported = chunk.reported or report.last
    if chunk.ended and chunk.reported:
        close(job, chunk, chunk.ended, out, now_ms)


def updated(state: State, status: TaskStatus, out: Outbox, now_ms: int) -> None:
    """Take a task's status. One of no job of ours is killed: nobody waits for it."""
    acknowledge(state.subscription, status, out)
    job = job_of_task(state, status.task_id)
    chunk = job.chunks.get(status.task_id) if job is not None else None
    if job is None or chunk is None or chunk.ended:
        if lives(status.state) and status.state is not TaskState.KILLING:
            kills.send(state.subscription, status.task_id, status.agent_id, out, 0)
    elif lives(status.state):
        _goes_on(state, job, chunk, status, out, now_ms)
    elif status.state in (TaskState.FAILED, TaskState.ERROR) and status.reason is Reason.RECONCILIATION:
        # Whose fault it was is in the agent's own update, which is on its way until we acknowledge it.
        _await_report(state, chunk, out, now_ms)
    else:
        _ended(state, job, chunk, status, out, now_ms)


def over(job: Job, row: Row, code: str, now_ms: int) -> None:
    """The attempt has ended, for Titus' reason `code`."""
    row.reason = code
    step(job, row, row.state if is_terminal(row.state) else TaskState.LOST, now_ms, code)


def close(job: Job, chunk: Chunk, code: str, out: Outbox, now_ms: int, shown: str = "") -> None:
    """The task is over for us: what it still owes is charged, lost or queued again, by why it ended. `shown` is what people are told instead."""
    chunk_ended(job, chunk, code)
    del job.chunks[chunk.row.id]
    if chunk.failure and code == NORMAL:
        # Its worker is well; what its only input was for has failed.
        shown, chunk.row.message = FAILED, chunk.failure
    over(job, chunk.row, shown or code, now_ms)
    if job.state != ACCEPTED:
        return
    rest = results.owed(job, chunk)
    if not rest:
        return
    _remember(job, chunk)
    retries = job.spec.retry.retries
    if code == RUNTIME_LIMIT:
        # Asked for, it is tried again at least once, even without a budget.
        retries = max(1, retries) if job.spec.retry_on_runtime_limit else 0
        _charge(job, chunk, rest, OUT_OF_TIME, retries, out, now_ms)
    elif code == FAILED and (chunk.never_ran or chunk.span.hi - chunk.span.lo == 1):
        _charge(job, chunk, rest, chunk.row.message or code, retries, out, now_ms)
    elif code == KILLED and chunk.kill is not None and chunk.kill.why == KILLED:
        _charge(job, chunk, rest, code, retries, out, now_ms)
    else:
        # A worker that stops between inputs, or dies over one of them, gives the others back; one that has done nothing must not be fed at once.
        gave_back = code in (NORMAL, FAILED) and chunk.useful and chunk.reported
        results.requeue(job, chunk, rest, now_ms, lost=not gave_back)


def overdue(job: Job, chunk: Chunk, out: Outbox, now_ms: int) -> None:
    """Its results, or the news of its end, never came: it is lost, unless a lone input has failed."""
    close(job, chunk, chunk.ended if chunk.ended and chunk.ended != NORMAL else LOST, out, now_ms)


def unkillable(job: Job, chunk: Chunk, out: Outbox, now_ms: int) -> None:
    """Nobody has confirmed the kill: the task is over without it. Running out of time is the user's to pay for, whoever would not die."""
    assert chunk.kill is not None
    chunk.row.state = TaskState.KILLED
    code = RUNTIME_LIMIT if chunk.kill.why == RUNTIME_LIMIT else STUCK_KILLING
    if code == STUCK_KILLING and job.state == ACCEPTED:
        out.persist(KillAsked(job.id, chunk.row.id, ""))
    close(job, chunk, code, out, now_ms, shown=STUCK_KILLING)


def _goes_on(state: State, job: Job, chunk: Chunk, status: TaskStatus, out: Outbox, now_ms: int) -> None:
    chunk.row.agent_id = status.agent_id or chunk.row.agent_id
    if chunk.kill is None:
        step(job, chunk.row, status.state, now_ms)
    if status.state is TaskState.RUNNING and chunk.started_ms is None:
        chunk_started(job, chunk, now_ms)
        ask_for_limit(job, out, now_ms)


def _ended(state: State, job: Job, chunk: Chunk, status: TaskStatus, out: Outbox, now_ms: int) -> None:
    chunk.row.state = status.state
    chunk.row.message = status.message
    code = code_of(status)
    if chunk.kill is not None and code != NORMAL:
        code = chunk.kill.why
    chunk.never_ran = status.state is TaskState.ERROR or status.reason in NEVER_RAN
    if chunk.reported or code not in (NORMAL, FAILED) or (code == FAILED and chunk.never_ran):
        close(job, chunk, code, out, now_ms)
        return
    # Its report travels by a shorter road, and was sent first: it is late or lost.
    chunk_ended(job, chunk, code)
    _await_report(state, chunk, out, now_ms)


def _await_report(state: State, chunk: Chunk, out: Outbox, now_ms: int) -> None:
    if chunk.result_due_ms is None:
        chunk.result_due_ms = now_ms + state.settings.result_wait_ms
        ask_for_cycle(state, out)


def _charge(
    job: Job, chunk: Chunk, rest: list[results.Range], error: str, retries: int, out: Outbox, now_ms: int
) -> None:
    for lo, hi in rest:
        out.persist(InputsCharged(job.id, lo, hi, error, retries, chunk.row.id))
    results.charge(job, rest, error, chunk.key, retries, now_ms, chunk.span.lost)


def _remember(job: Job, chunk: Chunk) -> None:
    """If the task was of one input, and it is tried again, the next attempt names this one."""
    lo, hi = chunk.span.lo, chunk.span.hi
    if hi - lo == 1 and not job.inputs[lo]:
        job.lineage[lo] = chunk.row
