"""Batch jobs at the cluster's door: what a descriptor becomes on its way, what is refused, and what may be changed afterwards."""

from __future__ import annotations

import sys
from typing import Any, Protocol

from raymesos.errors import RaymesosError, UnknownId
from raymesos.machine import BATCH
from raymesos.model.jobs import BatchJob
from raymesos.operating.refusals import error_of
from raymesos.wire.jobs import CancelAnswered, CancelJob, JobChanged, JobRefused, JobSpec, Submit


class JobsDoor(Protocol):
    """What this module needs of `raymesos.door.Door`."""

    def ask(self, actor: str, message: Any) -> Any: ...


def spec_of(job: BatchJob, job_id: str, *, total: int, digest: str) -> JobSpec:
    """The job on the wire, but for its function, inputs and what depends on where it comes from."""
    return JobSpec(
        job_id=job_id,
        name=job.name,
        role=job.role,
        resources=job.resources,
        total=total,
        digest=digest,
        argv=job.argv,
        retry=job.policy,
        runtime_limit_ms=None if job.runtime_limit is None else round(job.runtime_limit * 1000),
        retry_on_runtime_limit=job.retry_on_runtime_limit,
        max_parallel=job.max_parallel,
        env=tuple(sorted(job.env.items())),
        working_dir=job.working_dir or "",
        python=f"{sys.version_info[0]}.{sys.version_info[1]}",
        gang=job.gang,
        isolated=job.isolated,
        attributes=tuple(sorted(job.attributes.items())),
        ports=job.ports,
    )


def submit(door: JobsDoor, spec: JobSpec) -> None:
    """The framework keeps the job. Raises InvalidJob, Conflict, QuotaRefused, UnknownId, ClusterUnavailable."""
    answer = door.ask(BATCH, Submit(spec))
    if isinstance(answer, JobRefused):
        raise refusal_of(answer)


def cancel(door: JobsDoor, job_id: str) -> None:
    """Nothing more of it is started, what runs is killed. Idempotent. Raises UnknownId."""
    answer: CancelAnswered = door.ask(BATCH, CancelJob(job_id))
    if not answer.known:
        raise UnknownId("job", job_id)


def change(door: JobsDoor, message: Any, subject: str) -> bool:
    """Have the framework carry out a change of the job or task `subject`; false if that is over already. Raises UnknownId."""
    answer: JobChanged = door.ask(BATCH, message)
    if answer.unknown:
        raise UnknownId(answer.unknown, subject)
    return not answer.ended


def refusal_of(refused: JobRefused) -> RaymesosError:
    """The error that the framework's answer stands for."""
    return error_of(refused.kind, refused.field, refused.reason, UnknownId("job", refused.reason))
