"""Tasks, agents, frameworks as the v1 API shows them."""

from __future__ import annotations

from typing import Any

import orjson

from raymesos.http.mesos import events
from raymesos.http.mesos.amounts import attributes_json, endpoint_resources_json, resources_json
from raymesos.http.mesos.infos import framework_info_json, task_status_json
from raymesos.http.mesos.master_info import MESOS_VERSION
from raymesos.http.mesos.operator.fragments import remembered
from raymesos.http.mesos.operator.places import Place, place_of
from raymesos.http.mesos.operator.tally import ByRole
from raymesos.http.mesos.values import (
    Row,
    domain_json,
    id_json,
    labels_json,
    nanoseconds_json,
    passed_through,
    types_json,
    uuid_json,
)
from raymesos.http.security.secrets import masked
from raymesos.model.resources import Resources
from raymesos.wire.notes import AgentNote, FrameworkNote, TaskNote
from raymesos.wire.values import FrameworkInfo, Offer

AGENT_CAPABILITIES = (
    "MULTI_ROLE",
    "HIERARCHICAL_ROLE",
    "RESERVATION_REFINEMENT",
    "RESOURCE_PROVIDER",
    "RESIZE_VOLUME",
    "AGENT_OPERATION_FEEDBACK",
    "AGENT_DRAINING",
    "TASK_RESOURCE_LIMITS",
)
"""What agents say that they can. Clients look for the names."""


# ---------------------------------------------------------------- tasks


def task_json(note: TaskNote) -> Row:
    row: Row = {
        "name": note.name,
        "task_id": id_json(note.task_id),
        "framework_id": id_json(note.framework_id),
    }
    if note.executor_id:
        row["executor_id"] = id_json(note.executor_id)
    row |= {
        "agent_id": id_json(note.agent_id),
        "state": note.state,
        "resources": _held(note.resources, note.role),
    }
    if note.statuses:
        last = note.statuses[-1]
        row["statuses"] = [task_status_json(status) for status in note.statuses]
        row["status_update_state"] = last.state
        if last.uuid:
            row["status_update_uuid"] = uuid_json(last.uuid)
    if note.labels:
        row["labels"] = labels_json(note.labels)
    return row | masked(passed_through(note.v1)) if note.v1 else row


# ---------------------------------------------------------------- agents


def agent_info_json(note: AgentNote, place: Place) -> Row:
    row: Row = {"hostname": note.hostname, "port": place.port, "resources": _held(note.total, "")}
    attributes = attributes_json(note.attributes)
    if attributes:
        row["attributes"] = attributes
    row |= {"id": id_json(note.agent_id), "checkpoint": True}
    if note.region:
        row["domain"] = domain_json(note.region, note.zone)
    return row


def agent_json(note: AgentNote, place: Place, used: ByRole, offered: ByRole) -> Row:
    row: Row = {
        "agent_info": agent_info_json(note, place),
        "active": note.state == "active",
        "deactivated": note.mode != "active",
        "version": MESOS_VERSION,
        "pid": place.pid,
        "registered_time": nanoseconds_json(note.registered_ms),
    }
    if note.reregistered_ms:
        row["reregistered_time"] = nanoseconds_json(note.reregistered_ms)
    row["total_resources"] = allocated_json({"": note.total})
    if used:
        row["allocated_resources"] = allocated_json(used)
    if offered:
        row["offered_resources"] = allocated_json(offered)
    row["capabilities"] = types_json(AGENT_CAPABILITIES)
    drain = drain_json(note)
    return row | ({"drain_info": drain} if drain else {})


def drain_json(note: AgentNote) -> Row:
    """Empty for an agent that is neither drained nor being drained."""
    if note.mode not in ("draining", "drained"):
        return {}
    config: Row = {"mark_gone": note.mark_gone}
    if note.drain_grace_ms is not None:
        config["max_grace_period"] = nanoseconds_json(note.drain_grace_ms)
    return {"state": note.mode.upper(), "config": config}


def allocated_json(by_role: ByRole) -> Any:
    if len(by_role) == 1:
        [(role, held)] = by_role.items()
        return _endpoint(held, role)
    return [row for role, held in by_role.items() for row in endpoint_resources_json(held, allocated_to=role)]


@remembered
def _held(resources: Resources, role: str) -> list[Row]:
    return resources_json(resources, allocated_to=role)


@remembered
def _endpoint(resources: Resources, role: str) -> list[Row]:
    return endpoint_resources_json(resources, allocated_to=role)


# ---------------------------------------------------------------- frameworks


def info_of(note: FrameworkNote) -> FrameworkInfo:
    return note.info or FrameworkInfo(note.name, note.roles, note.framework_id, principal=note.principal)


def framework_head(note: FrameworkNote) -> Row:
    """What is shown of it wherever it is shown."""
    return {
        "framework_info": framework_info_json(info_of(note)),
        "active": note.state == "active",
        "connected": note.state == "active",
        "recovered": note.state == "recovered",
        "registered_time": nanoseconds_json(note.registered_ms),
        "reregistered_time": nanoseconds_json(note.reregistered_ms),
    }


def framework_json(note: FrameworkNote, offers: list[Any], used: ByRole, offered: ByRole) -> Row:
    row = framework_head(note)
    if note.unregistered_ms:
        row["unregistered_time"] = nanoseconds_json(note.unregistered_ms)
    if offers:
        row["offers"] = offers
    if used:
        row["allocated_resources"] = allocated_json(used)
    if offered:
        row["offered_resources"] = allocated_json(offered)
    return row | {"offer_constraints": constraints_json(note)}


def constraints_json(note: FrameworkNote) -> Any:
    return orjson.Fragment(note.offer_constraints) if note.offer_constraints else {}


def offer_row(offer: Offer, note: AgentNote | None) -> Row:
    """`note` is of its agent, if that is known."""
    place = events.Place() if note is None else events.Place(place_of(note).url, note.region, note.zone)
    return events.offer_json(offer, place, _held(offer.resources, offer.role), offer.role)
