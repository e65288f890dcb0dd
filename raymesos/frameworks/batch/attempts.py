"""Tasks of jobs: started, ended, stuck, out of time, killed. When one ends, each of its inputs is decided, retried or queued again."""

from __future__ import annotations

from raymesos.frameworks.base import acknowledge
from raymesos.frameworks.batch import results
from raymesos.frameworks.batch.placing import measured
from raymesos.frameworks.batch.state import ACCEPTED, Chunk, Job, Kill, State
from raymesos.frameworks.retry import (
    FAILED,
    KILLED,
    NORMAL,
    RUNTIME_LIMIT,
    STUCK,
    STUCK_KILLING,
    SYSTEM_CODES,
    code_of,
)
from raymesos.machine import MASTER, Outbox
from raymesos.model.tasks import Reason, TaskState, is_terminal
from raymesos.wire import messages
from raymesos.wire.jobs import InputsCharged, ReportTaken
from raymesos.wire.messages import TaskStatus
from raymesos.wire.work import WorkReport, WorkReportTaken

_STARTED = (TaskState.RUNNING,)


def job_of_task(state: State, task_id: str) -> Job | None:
    return state.jobs.get(task_id.rpartition(".")[0].rpartition(".")[0])


def reported(state: State, sender: str, report: WorkReport, out: Outbox, now_ms: int) -> None:
    """Book what the executor says of a task's inputs, durably, and tell it that we have it. Said again it changes nothing."""
    job = state.jobs.get(report.job_id)
    out.send(sender, WorkReportTaken(report.task_id, report.part))
    if job is None or job.state != ACCEPTED:
        return
    chunk = job.chunks.get(report.task_id)
    if chunk is not None and chunk.reported:
        return
    out.persist(ReportTaken(report, charge=chunk is not None))
    results.take_report(job, report, now_ms, charge=chunk is not None)
    if chunk is None:
        return
    chunk.reported = True
    measured(job, report.hi - report.lo, report.elapsed_us)
    if chunk.ended:
        close(state, job, chunk, chunk.ended, out, now_ms)


def updated(state: State, status: TaskStatus, out: Outbox, now_ms: int) -> None:
    """Take a task's status. One of no job of ours is killed: nobody waits for it."""
    acknowledge(state.subscription, status, out)
    job = job_of_task(state, status.task_id)
    chunk = job.chunks.get(status.task_id) if job is not None else None
    if job is None or chunk is None or chunk.ended:
        if not is_terminal(status.state) and status.state not in (TaskState.UNREACHABLE, TaskState.UNKNOWN):
            out.send(MASTER, messages.Kill(state.subscription.framework_id, status.task_id, status.agent_id, 0))
        return
    if is_terminal(status.state) or status.state in (TaskState.UNREACHABLE, TaskState.UNKNOWN):
        _ended(state, job, chunk, status, out, now_ms)
        return
    chunk.row.agent_id = status.agent_id or chunk.row.agent_id
    chunk.row.state = status.state
    if status.state in _STARTED and chunk.started_ms is None:
        chunk.started_ms = now_ms
        job.version += 1
        if job.spec.runtime_limit_ms is not None:
            out.wake("cycle", min(job.spec.runtime_limit_ms, state.settings.cycle_ms))


def kill(state: State, job: Job, chunk: Chunk, why: str, out: Outbox, now_ms: int) -> None:
    """Have the task killed; `why` (Titus' code) decides what becomes of its inputs."""
    if chunk.kill is None:
        chunk.kill = Kill(why, now_ms + state.settings.kill_stuck_ms)
        chunk.row.state = TaskState.KILLING
        job.version += 1
    _send_kill(state, chunk, out)


def look_after(state: State, job: Job, out: Outbox, now_ms: int) -> None:
    """Once a cycle: tasks that are stuck, out of time, or whose results never came."""
    settings = state.settings
    limit = job.spec.runtime_limit_ms
    for chunk in list(job.chunks.values()):
        if chunk.ended:
            if chunk.result_due_ms is not None and now_ms >= chunk.result_due_ms:
                close(state, job, chunk, "lost" if chunk.ended == NORMAL else chunk.ended, out, now_ms)
        elif chunk.kill is not None:
            _look_after_kill(state, job, chunk, out, now_ms)
        elif chunk.started_ms is None:
            if now_ms >= chunk.launched_ms + settings.launch_stuck_ms:
                kill(state, job, chunk, STUCK, out, now_ms)
        elif limit is not None and now_ms >= chunk.started_ms + limit:
            kill(state, job, chunk, RUNTIME_LIMIT, out, now_ms)


def close(state: State, job: Job, chunk: Chunk, code: str, out: Outbox, now_ms: int) -> None:
    """The task is over for us: its undecided inputs are charged, retried or queued again, by why it ended."""
    del job.chunks[chunk.row.id]
    job.version += 1
    chunk.row.reason = code
    if job.state != ACCEPTED:
        return
    single = chunk.hi - chunk.lo == 1
    if code in SYSTEM_CODES:
        results.requeue_rest(job, chunk, now_ms, system=True)
    elif code == RUNTIME_LIMIT:
        _charge(job, chunk, "runtime limit exceeded", out, now_ms, final=not _retry_after_limit(job, chunk.lo))
    elif chunk.reported:
        results.requeue_rest(job, chunk, now_ms, system=False)
    elif code == FAILED and (single or chunk.row.message):
        _charge(job, chunk, chunk.row.message or code, out, now_ms, final=False)
    else:
        results.requeue_rest(job, chunk, now_ms, system=True)


def _ended(state: State, job: Job, chunk: Chunk, status: TaskStatus, out: Outbox, now_ms: int) -> None:
    chunk.row.state = status.state
    chunk.row.message = status.message
    code = code_of(status)
    if chunk.kill is not None:
        code = chunk.kill.why
    chunk.ended = code
    late = code == NORMAL or (
        code == FAILED and status.reason is not Reason.CONTAINER_LAUNCH_FAILED and status.agent_id != ""
    )
    if chunk.reported or not late:
        close(state, job, chunk, code, out, now_ms)
        return
    # Its report travels by a shorter road, and was sent first: it is late or lost.
    chunk.result_due_ms = now_ms + state.settings.result_wait_ms
    out.wake("cycle", state.settings.cycle_ms)


def _charge(job: Job, chunk: Chunk, error: str, out: Outbox, now_ms: int, *, final: bool) -> None:
    out.persist(InputsCharged(job.id, chunk.lo, chunk.hi, error, final))
    results.charge_range(job, chunk.lo, chunk.hi, error, now_ms, final=final)


def _retry_after_limit(job: Job, index: int) -> bool:
    """Whether an input that ran out of time is tried again. Asked for, it is tried at least once more, even without a budget."""
    if not job.spec.retry_on_runtime_limit:
        return False
    if job.spec.retry.retries == 0 and index not in job.user_failures:
        job.user_failures[index] = -1
    return True


def _look_after_kill(state: State, job: Job, chunk: Chunk, out: Outbox, now_ms: int) -> None:
    """Nobody confirms the kill: again, and after the last attempt the task is over without confirmation."""
    assert chunk.kill is not None
    if now_ms < chunk.kill.until_ms:
        return
    if chunk.kill.attempts < state.settings.kill_attempts:
        chunk.kill.attempts += 1
        chunk.kill.until_ms = now_ms + state.settings.kill_stuck_ms
        _send_kill(state, chunk, out)
        return
    chunk.ended = STUCK_KILLING
    chunk.row.state = TaskState.KILLED
    why = chunk.kill.why
    if why == RUNTIME_LIMIT and job.state == ACCEPTED:
        # Its inputs are the user's to pay for, whoever would not die.
        del job.chunks[chunk.row.id]
        chunk.row.reason = STUCK_KILLING
        _charge(job, chunk, "runtime limit exceeded", out, now_ms, final=not _retry_after_limit(job, chunk.lo))
        return
    close(state, job, chunk, STUCK_KILLING, out, now_ms)


def _send_kill(state: State, chunk: Chunk, out: Outbox) -> None:
    row = chunk.row
    out.send(MASTER, messages.Kill(state.subscription.framework_id, row.id, row.agent_id, None))


def kill_some(state: State, job: Job, out: Outbox, now_ms: int) -> int:
    """Begin to kill tasks of a cancelled job, at most so many a cycle. Returns how many have not been told."""
    left = [c for c in job.chunks.values() if c.kill is None and not c.ended]
    for chunk in left[: state.settings.kills_per_cycle]:
        kill(state, job, chunk, KILLED, out, now_ms)
    return max(0, len(left) - state.settings.kills_per_cycle)
