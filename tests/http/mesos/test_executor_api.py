"""Custom executors over HTTP: what Mesos was recorded to say, and what becomes of tasks when streams, agents and the program itself come and go."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from executor_api_rig import EXECUTOR, ExecutorRig
from scheduler_rig import task

from raymesos.http.agent.executor_api import ExecutorApi
from raymesos.http.agent.executor_tokens import Claims, ExecutorTokens, make_key, make_token

SAMPLES = Path(__file__).parents[2] / "data" / "mesos"


def sample(name: str) -> dict[str, Any]:
    return json.loads((SAMPLES / f"{name}.json").read_text())


@pytest.fixture
def rig() -> Iterator[ExecutorRig]:
    made = ExecutorRig()
    yield made
    made.close()


@pytest.fixture
def held(rig: ExecutorRig) -> ExecutorRig:
    """Task t-hold has been given to the program, which has subscribed."""
    rig.launched("t-hold")
    rig.events = rig.program()  # type: ignore[attr-defined]
    return rig


def events(rig: ExecutorRig) -> Any:
    return rig.events  # type: ignore[attr-defined]


def fields(value: Any) -> Any:
    """The value with its texts and numbers left out: what it is made of."""
    if isinstance(value, dict):
        return {name: fields(each) for name, each in value.items()}
    if isinstance(value, list):
        return [fields(each) for each in value]
    return type(value).__name__ if not isinstance(value, int | float) or isinstance(value, bool) else "number"


# ---------------------------------------------------------------- as Mesos was recorded


@pytest.mark.parametrize(
    "name", ["bad-54-executor-api-missing-ids", "bad-56-executor-update-uuid-short", "bad-58-executor-update-staging"]
)
def test_what_mesos_refused_is_refused_with_its_words(rig: ExecutorRig, name: str) -> None:
    recorded = sample(name)
    answer = rig.to_agent(recorded["request"]["body"])
    assert f"{answer.status}" == recorded["answer"]["status"].split()[0]
    assert answer.text == recorded["answer"]["body"]
    assert answer.headers["content-type"] == recorded["answer"]["headers"]["content-type"]


@pytest.mark.parametrize("kind", ["SUBSCRIBED", "LAUNCH"])
def test_events_have_the_fields_that_mesos_events_have(held: ExecutorRig, kind: str) -> None:
    [event] = events(held).of(kind)
    recorded = fields(sample(f"executor-event-{kind}")["answer"]["body"])
    if kind == "SUBSCRIBED":  # The simulator's agent has no address of its own and offers no ports.
        del recorded["subscribed"]["agent_info"]["port"]
        recorded["subscribed"]["agent_info"]["resources"] = fields(event)["subscribed"]["agent_info"]["resources"]
        del recorded["subscribed"]["framework_info"]["labels"]
    assert fields(event) == recorded


def test_the_other_events_are_those_of_mesos(held: ExecutorRig) -> None:
    status = held.update("t-hold", "TASK_RUNNING")
    held.acknowledge_all(held.stream)
    agent_id = {"value": held.sim.cluster.agent_id("A1")}
    held.call(held.stream, "MESSAGE", agent_id=agent_id, executor_id={"value": "ex1"}, data="aGk=")
    held.call(held.stream, "KILL", task_id={"value": "t-hold"})
    held.call(held.stream, "SHUTDOWN", agent_id=agent_id, executor_id={"value": "ex1"})
    for kind in ("ACKNOWLEDGED", "MESSAGE", "KILL", "SHUTDOWN"):
        body = sample(f"executor-event-{kind}")["answer"]["body"]
        if kind == "ACKNOWLEDGED":
            body["acknowledged"]["uuid"] = status["uuid"]
        assert events(held).of(kind) == [body]


# ---------------------------------------------------------------- statuses


def test_a_call_is_refused_in_the_order_of_mesos(rig: ExecutorRig) -> None:
    ids = {"framework_id": {"value": "F"}, "executor_id": {"value": "ex1"}}
    assert rig.to_agent(None, method="GET").status == 405
    assert rig.to_agent({}, {"Content-Type": None}).status == 400
    assert rig.to_agent({}, {"Content-Type": "text/xml"}).status == 415
    assert rig.to_agent(b"{").text.startswith("Failed to parse body into JSON: ")
    assert rig.to_agent(ids).text == "Failed to validate Executor::Call: Expecting 'type' to be present"
    assert rig.to_agent(ids | {"type": "UPDATE"}).text.endswith("Expecting 'update' to be present")
    assert rig.to_agent(ids | {"type": "SUBSCRIBE", "subscribe": {}}, {"Accept": "text/xml"}).status == 406
    assert rig.say("SUBSCRIBE", framework_id="F").text == "Framework cannot be found"
    assert rig.say("MESSAGE", framework_id="F", data="").text == "Framework cannot be found"
    assert rig.say("MESSAGE", executor_id="x", data="").text == "Executor cannot be found"
    assert rig.to_agent(ids | {"type": "HEARTBEAT"}).status == 202


def test_before_its_stream_stands_an_executor_is_not_heard(rig: ExecutorRig) -> None:
    rig.launched("t1")
    answer = rig.say("UPDATE", status=rig.status("t1", "TASK_RUNNING"))
    assert (answer.status, answer.text) == (403, "Executor is not subscribed")


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"executor_id": {"value": "x"}}, "ExecutorID in Call: ex1 does not match ExecutorID in TaskStatus: x"),
        ({"source": "SOURCE_AGENT"}, "with invalid source, expecting 'SOURCE_EXECUTOR'"),
        ({"uuid": None}, "Expecting 'uuid' to be present"),
    ],
)
def test_an_update_that_is_none_is_refused(held: ExecutorRig, more: dict[str, Any], text: str) -> None:
    answer = held.say("UPDATE", status=held.status("t-hold", "TASK_RUNNING", **more))
    assert answer.status == 400
    assert answer.text.startswith("Failed to validate Executor::Call: ")
    assert answer.text.endswith(text)


# ---------------------------------------------------------------- lives


def test_a_stream_begins_with_subscribed_a_heartbeat_and_the_tasks_that_wait(held: ExecutorRig) -> None:
    assert events(held).types == ["SUBSCRIBED", "HEARTBEAT", "LAUNCH"]
    held.advance(16)
    assert events(held).types[3:] == ["HEARTBEAT"]


def test_updates_reach_the_framework_with_all_that_they_say(held: ExecutorRig) -> None:
    labels = {"labels": [{"key": "k", "value": "v"}]}
    held.update("t-hold", "TASK_RUNNING", message="up", data="aGk=", healthy=True, labels=labels)
    [status] = held.statuses(held.stream)
    assert {n: status[n] for n in ("state", "message", "data", "healthy", "labels", "source")} == {
        "state": "TASK_RUNNING",
        "message": "up",
        "data": "aGk=",
        "healthy": True,
        "labels": labels,
        "source": "SOURCE_EXECUTOR",
    }


def test_a_message_of_the_program_reaches_its_framework(held: ExecutorRig) -> None:
    assert held.say("MESSAGE", data="aGk=").status == 202
    assert [e["message"]["data"] for e in held.stream.of("MESSAGE")] == ["aGk="]


def test_a_group_is_given_as_one() -> None:
    rig = ExecutorRig(resources="cpus:8;mem:16384;disk:1000")
    disk = {"name": "disk", "type": "SCALAR", "scalar": {"value": 8}}
    executor = EXECUTOR | {"resources": [*EXECUTOR["resources"], disk]}
    offer = rig.offers(rig.stream)[-1]
    tasks = [task(t, "cpus:0.1;mem:32") | {"agent_id": offer["agent_id"]} for t in ("g1", "g2")]
    operation = {"type": "LAUNCH_GROUP", "launch_group": {"executor": executor, "task_group": {"tasks": tasks}}}
    rig.call(rig.stream, "ACCEPT", offer_ids=[offer["id"]], operations=[operation])
    [event] = rig.program().of("LAUNCH_GROUP")
    given = event["launch_group"]["task_group"]["tasks"]
    assert [t["task_id"]["value"] for t in given] == ["g1", "g2"]
    assert [t["command"] for t in given] == [{"shell": True, "value": "true"}] * 2
    rig.close()


def test_a_new_stream_ends_the_old_one_and_begins_where_it_was(held: ExecutorRig) -> None:
    held.update("t-hold", "TASK_RUNNING")
    held.acknowledge_all(held.stream)
    again = held.program()
    assert events(held).over
    assert again.types == ["SUBSCRIBED", "HEARTBEAT"]
    held.update("t-hold", "TASK_FINISHED")
    assert held.states(held.stream)[-1] == ("t-hold", "TASK_FINISHED")


def test_a_task_that_the_program_has_not_begun_is_given_again_and_others_are_not(held: ExecutorRig) -> None:
    held.update("t-hold", "TASK_RUNNING")
    held.acknowledge_all(held.stream)
    held.leave(events(held))
    held.advance(6)
    held.launched("t2", "t3")
    known = {"task_id": {"value": "t3"}, "name": "t3", "agent_id": {"value": "x"}, "resources": []}
    again = held.program(tasks=[known])
    assert [e["launch"]["task"]["task_id"]["value"] for e in again.of("LAUNCH")] == ["t2"]


def test_an_update_that_was_lost_with_the_stream_is_taken_with_the_next_subscription(held: ExecutorRig) -> None:
    held.leave(events(held))
    status = held.status("t-hold", "TASK_RUNNING")
    again = held.program(updates=[status])
    held.acknowledge_all(held.stream)
    assert held.states(held.stream) == [("t-hold", "TASK_RUNNING")]
    assert [e["acknowledged"]["uuid"] for e in again.of("ACKNOWLEDGED")] == [status["uuid"]]


def test_an_update_that_comes_twice_is_told_once_and_acknowledged(held: ExecutorRig) -> None:
    status = held.update("t-hold", "TASK_RUNNING")
    held.acknowledge_all(held.stream)
    again = held.program(updates=[status])
    assert held.states(held.stream) == [("t-hold", "TASK_RUNNING")]
    assert len(again.of("ACKNOWLEDGED")) == 1


def test_an_agent_that_restarts_learns_of_the_tasks_without_the_program(held: ExecutorRig) -> None:
    held.update("t-hold", "TASK_RUNNING")
    held.acknowledge_all(held.stream)
    held.sim.crash("A1")
    held.advance(1)
    held.sim.restart("A1")
    held.advance(5)
    assert held.states(held.stream) == [("t-hold", "TASK_RUNNING")]
    assert not events(held).over
    held.update("t-hold", "TASK_FINISHED")
    assert held.states(held.stream)[-1] == ("t-hold", "TASK_FINISHED")


def test_an_http_process_that_begins_anew_is_told_by_the_agent_what_the_program_has(held: ExecutorRig) -> None:
    held.update("t-hold", "TASK_RUNNING")
    held.acknowledge_all(held.stream)
    [address] = held.agent_api._programs
    held.agent_api._programs.clear()
    seat = f"executor/A1/{address[0]}/{address[1]}@http"
    held.desk.close(seat)
    again = held.program()
    assert again.types == ["SUBSCRIBED", "HEARTBEAT"]
    held.sim.crash("A1")
    held.advance(1)
    held.sim.restart("A1")
    held.advance(5)
    held.update("t-hold", "TASK_FINISHED")
    assert held.states(held.stream) == [("t-hold", "TASK_RUNNING"), ("t-hold", "TASK_FINISHED")]


def test_the_end_of_the_process_ends_the_stream_and_the_tasks(held: ExecutorRig) -> None:
    held.ended(9)
    assert events(held).over
    assert held.states(held.stream) == [("t-hold", "TASK_FAILED")]
    [failure] = held.stream.of("FAILURE")
    assert failure["failure"]["status"] == 9
    assert held.say("MESSAGE", data="").status == 400


def test_a_kill_with_a_grace_of_its_own_says_so(held: ExecutorRig) -> None:
    grace = {"grace_period": {"nanoseconds": 1_500_000_000}}
    held.call(held.stream, "KILL", task_id={"value": "t-hold"}, kill_policy=grace)
    assert events(held).of("KILL")[0]["kill"]["kill_policy"] == grace


def test_a_program_that_leaves_before_the_agent_has_answered_leaves_nothing_behind(rig: ExecutorRig) -> None:
    rig.launched("t1")
    rig.sim.crash("A1")
    call = rig.program()
    assert call.status == 0
    rig.leave(call)
    rig.sim.restart("A1")
    rig.advance(3)
    assert rig.program().status in (200, 400)


# ---------------------------------------------------------------- tokens


RUN = "4bd541b5-115a-4826-9c6a-c995f8a5b489"


def shown(key: str, framework_id: str, executor_id: str = "ex1", container_id: str = RUN) -> dict[str, str | None]:
    return {"Authorization": f"Bearer {make_token(key, Claims(framework_id, executor_id, container_id))}"}


def test_where_executors_are_asked_each_is_heard_with_its_own_token_alone(rig: ExecutorRig, tmp_path: Path) -> None:
    key = make_key(tmp_path)
    rig.agent_api = ExecutorApi(rig.desk, "A1", rig._unknown, lambda *_: RUN, ExecutorTokens(tmp_path))
    rig.launched("t1")
    ids = {"framework_id": {"value": rig.id}, "executor_id": {"value": "ex1"}}
    subscribe = {"type": "SUBSCRIBE", "subscribe": {}, **ids}
    update = {"type": "UPDATE", "update": {"status": rig.status("t1", "TASK_RUNNING")}, **ids}
    own = shown(key, rig.id)
    strange = {"Authorization": "Basic YTpi"}
    assert [rig.to_agent(subscribe, h).status for h in ({}, strange, shown("x" * 64, rig.id))] == [401] * 3
    for another in (shown(key, "F2"), shown(key, rig.id, "ex2"), shown(key, rig.id, container_id="former")):
        assert rig.to_agent(subscribe, another).status == 403
    stream = rig.to_agent(subscribe, own)
    assert (stream.status, stream.types[:1]) == (200, ["SUBSCRIBED"])
    assert [rig.to_agent(update, h).status for h in ({}, shown(key, rig.id, "ex2"))] == [401, 403]
    assert rig.to_agent(update, shown(key, rig.id, container_id="former")).status == 403
    assert rig.states(rig.stream) == []
    assert rig.to_agent(update, own).status == 202
    assert rig.states(rig.stream) == [("t1", "TASK_RUNNING")]
