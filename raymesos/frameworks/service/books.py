"""The one way in which what must outlive the framework changes: a record is written, and its meaning applied; a restart applies the same records again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from raymesos.errors import InvariantBroken
from raymesos.frameworks.base import ACCEPTED, FINISHED, KILL_INITIATED
from raymesos.frameworks.retry import EVICTED, FAILED, LOST, NORMAL, SYSTEM_CODES, system_delay_ms, user_delay_ms
from raymesos.frameworks.service.state import Instance, Job, Plan, Slot, State, Stop, Version, step, touch
from raymesos.machine import Outbox
from raymesos.model.tasks import TaskState
from raymesos.wire.jobs import LifeBegan, SubscriptionKept
from raymesos.wire.service_records import (
    EvictionsKept,
    InstanceEnded,
    InstanceKept,
    InstanceMoved,
    LeavingKept,
    Lineage,
    PlanKept,
    RolloutKept,
    ServiceEnded,
    ServiceKept,
    ServicesForgotten,
    SlotBooks,
    SlotKept,
    SpecKept,
    StopAsked,
    StopKept,
    VersionKept,
)

CANCELLED = "stopped"
# Evictions of one service that its rate can look back at; with more in its interval the oldest count no more.
EVICTIONS_KEPT = 10_000
# Rows leave so many at a time: a sweep goes over all of them.
ROWS_SLACK = 200


def keep(state: State, record: Any, out: Outbox) -> None:
    """Write the record, and do what it says."""
    out.persist(record)
    apply(state, record)


def apply(state: State, record: Any) -> None:
    """Do what the record says. Raises InvariantBroken for one that is not ours."""
    match record:
        case LifeBegan(life):
            state.life = life + 1
        case SubscriptionKept(framework_id, roles):
            state.subscription.info = replace(state.subscription.info, id=framework_id, roles=roles)
        case ServiceKept(spec, at_ms, number):
            _admit(state, Job(spec, at_ms, ACCEPTED, version=number, revision=state.life << 32))
        case PlanKept(task_id, reason, decided_ms, at_ms, over):
            state.plans.pop(task_id, None)
            if not over:
                state.plans[task_id] = Plan(task_id, reason, decided_ms, at_ms)
        case LeavingKept(agent_id, leave, reason):
            state.leaving.pop(agent_id, None)
            if leave:
                state.leaving[agent_id] = reason
        case ServicesForgotten(job_ids):
            drop(state, job_ids)
        case _:
            _apply_to_job(state, record)


def drop(state: State, job_ids: tuple[str, ...]) -> None:
    """Take finished services off the books."""
    for job_id in job_ids:
        if job_id in state.ended:
            del state.ended[job_id], state.jobs[job_id]
            state.dropped.append(job_id)


def _admit(state: State, job: Job) -> None:
    job.versions[job.version] = Version(job.version, job.spec.template, job.submitted_ms, "submitted")
    job.kills_left = state.settings.kills_per_cycle
    state.jobs[job.id] = state.open[job.id] = job
    state.of_name[job.spec.name] = job.id
    info = state.subscription.info
    if job.spec.role not in info.roles:
        state.subscription.info = replace(info, roles=(*info.roles, job.spec.role))
    touch(state, job)


def _apply_to_job(state: State, record: Any) -> None:
    job_id = record.spec.job_id if isinstance(record, SpecKept) else record.job_id
    job = state.open.get(job_id)
    if job is None:
        return
    match record:
        case SpecKept(spec):
            job.spec = spec
        case VersionKept(_, number, template, at_ms, why):
            job.versions[number] = Version(number, template, at_ms, why)
            _forget_versions(state, job)
        case RolloutKept(_, rollout, version):
            job.rollout, job.version = rollout, version
        case SlotKept():
            _keep_slot(job, record)
        case InstanceKept():
            _launched(state, job, record)
        case StopKept(_, task_id, why, at_ms):
            _stopped(job, job.instances[task_id], why, at_ms)
        case InstanceEnded():
            _ended(state, job, record)
        case InstanceMoved():
            _moved(state, job, record)
        case SlotBooks():
            _slot_books(job, record)
        case EvictionsKept(_, at_ms):
            job.evictions = list(at_ms)
        case StopAsked(_, at_ms):
            job.state, job.why, job.cancelled_ms = KILL_INITIATED, CANCELLED, at_ms
            job.rollout = None
        case ServiceEnded(_, why, at_ms):
            _over(state, job, why, at_ms)
        case _:
            raise InvariantBroken("service.record", f"{type(record).__name__} is no record of the service framework")
    touch(state, job)


def _keep_slot(job: Job, record: SlotKept) -> None:
    if record.gone:
        job.slots.pop(record.index, None)
        return
    slot = job.slots.get(record.index)
    if slot is None:
        job.slots[record.index] = Slot(record.index, record.version, record.beside)
        return
    if slot.version != record.version:
        # What another version failed of says nothing of this one.
        slot.failures = slot.losses = slot.times = slot.due_ms = 0
        slot.because, slot.last_id, slot.next = "", "", None
    elif record.beside and not slot.beside and slot.holders:
        # Who is out of reach is given up: the attempt after it is on its way.
        lost = next(reversed(slot.holders.values()))
        slot.last_id, slot.next = lost.id, _next(lost, LOST)
    slot.version, slot.beside = record.version, record.beside


def _launched(state: State, job: Job, record: InstanceKept) -> None:
    instance = Instance(
        record.task_id,
        record.index,
        record.epoch,
        record.version,
        record.lineage,
        record.agent_id,
        record.host,
        record.ports,
        record.at_ms,
    )
    step(job, instance, TaskState.STAGING, record.at_ms)
    job.instances[instance.id] = job.rows[instance.id] = instance
    job.epochs[record.index] = record.epoch
    slot = job.slots.get(record.index)
    if slot is not None:
        slot.holders[instance.id] = instance
    state.of_task[instance.id] = job.id
    _forget_rows(state, job)


def _stopped(job: Job, instance: Instance, why: str, at_ms: int) -> None:
    instance.stop = Stop(why)
    instance.well_since_ms = None
    step(job, instance, TaskState.KILLING, at_ms, why)
    if why == EVICTED:
        job.evictions = [*job.evictions, at_ms][-EVICTIONS_KEPT:]


def _ended(state: State, job: Job, record: InstanceEnded) -> None:
    """The instance is over; what its index does next depends on whose doing it was."""
    instance = job.instances.pop(record.task_id)
    state.of_task.pop(instance.id, None)
    state.plans.pop(instance.id, None)
    instance.reason, instance.message = record.code, record.text
    instance.well_since_ms = None
    step(job, instance, TaskState(record.state), record.at_ms, record.code)
    slot = job.slots.get(instance.index)
    if slot is not None and slot.holders.pop(instance.id, None) is not None and instance.version == slot.version:
        _charge(state, job, slot, instance, record)


def _charge(state: State, job: Job, slot: Slot, instance: Instance, record: InstanceEnded) -> None:
    slot.last_id = instance.id
    slot.next = _next(instance, record.code)
    if record.ran_ms >= state.settings.stable_ms:
        slot.failures = slot.losses = slot.times = 0
    if record.code in SYSTEM_CODES:
        slot.losses += 1
        slot.due_ms = record.at_ms + system_delay_ms(slot.losses)
    elif record.code in (FAILED, NORMAL) and instance.stop is None:
        slot.failures += 1
        slot.times = slot.times + 1 if slot.because == record.text else 1
        slot.because = record.text
        delay = user_delay_ms(job.spec.retry, slot.failures)
        apart = instance.launched_ms + state.settings.attempts_apart_ms
        slot.due_ms = record.at_ms + delay if delay else max(record.at_ms, apart)
    else:
        slot.due_ms = record.at_ms


def _next(before: Instance, code: str) -> Lineage:
    """The lineage of the attempt after this one."""
    line = before.lineage
    return Lineage(
        line.original_id,
        before.id,
        line.resubmits + 1,
        line.system_resubmits + (code in SYSTEM_CODES),
        line.eviction_resubmits + (code == EVICTED),
    )


def _moved(state: State, job: Job, record: InstanceMoved) -> None:
    """It leaves its slot, which goes with it, for one of the other service."""
    target = state.open[record.to_job_id]
    instance = job.instances.pop(record.task_id)
    job.rows.pop(record.task_id, None)
    job.slots.pop(instance.index, None)
    instance.index, instance.epoch, instance.version = record.index, record.epoch, target.version
    target.slots[record.index] = Slot(record.index, target.version, holders={instance.id: instance})
    target.instances[instance.id] = target.rows[instance.id] = instance
    target.epochs[record.index] = record.epoch
    target.moved[instance.id] = instance
    state.of_task[instance.id] = target.id
    touch(state, target)


def _slot_books(job: Job, record: SlotBooks) -> None:
    job.epochs[record.index] = record.epoch
    slot = job.slots.get(record.index)
    if slot is not None:
        slot.failures, slot.losses, slot.due_ms = record.failures, record.losses, record.due_ms
        slot.because, slot.times = record.because, record.times
        slot.next, slot.last_id = record.lineage, record.task_id


def _over(state: State, job: Job, why: str, at_ms: int) -> None:
    job.state, job.why, job.ended_ms = FINISHED, why, at_ms
    job.slots.clear()
    job.epochs.clear()
    job.rollout = None
    del state.open[job.id]
    if state.of_name.get(job.spec.name) == job.id:
        del state.of_name[job.spec.name]
    state.ended[job.id] = None
    if len(state.ended) > state.settings.services_kept:
        drop(state, (next(iter(state.ended)),))


def _forget_versions(state: State, job: Job) -> None:
    used = {i.version: None for i in job.instances.values()} | {s.version: None for s in job.slots.values()}
    used |= {job.version: None, max(job.versions): None}
    if job.rollout is not None:
        used |= {job.rollout.before: None, job.rollout.target: None}
    spare = [number for number in job.versions if number not in used]
    for number in spare[: max(0, len(spare) - state.settings.versions_kept)]:
        del job.versions[number]


def _forget_rows(state: State, job: Job) -> None:
    surplus = len(job.rows) - len(job.instances) - state.settings.rows_kept
    if surplus > ROWS_SLACK:
        for old in [r for r in job.rows if r not in job.instances][:surplus]:
            del job.rows[old]
