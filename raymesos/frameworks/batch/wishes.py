"""What the framework asks of the master: offers in the roles where something could start now, and in no other.

A job that may not start more (its `max_parallel`, the throttle on tasks that have not started) wants nothing; when it may again, its role asks anew, which clears
the filters that its refusals left behind.
"""

from __future__ import annotations

from raymesos.frameworks.base import want, want_nothing
from raymesos.frameworks.batch.sizing import chunk_size
from raymesos.frameworks.batch.state import FINISHED, Job, State, open_jobs
from raymesos.machine import Outbox
from raymesos.model.resources import Resources
from raymesos.wire.messages import Demand

# A task that takes so many times as long, or as short, as was said is said anew.
MISJUDGED = 4


def is_ready(state: State, job: Job) -> bool:
    """Whether all that it comes after has finished. (What comes after a failure is ended, see jobs.)"""
    return not any(a in state.open for a in job.spec.after)


def room(state: State, job: Job) -> int:
    """How many more tasks the job may launch now: within its own bound and the throttle on tasks that have not started."""
    most = state.settings.not_started_per_job - job.starting
    limit = job.spec.max_parallel
    return most if limit is None else min(most, limit - job.live)


def hungry(state: State, job: Job) -> bool:
    return bool(job.queue) and is_ready(state, job) and room(state, job) > 0


def hungry_jobs(state: State, role: str) -> list[Job]:
    """Jobs of the role that could use an offer, first come first."""
    return [job for job in open_jobs(state) if job.spec.role == role and hungry(state, job)]


def wish(state: State, role: str, out: Outbox) -> None:
    """Ask for offers in the role, saying what for."""
    jobs = hungry_jobs(state, role)
    for job in jobs:
        job.throttled = False
    if jobs:
        state.asked_for[role] = {_asked_as(job): run_ms(state, job) for job in jobs}
        want(state.subscription, role, tuple(_demand(state, job) for job in jobs), out)


def wish_all(state: State, out: Outbox, now_ms: int) -> None:
    """Move retries whose time has come; ask in every role where something could start and nobody has asked for it."""
    roles: dict[str, bool] = {}
    for job in open_jobs(state):
        anew = job.queue.release(now_ms) or job.throttled or not _asked_for(state, job)
        if hungry(state, job):
            roles[job.spec.role] = roles.get(job.spec.role, False) or anew
    for role, anew in roles.items():
        if anew or role not in state.subscription.awake:
            wish(state, role, out)
    silence(state, out)
    _ask_for_retries(state, out, now_ms)


def after_change(state: State, job: Job, out: Outbox, now_ms: int) -> None:
    """Something became of the job's tasks: its role may want offers now, or no more."""
    role = job.spec.role
    awake = role in state.subscription.awake
    if job.state != FINISHED and hungry(state, job):
        # Half of the throttle at a time: one offer for each task that starts would be a message for each.
        half = min(job.queue.count, state.settings.not_started_per_job // 2)
        enough = room(state, job) >= half or job.spec.max_parallel is not None
        if enough and (job.throttled or not awake or not _asked_for(state, job)):
            wish(state, role, out)
    elif awake and not hungry_jobs(state, role):
        want_nothing(state.subscription, role, out)
    elif awake and _is_stale(state, job):
        wish(state, role, out)
    due_ms = job.queue.next_due_ms()
    if due_ms is not None and (state.retries_asked_ms is None or due_ms < state.retries_asked_ms):
        _ask_for_retries(state, out, now_ms)


def silence(state: State, out: Outbox) -> None:
    """No offers, please, in roles where nothing could start."""
    awake = state.subscription.awake
    if awake:
        wanted = {job.spec.role: None for job in open_jobs(state) if hungry(state, job)}
        for role in [r for r in awake if r not in wanted]:
            want_nothing(state.subscription, role, out)


def run_ms(state: State, job: Job) -> int:
    """How long a task of the job takes, by what its inputs were measured to; 0 before any was. Until then it may use an agent that is kept for a bigger one."""
    if job.input_us is None or job.spec.gang:
        return 0
    return max(1, chunk_size(state, job, job.queue.count) * job.input_us // 1000)


def got(state: State, job: Job) -> None:
    """The gang has what it asked for: what it wants after that is to be asked for anew."""
    state.asked_for.get(job.spec.role, {}).pop(_asked_as(job), None)


def _asked_as(job: Job) -> Resources | str:
    """What a wish is known by: the shape, since whatever is offered for it may be used for any job that has it; a gang's is its own, and is over when it was met."""
    return job.id if job.spec.gang else job.spec.resources


def _asked_for(state: State, job: Job) -> bool:
    """Whether the last wish in its role named tasks of its shape (what was not named is not offered), and about as long as they are known to take."""
    told_ms = state.asked_for.get(job.spec.role, {}).get(_asked_as(job))
    now_ms = run_ms(state, job)
    return told_ms is not None and now_ms <= MISJUDGED * told_ms and told_ms <= MISJUDGED * now_ms


def _is_stale(state: State, job: Job) -> bool:
    """Whether the last wish in its role named tasks of its shape, and none is left to start. If it stood, others would be preempted for it, again and again."""
    role, shape = job.spec.role, _asked_as(job)
    if shape not in state.asked_for.get(role, {}):
        return False
    return not any(j.queue and _asked_as(j) == shape for j in open_jobs(state) if j.spec.role == role)


def _demand(state: State, job: Job) -> Demand:
    """The shape of its tasks and how many of them it could launch."""
    if job.spec.gang and job.spec.ports == 0:
        return Demand(job.spec.resources, job.queue.count, job.spec.role, exact=True, gang=True)
    tasks = -(-job.queue.count // chunk_size(state, job, job.queue.count))
    # Which ports is the agent's to say: who wants some needs to see them all.
    exact = job.spec.ports == 0
    count = max(1, min(tasks, room(state, job)))
    return Demand(job.spec.resources, count, job.spec.role, exact=exact, more=exact, run_ms=run_ms(state, job))


def _ask_for_retries(state: State, out: Outbox, now_ms: int) -> None:
    """Be woken when the next retry is due."""
    due = [at for job in open_jobs(state) if (at := job.queue.next_due_ms()) is not None]
    state.retries_asked_ms = min(due, default=None)
    if state.retries_asked_ms is None:
        out.sleep("retries")
    else:
        out.wake("retries", max(0, state.retries_asked_ms - now_ms))
