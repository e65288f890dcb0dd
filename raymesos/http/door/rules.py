"""What a message of a client may be, and who may send it."""

from __future__ import annotations

from typing import Any

from raymesos.errors import InvalidJob, ProtocolError, Unauthorized
from raymesos.http.security.access import Access, Caller
from raymesos.model.jobs import BatchJob
from raymesos.wire.fits import check_fit
from raymesos.wire.jobs import JobSpec
from raymesos.wire.operating import (
    DeactivateAgent,
    DrainAgent,
    MarkAgentGone,
    Operate,
    ReactivateAgent,
    ScheduleMaintenance,
    SetQuotas,
    SetWeights,
    StartMaintenance,
    StopMaintenance,
)
from raymesos.wire.operations import Create, Destroy, Grow, Reserve, Shrink, Unreserve
from raymesos.wire.work import Blob

_ALONE: dict[type, str] = {
    DrainAgent: "drain_agents",
    DeactivateAgent: "deactivate_agents",
    ReactivateAgent: "reactivate_agents",
    MarkAgentGone: "mark_agents_gone",
    ScheduleMaintenance: "update_maintenance_schedules",
    StartMaintenance: "start_maintenances",
    StopMaintenance: "stop_maintenances",
}
OPERATOR_CALLS = (*_ALONE, SetWeights, SetQuotas, Operate)


def must_operate(access: Access, caller: Caller, message: Any) -> None:
    """Raises Unauthorized."""
    match message:
        case SetWeights():
            access.require(caller, "update_weights", *[role for role, _ in message.weights])
        case SetQuotas():
            access.require(caller, "update_quotas", *[quota.role for quota in message.quotas])
        case Operate():
            _must_change(access, caller, message.operation)
        case _:
            access.require(caller, _ALONE[type(message)])


def check_spec(spec: JobSpec, caller: Caller, *, loopback: bool) -> None:
    """The job is one that a client of ours could have made. A function is code of the caller's: it must be known, or on this machine.

    Raises InvalidJob, ProtocolError, Unauthorized.
    """
    check_fit(spec)
    code = [spec.fn, *(segment.blob for segment in spec.inputs)] if spec.inputs or spec.fn != Blob() else []
    if code and not (loopback or caller.principal):
        raise Unauthorized("functions are code: over HTTP they are taken on loopback, or from a caller with a token")
    for blob in code:
        _check_blob(spec.job_id, blob)
    if code and spec.argv:
        raise InvalidJob("fn", "give exactly one of fn (with inputs) and command (with size)")
    fields: dict[str, Any] = (
        {"command": list(spec.argv), "size": spec.total} if not code else {"fn": _nothing, "inputs": ()}
    )
    quantities = {name: spec.resources.scalar(name) / 1000 for name in ("cpus", "mem", "disk")}
    job = BatchJob(
        spec.name,
        role=spec.role,
        gpus=spec.resources.scalar("gpus") // 1000,
        ports=spec.ports,
        env=dict(spec.env),
        working_dir=spec.working_dir or None,
        attributes=dict(spec.attributes),
        runtime_limit=None if spec.runtime_limit_ms is None else spec.runtime_limit_ms / 1000,
        max_parallel=spec.max_parallel,
        **quantities,
        **fields,
    )
    if job.resources != spec.resources:
        raise InvalidJob("resources", f"{spec.resources}: a task has cpus, mem, disk and gpus")


def _check_blob(job_id: str, blob: Blob) -> None:
    """It is here, or a file that was put for this job."""
    here = not blob.path and not blob.key
    own = blob.key.startswith(f"{job_id}/") and ".." not in blob.path and blob.path.endswith(f"/{blob.key}")
    if not (here or own):
        raise ProtocolError(f"the data {blob.key!r} are none of job {job_id}")


def _must_change(access: Access, caller: Caller, operation: Any) -> None:
    match operation:
        case Reserve():
            access.require(caller, "reserve_resources", *operation.resources.reserved_roles())
        case Unreserve():
            access.require(caller, "unreserve_resources")
        case Create():
            access.require(caller, "create_volumes", *operation.volumes.reserved_roles())
        case Destroy():
            access.require(caller, "destroy_volumes")
        case Grow() | Shrink():
            access.require(caller, "resize_volumes", *operation.volume.reserved_roles())
        case _:
            raise ProtocolError(f"{type(operation).__name__} is no operator's operation")


def _nothing(_: Any) -> None:
    return
