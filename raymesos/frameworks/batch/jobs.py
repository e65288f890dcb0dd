"""Jobs: taken in, looked after, cancelled, ended. (Titus: Accepted → KillInitiated → Finished)"""

from __future__ import annotations

from collections import deque

from raymesos.frameworks.base import use_role, want
from raymesos.frameworks.batch import attempts, results
from raymesos.frameworks.batch.placing import demand_of, is_ready
from raymesos.frameworks.batch.state import ACCEPTED, FINISHED, KILL_INITIATED, Job, State, open_jobs
from raymesos.machine import Outbox
from raymesos.wire.jobs import (
    CancelAnswered,
    CancelAsked,
    CancelJob,
    ForgetJobs,
    JobAccepted,
    JobEnded,
    JobKept,
    JobRefused,
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
    refusal = _refusal(state, spec)
    if refusal is not None:
        out.send(sender, refusal)
        return
    if spec.job_id not in state.jobs:
        out.persist(JobKept(spec, now_ms))
        job = admit(state, spec, now_ms)
        if use_role(state.subscription, spec.role, out) and state.subscription.framework_id:
            out.persist(SubscriptionKept(state.subscription.framework_id, state.subscription.info.roles))
        out.note(EventNote(now_ms, "job submitted", job.id, f"{spec.name}: {spec.total} in role {spec.role}"))
        wish(state, spec.role, out)
        finish_if_done(state, job, out, now_ms)
        out.wake("cycle", state.settings.cycle_ms)
    out.send(sender, JobAccepted(spec.job_id))


def admit(state: State, spec: JobSpec, now_ms: int) -> Job:
    job = Job(spec, now_ms, inputs=bytearray(spec.total), waiting=deque([(0, spec.total)] if spec.total else []))
    state.jobs[job.id] = job
    state.of_name[spec.name] = job.id
    return job


def cancel(state: State, sender: str, message: CancelJob, out: Outbox, now_ms: int) -> None:
    """Nothing more is started; what runs is killed, so many at a time. What has finished stays readable."""
    job = state.jobs.get(message.job_id)
    if job is not None and job.state == ACCEPTED:
        out.persist(CancelAsked(job.id))
        begin_cancel(job)
        out.note(EventNote(now_ms, "job cancelled", job.id, job.spec.name))
        attempts.kill_some(state, job, out, now_ms)
        finish_if_done(state, job, out, now_ms)
        out.wake("cycle", state.settings.cycle_ms)
    out.send(sender, CancelAnswered(message.job_id, job is not None))


def forget(state: State, sender: str, message: ForgetJobs, out: Outbox) -> None:
    """Drop the finished ones, durably; others stay until they leave as the oldest."""
    known = (state.jobs.get(job_id) for job_id in message.job_ids)
    done = JobsForgotten(tuple(job.id for job in known if job is not None and job.state == FINISHED))
    if done.job_ids:
        out.persist(done)
        drop(state, done.job_ids)
    out.send(sender, done)


def drop(state: State, job_ids: tuple[str, ...]) -> None:
    """Take finished jobs off the books; their files are the host's to delete."""
    for job_id in job_ids:
        if state.jobs.pop(job_id, None) is not None:
            state.finished -= 1
            state.dropped.append(job_id)


def begin_cancel(job: Job) -> None:
    job.state, job.why = KILL_INITIATED, CANCELLED
    job.waiting.clear()
    job.retries.clear()
    job.version += 1


def cycle(state: State, out: Outbox, now_ms: int) -> None:
    """Once a cycle, while there is any job: what is stuck, due or to be killed; jobs that are done."""
    busy = False
    for job in list(state.jobs.values()):
        if job.state == FINISHED:
            continue
        busy = True
        attempts.look_after(state, job, out, now_ms)
        if job.state == KILL_INITIATED:
            attempts.kill_some(state, job, out, now_ms)
        finish_if_done(state, job, out, now_ms)
    wish_all(state, out, now_ms)
    if busy:
        out.wake("cycle", state.settings.cycle_ms)


def finish_if_done(state: State, job: Job, out: Outbox, now_ms: int) -> None:
    """End the job if every input is decided, or it was cancelled and nothing runs any more."""
    done = job.succeeded + job.failed == job.spec.total
    if (
        job.state == FINISHED
        or not (done or job.state == KILL_INITIATED)
        or any(not c.ended for c in job.chunks.values())
    ):
        return
    why = job.why
    if not why:
        why = SUCCEEDED if not job.failed else f"{job.failed} of {job.spec.total} failed"
    out.persist(JobEnded(job.id, why, now_ms))
    end(state, job, why, now_ms)
    out.note(EventNote(now_ms, "job finished", job.id, f"{job.spec.name}: {why}"))
    _fail_followers(state, job, out, now_ms)


def end(state: State, job: Job, why: str, now_ms: int) -> None:
    job.state, job.why, job.ended_ms = FINISHED, why, now_ms
    job.chunks.clear()
    job.waiting.clear()
    job.retries.clear()
    job.lineage.clear()
    job.version += 1
    if state.of_name.get(job.spec.name) == job.id:
        del state.of_name[job.spec.name]
    state.finished += 1
    if state.finished > state.settings.jobs_kept:
        oldest = next(j for j in state.jobs.values() if j.state == FINISHED)
        drop(state, (oldest.id,))


def wish_all(state: State, out: Outbox, now_ms: int) -> None:
    """Ask for offers in every role in which something waits and nobody has asked; move retries whose time has come."""
    due: list[int] = []
    for job in open_jobs(state):
        if results.release_due(job, now_ms):
            state.subscription.awake.pop(job.spec.role, None)
        if job.retries:
            due.append(job.retries[0][0])
    for role in dict.fromkeys(job.spec.role for job in open_jobs(state) if job.waiting and is_ready(state, job)):
        if role not in state.subscription.awake:
            wish(state, role, out)
    if due:
        out.wake("retries", max(0, min(due) - now_ms))


def wish(state: State, role: str, out: Outbox) -> None:
    demand = demand_of(state, role)
    if demand:
        want(state.subscription, role, demand, out)


def _fail_followers(state: State, job: Job, out: Outbox, now_ms: int) -> None:
    """Jobs after one that did not succeed will never be ready: they end, and say so."""
    if job.state == FINISHED and job.succeeded == job.spec.total:
        return
    for follower in open_jobs(state):
        if job.id in follower.spec.after:
            begin_cancel(follower)
            follower.why = f"job {job.spec.name}, which it comes after, did not succeed: {job.why}"
            finish_if_done(state, follower, out, now_ms)


def _refusal(state: State, spec: JobSpec) -> JobRefused | None:
    known = state.jobs.get(spec.job_id)
    if known is not None:
        if known.spec.digest == spec.digest:
            return None
        return JobRefused(spec.job_id, "Conflict", "job_id", f"{spec.job_id} is another job")
    other = state.of_name.get(spec.name)
    if other is not None:
        return JobRefused(spec.job_id, "Conflict", "name", f"a job named {spec.name!r} is running ({other})")
    for before in spec.after:
        if before not in state.jobs:
            return JobRefused(spec.job_id, "UnknownId", "after", before)
        ended = state.jobs[before]
        if ended.state == FINISHED and ended.succeeded != ended.spec.total:
            return JobRefused(
                spec.job_id, "InvalidJob", "after", f"job {before} has ended without success: {ended.why}"
            )
    return None
