"""What the operator's reads show beyond the recorded answers: reservations, filters, away agents, narrowing, and that nothing is made twice."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import orjson
import pytest
from http_rig import NoDoor, call, run, site
from recorded_world import AGENTS, F0, F1, MASTER, NOW_MS, agent, framework, master, task, world

from raymesos.http.app import make_app
from raymesos.http.mesos.operations import operations_of
from raymesos.http.mesos.operator import asking, gallery
from raymesos.http.mesos.operator.fragments import Fragments
from raymesos.http.mesos.operator.older_rows import model
from raymesos.http.mesos.operator.operation_rows import operation_json
from raymesos.http.mesos.tasks import Reading
from raymesos.http.security.access import Access
from raymesos.http.security.acls import acls_from_json
from raymesos.http.views import Views
from raymesos.model.attributes import Attributes
from raymesos.model.resources import Disk, Key, Reservation, Resources, Shared, build
from raymesos.model.tasks import TaskState
from raymesos.wire.maintenance import MachineId, Unavailability, Window
from raymesos.wire.notes import MaintenanceNote, OpenOperation
from raymesos.wire.operating import SetWeights
from raymesos.wire.operations import (
    Create,
    Destroy,
    Grow,
    OperationState,
    OperationStatus,
    Reserve,
    Shrink,
    Unreserve,
)

ADS = Reservation("ads", dynamic=True, principal="ops")
VOLUME = Key("disk", (ADS,), Disk(persistence_id="v", container_path="d", mode="RW"), shared=True)
PLAIN, SPACE = Resources.parse("cpus:1"), Resources.parse("disk:64")
TOTAL = Resources.parse("cpus:2;cpus(eng):1;disks:{b,a};ports:[5-6]") + build([(VOLUME, Shared(7_000, 1))])


def read(fragment: Any) -> Any:
    return orjson.loads(orjson.dumps(fragment))


def get(path: str, *more: Any, **fields: Any) -> Any:
    answer = call(make_app(site(*world(more=more), **fields)), "GET", path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def post(kind: str, *more: Any, **fields: Any) -> Any:
    answer = call(make_app(site(*world(more=more), **fields)), "POST", "/api/v1", json={"type": kind})
    assert answer.status_code == 200, answer.text
    return answer.json()[kind.lower()]


def test_older_resources_are_numbers_and_texts_by_name() -> None:
    lent = build([(Key("cpus", revocable=True), 1500)])
    assert read(model(TOTAL + lent)) == {
        "cpus": 3.0,
        "cpus_revocable": 1.5,
        "gpus": 0.0,
        "mem": 0.0,
        "disk": 7.0,
        "disks": "{a,b}",
        "ports": "[5-6]",
    }


def test_an_agent_shows_what_is_reserved_its_attributes_domain_and_drain() -> None:
    note = replace(
        agent(AGENTS[0]),
        total=TOTAL,
        attributes=Attributes.parse("rack:r1;n:2"),
        state="disconnected",
        mode="draining",
        drain_grace_ms=5_000,
        mark_gone=True,
        region="eu",
        zone="a",
        reregistered_ms=NOW_MS,
    )
    [row] = get(f"/slaves?slave_id={AGENTS[0]}", note)["slaves"]
    assert row["attributes"] == {"rack": "r1", "n": 2.0}
    assert {role: held["cpus"] for role, held in row["reserved_resources"].items()} == {"ads": 0.0, "eng": 1.0}
    assert row["unreserved_resources"]["cpus"] == 2.0 and row["reserved_resources_full"]["eng"][0]["role"] == "eng"
    assert (row["active"], row["deactivated"], row["reregistered_time"]) == (False, True, NOW_MS / 1000)
    drain = {"state": "DRAINING", "config": {"mark_gone": True, "max_grace_period": {"nanoseconds": 5 * 10**9}}}
    assert row["drain_info"] == drain
    assert row["domain"] == {"fault_domain": {"region": {"name": "eu"}, "zone": {"name": "a"}}}
    [shown] = [a for a in post("GET_AGENTS", note)["agents"] if a["agent_info"]["id"]["value"] == AGENTS[0]]
    assert shown["drain_info"] == drain and shown["agent_info"]["domain"] == row["domain"]


def test_agents_that_are_away_are_counted_and_those_that_may_come_back_are_named() -> None:
    away = [replace(agent("m-S7"), state="unreachable"), replace(agent("m-S8"), state="recovering")]
    gone = replace(agent("m-S9"), state="gone")
    state = get("/state", *away, gone)
    assert (state["activated_slaves"], state["unreachable_slaves"]) == (3.0, 1.0)
    assert [a["id"] for a in state["slaves"]] == AGENTS and [a["id"] for a in state["recovered_slaves"]] == ["m-S8"]
    assert [a["id"]["value"] for a in post("GET_AGENTS", *away)["recovered_agents"]] == ["m-S8"]


def test_unreachable_tasks_hold_nothing_and_are_shown_apart() -> None:
    lost = task("t-hold", TaskState.RUNNING, TaskState.UNREACHABLE)
    [shown] = get("/frameworks", lost)["frameworks"]
    assert [t["id"] for t in shown["unreachable_tasks"]] == ["t-hold"] and len(shown["tasks"]) == 1
    assert shown["used_resources"]["cpus"] == 0.2  # One task and the executor.
    assert [t["task_id"]["value"] for t in post("GET_TASKS", lost)["unreachable_tasks"]] == ["t-hold"]


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("", ["t-cmd", "t-noop", "t-hold"]),
        ("?order=asc&limit=2", ["t-hold", "t-noop"]),
        ("?offset=1&limit=1", ["t-hold"]),
        ("?task_id=t-noop", ["t-noop"]),
        ("?framework_id=none", []),
        (f"?framework_id={F1}&offset=9", []),
    ],
)
def test_tasks_are_cut_and_filtered(query: str, ids: list[str]) -> None:
    assert sorted(t["id"] for t in get(f"/tasks{query}")["tasks"]) == sorted(ids)


@pytest.mark.parametrize("query", ["limit=x", "offset=-1", "limit=99999999999"])
def test_a_cut_that_is_no_number_is_refused(query: str) -> None:
    assert call(make_app(site(*world())), "GET", f"/tasks?{query}").status_code == 400


def test_the_summary_counts_tasks_by_state() -> None:
    found = get("/state-summary")
    [shown] = found["frameworks"]
    assert (shown["TASK_RUNNING"], shown["TASK_FINISHED"], shown["slave_ids"]) == (2, 1, [AGENTS[0]])
    assert [(a["TASK_RUNNING"], a["framework_ids"]) for a in found["slaves"]] == [(2, [F1]), (0, []), (0, [])]


def test_frameworks_can_be_asked_for_by_id() -> None:
    found = get(f"/frameworks?framework_id={F0}")
    assert (found["frameworks"], [f["id"] for f in found["completed_frameworks"]]) == ([], [F0])


def test_a_role_shows_what_counts_against_its_quota_with_its_sub_roles() -> None:
    sub = replace(framework(), roles=("dev", "dev/web"))
    note = replace(task("w", TaskState.RUNNING), role="dev/web")
    total = replace(agent(AGENTS[1]), total=TOTAL)
    roles = {row["name"]: row for row in get("/roles", sub, note, total)["roles"]}
    assert sorted(roles) == ["ads", "dev", "dev/web", "eng"]
    assert roles["dev"]["quota"]["consumed"] == {"cpus": 0.4, "mem": 128.0}
    assert roles["dev/web"]["allocated"] == {"cpus": 0.1, "mem": 32.0}
    assert roles["eng"]["reserved"] == {"cpus": 1.0} and roles["ads"]["reserved"] == {"disk": 7.0}


def test_operations_whose_outcome_is_not_acknowledged_are_listed() -> None:
    status = OperationStatus("op", OperationState.FINISHED, AGENTS[0], "3495f1a6-1ac0-5f87-a5d0-0123456789ab")
    assert post("GET_OPERATIONS") == {}
    [row] = post(
        "GET_OPERATIONS", replace(agent(AGENTS[0]), operations=(OpenOperation(F1, status, Reserve(PLAIN, "op")),))
    )["operations"]
    assert row["latest_status"]["state"] == "OPERATION_FINISHED" and row["framework_id"] == {"value": F1}
    reserve = {"resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 1.0}}]}
    assert row["info"] == {"type": "RESERVE", "id": {"value": "op"}, "reserve": reserve}


@pytest.mark.parametrize(
    "asked",
    [
        Reserve(PLAIN, "op"),
        Unreserve(PLAIN, "op"),
        Create(SPACE, "op"),
        Destroy(SPACE, "op"),
        Grow(SPACE, SPACE, "op"),
        Shrink(SPACE, 500, "op"),
    ],
)
def test_an_operation_is_shown_as_it_would_be_asked_for(asked: Any) -> None:
    status = OperationStatus("op", OperationState.PENDING, AGENTS[0])
    row = operation_json(AGENTS[0], OpenOperation(F1, status, asked))
    assert operations_of([row["info"]], Reading(F1, 0)) == (asked,)


def test_of_an_operation_from_before_the_masters_restart_only_the_state_is_known() -> None:
    status = OperationStatus("op", OperationState.PENDING, AGENTS[0])
    assert operation_json(AGENTS[0], OpenOperation(F1, status))["info"] == {"type": "UNKNOWN", "id": {"value": "op"}}


def test_weights_are_listed_as_they_were_set() -> None:
    told = master(weights=(("b", "1"), ("a", "2.5")))
    rows = [{"role": "a", "weight": 2.5}, {"role": "b", "weight": 1.0}]
    assert get("/weights", told) == rows and post("GET_WEIGHTS", told) == {"weight_infos": rows}
    assert post("GET_WEIGHTS") == {}


def test_maintenance_shows_machines_that_are_left_and_those_that_are_down() -> None:
    there, down = MachineId("host1"), MachineId("", "10.0.0.9")
    window = Window((there, down), Unavailability(1_000, 2_000))
    told = MaintenanceNote(NOW_MS, (window,), (down,), (("host1", F1, "DECLINE"),))
    found = post("GET_MAINTENANCE_STATUS", told)["status"]
    said = [{"status": "DECLINE", "framework_id": {"value": F1}}]
    assert found == {
        "draining_machines": [{"id": {"hostname": "host1"}, "statuses": said}],
        "down_machines": [{"ip": "10.0.0.9"}],
    }
    assert get("/maintenance/status", told) == found
    assert get("/maintenance/schedule", told)["windows"][0]["unavailability"]["duration"] == {"nanoseconds": 2 * 10**9}


def test_the_master_says_who_it_is_and_since_when() -> None:
    found = post("GET_MASTER")
    assert found["master_info"]["id"] == MASTER and found["start_time"] == found["elected_time"] == NOW_MS / 1000


@pytest.mark.parametrize("path", ["/state?jsonp=1x", "/state?jsonp=alert(1);f"])
def test_an_answer_is_wrapped_in_nothing_but_a_name(path: str) -> None:
    answer = call(make_app(site(*world())), "GET", path)
    assert answer.status_code == 400 and "javascript" not in answer.headers["content-type"]


@pytest.mark.parametrize(("method", "path"), [("POST", "/state"), ("PUT", "/reserve"), ("GET", "/master/machine/up")])
def test_a_wrong_method_is_told_which_are_right(method: str, path: str) -> None:
    answer = call(make_app(site(*world())), method, path)
    allowed = "GET" if path == "/state" else "POST"
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    assert answer.text == f"405 Method Not Allowed. Expecting one of {{ '{allowed}' }}, but received '{method}'."


def test_before_the_views_are_there_a_read_is_told_to_wait() -> None:
    app = make_app(site(views=Views()))
    assert [call(app, "GET", path).status_code for path in ("/state", "/weights")] == [503, 503]
    assert call(app, "POST", "/api/v1", json={"type": "GET_STATE"}).status_code == 503


def test_the_logging_level_is_raised_for_a_while() -> None:
    app = make_app(site(*world()))
    level = {"type": "SET_LOGGING_LEVEL", "set_logging_level": {"level": 2, "duration": {"nanoseconds": 10**15}}}
    lower = {"type": "SET_LOGGING_LEVEL", "set_logging_level": {"level": 1, "duration": {"nanoseconds": 0}}}

    async def work(client: Any) -> None:
        asked = {"type": "GET_LOGGING_LEVEL"}
        assert (await client.post("/api/v1", json=level)).status_code == 200
        assert (await client.post("/api/v1", json=asked)).json()["get_logging_level"] == {"level": 2}
        assert (await client.post("/api/v1", json=lower)).status_code == 400
        level["set_logging_level"] |= {"level": 0}  # type: ignore[operator]
        assert (await client.post("/api/v1", json=level)).status_code == 200

    run(work, app)


def test_a_caller_sees_only_what_it_may() -> None:
    rules = {"view_frameworks": [{"principals": {"type": "ANY"}, "users": {"type": "NONE"}}]}
    access = Access(acls_from_json(rules))
    state = get("/state", access=access)
    assert (state["frameworks"], len(state["slaves"])) == ([], 3)
    assert post("GET_TASKS", access=access)["tasks"] == []


def test_reads_that_rules_forbid_are_refused() -> None:
    rules = {"view_flags": [{"principals": {"type": "NONE"}, "flags": {"type": "ANY"}}]}
    app = make_app(site(*world(), access=Access(acls_from_json(rules))))
    assert call(app, "GET", "/flags").status_code == 403
    assert call(app, "POST", "/api/v1", json={"type": "GET_FLAGS"}).status_code == 403


def test_who_reads_after_a_write_reads_what_it_wrote(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "SHOWN_S", 10.0)
    made = site(*world())

    class Answering(NoDoor):
        def operate(self, message: Any, *, repeats: bool, done_if: tuple[str, ...]) -> None:
            assert isinstance(message, SetWeights)
            later = replace(master(weights=message.weights), at_ms=2**50)
            loop.call_soon_threadsafe(made.views.take, [agent(AGENTS[0])])
            loop.call_soon_threadsafe(made.views.take, [later])

    made.door = Answering()
    app = make_app(made)

    async def work(client: Any) -> Any:
        nonlocal loop
        loop = asyncio.get_running_loop()
        assert (await client.put("/weights", json=[{"role": "a", "weight": 3}])).status_code == 200
        return (await client.get("/weights")).json()

    loop: Any = None
    assert run(work, app) == [{"role": "a", "weight": 3.0}]


def test_an_answer_is_made_once_a_revision_and_a_row_once_a_note() -> None:
    made: list[str] = []

    def make(note: Any) -> dict[str, str]:
        made.append(note.task_id)
        return {"id": note.task_id}

    rows = Fragments(make)
    first, other = task("a"), task("b")
    for note in (first, other, first, replace(first, state="TASK_RUNNING")):
        rows.of(note.task_id, note)
    assert made == ["a", "b", "a"]


def test_a_large_answer_is_the_same_as_a_small_one(monkeypatch: pytest.MonkeyPatch) -> None:
    small = get("/state")
    monkeypatch.setattr(gallery, "LARGE", 0)
    app = make_app(site(*world()))

    async def work(client: Any) -> Any:
        return await asyncio.gather(*[client.get("/state") for _ in range(3)])

    answers = run(work, app)
    assert all(answer.json() == small for answer in answers)


def test_what_a_task_uses_is_what_its_framework_uses() -> None:
    [shown] = get("/frameworks")["frameworks"]
    assert shown["used_resources"] == read(model(Resources.parse("cpus:0.3;mem:96")))
