"""Offers to tasks: whose turn it is, how many inputs go into one task, and what is not needed given back.

Within a role jobs go first come, first served. A job that was never measured gets one input per task; after that a task is to take about `chunk_ms`, and no
more inputs than leave work for everybody else at the end.
"""

from __future__ import annotations

from raymesos.frameworks.base import want_nothing
from raymesos.frameworks.batch.state import Chunk, GangHold, Job, Row, State, add_row, open_jobs
from raymesos.frameworks.batch.work import shape_with_ports, work_of
from raymesos.machine import MASTER, Outbox
from raymesos.model.resources import Resources
from raymesos.wire.messages import Accept, Decline, Demand, Launch, Offer, TaskInfo

# What is left of an offer and not wanted: long enough not to bounce, short enough to look again.
REFUSE_MS = 5_000
# A gang may keep offers back so long; then others get them, and it tries again.
GANG_HOLD_MS = 5_000
GANG_PAUSE_MS = 2_000
# The first measured wave may be wrong by much (a cold cache, a first import), so a chunk grows by this at most.
WAVE_GROWTH = 64


def offered(state: State, offers: tuple[Offer, ...], out: Outbox, now_ms: int) -> None:
    """Use each offer or give it back."""
    for offer in offers:
        cpus = offer.resources.scalar("cpus")
        state.slots[offer.agent_id] = max(state.slots.get(offer.agent_id, 0), cpus)
    if not state.subscription.reconciled:
        _decline(state, offers, out, refuse_ms=0)
        return
    left = _hold_for_gang(state, offers, out, now_ms)
    for offer in left:
        _use(state, offer, out, now_ms)
    settle_wishes(state, out)


def _use(state: State, offer: Offer, out: Outbox, now_ms: int) -> None:
    room = offer.resources
    tasks: list[TaskInfo] = []
    throttled = False
    for job in jobs_of(state, offer.role):
        if job.spec.gang:
            continue
        while job.waiting:
            if not may_launch(state, job):
                throttled = True
                break
            shape = shape_with_ports(job.spec, room)
            if shape is None:
                break
            room = room - shape
            tasks.append(launch(state, job, _next_range(state, job), offer, shape, now_ms))
    if tasks:
        # What a throttle keeps from us is wanted again in a moment: no filter.
        refuse_ms = 0 if throttled else REFUSE_MS
        out.send(MASTER, Accept(state.subscription.framework_id, (offer.id,), (Launch(tuple(tasks)),), refuse_ms))
    else:
        _decline(state, (offer,), out, refuse_ms=0 if throttled else REFUSE_MS)


def jobs_of(state: State, role: str) -> list[Job]:
    return [job for job in open_jobs(state) if job.spec.role == role and is_ready(state, job)]


def is_ready(state: State, job: Job) -> bool:
    """Whether all that it comes after has finished."""
    return not any(a in state.jobs and state.jobs[a].state != "Finished" for a in job.spec.after)


def may_launch(state: State, job: Job) -> bool:
    """Within the throttle on tasks that have not started, and the job's own bound."""
    limit = job.spec.max_parallel
    if limit is not None and sum(1 for c in job.chunks.values() if not c.ended) >= limit:
        return False
    return job.not_started < state.settings.not_started_per_job


def launch(state: State, job: Job, span: tuple[int, int], offer: Offer, shape: Resources, now_ms: int) -> TaskInfo:
    """Book a task for the inputs `span` and return what is to be launched."""
    lo, hi = span
    job.tasks_named += 1
    job.version += 1
    task_id = f"{job.id}.{lo}-{hi}.{job.tasks_named}"
    before = job.lineage.get(lo) if hi - lo == 1 else None
    row = Row(task_id, lo, hi, before.original_id if before is not None else task_id)
    if before is not None:
        row.resubmit_of = before.id
        row.system_resubmit_number = job.system_resubmits.get(lo, 0)
        row.resubmit_number = before.resubmit_number + 1
    row.agent_id = offer.agent_id
    add_row(job, row)
    job.chunks[task_id] = Chunk(row, lo, hi, now_ms)
    attempt = 1 + job.user_failures.get(lo, 0) + job.system_resubmits.get(lo, 0)
    work = work_of(state, job, lo, hi, attempt)
    return TaskInfo(task_id, job.spec.name, shape, work)


def _next_range(state: State, job: Job) -> tuple[int, int]:
    """Take the next inputs off the queue: at most a chunk of them."""
    lo, hi = job.waiting.popleft()
    size = chunk_size(state, job, hi - lo)
    segment_end = _segment_end(job, lo)
    cut = min(hi, lo + size, segment_end)
    if cut < hi:
        job.waiting.appendleft((cut, hi))
    return lo, cut


def chunk_size(state: State, job: Job, run: int) -> int:
    """How many of the next `run` inputs go into one task."""
    spec = job.spec
    if job.input_us is None or spec.gang or spec.isolated or spec.runtime_limit_ms is not None or spec.ports:
        return 1
    by_time = max(1, state.settings.chunk_ms * 1000 // max(1, job.input_us))
    width = _width(state, job)
    # Twice as many chunks as can run at once, so that nobody works alone at the end.
    by_share = -(-(job.waiting_count + run) // (2 * width)) if by_time > 1 else 1
    size = min(by_time, max(1, by_share), job.wave, state.settings.chunk_inputs)
    return max(1, size)


def _width(state: State, job: Job) -> int:
    """How many tasks of the job could run at once on what we have seen of the cluster."""
    each = max(1, job.spec.resources.scalar("cpus"))
    width = sum(cpus // each for cpus in state.slots.values())
    if job.spec.max_parallel is not None:
        width = min(width, job.spec.max_parallel)
    return max(1, width)


def _segment_end(job: Job, lo: int) -> int:
    """A task's inputs come out of one segment."""
    return next((s.base + s.count for s in job.spec.inputs if s.base <= lo < s.base + s.count), job.spec.total)


def measured(job: Job, inputs: int, elapsed_us: int) -> None:
    """Learn the run time of an input. Times of nothing teach nothing: a simulator where nobody measured must not pack."""
    if inputs <= 0 or elapsed_us <= 0:
        return
    each = max(1, elapsed_us // inputs)
    job.input_us = each if job.input_us is None or inputs > job.wave // 2 else (3 * job.input_us + each) // 4
    job.wave = max(job.wave, min(inputs, job.wave) * WAVE_GROWTH)


# ---------------------------------------------------------------- gangs


def _hold_for_gang(state: State, offers: tuple[Offer, ...], out: Outbox, now_ms: int) -> list[Offer]:
    """Keep offers back for the oldest gang that waits. Only one gang of the framework ever holds, so no two can wait for each other."""
    gang = next((j for j in open_jobs(state) if j.spec.gang and j.waiting and is_ready(state, j)), None)
    if gang is None:
        return list(offers)
    mine = [o for o in offers if o.role == gang.spec.role]
    if not mine or (state.hold is not None and state.hold.job_id != gang.id):
        return list(offers)
    if state.hold is None:
        state.hold = GangHold(gang.id, now_ms + GANG_HOLD_MS)
        out.wake("gang", GANG_HOLD_MS)
    for offer in mine:
        state.hold.offers[offer.id] = offer
    _launch_gang(state, gang, out, now_ms)
    return [o for o in offers if o.role != gang.spec.role]


def _launch_gang(state: State, job: Job, out: Outbox, now_ms: int) -> None:
    """Launch all of the gang if what is held suffices; else wait for more."""
    hold = state.hold
    assert hold is not None
    wanted = job.waiting_count
    plan: list[tuple[Offer, list[Resources]]] = []
    for offer in hold.offers.values():
        room, shapes = offer.resources, []
        while wanted and (shape := shape_with_ports(job.spec, room)) is not None:
            room = room - shape
            shapes.append(shape)
            wanted -= 1
        plan.append((offer, shapes))
    if wanted:
        return
    state.hold = None
    out.sleep("gang")
    for offer, shapes in plan:
        tasks = [launch(state, job, _next_range(state, job), offer, shape, now_ms) for shape in shapes]
        operations = (Launch(tuple(tasks)),) if tasks else ()
        out.send(MASTER, Accept(state.subscription.framework_id, (offer.id,), operations, 0))


def release_gang(state: State, out: Outbox) -> None:
    """The hold is over: others may have the offers for a while."""
    if state.hold is not None:
        _decline(state, tuple(state.hold.offers.values()), out, refuse_ms=GANG_PAUSE_MS)
        state.hold = None


def forget_offer(state: State, offer_id: str) -> None:
    """The offer was rescinded."""
    if state.hold is not None:
        state.hold.offers.pop(offer_id, None)


# ---------------------------------------------------------------- wishes


def settle_wishes(state: State, out: Outbox) -> None:
    """Silence the roles in which nothing waits."""
    for role in list(state.subscription.awake):
        if not any(job.waiting for job in jobs_of(state, role)):
            want_nothing(state.subscription, role, out)


def demand_of(state: State, role: str) -> tuple[Demand, ...]:
    """What is wanted in the role: task shapes and how many tasks."""
    rows = []
    for job in jobs_of(state, role):
        if job.waiting:
            count = -(-job.waiting_count // chunk_size(state, job, 0))
            rows.append(Demand(job.spec.resources, count, role))
    return tuple(rows)


def _decline(state: State, offers: tuple[Offer, ...], out: Outbox, *, refuse_ms: int) -> None:
    if offers:
        ids = tuple(o.id for o in offers)
        out.send(MASTER, Decline(state.subscription.framework_id, ids, refuse_ms))
