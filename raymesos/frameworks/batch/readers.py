"""What others may ask about a job, as plain data."""

from __future__ import annotations

from typing import Any

from raymesos.errors import UnknownId
from raymesos.frameworks.batch.results import owed_count
from raymesos.frameworks.batch.state import ACCEPTED, Job, State


def job_of(state: State, job_id: str) -> Job:
    """Raises UnknownId."""
    job = state.jobs.get(job_id)
    if job is None:
        raise UnknownId("job", job_id)
    return job


def counts(job: Job) -> tuple[int, int]:
    """(inputs that wait, inputs that run): with those decided they are all inputs, until the job is cancelled."""
    if job.state != ACCEPTED:
        return 0, sum(c.span.hi - c.span.lo for c in job.chunks.values() if not c.ended)
    running = sum(owed_count(job, c) for c in job.chunks.values())
    return job.undecided - running, running


def status(state: State, job_id: str) -> dict[str, Any]:
    """The job now. Raises UnknownId."""
    job = job_of(state, job_id)
    waiting, running = counts(job)
    return {
        "id": job.id,
        "name": job.spec.name,
        "role": job.spec.role,
        "state": job.state,
        "why": job.why,
        "total": job.spec.total,
        "waiting": waiting,
        "running": running,
        "succeeded": job.succeeded,
        "failed": job.failed,
        "retried": job.retried,
        "version": job.version,
    }


def where_ran(state: State, job_id: str, index: int) -> tuple[str, str, bool]:
    """(agent id, task id, whether each index has a sandbox of its own) of the input's last attempt. Raises UnknownId."""
    job = job_of(state, job_id)
    row = next((r for r in reversed(job.rows.values()) if r.index <= index < r.hi), None)
    row = row or job.lineage.get(index)
    if row is None:
        raise UnknownId("attempt", f"{job_id} {index}")
    return row.agent_id, row.id, bool(job.spec.argv)
