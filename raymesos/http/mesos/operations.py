"""Operations of the v1 API, as operations of the wire. One that nobody could carry out is answered here, if it wants to be. (Mesos: Offer.Operation)"""

from __future__ import annotations

from collections.abc import Iterable

from raymesos.errors import InvalidValue
from raymesos.http.mesos.amounts import resources_of, scalar_of
from raymesos.http.mesos.needed import needed
from raymesos.http.mesos.tasks import Reading, group_of, tasks_of
from raymesos.http.mesos.values import Row
from raymesos.model.resources import Resources
from raymesos.wire.messages import (
    Create,
    Destroy,
    Grow,
    Launch,
    LaunchGroup,
    Operation,
    OperationState,
    OperationStatus,
    OperationUpdate,
    Reserve,
    Shrink,
    Unreserve,
)

NO_FEEDBACK = (
    "The 'id' field was set in an offer operation, but operation feedback is not supported for "
    "LAUNCH and LAUNCH_GROUP operations"
)
UNKNOWN = "The operation's type is unknown, or what it needs is missing"


def operations_of(rows: Iterable[Row], reading: Reading) -> tuple[Operation, ...]:
    """What the master is asked for. The others are refused if they have an id, and left out."""
    asked: list[Operation] = []
    for row in rows:
        operation_id = row.get("id", {}).get("value", "")
        operation, text = None, UNKNOWN
        try:
            body = row.get(row.get("type", "").lower())
            if body is not None:
                operation = _operation(row["type"], body, operation_id, reading)
                text = "" if operation is None else _unauthorized(operation, reading)
                operation = None if text else operation
        except InvalidValue as error:
            text = str(error)
        if operation is not None:
            asked.append(operation)
        elif operation_id and text:
            status = OperationStatus(operation_id, OperationState.ERROR, message=text)
            reading.refused.append(OperationUpdate(status))
    return tuple(asked)


def _operation(kind: str, body: Row, id: str, reading: Reading) -> Operation | None:
    match kind:
        case "LAUNCH" | "LAUNCH_GROUP":
            if id:
                raise InvalidValue("id", id, NO_FEEDBACK)
            return _launch(body, reading) if kind == "LAUNCH" else _launch_group(body, reading)
        case "RESERVE":
            return Reserve(_resources(body, "resources"), id)
        case "UNRESERVE":
            return Unreserve(_resources(body, "resources"), id)
        case "CREATE":
            return Create(_resources(body, "volumes"), id)
        case "DESTROY":
            return Destroy(_resources(body, "volumes"), id)
        case "GROW_VOLUME":
            volume = resources_of([body["volume"]], "volume")
            return Grow(volume, resources_of([body["addition"]], "addition"), id)
        case "SHRINK_VOLUME":
            return Shrink(resources_of([body["volume"]], "volume"), scalar_of(body["subtract"], "subtract"), id)
        case _:
            raise InvalidValue("type", kind, "needs a storage resource provider, and there is none")


def _unauthorized(operation: Operation, reading: Reading) -> str:
    """Why the scheduler may not do this; empty if it may. (Mesos: authorization of ACCEPT)"""
    if isinstance(operation, Launch | LaunchGroup):
        return ""
    action, subjects = needed(operation)
    if all(reading.may(action, subject) for subject in subjects):
        return ""
    return f"Not authorized to {action.replace('_', ' ')}"


def _launch(body: Row, reading: Reading) -> Launch:
    return Launch(tasks_of(body.get("task_infos", ()), reading))


def _launch_group(body: Row, reading: Reading) -> LaunchGroup | None:
    return group_of(body["executor"], body["task_group"].get("tasks", []), reading)


def _resources(body: Row, name: str) -> Resources:
    return resources_of(body.get(name, []), name)
