"""Mesos' operator API of a real cluster: what it shows is what runs, and what is written is seen by the next read."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

import raymesos as rm
from raymesos.http.recordio import Reader

pytestmark = pytest.mark.ray


@pytest.fixture
def client(cluster: rm.Cluster) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=cluster.url, timeout=30) as made:
        yield made


def v1(client: httpx.Client, kind: str, **body: Any) -> Any:
    answer = client.post("/api/v1", json={"type": kind, kind.lower(): body})
    assert answer.status_code in (200, 202), answer.text
    return answer.json()[kind.lower()] if answer.content else None


def test_state_shows_agents_the_batch_framework_and_its_tasks(cluster: rm.Cluster, client: httpx.Client) -> None:
    job = cluster.submit(rm.BatchJob("shown", command=["true"], size=2, role="shown"))
    job.wait(60)
    found = []
    while len(found) < 2:
        tasks = client.get("/tasks?order=des").json()["tasks"]
        found = [t for t in tasks if t["role"] == "shown" and t["state"] == "TASK_FINISHED"]
    state = client.get("/state").json()
    assert len(state["slaves"]) == state["activated_slaves"] == 2
    assert [f["name"] for f in state["frameworks"] if f["active"]].count("batch") == 1
    assert all(t["statuses"][-1]["state"] == "TASK_FINISHED" and t["statuses"][-1]["timestamp"] > 0 for t in found)
    assert {t["slave_id"] for t in found} <= {a["id"] for a in state["slaves"]}


def test_what_is_written_is_read_next(client: httpx.Client) -> None:
    v1(client, "UPDATE_WEIGHTS", weight_infos=[{"role": "heavy", "weight": 2.5}])
    assert {"role": "heavy", "weight": 2.5} in client.get("/weights").json()
    v1(client, "UPDATE_QUOTA", quota_configs=[{"role": "bound", "limits": {"cpus": {"value": 1}}}])
    configs = v1(client, "GET_QUOTA")["status"]["configs"]
    assert {"role": "bound", "limits": {"cpus": {"value": 1.0}}} in configs
    assert client.delete("/quota/bound").status_code == 200
    assert "bound" not in json.dumps(v1(client, "GET_QUOTA"))
    agent_id = client.get("/slaves").json()["slaves"][0]["id"]
    reserved = {
        "name": "mem",
        "type": "SCALAR",
        "scalar": {"value": 10},
        "reservations": [{"type": "DYNAMIC", "role": "eng"}],
    }
    for kind, expected in (("RESERVE_RESOURCES", 10.0), ("UNRESERVE_RESOURCES", None)):
        v1(client, kind, agent_id={"value": agent_id}, resources=[reserved])
        [shown] = client.get(f"/slaves?slave_id={agent_id}").json()["slaves"]
        assert shown["reserved_resources"].get("eng", {}).get("mem") == expected
    for kind, active in (("DEACTIVATE_AGENT", False), ("REACTIVATE_AGENT", True)):
        v1(client, kind, agent_id={"value": agent_id})
        [shown] = client.get(f"/slaves?slave_id={agent_id}").json()["slaves"]
        assert (shown["active"], shown["deactivated"]) == (active, not active)


def test_the_stream_tells_of_a_job_from_its_launch_to_its_end(cluster: rm.Cluster) -> None:
    told: list[dict[str, Any]] = []
    begun, ended = threading.Event(), threading.Event()

    def read() -> None:
        reader = Reader()
        with httpx.stream("POST", f"{cluster.url}/api/v1", json={"type": "SUBSCRIBE"}, timeout=60) as answer:
            for piece in answer.iter_raw():
                told.extend(json.loads(record) for record in reader.feed(piece))
                begun.set()
                if any(e.get("task_updated", {}).get("state") == "TASK_FINISHED" for e in told):
                    ended.set()
                    return

    thread = threading.Thread(target=read)
    thread.start()
    assert begun.wait(30)
    cluster.submit(rm.BatchJob("told", command=["true"], role="told")).wait(60)
    assert ended.wait(30)
    thread.join(30)
    kinds = [event["type"] for event in told]
    assert kinds[:2] == ["SUBSCRIBED", "HEARTBEAT"] and "TASK_ADDED" in kinds
    assert kinds.index("TASK_ADDED") < kinds.index("TASK_UPDATED")
