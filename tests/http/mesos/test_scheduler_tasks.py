"""Tasks and executors as they come over HTTP: what reaches the wire, and what is refused in Mesos' words."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from scheduler_rig import Rig, task

from raymesos.http.mesos.tasks import Reading, group_of, tasks_of
from raymesos.model.resources import Resources
from raymesos.model.tasks import Reason
from raymesos.wire.messages import ExecutorInfo, ExecutorType, TaskInfo
from raymesos.wire.work import CommandWork, Uri

AGENT = {"agent_id": {"value": "S1"}}
CPUS = [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}}]
EXECUTOR = {
    "type": "CUSTOM",
    "executor_id": {"value": "e1"},
    "command": {"value": "run it"},
    "resources": CPUS,
    "name": "n",
    "data": "aGk=",
    "shutdown_grace_period": {"nanoseconds": 2_000_000_000},
}


@pytest.fixture
def rig() -> Iterator[Rig]:
    made = Rig()
    yield made
    made.close()


def read(*rows: dict[str, Any]) -> tuple[tuple[TaskInfo, ...], list[str]]:
    reading = Reading("F1", 5)
    found = tasks_of([AGENT | row for row in rows], reading)
    return found, [update.status.message for update in reading.refused]  # type: ignore[union-attr]


def test_all_that_a_task_says_reaches_the_wire() -> None:
    labels = {"labels": [{"key": "k", "value": "v"}, {"key": "only"}]}
    found, refused = read(
        task(
            "t1",
            "cpus:0.5;mem:64",
            command={
                "value": "echo $X",
                "user": "ann",
                "environment": {"variables": [{"name": "X", "value": "1"}]},
                "uris": [{"value": "http://h/a.tgz", "extract": False, "cache": True, "output_file": "b"}],
            },
            kill_policy={"grace_period": {"nanoseconds": 1_500_000_000}},
            max_completion_time={"nanoseconds": 60_000_000_000},
            labels=labels,
            discovery={"visibility": "CLUSTER", "name": "web"},
            data="aGk=",
        )
    )
    assert refused == []
    [made] = found
    assert made == TaskInfo(
        "t1",
        "t1",
        Resources.parse("cpus:0.5;mem:64"),
        CommandWork(
            ("/bin/sh", "-c", "echo $X"),
            (("X", "1"),),
            uris=(Uri("http://h/a.tgz", extract=False, cache=True, output_file="b"),),
        ),
        kill_grace_ms=1_500,
        max_completion_ms=60_000,
        labels=(("k", "v"), ("only", "")),
        v1=made.v1,
        data=b"hi",
        agent_id="S1",
    )
    assert json.loads(made.v1) == {"discovery": {"visibility": "CLUSTER", "name": "web"}, "user": "ann"}


@pytest.mark.parametrize(
    ("command", "argv", "program"),
    [
        ({"value": "a b"}, ("/bin/sh", "-c", "a b"), ""),
        ({"shell": True, "value": "a"}, ("/bin/sh", "-c", "a"), ""),
        ({"shell": False, "value": "/bin/a", "arguments": ["a", "x y"]}, ("a", "x y"), "/bin/a"),
        ({"shell": False, "value": "/bin/a"}, ("/bin/a",), "/bin/a"),
    ],
)
def test_a_command_is_a_shells_text_or_a_program_with_its_arguments(
    command: dict[str, Any], argv: tuple[str, ...], program: str
) -> None:
    [made] = read(task("t", command=command))[0]
    assert made.work == CommandWork(argv, program=program)


def test_a_secret_is_a_variable_like_any_other_once_its_value_is_there() -> None:
    secret = {"type": "VALUE", "value": {"data": base64.b64encode(b"s3").decode()}}
    variables = [{"name": "P", "type": "SECRET", "secret": secret}]
    [made] = read(task("t", command={"value": "x", "environment": {"variables": variables}}))[0]
    assert isinstance(made.work, CommandWork) and made.work.env == (("P", "s3"),)


def _with(variable: dict[str, Any]) -> dict[str, Any]:
    return {"value": "x", "environment": {"variables": [variable]}}


def _cpus(role: str) -> dict[str, Any]:
    return CPUS[0] | {"allocation_info": {"role": role}}


@pytest.mark.parametrize(
    ("more", "text"),
    [
        (
            {"command": _with({"name": "A"})},
            "Task's `CommandInfo` is invalid: Environment variable 'A' of type 'VALUE' must have a value set",
        ),
        (
            {"command": _with({"name": "A", "type": "SECRET", "secret": {"reference": {"name": "r"}}})},
            "Environment variable 'A' of type 'SECRET' must have a secret set",
        ),
        (
            {"resources": [_cpus("a"), _cpus("b")]},
            "Invalid task resources: The resources have multiple allocation roles ('b' and 'a') but only one allocation role is allowed",
        ),
        (
            {"resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": -1}}]},
            "Task uses invalid resources: ",
        ),
        (
            {"executor": EXECUTOR | {"framework_id": {"value": "other"}}, "command": None},
            "ExecutorInfo has an invalid FrameworkID (Actual: other vs Expected: F1)",
        ),
    ],
)
def test_a_task_that_cannot_be_read_is_refused_alone(more: dict[str, Any], text: str) -> None:
    row = {k: v for k, v in task("bad", **more).items() if v is not None}
    found, refused = read(task("good"), row)
    assert [t.task_id for t in found] == ["good"]
    assert len(refused) == 1 and text in refused[0]


def test_an_executor_says_who_it_is_and_is_the_only_command() -> None:
    row = task("t", executor=EXECUTOR)
    del row["command"]
    [made] = read(row)[0]
    assert made.work is None
    assert made.executor == ExecutorInfo(
        "e1",
        CommandWork(("/bin/sh", "-c", "run it")),
        Resources.parse("cpus:0.1"),
        ExecutorType.CUSTOM,
        name="n",
        data=b"hi",
        shutdown_grace_ms=2_000,
    )


def test_a_group_is_read_whole_or_all_of_it_is_refused() -> None:
    reading = Reading("F1", 5)
    rows = [AGENT | task("a"), AGENT | task("b", resources=[_cpus("x"), _cpus("y")])]
    assert group_of(EXECUTOR, rows, reading) is None
    told = [update.status for update in reading.refused]  # type: ignore[union-attr]
    assert [(s.task_id, s.reason) for s in told] == [
        ("a", Reason.TASK_GROUP_INVALID),
        ("b", Reason.TASK_GROUP_INVALID),
    ]
    assert all(s.message.startswith("Task 'b' is invalid: Invalid task resources") for s in told)
    good = group_of(EXECUTOR | {"type": "DEFAULT"}, rows[:1], Reading("F1", 5))
    assert good is not None and good.executor is not None
    assert (good.executor.type, [t.task_id for t in good.tasks]) == (ExecutorType.DEFAULT, ["a"])


def test_a_refused_task_is_told_and_the_others_of_the_call_run(rig: Rig) -> None:
    stream = rig.subscribe()
    bad = task("bad", command=_with({"name": "A"}))
    rig.launch(stream, task("good"), bad)
    refused = next(s for s in rig.statuses(stream) if s["task_id"]["value"] == "bad")
    assert (refused["state"], refused["reason"], refused["source"]) == (
        "TASK_ERROR",
        "REASON_TASK_INVALID",
        "SOURCE_MASTER",
    )
    assert "uuid" not in refused
    assert list(rig.master().frameworks[rig.framework_id(stream)].tasks) == ["good"]


def test_a_task_runs_only_where_it_says(rig: Rig) -> None:
    stream = rig.subscribe()
    rig.launch(stream, task("t", agent_id={"value": "elsewhere"}))
    [status] = rig.statuses(stream)
    agent = rig.offers(stream)[0]["agent_id"]["value"]
    assert status["message"] == f"Task uses invalid agent elsewhere while agent {agent} is expected"


def test_a_group_is_launched_on_its_executor(rig: Rig) -> None:
    stream = rig.subscribe()
    offer = rig.offers(stream)[0]
    disk = {"name": "mem", "type": "SCALAR", "scalar": {"value": 32}}
    executor = {"type": "DEFAULT", "executor_id": {"value": "pod"}, "resources": [*CPUS, disk]}
    rows = [task(name, agent_id=offer["agent_id"]) for name in ("a", "b")]
    group = {"type": "LAUNCH_GROUP", "launch_group": {"executor": executor, "task_group": {"tasks": rows}}}
    rig.call(stream, "ACCEPT", offer_ids=[offer["id"]], operations=[group])
    told = {s["task_id"]["value"]: s for s in rig.statuses(stream)}
    assert {s["reason"] for s in told.values()} == {"REASON_TASK_GROUP_INVALID"}
    assert {s["message"] for s in told.values()} == {"Executor 'pod' uses no disk"}
