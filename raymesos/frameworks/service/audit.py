"""The framework's books against each other: each live instance is of one service, no index has two in service, nothing is kept without bound."""

from __future__ import annotations

from raymesos.errors import InvariantBroken
from raymesos.frameworks.base import FINISHED
from raymesos.frameworks.service.state import Job, State


def check(state: State) -> None:
    """Raises InvariantBroken if the books of the framework do not agree."""
    for job in state.jobs.values():
        if (job.state == FINISHED) is (job.id in state.open) or (job.state == FINISHED) is not (job.id in state.ended):
            raise InvariantBroken("service.open", f"{job.id} is {job.state}")
        _check_job(job)
    if state.of_name != {job.spec.name: job.id for job in state.open.values()}:
        raise InvariantBroken("service.names", f"{state.of_name}")
    if state.of_task != {id: job.id for job in state.open.values() for id in job.instances}:
        raise InvariantBroken("service.tasks", f"{state.of_task}")
    if any(id not in state.of_task for id in state.plans):
        raise InvariantBroken("service.plans", f"{list(state.plans)}")


def _check_job(job: Job) -> None:
    size = job.spec.size
    if not 0 <= size.min <= size.desired <= size.max:
        raise InvariantBroken("service.size", f"{job.id}: {size}")
    for slot in job.slots.values():
        strays = [id for id in slot.holders if id not in job.instances]
        if strays:
            raise InvariantBroken("service.slot", f"{job.id}: {strays} of index {slot.index} are over")
    used = {i.version: None for i in job.instances.values()} | {s.version: None for s in job.slots.values()}
    missing = [number for number in used if number not in job.versions]
    if missing:
        raise InvariantBroken("service.version", f"{job.id}: versions {missing} are used and forgotten")
    if job.told is not None:
        active = [e.task_id for e in job.told.endpoints if not e.draining]
        indexes = [job.rows[id].index for id in active if id in job.rows]
        if len(indexes) != len(dict.fromkeys(indexes)):
            raise InvariantBroken("service.twice", f"{job.id}: {active} are in service, two of one index")
