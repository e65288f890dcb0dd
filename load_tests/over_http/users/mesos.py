"""The scheduler's calls as a client of Mesos' v1 API writes them, and the records of its stream. (Mesos: v1/scheduler/scheduler.proto)"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from load_tests.over_http.users.base import Body

Row = dict[str, Any]

CPUS, MEM_MB = 0.1, 32.0
ENDED = ("TASK_FINISHED", "TASK_FAILED", "TASK_KILLED", "TASK_ERROR", "TASK_LOST", "TASK_DROPPED", "TASK_GONE")


def subscribe(name: str, role: str) -> Row:
    info = {"user": "", "name": name, "roles": [role], "capabilities": [{"type": "MULTI_ROLE"}]}
    return {"type": "SUBSCRIBE", "subscribe": {"framework_info": info}}


def accept(offer: Row, task_ids: list[str]) -> Row:
    """Launches `true` as each of the tasks on the offer."""
    tasks = [_task(id, offer["agent_id"]) for id in task_ids]
    operation = {"type": "LAUNCH", "launch": {"task_infos": tasks}}
    return {"type": "ACCEPT", "accept": {"offer_ids": [offer["id"]], "operations": [operation]}}


def decline(offers: list[Row]) -> Row:
    return {"type": "DECLINE", "decline": {"offer_ids": [offer["id"] for offer in offers]}}


def acknowledge(status: Row) -> Row:
    return {"type": "ACKNOWLEDGE", "acknowledge": {key: status[key] for key in ("agent_id", "task_id", "uuid")}}


def room(offer: Row) -> int:
    """How many of these tasks the offer has resources for."""
    amounts = {"cpus": 0.0, "mem": 0.0}
    for resource in offer["resources"]:
        if resource["name"] in amounts:
            amounts[resource["name"]] += resource["scalar"]["value"]
    # Mesos' amounts have three decimals.
    return min(round(amounts["cpus"] * 1000) // round(CPUS * 1000), int(amounts["mem"] // MEM_MB))


def records(body: Body) -> Iterator[Row]:
    """The events of a stream in RecordIO, until it ends."""
    while length := body.line():
        yield json.loads(body.exactly(int(length)))


def _task(id: str, agent_id: Row) -> Row:
    amounts = {"cpus": CPUS, "mem": MEM_MB}
    resources = [{"name": n, "type": "SCALAR", "scalar": {"value": v}} for n, v in amounts.items()]
    return {
        "name": "true",
        "task_id": {"value": id},
        "agent_id": agent_id,
        "command": {"value": "true"},
        "resources": resources,
    }
