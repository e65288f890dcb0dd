"""What a scheduler asks for: calls of the v1 API as messages of the wire. A call that comes here fits its message and has what its type needs."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import orjson

from raymesos.http.mesos.infos import framework_info_of
from raymesos.http.mesos.operations import operations_of
from raymesos.http.mesos.tasks import Reading
from raymesos.http.mesos.values import Row, bytes_of, nanoseconds_of, uuid_of
from raymesos.model.settings import DEFAULT_REFUSE_MS, MAX_REFUSE_MS
from raymesos.wire.messages import (
    Accept,
    AcceptInverse,
    Acknowledge,
    AcknowledgeOperation,
    Decline,
    DeclineInverse,
    Kill,
    OperationRef,
    OperationUpdate,
    Reconcile,
    ReconcileOperations,
    Revive,
    ShutdownExecutor,
    Subscribe,
    Suppress,
    TaskRef,
    Teardown,
    ToExecutor,
    Update,
    UpdateFramework,
)


@dataclass(frozen=True, slots=True)
class ReadCall:
    """`message` goes to the master, if there is anything for it; `refused` is for the scheduler: tasks and operations that nobody could carry out."""

    message: Any
    refused: tuple[Update | OperationUpdate, ...] = ()


def read_subscription(row: Row, principal: str = "") -> Subscribe:
    """`row` is the call's `subscribe`. A framework that is authenticated and names no principal has the one that it has proved. Raises InvalidValue."""
    info = framework_info_of(row["framework_info"], "framework_info")
    if principal and not info.principal:
        info = replace(info, principal=principal)
    return Subscribe(info, tuple(row.get("suppressed_roles", ())), _constraints(row))


def read_scheduler_call(call: Row, reading: Reading) -> ReadCall:
    """A call other than SUBSCRIBE. Raises InvalidValue."""
    kind, framework_id = call["type"], reading.framework_id
    body: Row = call.get(kind.lower(), {})
    match kind:
        case "ACCEPT":
            operations = operations_of(body.get("operations", ()), reading)
            accept = Accept(framework_id, _ids(body.get("offer_ids", ())), operations, _refuse_ms(body))
            return ReadCall(accept, tuple(reading.refused))
        case "ACKNOWLEDGE":
            uuid = uuid_of(body["uuid"], "uuid")
            return ReadCall(Acknowledge(framework_id, _id(body["agent_id"]), _id(body["task_id"]), uuid))
        case "DECLINE":
            return ReadCall(Decline(framework_id, _ids(body.get("offer_ids", ())), _refuse_ms(body)))
        case "REVIVE":
            return ReadCall(Revive(framework_id, _roles(body)))
        case "SUPPRESS":
            return ReadCall(Suppress(framework_id, _roles(body)))
        case "TEARDOWN":
            return ReadCall(Teardown(framework_id))
        case "REQUEST":
            return ReadCall(None)  # Mesos' allocator ignores it too.
        case "ACCEPT_INVERSE_OFFERS" | "DECLINE_INVERSE_OFFERS":
            made = AcceptInverse if kind == "ACCEPT_INVERSE_OFFERS" else DeclineInverse
            return ReadCall(made(framework_id, _ids(body.get("inverse_offer_ids", ())), _refuse_ms(body)))
        case "UPDATE_FRAMEWORK":
            info = framework_info_of(body["framework_info"], "framework_info")
            return ReadCall(UpdateFramework(info, tuple(body.get("suppressed_roles", ())), _constraints(body)))
        case _:
            return ReadCall(_of_tasks_and_operations(kind, body, framework_id))


def _of_tasks_and_operations(kind: str, body: Row, framework_id: str) -> Any:
    match kind:
        case "KILL":
            grace = body.get("kill_policy", {}).get("grace_period")
            grace_ms = None if grace is None else max(0, nanoseconds_of(grace, "grace_period"))
            return Kill(framework_id, _id(body["task_id"]), _id(body.get("agent_id")), grace_ms)
        case "RECONCILE":
            tasks = [TaskRef(_id(row["task_id"]), _id(row.get("agent_id"))) for row in body.get("tasks", ())]
            return Reconcile(framework_id, tuple(tasks))
        case "SHUTDOWN":
            return ShutdownExecutor(framework_id, _id(body["agent_id"]), _id(body["executor_id"]))
        case "MESSAGE":
            data = bytes_of(body["data"], "data")
            return ToExecutor(framework_id, _id(body["agent_id"]), _id(body["executor_id"]), data)
        case "ACKNOWLEDGE_OPERATION_STATUS":
            uuid = uuid_of(body["uuid"], "uuid")
            return AcknowledgeOperation(framework_id, _id(body["agent_id"]), _id(body["operation_id"]), uuid)
        case "RECONCILE_OPERATIONS":
            rows = body.get("operations", ())
            refs = [OperationRef(_id(row["operation_id"]), _id(row.get("agent_id"))) for row in rows]
            return ReconcileOperations(framework_id, tuple(refs))
    return None


def _id(row: Row | None) -> str:
    return "" if row is None else str(row["value"])


def _ids(rows: Any) -> tuple[str, ...]:
    return tuple([row["value"] for row in rows])


def _roles(body: Row) -> tuple[str, ...]:
    """Mesos' own examples name one `role`, its messages have `roles`: both are taken."""
    return tuple(body.get("roles", ())) or ((body["role"],) if body.get("role") else ())


def _refuse_ms(body: Row) -> int:
    """Of the call's filters. What is no span is Mesos' default; more than a year counts as a year."""
    seconds = body.get("filters", {}).get("refuse_seconds")
    if seconds is None or math.isnan(seconds) or seconds < 0:
        return DEFAULT_REFUSE_MS
    return int(min(seconds * 1000, MAX_REFUSE_MS))


def _constraints(body: Row) -> str:
    found = body.get("offer_constraints")
    return orjson.dumps(found).decode() if found else ""
