"""Every recorded exchange of a real Mesos 1.11 master with its operators, replayed: the same status, headers and texts, and bodies of the same shape."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from http_rig import NoDoor, call, site
from recorded_world import SCHEDULED, WEIGHED, world

from raymesos.errors import UnknownId
from raymesos.http.app import make_app
from raymesos.kernel.master.machine import MasterMachine
from raymesos.model.settings import MasterSettings
from raymesos.wire.notes import MetricsNote

SAMPLES = Path(__file__).parents[3] / "data" / "mesos"
# These say how long the body is, and when: that of this run.
OF_THE_RUN = ("date", "content-length")

# Keys that are there in the one and not in the other, and why that is right.
OURS = {
    "cluster": "Mesos has it where it is started with --cluster",
    "git_branch": "",
}


class Operated(NoDoor):
    """A master that knows the recorded agents and frameworks, and does as it is told."""

    def operate(self, message: Any, *, repeats: bool, done_if: tuple[str, ...]) -> None:
        if "nope" in repr(message):
            raise UnknownId("agent", "nope")


def samples(*prefixes: str) -> list[str]:
    names = sorted(path.name for path in SAMPLES.glob("*.json") if path.name.startswith(prefixes))
    exchanges = [name for name in names if "-event-" not in name]
    # Those of frameworks, and those with agents (`/slave(3)/...`), are replayed elsewhere.
    paths = {name: sample(name)["request"]["path"] for name in exchanges}
    return [n for n, path in paths.items() if path != "/api/v1/scheduler" and not path.startswith("/slave(")]


def sample(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SAMPLES / name).read_text())
    return found


def replayed(name: str) -> Any:
    """Our answer to the recorded request, by a cluster like the recorded one."""
    request = sample(name)["request"]
    weighed = name.startswith(("ok-62", "ok-64"))
    more = [WEIGHED] if weighed else [SCHEDULED] if name.startswith("ok-71") else []
    app = make_app(
        site(
            *world(
                offers=0 if weighed else 2 if name.startswith(("operator-GET_STATE", "operator-GET_FRAMEWORKS")) else 3,
                more=more,
            ),
            door=Operated(),
        )
    )
    headers = {k: v for k, v in request["headers"].items() if v is not None}
    body = request["body"]
    content = None if body is None else body.encode() if isinstance(body, str) else orjson.dumps(body)
    return call(app, request["method"], request["path"], headers=headers, content=content)


@pytest.mark.parametrize("name", samples("bad-", "get-", "ok-", "operator-"))
def test_a_recorded_exchange_is_answered_as_mesos_answered_it(name: str) -> None:
    recorded, answer = sample(name)["answer"], replayed(name)
    assert answer.status_code == int(recorded["status"].split()[0])
    theirs, mine = recorded["headers"], answer.headers
    for header in theirs:
        if header == "location":
            assert mine[header] == "//127.0.0.1:5050"
        elif header not in OF_THE_RUN:
            assert mine[header] == theirs[header], header
    assert ("content-type" in mine) == ("content-type" in theirs)
    body = recorded["body"]
    if "javascript" in theirs.get("content-type", ""):
        assert answer.text.startswith("cb(") and answer.text.endswith(")")
        assert_same_shape(json.loads(answer.text[3:-1]), json.loads(body[3:-1]))
    elif name == "get-metrics_snapshot.json":
        assert all(type(value) is float for value in answer.json().values())
    elif "json" in theirs.get("content-type", ""):
        assert_same_shape(answer.json(), body)
    else:
        assert answer.text == body


def assert_same_shape(mine: Any, theirs: Any, at: str = "") -> None:
    """The same keys, and values of the same types, all the way down; of a list each element is like one of theirs."""
    if at.endswith(("flags", "metrics[]")):
        return  # Which there are is tested below.
    if isinstance(theirs, dict):
        assert isinstance(mine, dict), at
        assert set(mine) - set(OURS) == set(theirs) - set(OURS), f"{at}: {set(mine) ^ set(theirs)}"
        for key, value in theirs.items():
            if key in mine:
                assert_same_shape(mine[key], value, f"{at}.{key}")
    elif isinstance(theirs, list):
        if at.endswith("frameworks[].offered_resources"):
            # Mesos adds up equal ranges of two agents to one, and has none left when it takes one of them off.
            mine, theirs = ([row for row in rows if row["type"] != "RANGES"] for rows in (mine, theirs))
        assert isinstance(mine, list) and bool(mine) == bool(theirs), at
        if at.endswith("capabilities") and all(isinstance(each, str) for each in theirs):
            assert mine == theirs, at
        for each in mine:
            assert_like_one(each, theirs, at)
        for each in theirs:
            assert_like_one(each, mine, at)
    else:
        assert type(mine) is type(theirs), f"{at}: {mine!r} is not like {theirs!r}"


def assert_like_one(value: Any, others: list[Any], at: str) -> None:
    wrong = ""
    for other in others:
        try:
            assert_same_shape(value, other, f"{at}[]")
            return
        except AssertionError as error:
            wrong = str(error)
    raise AssertionError(f"{at}: {value!r} is like none of theirs: {wrong}")


# Of agents and parts that are not in the master's process here, or that are not here at all.
NOT_OURS = (
    "slave/",
    "containerizer/",
    "gc/",
    "registrar/",
    "resource_provider_manager/",
    "allocator/event_queue",
    "allocator/mesos/event_queue",
    "allocator/mesos/allocation_run_latency_ms",
    "allocator/mesos/quota/",
    "master/event_queue",
    "master/http_cache_hits",
    "master/operations/",
    "master/frameworks/",
)


def test_the_metrics_that_tools_look_for_are_there() -> None:
    theirs = (SAMPLES / "metrics-keys.txt").read_text().split()
    counted = MasterMachine(MasterSettings(), "c").metrics(0)
    allocated = {key: 0.0 for key in theirs if key.startswith("allocator/")}
    more = [MetricsNote(0, (*counted.items(), *allocated.items()))]
    answer = call(make_app(site(*world(more=more))), "GET", "/metrics/snapshot").json()
    wanted = [key for key in theirs if not key.startswith(NOT_OURS)]
    wanted += [key for key in theirs if key.startswith("master/frameworks/sampler/")]
    assert sorted(set(wanted) - set(answer)) == []


def test_flags_are_texts_by_mesos_names() -> None:
    mine, theirs = replayed("get-flags.json").json()["flags"], sample("get-flags.json")["answer"]["body"]["flags"]
    assert all(isinstance(value, str) for value in mine.values())
    assert set(mine) - set(theirs) == {"cluster", "hostname"}
    same = (
        "allocation_interval",
        "agent_ping_timeout",
        "agent_reregister_timeout",
        "min_allocatable_resources",
        "port",
    )
    assert {name: mine[name] for name in same} == {name: theirs[name] for name in same}
