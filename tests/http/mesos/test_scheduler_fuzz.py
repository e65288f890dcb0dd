"""Bodies of any kind on the scheduler API: an answer of Mesos', never a failure of ours, and nothing is left behind."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from scheduler_rig import MULTI_ROLE, Rig, task

ANSWERS = (200, 202, 400, 403, 415, 501)
EXECUTOR = {"type": "CUSTOM", "executor_id": {"value": "e"}, "command": {"value": "x"}, "resources": []}
DISK = {
    "name": "disk",
    "type": "SCALAR",
    "scalar": {"value": 5},
    "reservations": [{"type": "DYNAMIC", "role": "dev", "principal": "p"}],
    "disk": {"persistence": {"id": "v"}, "volume": {"container_path": "d", "mode": "RW"}},
}
OPERATIONS = [
    {"type": "LAUNCH", "launch": {"task_infos": [task("t", agent_id={"value": "S"}, executor=EXECUTOR)]}},
    {
        "type": "LAUNCH_GROUP",
        "launch_group": {"executor": EXECUTOR, "task_group": {"tasks": [task("g", agent_id={"value": "S"})]}},
    },
    {"type": "RESERVE", "id": {"value": "o1"}, "reserve": {"resources": [DISK]}},
    {"type": "UNRESERVE", "unreserve": {"resources": [DISK]}},
    {"type": "CREATE", "id": {"value": "o2"}, "create": {"volumes": [DISK]}},
    {"type": "DESTROY", "destroy": {"volumes": [DISK]}},
    {"type": "GROW_VOLUME", "grow_volume": {"volume": DISK, "addition": DISK}},
    {"type": "SHRINK_VOLUME", "shrink_volume": {"volume": DISK, "subtract": {"value": 1}}},
]
IDS = {"agent_id": {"value": "S"}, "executor_id": {"value": "e"}, "task_id": {"value": "t"}}
UUID = "F3Y3hK0cSByBXvoqX/i5hA=="
INFO = {"user": "u", "name": "n", "roles": ["dev"], "capabilities": MULTI_ROLE, "offer_filters": {"dev": {}}}
BODIES: dict[str, dict[str, Any]] = {
    "ACCEPT": {"offer_ids": [{"value": "o"}], "operations": OPERATIONS, "filters": {"refuse_seconds": 1}},
    "DECLINE": {"offer_ids": [{"value": "o"}]},
    "KILL": IDS | {"kill_policy": {"grace_period": {"nanoseconds": 1}}},
    "SHUTDOWN": IDS,
    "ACKNOWLEDGE": IDS | {"uuid": UUID},
    "ACKNOWLEDGE_OPERATION_STATUS": IDS | {"uuid": UUID, "operation_id": {"value": "o"}},
    "RECONCILE": {"tasks": [IDS]},
    "RECONCILE_OPERATIONS": {"operations": [{"operation_id": {"value": "o"}}]},
    "MESSAGE": IDS | {"data": "aGk="},
    "REQUEST": {"requests": [{"resources": [DISK]}]},
    "REVIVE": {"roles": ["dev"]},
    "SUPPRESS": {"roles": ["dev"]},
    "ACCEPT_INVERSE_OFFERS": {"inverse_offer_ids": [{"value": "o"}]},
    "UPDATE_FRAMEWORK": {"framework_info": INFO, "suppressed_roles": ["dev"], "offer_constraints": {}},
}
ODD = st.sampled_from(
    [
        None,
        True,
        0,
        -1,
        1e300,
        2**70,
        "",
        "\x00",
        "é\ud7ff",
        "a" * 300,
        "..",
        "Infinity",
        [],
        [[]],
        {},
        {"value": {}},
        [None],
    ]
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all that is in it."""
    found = [path] if path else []
    if isinstance(value, dict):
        for key, inner in value.items():
            found += places(inner, (*path, key))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            found += places(inner, (*path, i))
    return found


def put(value: Any, path: tuple[Any, ...], odd: Any) -> None:
    for key in path[:-1]:
        value = value[key]
    value[path[-1]] = copy.deepcopy(odd)


class Server:
    """One server for all examples: what one leaves behind the next one meets."""

    def __init__(self) -> None:
        self.rig = Rig()
        self.stream = self.rig.subscribe(failover_timeout=1e6, principal="p")

    def send(self, body: bytes) -> int:
        if self.stream.over:
            self.stream = self.rig.subscribe(self.rig.framework_id(self.stream), failover_timeout=1e6, principal="p")
        call = self.rig.request(body, {"Mesos-Stream-Id": self.stream.stream_id})
        assert call.task.done() and call.task.exception() is None, body
        return call.status


SERVER = Server()


@settings(max_examples=300)
@given(st.sampled_from(sorted(BODIES)), st.data())
def test_a_call_with_something_odd_in_it_is_answered(kind: str, data: st.DataObject) -> None:
    framework_id = {"value": SERVER.rig.framework_id(SERVER.stream)}
    call = copy.deepcopy({"type": kind, "framework_id": framework_id, kind.lower(): BODIES[kind]})
    if kind == "UPDATE_FRAMEWORK":
        call["update_framework"]["framework_info"]["id"] = framework_id
    for _ in range(data.draw(st.integers(0, 3))):
        put(call, data.draw(st.sampled_from(places(call))), data.draw(ODD))
    status = SERVER.send(json.dumps(call).encode())
    assert status in ANSWERS
    assert SERVER.rig.loop.is_running() is False


@settings(max_examples=100)
@given(st.binary(max_size=200))
def test_a_body_of_any_bytes_is_answered(body: bytes) -> None:
    assert SERVER.send(body) in ANSWERS


@settings(max_examples=100)
@given(st.data())
def test_a_subscription_with_something_odd_in_it_is_a_stream_or_refused(data: st.DataObject) -> None:
    call: dict[str, Any] = copy.deepcopy({"type": "SUBSCRIBE", "subscribe": {"framework_info": INFO}})
    for _ in range(data.draw(st.integers(1, 2))):
        put(call, data.draw(st.sampled_from(places(call))), data.draw(ODD))
    rig = SERVER.rig
    stream = rig.request(call)
    assert stream.status in ANSWERS
    if not stream.task.done():
        rig.leave(stream)
    assert stream.task.done() and stream.task.exception() is None


def test_nothing_of_all_that_is_left_behind() -> None:
    rig = SERVER.rig
    rig.leave(SERVER.stream)
    assert rig.sim.world._hosts["http"].pump.addresses() == ["http"]
    assert rig.desk.take_told() == []
    assert [f.address for f in rig.master().frameworks.values() if f.address is not None] == []
    rig.sim.cluster.check()
    rig.close()
