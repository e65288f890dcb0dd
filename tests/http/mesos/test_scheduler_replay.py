"""Every recorded exchange of a real Mesos 1.11 with its scheduler API, replayed: the same status, headers and text; the same fields in events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from scheduler_rig import JSON_HEADERS, Call, Rig

from raymesos.http.recordio import Reader

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
