"""Every recorded exchange of a real Mesos 1.11 with its scheduler API, replayed: the same status, headers and text; the same fields in events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from http_rig import site
from scheduler_rig import JSON_HEADERS, Call, Rig, task

from raymesos.http.mesos.events import Known, Place, event_bytes
from raymesos.http.mesos.infos import task_status_of
from raymesos.http.mesos.master_info import master_info_json
from raymesos.http.mesos.seat import Heartbeat
from raymesos.http.mesos.values import unavailability_of, uuid_of
from raymesos.http.recordio import Reader
from raymesos.model.attributes import Attributes
from raymesos.model.resources import Resources
from raymesos.wire.messages import (
    Failure,
    FrameworkError,
    InverseOffer,
    InverseOffers,
    Offer,
    Offers,
    OperationState,
    OperationStatus,
    OperationUpdate,
    Rescind,
    RescindInverse,
    Subscribed,
    Update,
)

SAMPLES = Path(__file__).parents[2] / "data" / "mesos"
RECORDED_FRAMEWORK = "23e19536-ad01-4b9c-82e1-730c85508724-0001"
RECORDED_AGENT = "23e19536-ad01-4b9c-82e1-730c85508724-S"
# Per exchange, not per kind: our server says the date itself, and chunks as it likes.
OF_THE_RUN = ("date", "transfer-encoding", "mesos-stream-id")


def samples(*prefixes: str) -> list[str]:
    names = sorted(path.name for path in SAMPLES.glob("*.json"))
    found = [name for name in names if name.startswith(prefixes)]
    return [
        name
        for name in found
        if "/scheduler" in json.dumps(sample(name)["request"]) or name == "reject-12-duplicate-offer-id.json"
    ]


def sample(name: str) -> dict[str, Any]:
    return json.loads((SAMPLES / name).read_text())


@pytest.fixture
def rig() -> Iterator[Rig]:
    made = Rig()
    yield made
    made.close()


def ours(value: Any, names: dict[str, str]) -> Any:
    """The recorded value with the ids of our run."""
    text = json.dumps(value)
    for theirs, mine in names.items():
        text = text.replace(theirs, mine)
    return json.loads(text)


def send(rig: Rig, request: dict[str, Any], stream: Call, names: dict[str, str]) -> Call:
    """The recorded request, with our ids, on our stream if it named its own."""
    headers = dict.fromkeys(JSON_HEADERS) | request.get("headers", JSON_HEADERS)
    if "Mesos-Stream-Id" in headers or "headers" not in request:
        headers["Mesos-Stream-Id"] = stream.stream_id
    body = request["body"]
    return rig.request(
        body.encode() if isinstance(body, str) else ours(body, names), headers, method=request.get("method", "POST")
    )


@pytest.mark.parametrize("name", samples("bad-", "ok-"))
def test_a_recorded_exchange_is_answered_as_mesos_answered_it(rig: Rig, name: str) -> None:
    recorded = sample(name)
    stream = rig.subscribe()
    names = {RECORDED_FRAMEWORK: rig.framework_id(stream)}
    if name.startswith("bad-81"):
        rig.call(stream, "TEARDOWN")
    answer = send(rig, recorded["request"], stream, names)
    said = recorded["answer"]
    assert answer.status == int(said["status"].split()[0])
    kept = {k: v for k, v in said["headers"].items() if k not in OF_THE_RUN}
    assert {k: v for k, v in answer.headers.items() if k not in OF_THE_RUN} == kept
    assert ("mesos-stream-id" in answer.headers) is ("mesos-stream-id" in said["headers"])
    if answer.status == 200:
        assert answer.events == [json.loads(record) for record in Reader().feed(said["body"].encode())]
        assert answer.over
    else:
        assert answer.text == said["body"]


@pytest.mark.parametrize("name", samples("reject-"))
def test_a_recorded_launch_is_refused_as_mesos_refused_it(rig: Rig, name: str) -> None:
    recorded = sample(name)
    stream = rig.subscribe()
    offer = rig.offers(stream)[-1]
    status = recorded["event"]["update"]["status"]
    task_id = status["task_id"]["value"]
    if "duplicate-task" in name:
        rig.launch(stream, task(task_id))
        rig.advance(6)
        offer = rig.offers(stream)[-1]
    names = {RECORDED_FRAMEWORK: rig.framework_id(stream), status["agent_id"]["value"]: offer["agent_id"]["value"]}
    if isinstance(recorded["request"], str):  # ACCEPT with the same offer id twice
        launch = {"type": "LAUNCH", "launch": {"task_infos": [task(task_id, agent_id=offer["agent_id"])]}}
        answer = rig.call(stream, "ACCEPT", offer_ids=[{"value": offer["id"]["value"]}] * 2, operations=[launch])
        names["23e19536-ad01-4b9c-82e1-730c85508724-O37"] = offer["id"]["value"]
    else:
        accept = recorded["request"]["body"]["accept"]
        if "unknown-offer" not in name:
            names[accept["offer_ids"][0]["value"]] = offer["id"]["value"]
        answer = send(rig, recorded["request"], stream, names)
    assert answer.status == 202
    mine = [s for s in rig.statuses(stream) if s["task_id"]["value"] == task_id][-1]
    expected = ours(status, names)
    for row in (mine, expected):
        row.pop("timestamp")
    assert mine == expected


# ---------------------------------------------------------------- events

AGENT_URL = {
    "scheme": "http",
    "address": {"hostname": "localhost", "ip": "127.0.0.1", "port": 5150},
    "path": "/slave(3)",
}
# Where the recording's agents are: of each the path is its own, of what was recorded of one agent's offers that of the recording.
PATHS = {f"{RECORDED_AGENT}0": "/slave(2)", f"{RECORDED_AGENT}1": "/slave(1)", f"{RECORDED_AGENT}2": "/slave(3)"}
KNOWN = Known(
    master_info=lambda master_id: master_info_json(site(host="127.0.0.1", port=5150), master_id),
    place=lambda agent_id: Place(AGENT_URL | {"path": PATHS[agent_id]}),
)


def wire_event(recorded: dict[str, Any]) -> Any:
    """The message of the wire that says what Mesos said."""
    body = recorded.get(recorded["type"].lower(), {})
    match recorded["type"]:
        case "SUBSCRIBED":
            return Subscribed(body["framework_id"]["value"], body["master_info"]["id"])
        case "HEARTBEAT":
            return Heartbeat()
        case "OFFERS":
            return Offers(tuple(_offer(row) for row in body["offers"]))
        case "INVERSE_OFFERS":
            return InverseOffers(tuple(_inverse(row) for row in body["inverse_offers"]))
        case "RESCIND":
            return Rescind(body["offer_id"]["value"])
        case "RESCIND_INVERSE_OFFER":
            return RescindInverse(body["inverse_offer_id"]["value"])
        case "UPDATE":
            return Update(task_status_of(body["status"], "status"))
        case "UPDATE_OPERATION_STATUS":
            status = body["status"]
            uuid = uuid_of(status["uuid"]["value"], "uuid")
            state = OperationState(status["state"])
            return OperationUpdate(
                OperationStatus(status["operation_id"]["value"], state, status["agent_id"]["value"], uuid)
            )
        case "FAILURE":
            return Failure(body["agent_id"]["value"])
        case "ERROR":
            return FrameworkError(body["message"])
    raise AssertionError(recorded["type"])


def _offer(row: dict[str, Any]) -> Offer:
    resources = Resources.from_json(row["resources"])
    ids = [row[name]["value"] for name in ("id", "framework_id", "agent_id")]
    return Offer(*ids, row["hostname"], row["allocation_info"]["role"], resources, Attributes())


def _inverse(row: dict[str, Any]) -> InverseOffer:
    ids = [row[name]["value"] for name in ("id", "framework_id", "agent_id")]
    return InverseOffer(*ids, unavailability_of(row["unavailability"], "unavailability"))


def comparable(event: Any) -> Any:
    """Without what is more exact there than here: times below a millisecond. Lists of resources in one order."""
    if isinstance(event, dict):
        rounded = {"timestamp": lambda v: round(v, 3), "nanoseconds": lambda v: v // 1_000_000}
        return {k: rounded[k](v) if k in rounded else comparable(v) for k, v in event.items()}
    if isinstance(event, list):
        rows = [comparable(row) for row in event]
        return sorted(rows, key=lambda row: row["name"]) if rows and "name" in rows[0] else rows
    return event


@pytest.mark.parametrize("name", samples("scheduler-event-"))
def test_a_recorded_event_is_written_as_mesos_wrote_it(name: str) -> None:
    recorded = sample(name)["answer"]["body"]
    expected = comparable(recorded)
    mine = comparable(json.loads(event_bytes(wire_event(recorded), KNOWN)))
    if recorded["type"] == "SUBSCRIBED":
        # Mesos 1.11 could not name its newest capability itself.
        assert (
            mine["subscribed"]["master_info"].pop("capabilities")[:2]
            == expected["subscribed"]["master_info"].pop("capabilities")[:2]
        )
    if recorded["type"] == "UPDATE":
        # Where an executor runs is for the agent to say; here is none.
        expected["update"]["status"].pop("container_status", None)
    assert mine == expected
