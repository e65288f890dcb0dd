"""Jobs: taken in, looked after, cancelled, ended. (Titus: Accepted → KillInitiated → Finished)

A job that comes after others waits until all of them have succeeded. When one of them ends otherwise, it can never start: it ends too, with no input tried, and says which
job it was.
"""

from __future__ import annotations

from raymesos.frameworks.base import use_role
from raymesos.frameworks.batch import attempts, notes, placing, timing
from raymesos.frameworks.batch.admission import refusal
from raymesos.frameworks.batch.queue import Span
from raymesos.frameworks.batch.state import ACCEPTED, FINISHED, KILL_INITIATED, Chunk, Job, State, open_jobs
from raymesos.frameworks.batch.wishes import wish, wish_all
from raymesos.frameworks.retry import KILLED, RUNTIME_LIMIT, STUCK
from raymesos.machine import Outbox
from raymesos.wire.jobs import (
    CancelAnswered,
    CancelAsked,
    CancelJob,
    ForgetJobs,
    JobAccepted,
    JobEnded,
    JobKept,
    JobsForgotten,
    JobSpec,
    Submit,
    SubscriptionKept,
)
from raymesos.wire.notes import EventNote

SUCCEEDED = "all inputs succeeded"
CANCELLED = "cancelled"


def submit(state: State, sender: str, message: Submit, out: Outbox, now_ms: int) -> None:
    """Keep the job, durably, and answer. The same submit again has the same answer; another job of that name or id is a conflict."""
    spec = message.spec
    refused = refusal(state, spec)
    if refused is not None:
        out.send(sender, refused)
        return
    if spec.job_id not in state.jobs:
        out.persist(JobKept(spec, now_ms))
        job = admit(state, spec, now_ms)
        if use_role(state.subscription, spec.role, out) and state.subscription.framework_id:
            out.persist(SubscriptionKept(state.subscription.framework_id, state.subscription.info.roles))
        out.note(EventNote(now_ms, "job submitted", job.id, f"{spec.name}: {spec.total} in role {spec.role}"))
        notes.tell_job(state, job, out, now_ms)
        if state.subscription.settled:
            wish(state, spec.role, out)
        finish_if_done(state, job, out, now_ms)
        timing.ask_for_cycle(state, out)
    out.send(sender, JobAccepted(spec.job_id))


def admit(state: State, spec: JobSpec, now_ms: int) -> Job:
    job = Job(spec, now_ms, inputs=bytearray(spec.total), version=state.life << 32)
    if spec.total:
        job.queue.add(Span(0, spec.total))
    state.jobs[job.id] = state.open[job.id] = job
    state.of_name[spec.name] = job.id
    return job


def cancel(state: State, sender: str, message: CancelJob, out: Outbox, now_ms: int) -> None:
    """Nothing more is started; what runs is killed, so many at a time. What has finished stays readable."""
    job = state.jobs.get(message.job_id)
    if job is not None and job.state == ACCEPTED:
        out.persist(CancelAsked(job.id, now_ms))
        begin_cancel(job, CANCELLED, now_ms)
        out.note(EventNote(now_ms, "job cancelled", job.id, job.spec.name))
        _let_go_of_offers(state, job, out, now_ms)
        timing.kill_some(state, job, KILLED, out, now_ms)
        finish_if_done(state, job, out, now_ms)
        timing.ask_for_cycle(state, out)
    out.send(sender, CancelAnswered(message.job_id, job is not None))


def forget(state: State, sender: str, message: ForgetJobs, out: Outbox) -> None:
    """Drop those that have finished, durably, and answer which; others leave as the oldest in their time."""
    done = JobsForgotten(tuple(dict.fromkeys(job_id for job_id in message.job_ids if job_id in state.ended)))
    if done.job_ids:
        out.persist(done)
        drop(state, done.job_ids)
    out.send(sender, done)


def drop(state: State, job_ids: tuple[str, ...]) -> None:
    """Take finished jobs off the books; their files are the host's to delete."""
    for job_id in job_ids:
        del state.ended[job_id]
        job = state.jobs.pop(job_id)
        state.ended_parts -= len(job.parts)
        state.ended_rows -= len(job.rows)
        state.dropped.append(job_id)


def begin_cancel(job: Job, why: str, now_ms: int) -> None:
    job.state, job.why, job.cancelled_ms = KILL_INITIATED, why, now_ms
    job.queue.clear()
    job.version += 1


def cycle(state: State, out: Outbox, now_ms: int) -> None:
    """Once a cycle, while there is any open job: what is stuck, overdue or to be killed; jobs that are done."""
    for job in list(state.open.values()):
        for chunk in list(job.chunks.values()):
            _look_after(state, job, chunk, out, now_ms)
        if job.state == KILL_INITIATED:
            timing.kill_some(state, job, KILLED, out, now_ms)
        finish_if_done(state, job, out, now_ms)
    if state.subscription.settled:
        wish_all(state, out, now_ms)
    if state.open:
        timing.ask_for_cycle(state, out)


def enforce_limit(state: State, job_id: str, out: Outbox, now_ms: int) -> None:
    """Tasks of the job that have run out of time are killed."""
    job = state.open.get(job_id)
    if job is not None:
        job.limit_asked = False
        for chunk in timing.out_of_time(job, now_ms):
            timing.kill(state, job, chunk, RUNTIME_LIMIT, out, now_ms)
        timing.ask_for_limit(job, out, now_ms)
        timing.ask_for_cycle(state, out)


def finish_if_done(state: State, job: Job, out: Outbox, now_ms: int) -> None:
    """End the job if every input is decided, or it was cancelled, and nothing of it runs any more."""
    if job.state == FINISHED or job.live:
        return
    # What a former life has left running is not known before: it is to be killed, too.
    cancelled = job.state == KILL_INITIATED and state.subscription.settled
    if not (cancelled or not job.undecided):
        return
    why = job.why or (SUCCEEDED if not job.failed else f"{job.failed} of {job.spec.total} failed")
    _let_go_of_offers(state, job, out, now_ms)
    out.persist(JobEnded(job.id, why, now_ms))
    for chunk in job.chunks.values():
        attempts.over(job, chunk.row, chunk.ended, now_ms)
    end(state, job, why, now_ms)
    out.note(EventNote(now_ms, "job finished", job.id, f"{job.spec.name}: {why}"))
    if job.succeeded != job.spec.total:
        end_followers(state, job, out, now_ms)


def end(state: State, job: Job, why: str, now_ms: int) -> None:
    """The job is over. What only open jobs need is let go, and so are the oldest finished jobs if they are too many."""
    job.state, job.why, job.ended_ms = FINISHED, why, now_ms
    job.chunks.clear()
    job.live = job.starting = 0
    job.queue.clear()
    job.lineage.clear()
    job.failures.clear()
    job.inputs = bytearray()
    job.version += 1
    del state.open[job.id]
    if state.of_name.get(job.spec.name) == job.id:
        del state.of_name[job.spec.name]
    state.ended[job.id] = None
    state.ended_parts += len(job.parts)
    state.ended_rows += len(job.rows)
    _forget_oldest(state)


def end_followers(state: State, job: Job, out: Outbox, now_ms: int) -> None:
    """Jobs that come after one that did not succeed will never be ready: they end, and say so."""
    for follower in open_jobs(state):
        if job.id in follower.spec.after:
            begin_cancel(follower, f"job {job.spec.name}, which it comes after, did not succeed: {job.why}", now_ms)
            finish_if_done(state, follower, out, now_ms)


def end_left_followers(state: State, out: Outbox, now_ms: int) -> None:
    """After a restart: the end of a job may have been written down, and those of its followers not."""
    for job in list(state.jobs.values()):
        if job.state == FINISHED and job.succeeded != job.spec.total:
            end_followers(state, job, out, now_ms)


def _forget_oldest(state: State) -> None:
    """Keep the settings' bounds on finished jobs, their parts and their rows. The last one to end stays, whatever its size."""
    settings = state.settings
    while len(state.ended) > settings.jobs_kept or (
        state.ended_parts > settings.ended_parts_kept and len(state.ended) > 1
    ):
        drop(state, (next(iter(state.ended)),))
    for job_id in state.ended:
        if state.ended_rows <= settings.ended_rows_kept:
            return
        state.ended_rows -= len(state.jobs[job_id].rows)
        state.jobs[job_id].rows.clear()


def _let_go_of_offers(state: State, job: Job, out: Outbox, now_ms: int) -> None:
    if state.hold is not None and state.hold.job_id == job.id:
        placing.release_gang(state, out, now_ms)


def _look_after(state: State, job: Job, chunk: Chunk, out: Outbox, now_ms: int) -> None:
    """A task that is stuck is killed, a kill that nobody confirms is repeated, and what was waited for long enough is given up."""
    if chunk.result_due_ms is not None:
        if now_ms >= chunk.result_due_ms:
            attempts.overdue(job, chunk, out, now_ms)
    elif not state.subscription.connected:
        return  # Nobody to tell, and nobody who could have told us: the clocks start again with the subscription.
    elif chunk.kill is not None:
        if now_ms < chunk.kill.until_ms:
            return
        if chunk.kill.attempts < state.settings.kill_attempts:
            timing.kill(state, job, chunk, chunk.kill.why, out, now_ms)
        else:
            attempts.unkillable(job, chunk, out, now_ms)
    elif chunk.started_ms is None and now_ms >= chunk.launched_ms + state.settings.launch_stuck_ms:
        timing.kill(state, job, chunk, STUCK, out, now_ms)
