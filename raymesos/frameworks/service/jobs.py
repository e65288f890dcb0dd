"""Services: taken in, changed, ended. What only a client may change, and what it is answered. (Titus: Accepted → KillInitiated → Finished)"""

from __future__ import annotations

from dataclasses import replace

from raymesos.frameworks.base import ACCEPTED, FINISHED, KILL_INITIATED, use_role
from raymesos.frameworks.retry import KILLED
from raymesos.frameworks.service import capacity, sizing
from raymesos.frameworks.service.admission import refusal
from raymesos.frameworks.service.books import CANCELLED, drop, keep
from raymesos.frameworks.service.state import Job, State
from raymesos.frameworks.service.stops import stop
from raymesos.machine import Outbox
from raymesos.model.services import MAX_INSTANCES
from raymesos.wire.jobs import SubscriptionKept
from raymesos.wire.notes import EventNote
from raymesos.wire.service_records import ServiceEnded, ServiceKept, ServicesForgotten, SpecKept, StopAsked
from raymesos.wire.services import (
    ChangeServiceAttributes,
    EnableService,
    ForgetServices,
    KillInstance,
    ScaleService,
    ServiceAnswer,
    ServiceSpec,
    SetProcesses,
    SetScaling,
    SetServiceBudget,
    Size,
    SubmitService,
)


def submit(state: State, message: SubmitService, out: Outbox, now_ms: int) -> ServiceAnswer:
    """Keep the service, durably. The same submit again has the same answer."""
    spec = message.spec
    refused = refusal(state, spec)
    if refused is None and spec.job_id not in state.jobs:
        if use_role(state.subscription, spec.role, out) and state.subscription.framework_id:
            keep(state, SubscriptionKept(state.subscription.framework_id, state.subscription.info.roles), out)
        keep(state, ServiceKept(spec, now_ms), out)
        text = f"{spec.name}: {spec.size.desired} in role {spec.role}"
        out.note(EventNote(now_ms, "service submitted", spec.job_id, text))
    return refused or ServiceAnswer(spec.job_id, number=1)


def open_job(state: State, job_id: str) -> Job | ServiceAnswer:
    """The service, if it may still be changed."""
    job = state.jobs.get(job_id)
    if job is None:
        return ServiceAnswer(job_id, "UnknownId", "job", f"no service {job_id!r}")
    if job.state != ACCEPTED:
        return ServiceAnswer(
            job_id, "Conflict", "job", f"{job_id} has ended" if job.ended_ms else f"{job_id} is ending"
        )
    return job


def job_of_task(state: State, task_id: str) -> Job | ServiceAnswer:
    """The service that has the live instance."""
    job = state.open.get(state.of_task.get(task_id, ""))
    if job is None:
        ended = any(task_id in j.rows for j in state.jobs.values())
        kind, text = ("Conflict", "has ended") if ended else ("UnknownId", "is no instance of a service")
        return ServiceAnswer("", kind, "task", f"{task_id} {text}")
    return open_job(state, job.id)


def end(state: State, job_id: str, out: Outbox, now_ms: int) -> ServiceAnswer:
    """Nothing more is started; what runs is ended, so many at a time. Asked for again it changes nothing."""
    job = state.jobs.get(job_id)
    if job is None:
        return ServiceAnswer(job_id, "UnknownId", "job", f"no service {job_id!r}")
    if job.state == ACCEPTED:
        keep(state, StopAsked(job.id, now_ms), out)
        out.note(EventNote(now_ms, "service stopped", job.id, job.spec.name))
    return ServiceAnswer(job_id)


def scale(state: State, job: Job, message: ScaleService, out: Outbox, now_ms: int) -> ServiceAnswer:
    """Another size, as far as it is one."""
    size = capacity.changed(job.spec, message, MAX_INSTANCES)
    if not isinstance(size, Size):
        return ServiceAnswer(job.id, "InvalidJob", *size)
    resize(state, job, size, "asked for", out, now_ms)
    return ServiceAnswer(job.id)


def resize(state: State, job: Job, size: Size, why: str, out: Outbox, now_ms: int) -> None:
    """The service has this size; the same one again changes nothing."""
    before = job.spec.size
    if size == before:
        return
    _keep_spec(state, replace(job.spec, size=size), out)
    if size.desired != before.desired:
        text = f"{job.spec.name}: {before.desired} to {size.desired}: {why}"
        out.note(EventNote(now_ms, "service scaled", job.id, text))


def kill_instance(state: State, job: Job, message: KillInstance, out: Outbox, now_ms: int) -> ServiceAnswer:
    """The instance ends; with `shrink` its index goes too."""
    instance = job.instances[message.task_id]
    if not message.shrink:
        stop(state, job, instance, KILLED, out, now_ms)
        return ServiceAnswer(job.id)
    slot = job.slots.get(instance.index)
    if slot is None or instance.id not in slot.holders:
        return ServiceAnswer(job.id)  # Its index is gone already.
    size = capacity.shrunk(job.spec.size, keep_min=message.keep_min)
    if size is None:
        text = f"{job.spec.size.desired} instances are min: one less is not allowed"
        return ServiceAnswer(job.id, "Conflict", "capacity.min", text)
    if job.spec.no_decrease:
        return ServiceAnswer(job.id, "Conflict", "capacity.desired", "to decrease desired is disabled")
    resize(state, job, size, f"{instance.id} was killed with shrink", out, now_ms)
    sizing.drop(state, job, slot, KILLED, out, now_ms)
    return ServiceAnswer(job.id)


def enable(state: State, job: Job, message: EnableService, out: Outbox, now_ms: int) -> ServiceAnswer:
    """With traffic and scaling, or without."""
    if job.spec.enabled != message.enabled:
        _keep_spec(state, replace(job.spec, enabled=message.enabled), out)
        kind = "service enabled" if message.enabled else "service disabled"
        out.note(EventNote(now_ms, kind, job.id, job.spec.name))
    return ServiceAnswer(job.id)


def set_processes(state: State, job: Job, message: SetProcesses, out: Outbox) -> ServiceAnswer:
    """Whether desired may grow and shrink."""
    spec = replace(job.spec, no_increase=message.no_increase, no_decrease=message.no_decrease)
    return _keep_spec(state, spec, out)


def change_attributes(state: State, job: Job, message: ChangeServiceAttributes, out: Outbox) -> ServiceAnswer:
    """Some are put, some taken away."""
    gone = dict.fromkeys(message.remove)
    found = {key: value for key, value in job.spec.attributes if key not in gone} | dict(message.put)
    return _keep_spec(state, replace(job.spec, attributes=tuple(sorted(found.items()))), out)


def set_budget(state: State, job: Job, message: SetServiceBudget, out: Outbox) -> ServiceAnswer:
    """Another disruption budget."""
    return _keep_spec(state, replace(job.spec, budget=message.budget), out)


def set_scaling(state: State, job: Job, message: SetScaling, out: Outbox) -> ServiceAnswer:
    """Other scaling policies, which begin anew."""
    job.decisions.clear()
    return _keep_spec(state, replace(job.spec, scaling=message.scaling), out)


def forget(state: State, message: ForgetServices, out: Outbox) -> ServicesForgotten:
    """Drop those that have finished, durably, and answer which."""
    done = ServicesForgotten(tuple(dict.fromkeys(job_id for job_id in message.job_ids if job_id in state.ended)))
    if done.job_ids:
        out.persist(done)
        drop(state, done.job_ids)
    return done


def finish_if_done(state: State, job: Job, out: Outbox, now_ms: int) -> None:
    """A service that is ended is over once nothing of it runs any more."""
    # What a former life has left running is not known before we are settled: it is to be killed, too.
    if job.state == KILL_INITIATED and not job.instances and not job.slots and state.subscription.settled:
        keep(state, ServiceEnded(job.id, job.why or CANCELLED, now_ms), out)
        out.note(EventNote(now_ms, "service finished", job.id, f"{job.spec.name}: {job.why}"))
        assert job.state == FINISHED


def _keep_spec(state: State, spec: ServiceSpec, out: Outbox) -> ServiceAnswer:
    keep(state, SpecKept(spec), out)
    return ServiceAnswer(spec.job_id)
