"""The journal of the service framework: what its former lives have kept, and a snapshot that amounts to the same. Where instances stand is asked of the master."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from raymesos.frameworks.base import KILL_INITIATED
from raymesos.frameworks.service.books import apply
from raymesos.frameworks.service.state import Instance, Job, State
from raymesos.wire.jobs import LifeBegan, SubscriptionKept
from raymesos.wire.service_records import (
    EvictionsKept,
    InstanceKept,
    LeavingKept,
    PlanKept,
    RolloutKept,
    ServiceEnded,
    ServiceKept,
    SlotBooks,
    SlotKept,
    SpecKept,
    StopAsked,
    StopKept,
    VersionKept,
)


def restore(state: State, records: Iterable[Any]) -> None:
    """Take back what former lives have recorded. What was being ended without a word of its kill is killed: who still drained it has a new address to tell that to."""
    for record in records:
        apply(state, record)
    for job in state.jobs.values():
        job.revision = state.life << 32
        job.moved.clear()
        state.dirty[job.id] = None


def snapshot(state: State) -> list[Any]:
    """Records that amount to all so far."""
    sub = state.subscription
    records: list[Any] = [LifeBegan(state.life)]
    if sub.framework_id:
        records.append(SubscriptionKept(sub.framework_id, sub.info.roles))
    for job in state.jobs.values():
        records += _of_job(job)
    for plan in state.plans.values():
        records.append(PlanKept(plan.task_id, plan.reason, plan.decided_ms, plan.at_ms))
    records += [LeavingKept(agent_id, True, reason) for agent_id, reason in state.leaving.items()]
    for job_id in state.ended:
        job = state.jobs[job_id]
        records.append(ServiceEnded(job.id, job.why, job.ended_ms or 0))
    return records


def _of_job(job: Job) -> list[Any]:
    newest = max(job.versions)
    spec = replace(job.spec, template=job.versions[newest].template)
    records: list[Any] = [ServiceKept(spec, job.submitted_ms, newest), SpecKept(job.spec)]
    records.append(RolloutKept(job.id, job.rollout, job.version))
    held = {id: None for slot in job.slots.values() for id in slot.holders}
    # Those without a slot come before there is any, so that they get none.
    records += [_instance(job, i) for i in job.instances.values() if i.id not in held]
    for slot in job.slots.values():
        records.append(SlotKept(job.id, slot.index, slot.version, slot.beside))
        records += [_instance(job, h) for h in slot.holders.values()]
    # After all that uses them: those that nothing uses are forgotten.
    records += [VersionKept(job.id, v.number, v.template, v.at_ms, v.why) for v in job.versions.values()]
    records += [StopKept(job.id, i.id, i.stop.why, 0) for i in job.instances.values() if i.stop is not None]
    for index, epoch in job.epochs.items():
        books = job.slots.get(index)
        if books is None:
            records.append(SlotBooks(job.id, index, epoch, 0, 0, "", 0, 0, None, ""))
        else:
            facts = (books.failures, books.losses, books.because, books.times, books.due_ms)
            records.append(SlotBooks(job.id, index, epoch, *facts, books.next, books.last_id))
    records.append(EvictionsKept(job.id, tuple(job.evictions)))
    if job.state == KILL_INITIATED:
        records.append(StopAsked(job.id, job.cancelled_ms or 0))
    return records


def _instance(job: Job, i: Instance) -> InstanceKept:
    return InstanceKept(
        job.id, i.id, i.index, i.epoch, i.version, i.lineage, i.agent_id, i.host, i.ports, i.launched_ms
    )
