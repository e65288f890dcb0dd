"""Finding jobs and tasks: criteria, pages, fields."""

from __future__ import annotations

from typing import Any

import pytest
from jobs_rig import JobsWorld

from raymesos.http.jobs.finding import projected, read_cursor, write_cursor
from raymesos.model.tasks import TaskState


@pytest.fixture(scope="module")
def world() -> JobsWorld:
    """a: one task running. b: killed. c: finished, of another owner, stack and group, one task failed and was tried again."""
    world = JobsWorld()
    names = {}
    names["c"] = world.submit(
        applicationName="c",
        batch__size=1,
        owner={"teamEmail": "c@x"},
        capacityGroup="web",
        jobGroupInfo={"stack": "s"},
        attributes={"x": "1", "y": "2"},
        container__image={"name": "img2", "tag": "t2"},
    )
    (task,) = world.offer(role="web")
    world.run(task)
    world.finish(task, failed={0: "exit 1"})
    (task,) = world.offer(role="web")
    world.run(task)
    world.finish(task)
    names["b"] = world.submit(applicationName="b", batch__size=1, attributes={"x": "2"})
    (task,) = world.offer()
    world.run(task)
    world.ask_cancel(names["b"])
    names["a"] = world.submit(applicationName="a", batch__size=1, attributes={})
    (task,) = world.offer()
    world.run(task)
    world.names = {id: name for name, id in names.items()}  # type: ignore[attr-defined]
    return world


def found(world: JobsWorld, path: str = "/jobs", **query: Any) -> str:
    """The names of the jobs that are found (of tasks: their jobs'), oldest first."""
    items = world.get(path, **query)["items"]
    return "".join(world.names[item["id" if path == "/jobs" else "jobId"]] for item in items)  # type: ignore[attr-defined]


def id_of(world: JobsWorld, name: str) -> str:
    return next(id for id, each in world.names.items() if each == name)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("query", "wish"),
    [
        ({}, "cba"),
        ({"owner": "c@x"}, "c"),
        ({"applicationName": "b"}, "b"),
        ({"appName": "b"}, "b"),
        ({"capacityGroup": "web"}, "c"),
        ({"jobGroupStack": "main"}, "ba"),
        ({"jobGroupDetail": "canary", "jobGroupSequence": "v001"}, "ba"),
        ({"imageName": "img2", "imageTag": "t2"}, "c"),
        ({"jobType": "batch"}, "cba"),
        ({"jobType": "service"}, ""),
        ({"jobState": "Accepted"}, "a"),
        ({"jobState": "Accepted,KillInitiated"}, "ba"),
        ({"attributes": "x"}, "cb"),
        ({"attributes": "x:1"}, "c"),
        ({"attributes": "x:1,y"}, "c"),
        ({"attributes": "x:1,x:2", "attributes.op": "or"}, "cb"),
        ({"attributes": "x:1,x:2"}, ""),
        ({"taskStates": "Started"}, "a"),
        ({"taskStateReasons": "failed"}, "c"),
        ({"owner": "c@x", "jobState": "Accepted"}, ""),
    ],
)
def test_jobs_are_found_by_what_all_criteria_say(world: JobsWorld, query: dict[str, Any], wish: str) -> None:
    assert found(world, **query) == wish


def test_jobs_are_found_by_id(world: JobsWorld) -> None:
    assert found(world, jobIds=f"{id_of(world, 'a')}, {id_of(world, 'c')},nosuch") == "ca"


@pytest.mark.parametrize(
    ("query", "wish"),
    [
        ({}, "ccba"),
        ({"taskStates": "Finished"}, "cc"),
        ({"taskStates": "KillInitiated,Started"}, "ba"),
        ({"taskStateReasons": "failed"}, "c"),
        ({"taskStateReasons": "killed"}, "b"),
        ({"applicationName": "c"}, "cc"),
        ({"jobState": "Accepted"}, "a"),
        ({"needsMigration": "true"}, ""),
        ({"skipSystemFailures": "true"}, "ccba"),
    ],
)
def test_tasks_are_found_by_what_all_criteria_say_of_them_and_their_jobs(
    world: JobsWorld, query: dict[str, Any], wish: str
) -> None:
    assert found(world, "/tasks", **query) == wish


def test_tasks_are_found_by_their_ids_and_their_jobs(world: JobsWorld) -> None:
    job = id_of(world, "c")
    first, second = (item["id"] for item in world.get("/tasks", jobIds=job)["items"])
    assert [item["id"] for item in world.get("/tasks", taskIds=second)["items"]] == [second]
    assert world.get("/tasks", taskIds=first, jobIds=id_of(world, "a"))["items"] == []
    assert found(world, taskIds=first) == "c"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"jobState": "Running"}, "jobState"),
        ({"taskStates": "Started,Nowhere"}, "taskStates"),
        ({"jobType": "cron"}, "jobType"),
        ({"attributes": "a", "attributes.op": "xor"}, "attributes.op"),
        ({"pageSize": -1}, "pageSize"),
        ({"pageSize": 5_001}, "pageSize"),
        ({"pageSize": "all"}, "pageSize"),
        ({"cursor": "nonsense"}, "cursor"),
        ({"cursor": "****"}, "cursor"),
        ({"needsMigration": "maybe"}, "needsMigration"),
        ({"onwer": "x"}, "onwer"),
    ],
)
@pytest.mark.parametrize("path", ["/jobs", "/tasks"])
def test_a_criterion_that_is_none_is_400_and_named(
    world: JobsWorld, path: str, query: dict[str, Any], field: str
) -> None:
    status, said = world.refusal("GET", path, params=query)
    assert (status, said["field"]) == (400, field)


# ---------------------------------------------------------------- pages


def test_pages_by_cursor_hold_each_once_though_jobs_come_in_between() -> None:
    world = JobsWorld()
    ids = []
    for _ in range(5):
        world.rig.now += 1
        ids.append(world.submit())
    seen, cursor, positions = [], "", []
    for _ in range(10):
        page = world.get("/jobs", pageSize=2, cursor=cursor)
        seen += [item["id"] for item in page["items"]]
        pagination = page["pagination"]
        cursor = pagination["cursor"]
        positions.append((pagination["cursorPosition"], pagination["totalItems"], pagination["hasMore"]))
        if len(seen) == 2:
            world.rig.now += 1
            ids.append(world.submit())
        if not pagination["hasMore"]:
            break
    assert seen == ids
    assert positions == [(1, 5, True), (3, 6, True), (5, 6, False)]


def test_jobs_of_one_millisecond_are_paged_by_their_ids() -> None:
    world = JobsWorld()
    ids = sorted(world.submit() for _ in range(3))
    first = world.get("/jobs", pageSize=2)
    rest = world.get("/jobs", pageSize=2, cursor=first["pagination"]["cursor"])
    assert [i["id"] for i in [*first["items"], *rest["items"]]] == ids


def test_pages_by_number(world: JobsWorld) -> None:
    assert found(world, pageSize=2, page=1) == "a"
    assert world.get("/jobs", pageSize=2, page=7)["items"] == []


def test_a_page_of_nothing_still_counts(world: JobsWorld) -> None:
    page = world.get("/jobs", pageSize=0)
    assert page["items"] == [] and page["pagination"]["totalItems"] == 3 and page["pagination"]["hasMore"]


def test_a_cursor_names_its_place() -> None:
    assert read_cursor(write_cursor((17, "a@b"))) == (17, "a@b")


# ---------------------------------------------------------------- fields


def test_fields_leave_the_id_and_what_they_name(world: JobsWorld) -> None:
    (item,) = world.get("/jobs", jobIds=id_of(world, "a"), fields="status.state,jobDescriptor.owner,nosuch.x")["items"]
    assert item == {
        "id": id_of(world, "a"),
        "status": {"state": "Accepted"},
        "jobDescriptor": {"owner": {"teamEmail": "t@x"}},
    }


@pytest.mark.parametrize("paths", [["a", "a.b"], ["a.b", "a"]])
def test_a_field_that_is_named_whole_is_whole(paths: list[str]) -> None:
    assert projected({"id": 1, "a": {"b": 2, "c": 3}, "d": 4}, paths) == {"id": 1, "a": {"b": 2, "c": 3}}


def test_of_a_list_each_member_is_projected() -> None:
    assert projected({"id": 1, "l": [{"a": 1, "b": 2}, {"a": 3}]}, ["l.a"]) == {"id": 1, "l": [{"a": 1}, {"a": 3}]}


def test_tasks_on_an_agent_that_is_emptied_need_migration() -> None:
    from dataclasses import replace

    world = JobsWorld()
    world.submit(batch__size=2)
    running, done = world.offer()
    world.run(running, done)
    world.finish(done)
    world.views.take([replace(world.views.state.agents["A1"], state="draining")])
    (item,) = world.get("/tasks", needsMigration=True)["items"]
    assert item["id"] == running.id and item["migrationDetails"]["needsMigration"]


def test_tasks_that_failed_by_the_systems_fault_can_be_left_out() -> None:
    world = JobsWorld()
    world.submit(batch__size=1)
    (task,) = world.offer()
    world.run(task)
    world.rig.update(task, TaskState.LOST)
    world.show()
    assert world.get("/tasks")["items"] and not world.get("/tasks", skipSystemFailures=True)["items"]
