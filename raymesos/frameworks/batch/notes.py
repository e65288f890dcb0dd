"""What the batch framework tells the observer: each job as it is now, when that has changed."""

from __future__ import annotations

from raymesos.frameworks.batch.placing import is_ready
from raymesos.frameworks.batch.state import ACCEPTED, Job, State
from raymesos.machine import Outbox
from raymesos.wire.notes import JobNote

NOTES_MS = 100


def ask(state: State, out: Outbox) -> None:
    """Have the jobs told soon: many changes make one note."""
    if not state.notes_asked:
        state.notes_asked = True
        out.wake("notes", NOTES_MS)


def tell(state: State, out: Outbox, now_ms: int) -> None:
    """A note for each job that has changed since its last one."""
    state.notes_asked = False
    for job in state.jobs.values():
        if job.noted != (job.version,):
            job.noted = (job.version,)
            out.note(_note(state, job, now_ms))


def _note(state: State, job: Job, now_ms: int) -> JobNote:
    spec = job.spec
    return JobNote(
        now_ms,
        job.id,
        spec.name,
        spec.role,
        state.subscription.framework_id,
        job.state,
        spec.total,
        job.waiting_count,
        job.running_count,
        job.succeeded,
        job.failed,
        job.retried,
        spec.resources,
        job.why or _why_waiting(state, job, now_ms),
        job.submitted_ms,
        job.ended_ms,
    )


def _why_waiting(state: State, job: Job, now_ms: int) -> str:
    """What the framework itself keeps the job back for; the rest is for those to say who give out resources."""
    if job.state != ACCEPTED:
        return ""
    if not is_ready(state, job):
        names = [
            state.jobs[a].spec.name for a in job.spec.after if a in state.jobs and state.jobs[a].state != "Finished"
        ]
        return f"it comes after {', '.join(names)}"
    if job.retries and not job.waiting and not job.chunks:
        return f"next attempt in {max(0, job.retries[0][0] - now_ms) / 1000:.1f} s"
    if job.spec.gang and job.waiting:
        return f"a gang: all {job.spec.total} must fit at once"
    limit = job.spec.max_parallel
    if limit is not None and job.waiting and len(job.chunks) >= limit:
        return f"max_parallel is {limit}"
    return ""
