"""What the batch framework tells the observer: each job as it is now, when that has changed."""

from __future__ import annotations

from dataclasses import replace

from raymesos.frameworks.batch.readers import counts
from raymesos.frameworks.batch.state import ACCEPTED, Job, Row, State
from raymesos.frameworks.batch.wishes import is_ready
from raymesos.machine import Outbox
from raymesos.wire.notes import AttemptNote, JobNote, JobSpecNote
from raymesos.wire.work import Blob

NOTES_MS = 100
# Of each job, to an observer that begins anew: a job may have had thousands.
ATTEMPTS_AGAIN = 1_000
NEVER = -1
"""The version of a job that was not told yet."""


def ask(state: State, out: Outbox) -> None:
    """Have the jobs told soon: many changes make one note."""
    if not state.notes_asked and (state.open or state.ended):
        state.notes_asked = True
        out.wake("notes", NOTES_MS)


def tell(state: State, out: Outbox, now_ms: int) -> None:
    """A note for each job that has changed since its last one, after those of its attempts: who hears that a job is over has heard how its tasks ended."""
    state.notes_asked = False
    for job in state.jobs.values():
        if job.moved:
            for row in job.moved.values():
                out.note(_attempt(job, row, now_ms))
            job.moved.clear()
        if job.noted != job.version:
            tell_job(state, job, out, now_ms)


def tell_job(state: State, job: Job, out: Outbox, now_ms: int) -> None:
    """The job as it is now; what it is as well, where the observer does not know that."""
    if not job.described:
        job.described = True
        out.note(JobSpecNote(now_ms, replace(job.spec, fn=Blob(), inputs=())))
    job.noted = job.version
    out.note(_note(state, job, now_ms))


def forget_told(state: State) -> None:
    """The observer has lost its memory: each job is told again, and its latest attempts."""
    for job in state.jobs.values():
        job.noted, job.described = NEVER, False
        latest = list(job.rows.values())[-ATTEMPTS_AGAIN:]
        job.moved = {row.id: row for row in [*(c.row for c in job.chunks.values()), *latest]}


def _attempt(job: Job, row: Row, now_ms: int) -> AttemptNote:
    return AttemptNote(
        now_ms,
        job.id,
        row.id,
        row.index,
        row.hi,
        row.original_id,
        row.resubmit_of,
        row.resubmit_number,
        row.system_resubmit_number,
        row.eviction_resubmit_number,
        row.agent_id,
        row.message,
        tuple(row.steps),
        bool(row.reason),
        job.task_attributes.get(row.id, ()),
    )


def _note(state: State, job: Job, now_ms: int) -> JobNote:
    spec = job.spec
    waiting, running = counts(job)
    return JobNote(
        now_ms,
        job.id,
        spec.name,
        spec.role,
        state.subscription.framework_id,
        job.state,
        spec.total,
        waiting,
        running,
        job.succeeded,
        job.failed,
        job.retried,
        spec.resources,
        job.why or _why_waiting(state, job, now_ms),
        job.submitted_ms,
        job.ended_ms,
        job.cancelled_ms,
    )


def _why_waiting(state: State, job: Job, now_ms: int) -> str:
    """What the framework itself keeps the job back for; the rest is for those to say who give out resources."""
    if job.state != ACCEPTED:
        return ""
    if not is_ready(state, job):
        names = [state.open[a].spec.name for a in job.spec.after if a in state.open]
        return f"it comes after {', '.join(names)}"
    due_ms = job.queue.next_due_ms()
    if due_ms is not None and not job.queue and not job.chunks:
        return f"next attempt in {max(0, due_ms - now_ms) / 1000:.1f} s"
    if job.spec.gang and job.queue:
        return f"a gang: all {job.spec.total} must fit at once"
    limit = job.spec.max_parallel
    if limit is not None and job.queue and job.live >= limit:
        return f"max_parallel is {limit}"
    return ""
