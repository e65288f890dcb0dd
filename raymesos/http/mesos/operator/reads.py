"""The v1 calls that read: by the type of the call, what its answer holds. A call's answer is `{"type": T, "<t>": ...}`. (Mesos: master.proto, Response)"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from raymesos.http.mesos.master_info import master_info_json
from raymesos.http.mesos.operator import maintenance, roles
from raymesos.http.mesos.operator.about import flags, master_id, started_ms, version_json
from raymesos.http.mesos.operator.executor_rows import executor_json
from raymesos.http.mesos.operator.metrics import snapshot
from raymesos.http.mesos.operator.operation_rows import operation_json
from raymesos.http.mesos.operator.picture import Picture
from raymesos.http.mesos.operator.places import place_of
from raymesos.http.mesos.operator.tally import Tally
from raymesos.http.mesos.operator.v1_rows import agent_info_json
from raymesos.http.mesos.values import Row, seconds_json
from raymesos.http.site import Site

Read = Callable[[Site, Picture], Any]


def answer(site: Site, picture: Picture, kind: str) -> Row:
    """The whole answer to a call of the type `kind`, one of READS."""
    return {"type": kind, kind.lower(): READS[kind](site, picture)}


def get_state(site: Site, picture: Picture) -> Row:
    return {
        "get_tasks": _tasks(site, picture),
        "get_executors": _executors(site, picture),
        "get_frameworks": _frameworks(site, picture),
        "get_agents": _agents(site, picture),
    }


def _tasks(site: Site, picture: Picture) -> Row:
    tally = picture.tally
    return {
        "tasks": picture.tasks(t for id in tally.frameworks for t in tally.tasks.get(id, ())),
        "unreachable_tasks": picture.tasks(t for id in tally.frameworks for t in tally.unreachable_tasks.get(id, ())),
        "completed_tasks": picture.tasks(tally.all_completed_tasks()),
    }


def _executors(site: Site, picture: Picture) -> Row:
    return {"executors": [executor_json(note) for note in picture.tally.executors]}


def _frameworks(site: Site, picture: Picture) -> Row:
    tally = picture.tally
    return {
        "frameworks": [picture.framework(note) for note in tally.frameworks.values()],
        "completed_frameworks": [picture.framework(note) for note in tally.completed_frameworks.values()],
    }


def _agents(site: Site, picture: Picture) -> Row:
    recovered = [agent_info_json(note, place_of(note)) for note in picture.tally.recovered]
    return {"agents": picture.agents(), "recovered_agents": recovered}


def _operations(site: Site, picture: Picture) -> Row:
    """Those that are pending, or whose outcome is not acknowledged."""
    agents = picture.tally.agents.values()
    rows = [operation_json(agent.agent_id, each) for agent in agents for each in agent.operations]
    return {"operations": rows} if rows else {}


def _roles(site: Site, picture: Picture) -> Row:
    rows = roles.v1_roles(picture)
    return {"roles": rows} if rows else {}


def _weights(site: Site, picture: Picture) -> Row:
    rows = roles.weights(picture.tally)
    return {"weight_infos": rows} if rows else {}


def _master(site: Site, picture: Picture) -> Row:
    master = picture.tally.master
    started = seconds_json(started_ms(site, master))
    return {
        "master_info": master_info_json(site, master_id(master)),
        "start_time": started,
        "elected_time": started,
    }


def _flags(site: Site, picture: Picture) -> Row:
    return {"flags": [{"name": name, "value": value} for name, value in flags(site).items()]}


def _metrics(site: Site, picture: Picture) -> Row:
    return {"metrics": [{"name": name, "value": value} for name, value in snapshot(site, picture.tally).items()]}


def _of_tally(make: Callable[[Tally], Row], field: str) -> Read:
    return lambda site, picture: {field: make(picture.tally)}


READS: dict[str, Read] = {
    "GET_HEALTH": lambda site, picture: {"healthy": True},
    "GET_FLAGS": _flags,
    "GET_VERSION": lambda site, picture: {"version_info": version_json()},
    "GET_METRICS": _metrics,
    "GET_STATE": get_state,
    "GET_AGENTS": _agents,
    "GET_FRAMEWORKS": _frameworks,
    "GET_EXECUTORS": _executors,
    "GET_OPERATIONS": _operations,
    "GET_TASKS": _tasks,
    "GET_ROLES": _roles,
    "GET_WEIGHTS": _weights,
    "GET_MASTER": _master,
    "GET_QUOTA": _of_tally(roles.quota_status, "status"),
    "GET_MAINTENANCE_STATUS": _of_tally(maintenance.status_json, "status"),
    "GET_MAINTENANCE_SCHEDULE": _of_tally(maintenance.schedule_json, "schedule"),
}
