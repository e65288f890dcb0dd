"""Statuses of the scheduler API in the order in which Mesos checks (scenario S36 i), and what becomes of the stream."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from scheduler_rig import MULTI_ROLE, Rig, task

from raymesos.http.security.access import CALLER, Access, Caller
from raymesos.http.security.acls import acls_from_json


@pytest.fixture
def rig() -> Iterator[Rig]:
    made = Rig(agents=0)
    yield made
    made.close()


SUBSCRIBE = {"type": "SUBSCRIBE", "subscribe": {"framework_info": {"user": "root", "name": "f"}}}


@pytest.mark.parametrize(
    ("body", "headers", "method", "status", "words"),
    [
        (SUBSCRIBE, {"Content-Type": None}, "POST", 400, "Expecting 'Content-Type' to be present"),
        (SUBSCRIBE, {"Content-Type": "text/plain"}, "POST", 415, "Expecting 'Content-Type' of"),
        (b"{not json", {}, "POST", 400, "Failed to parse body into JSON"),
        ({"type": "SUBSCRIBE", "subscribe": {}}, {}, "POST", 400, "Missing required fields: subscribe.framework_info"),
        (None, {}, "GET", 405, "Expecting one of { 'POST' }, but received 'GET'"),
        (SUBSCRIBE, {"Accept": "foo"}, "POST", 406, "Expecting 'Accept' to allow"),
        (SUBSCRIBE, {"Mesos-Stream-Id": "x"}, "POST", 400, "should not include the 'Mesos-Stream-Id' header"),
    ],
)
def test_what_cannot_be_taken_is_refused(
    rig: Rig, body: Any, headers: dict[str, str | None], method: str, status: int, words: str
) -> None:
    answer = rig.request(body, headers, method=method)
    assert (answer.status, answer.over) == (status, True)
    assert words in answer.text
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert int(answer.headers["content-length"]) == len(answer.body)
    assert rig.master().frameworks == {}


@pytest.mark.parametrize("accept", [None, "*/*", "application/json"])
def test_a_subscription_is_answered_in_json(rig: Rig, accept: str | None) -> None:
    stream = rig.request(SUBSCRIBE, {"Accept": accept})
    assert (stream.status, stream.headers["content-type"]) == (200, "application/json")
    assert not stream.over


def test_the_first_events_are_subscribed_and_heartbeat_and_then_a_heartbeat_every_15_seconds(rig: Rig) -> None:
    stream = rig.subscribe()
    assert stream.types == ["SUBSCRIBED", "HEARTBEAT"]
    assert stream.events[0]["subscribed"]["heartbeat_interval_seconds"] == 15.0
    rig.advance(14.9)
    assert stream.types == ["SUBSCRIBED", "HEARTBEAT"]
    rig.advance(0.1)
    assert stream.types[2:] == ["HEARTBEAT"]
    rig.advance(30)
    assert stream.types[2:] == ["HEARTBEAT"] * 3


def test_an_invalid_role_is_an_error_event_on_a_stream_that_ends(rig: Rig) -> None:
    stream = rig.subscribe(roles=["a b"])
    text = "'FrameworkInfo.roles' contains invalid role: Role component 'a b' is invalid because it contains backspace or whitespace"
    assert stream.events == [{"type": "ERROR", "error": {"message": text}}]
    assert (stream.status, stream.over) == (200, True)


def test_the_same_framework_again_gets_a_new_stream_and_the_old_one_ends(rig: Rig) -> None:
    first = rig.subscribe()
    framework_id = rig.framework_id(first)
    second = rig.subscribe(framework_id)
    assert first.events[-1] == {"type": "ERROR", "error": {"message": "Framework failed over"}}
    assert first.over and not second.over
    assert second.stream_id != first.stream_id and rig.framework_id(second) == framework_id
    assert rig.call(first, "REVIVE").status == 400
    assert rig.call(second, "REVIVE").status == 202


def test_a_call_needs_the_stream_id_that_it_was_given(rig: Rig) -> None:
    stream = rig.subscribe()
    teardown = {"type": "TEARDOWN", "framework_id": {"value": rig.framework_id(stream)}}
    missing = rig.request(teardown)
    assert missing.status == 400
    assert missing.text == "All non-subscribe calls should include the 'Mesos-Stream-Id' header"
    wrong = rig.request(teardown, {"Mesos-Stream-Id": "nope"})
    assert wrong.status == 400
    assert wrong.text == (
        "The stream ID 'nope' included in this request didn't match the stream ID currently associated with framework ID "
        + rig.framework_id(stream)
    )
    assert not stream.over
    right = rig.request(teardown, {"Mesos-Stream-Id": stream.stream_id})
    assert (right.status, right.body, right.headers) == (202, b"", {"content-length": "0"})
    assert stream.over


def test_an_acknowledgement_without_a_uuid_is_refused(rig: Rig) -> None:
    stream = rig.subscribe()
    ids = {"agent_id": {"value": "S"}, "task_id": {"value": "t"}}
    answer = rig.call(stream, "ACKNOWLEDGE", **ids, uuid="YWJj")
    assert (answer.status, answer.text) == (400, "Failed to validate scheduler::Call: Not a valid UUID")


@pytest.mark.parametrize(
    ("call", "text"),
    [
        ({}, "Expecting 'type' to be present"),
        ({"type": "NONSENSE"}, "Expecting 'type' to be present"),
        ({"type": "SUBSCRIBE"}, "Expecting 'subscribe' to be present"),
        ({"type": "REVIVE"}, "Expecting 'framework_id' to be present"),
        ({"type": "KILL", "framework_id": {"value": "f"}}, "Expecting 'kill' to be present"),
        ({"type": "ACCEPT", "framework_id": {"value": "f"}}, "Expecting 'accept' to be present"),
        (
            {"type": "ACKNOWLEDGE_OPERATION_STATUS", "framework_id": {"value": "f"}},
            "Expecting 'acknowledge_operation_status' to be present",
        ),
        (SUBSCRIBE | {"framework_id": {"value": "f"}}, "'framework_id' differs from 'subscribe.framework_info.id'"),
        (
            {
                "type": "UPDATE_FRAMEWORK",
                "framework_id": {"value": "f"},
                "update_framework": {"framework_info": {"user": "u", "name": "n", "id": {"value": "g"}}},
            },
            "'framework_id' differs from 'update_framework.framework_info.id'",
        ),
    ],
)
def test_a_call_has_what_its_type_needs(rig: Rig, call: dict[str, Any], text: str) -> None:
    answer = rig.request(call)
    assert (answer.status, answer.text) == (400, f"Failed to validate scheduler::Call: {text}")


def test_a_framework_that_nobody_knows_is_not_found_and_one_that_has_left_is_not_subscribed(rig: Rig) -> None:
    unknown = rig.request({"type": "REVIVE", "framework_id": {"value": "nope"}}, {"Mesos-Stream-Id": "x"})
    assert (unknown.status, unknown.text) == (400, "Framework cannot be found")
    stream = rig.subscribe(failover_timeout=60)
    rig.leave(stream)
    left = rig.call(stream, "REVIVE")
    assert (left.status, left.text) == (403, "Framework is not subscribed")
    rig.advance(61)
    gone = rig.call(stream, "REVIVE")
    assert (gone.status, gone.text) == (403, "Framework is not subscribed")


def test_a_framework_that_came_through_another_door_is_told_so(rig: Rig) -> None:
    other = rig.sim.add_framework("F", roles=["dev"])
    rig.settle()
    answer = rig.request({"type": "REVIVE", "framework_id": {"value": other.id}}, {"Mesos-Stream-Id": "x"})
    assert (answer.status, answer.text) == (403, "Framework is not connected via HTTP")


def test_a_framework_that_was_torn_down_is_not_found_and_may_never_come_back(rig: Rig) -> None:
    stream = rig.subscribe()
    framework_id = rig.framework_id(stream)
    assert rig.call(stream, "TEARDOWN").status == 202
    assert (rig.call(stream, "REVIVE").status, stream.over) == (400, True)
    assert rig.subscribe(framework_id).events == [{"type": "ERROR", "error": {"message": "Framework has been removed"}}]


def test_a_call_of_no_known_kind_is_not_implemented(rig: Rig) -> None:
    stream = rig.subscribe()
    assert rig.call(stream, "UNKNOWN").status == 501


def test_without_a_master_nothing_is_taken(rig: Rig) -> None:
    rig.up = False
    answer = rig.request(SUBSCRIBE)
    assert (answer.status, answer.text) == (503, "No leader elected")
    rig.up = True
    assert rig.subscribe().types == ["SUBSCRIBED", "HEARTBEAT"]


@pytest.mark.parametrize(
    ("info", "text"),
    [
        (
            {"roles": ["a"], "role": "b"},
            "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable",
        ),
        (
            {"roles": ["a"], "capabilities": []},
            "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable",
        ),
        ({"failover_timeout": 1e12}, "The framework failover_timeout (1e+12) is invalid"),
        ({"roles": ["a", "a"]}, "'FrameworkInfo.roles' contains duplicate items: { a }"),
    ],
)
def test_a_framework_info_that_is_not_right_is_an_error_event(rig: Rig, info: dict[str, Any], text: str) -> None:
    stream = rig.subscribe(**info)
    assert stream.events == [{"type": "ERROR", "error": {"message": text}}]
    assert (stream.status, stream.over, stream.headers["content-type"]) == (200, True, "application/json")
    assert rig.master().frameworks == {}


def test_the_principal_that_is_proved_is_the_one_of_the_framework(rig: Rig) -> None:
    headers = {"Content-Type": "application/json"}
    said = {"type": "SUBSCRIBE", "subscribe": {"framework_info": {"user": "u", "name": "n", "principal": "eve"}}}
    scope = {"type": "http", "method": "POST", "headers": [], CALLER: Caller("ann")}
    scope["headers"] = [(k.lower().encode(), v.encode()) for k, v in headers.items()]
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": json.dumps(said).encode()}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    rig.loop.run_until_complete(rig.api(scope, receive, send))
    assert sent[0]["status"] == 400
    assert b"Authenticated principal 'ann' does not match principal 'eve' set in `FrameworkInfo`" in sent[1]["body"]


def test_a_framework_of_the_older_kind_has_the_one_role_that_it_names(rig: Rig) -> None:
    stream = rig.subscribe(roles=[], role="ops", capabilities=[])
    assert rig.master().frameworks[rig.framework_id(stream)].info.roles == ("ops",)
    assert MULTI_ROLE


def _only(action: str, kind: str, *allowed: str) -> Access:
    """Whoever calls may do `action` to `allowed` alone."""
    rules = [
        {"principals": {"type": "ANY"}, kind: {"values": list(allowed)}},
        {"principals": {"type": "ANY"}, kind: {"type": "NONE"}},
    ]
    return Access(acls_from_json({action: rules}))


def test_who_may_not_be_in_a_role_is_told_on_its_stream(rig: Rig) -> None:
    rig.site.access = _only("register_frameworks", "roles", "ops")
    refused = rig.subscribe(roles=["dev"])
    text = "Not authorized to use roles '{ dev }'"
    assert (refused.events, refused.over) == ([{"type": "ERROR", "error": {"message": text}}], True)
    stream = rig.subscribe(roles=["ops"])
    info = {"user": "root", "name": "f", "id": {"value": rig.framework_id(stream)}, "roles": ["dev"]}
    update = rig.call(stream, "UPDATE_FRAMEWORK", framework_info=info | {"capabilities": MULTI_ROLE})
    assert (update.status, update.text) == (403, text)


def test_a_task_of_a_user_whom_the_caller_may_not_run_as_is_an_error(rig: Rig) -> None:
    rig.site.access = _only("run_tasks", "users", "ann")
    rig.sim.add_agent("A1", "cpus:8;mem:1024")
    rig.settle()
    stream = rig.subscribe(user="bob")
    rig.launch(stream, task("hers", command={"value": "true", "user": "ann"}), task("his"))
    [refused] = [s for s in rig.statuses(stream) if s["state"] == "TASK_ERROR"]
    assert (refused["task_id"]["value"], refused["reason"]) == ("his", "REASON_TASK_UNAUTHORIZED")
    assert refused["message"] == "Task 'his' is not authorized to launch as user 'bob'"
    assert list(rig.master().frameworks[rig.framework_id(stream)].tasks) == ["hers"]
