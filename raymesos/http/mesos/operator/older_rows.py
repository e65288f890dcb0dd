"""Tasks, agents, frameworks as the endpoints from before the v1 API show them. (Mesos: common/http.cpp, master/readonly_handler.cpp)"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from raymesos.http.mesos.amounts import endpoint_resources_json
from raymesos.http.mesos.master_info import MESOS_VERSION
from raymesos.http.mesos.operator.fragments import remembered
from raymesos.http.mesos.operator.places import Place
from raymesos.http.mesos.operator.tally import ByRole, total
from raymesos.http.mesos.operator.v1_rows import (
    AGENT_CAPABILITIES,
    constraints_json,
    drain_json,
    info_of,
)
from raymesos.http.mesos.values import Row, domain_json, passed_through, seconds_json
from raymesos.http.security.secrets import masked
from raymesos.model.attributes import Attributes
from raymesos.model.quantities import Shared
from raymesos.model.resource_text import quantity_text
from raymesos.model.resources import Items, Resources, make_ranges
from raymesos.model.tasks import Capability
from raymesos.wire.notes import AgentNote, FrameworkNote, TaskNote
from raymesos.wire.values import Offer, TaskStatus

Labels = tuple[tuple[str, str], ...]

ALWAYS = ("cpus", "gpus", "mem", "disk")
"""Shown even where there is none."""

COUNTED = (
    "TASK_STAGING",
    "TASK_STARTING",
    "TASK_RUNNING",
    "TASK_KILLING",
    "TASK_FINISHED",
    "TASK_KILLED",
    "TASK_FAILED",
    "TASK_LOST",
    "TASK_ERROR",
    "TASK_UNREACHABLE",
)
"""The states that summaries count."""


def model(resources: Resources) -> Any:
    """{name: number, or text of ranges and sets}; what is lent out under `<name>_revocable`. As a fragment of JSON."""
    return _model(resources)


@remembered
def _model(resources: Resources) -> Row:
    row: Row = dict.fromkeys(ALWAYS, 0.0)
    if resources.is_plain:
        return row | {name: milli / 1000 for name, milli in resources.quantities().items()}
    ranges: dict[str, list[tuple[int, int]]] = {}
    items: dict[str, list[str]] = {}
    for key, quantity in resources:
        name = f"{key.name}_revocable" if key.revocable else key.name
        if isinstance(quantity, Shared):
            quantity = quantity.value
        if isinstance(quantity, int):
            row[name] = row.get(name, 0.0) + quantity / 1000
        elif isinstance(quantity, Items):
            items.setdefault(name, []).extend(quantity)
        else:
            ranges.setdefault(name, []).extend(quantity)  # type: ignore[arg-type]
    row |= {name: quantity_text(make_ranges(pairs)) for name, pairs in ranges.items()}
    return row | {name: quantity_text(Items(sorted(set(found)))) for name, found in items.items()}


def labels_row(labels: Labels) -> list[Row]:
    return [{"key": key, "value": value} if value else {"key": key} for key, value in labels]


# ---------------------------------------------------------------- tasks


def task_row(note: TaskNote) -> Row:
    row: Row = {
        "id": note.task_id,
        "name": note.name,
        "framework_id": note.framework_id,
        "executor_id": note.executor_id,
        "slave_id": note.agent_id,
        "state": note.state,
        "resources": model(note.resources),
        "role": note.role,
        "statuses": [_status(status) for status in note.statuses],
    }
    if note.labels:
        row["labels"] = labels_row(note.labels)
    passed = masked(passed_through(note.v1))
    if "limits" in passed:
        row["limits"] = {name: limit.get("value") for name, limit in passed["limits"].items()}
    return row | {name: passed[name] for name in ("discovery", "container", "health_check", "user") if name in passed}


def _status(status: TaskStatus) -> Row:
    row: Row = {"state": status.state, "timestamp": seconds_json(status.timestamp_ms)}
    passed = passed_through(status.v1)
    if "labels" in passed:
        row["labels"] = passed["labels"].get("labels", [])
    if "container_status" in passed:
        row["container_status"] = {k: v for k, v in passed["container_status"].items() if k != "executor_pid"}
    if status.healthy is not None:
        row["healthy"] = status.healthy
    return row


# ---------------------------------------------------------------- agents


def agent_head(note: AgentNote, place: Place) -> Row:
    """What is shown of an agent wherever it is."""
    row: Row = {
        "id": note.agent_id,
        "hostname": note.hostname,
        "port": place.port,
        "attributes": attributes_row(note.attributes),
    }
    if note.region:
        row["domain"] = domain_json(note.region, note.zone)
    return row


def agent_row(note: AgentNote, place: Place, used: ByRole, offered: ByRole) -> Row:
    row = agent_head(note, place)
    row |= {"pid": place.pid, "registered_time": seconds_json(note.registered_ms)}
    if note.reregistered_ms:
        row["reregistered_time"] = seconds_json(note.reregistered_ms)
    unreserved = note.total.unreserved()
    row |= {
        "resources": model(note.total),
        "used_resources": model(total(used)),
        "offered_resources": model(total(offered)),
        "reserved_resources": {role: model(held) for role, held in reserved(note.total).items()},
        "unreserved_resources": model(unreserved),
        "active": note.state == "active",
        "deactivated": note.mode != "active",
        "version": MESOS_VERSION,
        "capabilities": list(AGENT_CAPABILITIES),
    }
    drain = drain_json(note)
    return row | ({"drain_info": drain} if drain else {})


def agent_in_full(note: AgentNote, used: ByRole, offered: ByRole) -> Row:
    """What `/slaves` has besides: the same amounts with all that is known of them."""
    return {
        "reserved_resources_full": {r: endpoint_resources_json(held) for r, held in reserved(note.total).items()},
        "unreserved_resources_full": endpoint_resources_json(note.total.unreserved()),
        "used_resources_full": _full(used),
        "offered_resources_full": _full(offered),
    }


def reserved(resources: Resources) -> dict[str, Resources]:
    """By role."""
    return {role: resources.reserved_to(role) for role in resources.reserved_roles()}


def attributes_row(attributes: Attributes) -> Row:
    return {
        name: value if isinstance(value, str) else value / 1000 if isinstance(value, int) else quantity_text(value)
        for name, value in attributes
    }


def _full(by_role: ByRole) -> list[Row]:
    return [row for role, held in by_role.items() for row in endpoint_resources_json(held, allocated_to=role)]


# ---------------------------------------------------------------- frameworks


def framework_head(note: FrameworkNote, used: ByRole, offered: ByRole) -> Row:
    info = info_of(note)
    return {
        "id": note.framework_id,
        "name": info.name,
        "used_resources": model(total(used)),
        "offered_resources": model(total(offered)),
        "capabilities": list(info.capabilities),
        "hostname": info.hostname,
        "webui_url": info.webui_url,
        "active": note.state == "active",
        "connected": note.state == "active",
        "recovered": note.state == "recovered",
    }


def framework_row(note: FrameworkNote, used: ByRole, offered: ByRole) -> Row:
    """All but its tasks, offers and executors."""
    info = info_of(note)
    row = framework_head(note, used, offered)
    row |= {
        "user": info.user,
        "failover_timeout": seconds_json(info.failover_timeout_ms),
        "checkpoint": info.checkpoint,
        "registered_time": seconds_json(note.registered_ms),
        "unregistered_time": seconds_json(note.unregistered_ms),
    }
    if note.reregistered_ms > note.registered_ms:
        row["reregistered_time"] = seconds_json(note.reregistered_ms)
    if info.principal:
        row["principal"] = info.principal
    row["resources"] = model(total(used) + total(offered))
    row |= (
        {"roles": list(info.roles)}
        if Capability.MULTI_ROLE in info.capabilities
        else {"role": next(iter(info.roles), "*")}
    )
    if info.labels:
        row["labels"] = labels_row(info.labels)
    return row | {"offer_constraints": constraints_json(note)}


def offer_row(offer: Offer) -> Row:
    return {
        "id": offer.id,
        "framework_id": offer.framework_id,
        "allocation_info": {"role": offer.role},
        "slave_id": offer.agent_id,
        "resources": model(offer.resources),
    }


def counts(*rows: Iterable[TaskNote]) -> Row:
    found: dict[str, Any] = dict.fromkeys(COUNTED, 0)
    for tasks in rows:
        for task in tasks:
            if task.state in found:
                found[task.state] += 1
    return found
