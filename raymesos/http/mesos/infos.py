"""The v1 API's JSON of what frameworks and tasks say of themselves: FrameworkInfo, TaskStatus, OperationStatus."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, TypeVar

from raymesos.errors import InvalidValue
from raymesos.http.mesos.amounts import quantities_json, quantities_of, resources_json
from raymesos.http.mesos.values import (
    Row,
    bool_of,
    bytes_json,
    bytes_of,
    id_json,
    id_of,
    labels_json,
    labels_of,
    list_of,
    nanoseconds_json,
    object_of,
    passed_through,
    require,
    seconds_json,
    seconds_of,
    text_of,
    types_json,
    types_of,
    uuid_json,
    uuid_of,
)
from raymesos.model.quota import Quantities
from raymesos.model.tasks import Capability, Reason, Source, TaskState
from raymesos.wire.operations import OperationStatus
from raymesos.wire.values import FrameworkInfo, TaskStatus

N = TypeVar("N", bound=StrEnum)

OfferFilters = tuple[tuple[str, tuple[Quantities, ...]], ...]

# ---------------------------------------------------------------- frameworks


def framework_info_json(info: FrameworkInfo) -> Row:
    """As Mesos shows it: what is empty is left out, but for the fields that it always has."""
    row: Row = {"user": info.user, "name": info.name}
    if info.id:
        row["id"] = id_json(info.id)
    row |= {"failover_timeout": seconds_json(info.failover_timeout_ms), "checkpoint": info.checkpoint}
    row |= {name: value for name in ("hostname", "principal", "webui_url") if (value := getattr(info, name))}
    if Capability.MULTI_ROLE in info.capabilities:
        row |= {"roles": list(info.roles)} if info.roles else {}
    elif info.roles not in ((), ("*",)):
        row["role"] = info.roles[0]
    if info.capabilities:
        row["capabilities"] = types_json(info.capabilities)
    if info.labels:
        row["labels"] = labels_json(info.labels)
    if info.offer_filters:
        row["offer_filters"] = {role: _least_json(least) for role, least in info.offer_filters}
    return row


def framework_info_of(row: Any, field: str) -> FrameworkInfo:
    """Whether its roles are good is for the master to say. Of a framework that is not MULTI_ROLE the older `role` is its one role, `*` if it has none."""
    found = object_of(row, field)
    require(found, "user", "name", at=field)
    capabilities = types_of(found.get("capabilities"), f"{field}.capabilities")
    return FrameworkInfo(
        name=text_of(found["name"], f"{field}.name"),
        roles=_roles(found, capabilities, field),
        id="" if found.get("id") is None else id_of(found["id"], f"{field}.id"),
        user=text_of(found["user"], f"{field}.user"),
        principal=text_of(found.get("principal"), f"{field}.principal"),
        capabilities=capabilities,
        failover_timeout_ms=seconds_of(found.get("failover_timeout") or 0, f"{field}.failover_timeout"),
        hostname=text_of(found.get("hostname"), f"{field}.hostname"),
        webui_url=text_of(found.get("webui_url"), f"{field}.webui_url"),
        labels=labels_of(found.get("labels"), f"{field}.labels"),
        offer_filters=_filters_of(found.get("offer_filters"), f"{field}.offer_filters"),
        checkpoint=bool_of(found.get("checkpoint"), f"{field}.checkpoint"),
    )


def _roles(row: Row, capabilities: tuple[str, ...], field: str) -> tuple[str, ...]:
    if Capability.MULTI_ROLE in capabilities:
        return tuple(text_of(role, f"{field}.roles") for role in list_of(row.get("roles"), f"{field}.roles"))
    return (text_of(row.get("role"), f"{field}.role") or "*",)


def _least_json(least: tuple[Quantities, ...]) -> Row:
    return {"min_allocatable_resources": {"quantities": [{"quantities": quantities_json(q)} for q in least]}}


def _filters_of(row: Any, field: str) -> OfferFilters:
    found = object_of({} if row is None else row, field)
    return tuple((role, _least_of(each, f"{field}.{role}")) for role, each in sorted(found.items()))


def _least_of(row: Any, field: str) -> tuple[Quantities, ...]:
    least = object_of(object_of(row, field).get("min_allocatable_resources") or {}, field)
    rows = [object_of(each, f"{field}.quantities") for each in list_of(least.get("quantities"), f"{field}.quantities")]
    return tuple(quantities_of(each.get("quantities"), f"{field}.quantities") for each in rows)


# ---------------------------------------------------------------- statuses


def task_status_json(status: TaskStatus) -> Row:
    row: Row = {"task_id": id_json(status.task_id), "state": str(status.state)}
    if status.message:
        row["message"] = status.message
    row["source"] = str(status.source)
    if status.reason is not Reason.NONE:
        row["reason"] = str(status.reason)
    if status.data:
        row["data"] = bytes_json(status.data)
    if status.agent_id:
        row["agent_id"] = id_json(status.agent_id)
    if status.executor_id:
        row["executor_id"] = id_json(status.executor_id)
    row["timestamp"] = seconds_json(status.timestamp_ms)
    if status.uuid:
        row["uuid"] = uuid_json(status.uuid)
    if status.healthy is not None:
        row["healthy"] = status.healthy
    if status.unreachable_ms is not None:
        row["unreachable_time"] = nanoseconds_json(status.unreachable_ms)
    return row | passed_through(status.v1)


def task_status_of(row: Any, field: str, v1: bytes = b"") -> TaskStatus:
    """What an executor says of a task; `v1` is what of it is only shown. Which states and uuids it may send is for its reader to say."""
    found = object_of(row, field)
    require(found, "task_id", "state", at=field)
    healthy = found.get("healthy")
    return TaskStatus(
        task_id=id_of(found["task_id"], f"{field}.task_id"),
        state=_named(TaskState, found["state"], f"{field}.state"),
        agent_id="" if found.get("agent_id") is None else id_of(found["agent_id"], f"{field}.agent_id"),
        executor_id="" if found.get("executor_id") is None else id_of(found["executor_id"], f"{field}.executor_id"),
        source=_named(Source, found.get("source", Source.EXECUTOR), f"{field}.source"),
        reason=_named(Reason, found.get("reason", ""), f"{field}.reason"),
        message=text_of(found.get("message"), f"{field}.message"),
        timestamp_ms=seconds_of(found.get("timestamp", 0), f"{field}.timestamp"),
        uuid="" if found.get("uuid") is None else uuid_of(found["uuid"], f"{field}.uuid"),
        data=bytes_of(found.get("data"), f"{field}.data"),
        healthy=None if healthy is None else bool_of(healthy, f"{field}.healthy"),
        v1=v1,
    )


def operation_status_json(status: OperationStatus) -> Row:
    row: Row = {}
    if status.operation_id:
        row["operation_id"] = id_json(status.operation_id)
    row["state"] = str(status.state)
    if status.message:
        row["message"] = status.message
    if status.converted:
        row["converted_resources"] = resources_json(status.converted)
    if status.uuid:
        row["uuid"] = {"value": uuid_json(status.uuid)}
    if status.agent_id:
        row["agent_id"] = id_json(status.agent_id)
    return row


def _named(names: type[N], value: Any, field: str) -> N:
    found = names._value2member_map_.get(value) if isinstance(value, str) else None
    if not isinstance(found, names):
        raise InvalidValue(field, value, f"must be one of {', '.join(n for n in names if n)}")
    return found
