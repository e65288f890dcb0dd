"""New versions: what a client may change of a service, and how an update is begun, paused, gone on with and taken back. One at a time."""

from __future__ import annotations

from dataclasses import replace

from raymesos.frameworks.service import rollout
from raymesos.frameworks.service.admission import malformed, taken_group
from raymesos.frameworks.service.books import keep
from raymesos.frameworks.service.state import Job, State
from raymesos.machine import Outbox
from raymesos.wire.service_records import SpecKept, VersionKept
from raymesos.wire.services import RollbackService, ServiceAnswer, UpdateService


def update(state: State, job: Job, message: UpdateService, out: Outbox, now_ms: int) -> ServiceAnswer:
    """The service is so from now on. Only another template touches an instance."""
    spec = replace(message.spec, size=job.spec.size, name=job.spec.name, role=job.spec.role, digest=job.spec.digest)
    refused = malformed(spec) or taken_group(state, spec) or _out_of_turn(job, message)
    if refused is not None:
        return refused
    same = spec.template == job.spec.template
    if spec != job.spec:
        keep(state, SpecKept(spec), out)
    if same:
        return ServiceAnswer(job.id, number=_newest(job))
    number = max(job.versions) + 1
    keep(state, VersionKept(job.id, number, spec.template, now_ms, "updated"), out)
    rollout.begin(state, job, number, "", out, now_ms)
    return ServiceAnswer(job.id, number=number)


def roll_back(state: State, job: Job, message: RollbackService, out: Outbox, now_ms: int) -> ServiceAnswer:
    """To the version that is asked for, else to the last one that was whole before what it is now."""
    current = job.rollout.target if job.rollout is not None else job.version
    earlier = [n for n in job.versions if n < current]
    target = message.version or (job.rollout.before if job.rollout is not None else max(earlier, default=0))
    if target not in job.versions:
        text = f"no version {target}" if target else "there is no earlier version"
        return ServiceAnswer(job.id, "UnknownId", "version", text)
    if target == current:
        return ServiceAnswer(job.id, "Conflict", "version", f"version {target} is what it goes to already")
    rollout.go_back(state, job, target, "asked for", out, now_ms)
    return ServiceAnswer(job.id, number=target)


def pause(state: State, job: Job, out: Outbox, now_ms: int) -> ServiceAnswer:
    """No more of it is begun."""
    if job.rollout is None:
        return ServiceAnswer(job.id, "Conflict", "update", "no update goes on")
    if job.rollout.phase in (rollout.CANARY, rollout.ROLLING):
        rollout.set_phase(state, job, rollout.PAUSED, out, now_ms)
    return ServiceAnswer(job.id)


def resume(state: State, job: Job, out: Outbox, now_ms: int) -> ServiceAnswer:
    """It goes on; a canary that was not complete goes on as one."""
    if job.rollout is None:
        return ServiceAnswer(job.id, "Conflict", "update", "no update goes on")
    if job.rollout.phase in (rollout.PAUSED, rollout.FAILED):
        rollout.set_phase(state, job, rollout.CANARY if job.rollout.canary else rollout.ROLLING, out, now_ms)
    return ServiceAnswer(job.id)


def _newest(job: Job) -> int:
    return job.rollout.target if job.rollout is not None else job.version


def _out_of_turn(job: Job, message: UpdateService) -> ServiceAnswer | None:
    if message.version and message.version != _newest(job):
        text = f"it is at version {_newest(job)}, not {message.version}"
        return ServiceAnswer(job.id, "Conflict", "version", text)
    changes = message.spec.template != job.spec.template
    if changes and job.rollout is not None and job.rollout.phase != rollout.FAILED:
        text = f"an update from version {job.rollout.before} to {job.rollout.target} goes on: roll it back first"
        return ServiceAnswer(job.id, "Conflict", "update", text)
    return None
