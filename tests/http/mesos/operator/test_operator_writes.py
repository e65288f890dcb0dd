"""The operator's calls that change something: what the master is told, and what the caller hears. In the v1 form and in the one before it."""

from __future__ import annotations

from typing import Any

import httpx
import orjson
import pytest
from http_rig import NoDoor, call, site
from recorded_world import AGENTS, F1, WEIGHED, world

from raymesos.errors import Conflict, QuotaRefused, RaymesosError, UnknownId
from raymesos.http.app import make_app
from raymesos.http.security.access import Access
from raymesos.http.security.acls import ACTIONS, acls_from_json
from raymesos.model.quota import Quota
from raymesos.model.resources import Disk, Key, Reservation, Resources, build
from raymesos.wire.maintenance import MachineId, Unavailability, Window
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
    TeardownFramework,
)
from raymesos.wire.operations import Create, Destroy, Grow, Reserve, Shrink, Unreserve

S0 = AGENTS[2]
ADS, SUB = Reservation("ads", dynamic=True, principal="ops"), Reservation("ads/web", dynamic=True)
PLAIN, RESERVED = Resources.parse("cpus:2"), build([(Key("cpus", (ADS,)), 2000)])
REFINED = build([(Key("cpus", (ADS, SUB)), 2000)])
VOLUME = build([(Key("disk", (ADS,), Disk(persistence_id="v", container_path="d", mode="RW")), 64_000)])
DISK = build([(Key("disk", (ADS,)), 8_000)])
ID = {"agent_id": {"value": S0}}
MACHINE = {"hostname": "localhost", "ip": "127.0.0.1"}
SCHEDULE = {"windows": [{"machine_ids": [MACHINE], "unavailability": {"start": {"nanoseconds": 5_000_000}}}]}
WINDOW = Window((MachineId("localhost", "127.0.0.1"),), Unavailability(5))
MACHINES = (MachineId("localhost", "127.0.0.1"),)
GUARANTEE = {"role": "ads", "guarantee": PLAIN.to_json(), "force": True}


class Told(NoDoor):
    """A master that writes down what it is told, and refuses with `error`."""

    def __init__(self, error: RaymesosError | None = None) -> None:
        self.messages: list[Any] = []
        self.error = error

    def operate(self, message: Any, *, repeats: bool, done_if: tuple[str, ...]) -> None:
        self.messages.append(message)
        if self.error is not None:
            raise self.error


def asked(kind: str, body: dict[str, Any], door: Told, *more: Any, **fields: Any) -> httpx.Response:
    app = make_app(site(*world(more=more), door=door, **fields))
    return call(app, "POST", "/api/v1", json={"type": kind, kind.lower(): body})


V1: list[tuple[str, dict[str, Any], list[Any], int]] = [
    ("UPDATE_WEIGHTS", {"weight_infos": [{"role": "ads", "weight": 2.5}]}, [SetWeights((("ads", "2.5"),))], 200),
    (
        "UPDATE_QUOTA",
        {"quota_configs": [{"role": "ads", "limits": {"cpus": {"value": 4}}, "guarantees": {"mem": {"value": 1}}}]},
        [SetQuotas((Quota("ads", (("mem", 1000),), (("cpus", 4000),)),))],
        200,
    ),
    ("SET_QUOTA", {"quota_request": GUARANTEE}, [SetQuotas((Quota("ads", (("cpus", 2000),)),), True, True)], 200),
    ("RESERVE_RESOURCES", ID | {"resources": RESERVED.to_json()}, [Operate(S0, Reserve(RESERVED))], 202),
    (
        "RESERVE_RESOURCES",
        ID | {"resources": REFINED.to_json(), "source": PLAIN.to_json()},
        [Operate(S0, Reserve(RESERVED)), Operate(S0, Reserve(REFINED))],
        202,
    ),
    (
        "RESERVE_RESOURCES",
        ID | {"resources": build([(Key("cpus", (SUB,)), 2000)]).to_json(), "source": REFINED.to_json()},
        [
            Operate(S0, Unreserve(REFINED)),
            Operate(S0, Unreserve(RESERVED)),
            Operate(S0, Reserve(build([(Key("cpus", (SUB,)), 2000)]))),
        ],
        202,
    ),
    ("UNRESERVE_RESOURCES", ID | {"resources": RESERVED.to_json()}, [Operate(S0, Unreserve(RESERVED))], 202),
    ("CREATE_VOLUMES", ID | {"volumes": VOLUME.to_json()}, [Operate(S0, Create(VOLUME))], 202),
    ("DESTROY_VOLUMES", ID | {"volumes": VOLUME.to_json()}, [Operate(S0, Destroy(VOLUME))], 202),
    (
        "GROW_VOLUME",
        ID | {"volume": VOLUME.to_json()[0], "addition": DISK.to_json()[0]},
        [Operate(S0, Grow(VOLUME, DISK))],
        202,
    ),
    (
        "SHRINK_VOLUME",
        ID | {"volume": VOLUME.to_json()[0], "subtract": {"value": 8}},
        [Operate(S0, Shrink(VOLUME, 8000))],
        202,
    ),
    ("UPDATE_MAINTENANCE_SCHEDULE", {"schedule": SCHEDULE}, [ScheduleMaintenance((WINDOW,))], 200),
    ("START_MAINTENANCE", {"machines": [MACHINE]}, [StartMaintenance(MACHINES)], 200),
    ("STOP_MAINTENANCE", {"machines": [MACHINE]}, [StopMaintenance(MACHINES)], 200),
    ("DRAIN_AGENT", ID | {"max_grace_period": "10.5s", "mark_gone": True}, [DrainAgent(S0, 10_500, True)], 200),
    ("DRAIN_AGENT", ID, [DrainAgent(S0)], 200),
    ("DEACTIVATE_AGENT", ID, [DeactivateAgent(S0)], 200),
    ("REACTIVATE_AGENT", ID, [ReactivateAgent(S0)], 200),
    ("MARK_AGENT_GONE", ID, [MarkAgentGone(S0)], 200),
    ("TEARDOWN", {"framework_id": {"value": F1}}, [TeardownFramework(F1)], 200),
]


@pytest.mark.parametrize(("kind", "body", "messages", "status"), V1)
def test_a_call_is_told_to_the_master_and_answered_without_a_body(
    kind: str, body: dict[str, Any], messages: list[Any], status: int
) -> None:
    door = Told()
    answer = asked(kind, body, door)
    assert (answer.status_code, answer.content) == (status, b"")
    assert door.messages == messages


def form(**fields: str) -> dict[str, Any]:
    return {"data": fields}


def rows(resources: Resources) -> str:
    return orjson.dumps(resources.to_json()).decode()


OLDER: list[tuple[str, str, dict[str, Any], list[Any], int]] = [
    ("PUT", "/weights", {"json": [{"role": "ads", "weight": 2}]}, [SetWeights((("ads", "2"),))], 200),
    ("POST", "/quota", {"json": GUARANTEE}, [SetQuotas((Quota("ads", (("cpus", 2000),)),), True, True)], 200),
    ("POST", "/reserve", form(slaveId=S0, resources=rows(RESERVED)), [Operate(S0, Reserve(RESERVED))], 202),
    ("POST", "/unreserve", form(slaveId=S0, resources=rows(RESERVED)), [Operate(S0, Unreserve(RESERVED))], 202),
    ("POST", "/create-volumes", form(slaveId=S0, volumes=rows(VOLUME)), [Operate(S0, Create(VOLUME))], 202),
    ("POST", "/destroy-volumes", form(slaveId=S0, volumes=rows(VOLUME)), [Operate(S0, Destroy(VOLUME))], 202),
    ("POST", "/teardown", form(frameworkId=F1), [TeardownFramework(F1)], 200),
    ("POST", "/maintenance/schedule", {"json": SCHEDULE}, [ScheduleMaintenance((WINDOW,))], 200),
    ("POST", "/machine/down", {"json": [MACHINE]}, [StartMaintenance(MACHINES)], 200),
    ("POST", "/machine/up", {"json": [MACHINE]}, [StopMaintenance(MACHINES)], 200),
]


@pytest.mark.parametrize("prefix", ["", "/master"])
@pytest.mark.parametrize(("method", "path", "body", "messages", "status"), OLDER)
def test_the_form_from_before_does_the_same(
    prefix: str, method: str, path: str, body: dict[str, Any], messages: list[Any], status: int
) -> None:
    door = Told()
    answer = call(make_app(site(*world(), door=door)), method, prefix + path, **body)
    assert (answer.status_code, answer.content) == (status, b"")
    assert door.messages == messages


def test_quota_is_removed_where_there_is_one_and_set_in_the_older_way_where_there_is_none() -> None:
    door = Told()
    app = make_app(site(*world(more=[WEIGHED]), door=door))
    assert call(app, "DELETE", "/quota/other").status_code == 200
    assert door.messages == [SetQuotas((Quota("other"),))]
    for answer in (
        call(app, "DELETE", "/quota/none"),
        call(app, "POST", "/quota", json=GUARANTEE | {"role": "other"}),
    ):
        assert answer.status_code == 400 and "quota" in answer.text
    assert len(door.messages) == 1


@pytest.mark.parametrize(
    ("kind", "body", "error", "status", "text"),
    [
        ("UPDATE_QUOTA", V1[1][1], QuotaRefused("too much"), 400, "too much"),
        ("SET_QUOTA", V1[2][1], QuotaRefused("too much"), 409, "too much"),
        ("RESERVE_RESOURCES", V1[3][1], Conflict("held"), 409, "held"),
        ("TEARDOWN", V1[-1][1], UnknownId("framework", F1), 400, "No framework found with specified ID"),
        ("DRAIN_AGENT", ID, UnknownId("agent", S0), 400, "No agent found with specified ID"),
        ("DRAIN_AGENT", ID, Conflict("drains already"), 400, "drains already"),
        ("MARK_AGENT_GONE", ID, UnknownId("agent", S0), 404, ""),
    ],
)
def test_what_the_master_refuses_is_answered_with_its_reason(
    kind: str, body: dict[str, Any], error: RaymesosError, status: int, text: str
) -> None:
    answer = asked(kind, body, Told(error))
    assert (answer.status_code, answer.text) == (status, text)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("UPDATE_WEIGHTS", {"weight_infos": [{"role": "ads", "weight": -1}]}),
        ("UPDATE_QUOTA", {"quota_configs": [{"role": "ads", "limits": {"cpus": {"value": -4}}}]}),
        ("SET_QUOTA", {"quota_request": {"role": "ads", "guarantee": RESERVED.to_json()}}),
        ("RESERVE_RESOURCES", ID | {"resources": PLAIN.to_json()}),
        ("UPDATE_WEIGHTS", {"weight_infos": "many"}),
        ("DRAIN_AGENT", {}),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anybody_is_told(kind: str, body: dict[str, Any]) -> None:
    door = Told()
    answer = asked(kind, body, door)
    assert answer.status_code == 400 and answer.text and door.messages == []


@pytest.mark.parametrize(
    ("path", "body", "text"),
    [
        ("/teardown", form(x="1"), "Missing 'frameworkId' query parameter in the request body"),
        ("/reserve", form(slaveId=S0), "Missing 'resources' query parameter in the request body"),
        ("/quota", {"json": [1]}, "Expecting a JSON object"),
        ("/machine/up", {"json": {"hostname": "h"}}, "Expecting a JSON array"),
        ("/machine/up", {"content": b"{"}, "Failed to parse body into JSON"),
    ],
)
def test_an_older_request_that_cannot_be_read_says_why(path: str, body: dict[str, Any], text: str) -> None:
    headers = {"content-type": "application/json"} if "data" not in body else {}
    answer = call(make_app(site(*world(), door=Told())), "POST", path, headers=headers, **body)
    assert answer.status_code == 400 and answer.text.startswith(text)


RULES = {
    "UPDATE_WEIGHTS": "update_weights",
    "UPDATE_QUOTA": "update_quotas",
    "SET_QUOTA": "update_quotas",
    "RESERVE_RESOURCES": "reserve_resources",
    "UNRESERVE_RESOURCES": "unreserve_resources",
    "CREATE_VOLUMES": "create_volumes",
    "DESTROY_VOLUMES": "destroy_volumes",
    "GROW_VOLUME": "resize_volumes",
    "SHRINK_VOLUME": "resize_volumes",
    "UPDATE_MAINTENANCE_SCHEDULE": "update_maintenance_schedules",
    "START_MAINTENANCE": "start_maintenances",
    "STOP_MAINTENANCE": "stop_maintenances",
    "DRAIN_AGENT": "drain_agents",
    "DEACTIVATE_AGENT": "deactivate_agents",
    "REACTIVATE_AGENT": "reactivate_agents",
    "MARK_AGENT_GONE": "mark_agents_gone",
    "TEARDOWN": "teardown_frameworks",
}


@pytest.mark.parametrize(("kind", "body"), [(row[0], row[1]) for row in V1])
def test_who_may_not_is_refused_and_the_master_hears_nothing(kind: str, body: dict[str, Any]) -> None:
    action = RULES[kind]
    rules = {action: [{"principals": {"type": "NONE"}, ACTIONS[action]: {"type": "ANY"}}]}
    door = Told()
    answer = asked(kind, body, door, access=Access(acls_from_json(rules)))
    assert answer.status_code == 403 and door.messages == []
