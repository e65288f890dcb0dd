"""A framework and its custom executor, both by plain sockets, on a real cluster: processes, restarts and files are real."""

from __future__ import annotations

import base64
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from v1_sockets import Calls, Stream, value

import raymesos as rm
from raymesos.actors.door import Door
from raymesos.actors.plan import HTTP

pytestmark = pytest.mark.ray

ENDS = ("TASK_FAILED", "TASK_LOST", "TASK_DROPPED", "TASK_GONE", "TASK_ERROR", "TASK_KILLED", "TASK_FINISHED")
PROGRAM = Path(__file__).with_name("v1_executor.py")


class Framework:
    """Subscribed with a role of its own. It acknowledges what it hears; `until` reads on."""

    def __init__(self, endpoint: str, role: str) -> None:
        self.endpoint, self.role = endpoint, role
        capabilities = [{"type": "MULTI_ROLE"}, {"type": "PARTITION_AWARE"}]
        info = {"user": "root", "name": role, "roles": [role], "capabilities": capabilities, "failover_timeout": 60}
        self.info: dict[str, Any] = info
        self.seen: list[dict[str, Any]] = []
        self.subscribe()

    def subscribe(self) -> None:
        call: dict[str, Any] = {"type": "SUBSCRIBE", "subscribe": {"framework_info": self.info}}
        if "id" in self.info:
            call["framework_id"] = self.info["id"]
        self.stream = Stream(self.endpoint, "/api/v1/scheduler", call)
        self.events = self.stream.events()
        self.info["id"] = next(self.events)["subscribed"]["framework_id"]
        self.calls = Calls(self.endpoint, "/api/v1/scheduler")
        self.calls.headers = {"Mesos-Stream-Id": self.stream.headers["mesos-stream-id"]}

    def call(self, kind: str, **body: Any) -> None:
        self.calls.send({"type": kind, "framework_id": self.info["id"], kind.lower(): body})
        assert self.calls.settle() == [(202, "")]

    def until(self, kind: str, **wanted: Any) -> dict[str, Any]:
        """The next event of the kind whose body, or whose status, has these fields."""
        for event in self.events:
            self.seen.append(event)
            body = event.get(event["type"].lower(), {})
            status = body.get("status", {}) if isinstance(body.get("status"), dict) else {}
            if "uuid" in status:
                named = {name: status[name] for name in ("agent_id", "task_id", "uuid")}
                self.call("ACKNOWLEDGE", **named)
            if status.get("state") in ENDS and status["state"] != wanted.get("state"):
                raise AssertionError(f"{status} instead of {kind} {wanted}")
            if event["type"] == kind and wanted.items() <= (body | status).items():
                return dict(body) | status
        raise AssertionError(f"no {kind} {wanted}; seen {[e['type'] for e in self.seen]}, {self.seen[-1]}")

    def launch(self, *tasks: tuple[str, str], **more: Any) -> dict[str, Any]:
        """Tasks (id, what it is to do) of the executor on the next offer, which is returned."""
        [offer, *_] = self.until("OFFERS")["offers"]
        executor = {
            "type": "CUSTOM",
            "executor_id": value("mine"),
            "command": {"shell": True, "value": f"exec {sys.executable} {PROGRAM}"},
            "resources": _resources(0.1, 64),
        } | more
        infos = [
            {
                "name": task_id,
                "task_id": value(task_id),
                "agent_id": offer["agent_id"],
                "executor": executor,
                "resources": _resources(0.1, 32),
                "data": base64.b64encode(what.encode()).decode(),
            }
            for task_id, what in tasks
        ]
        operation = {"type": "LAUNCH", "launch": {"task_infos": infos}}
        self.call("ACCEPT", offer_ids=[offer["id"]], operations=[operation], filters={"refuse_seconds": 0})
        return dict(offer)

    def close(self) -> None:
        self.calls.send({"type": "TEARDOWN", "framework_id": self.info["id"]})
        self.calls.settle()


def _resources(cpus: float, mem: float) -> list[dict[str, Any]]:
    return [{"name": n, "type": "SCALAR", "scalar": {"value": v}} for n, v in (("cpus", cpus), ("mem", mem))]


@pytest.fixture
def framework(cluster: rm.Cluster) -> Iterator[Framework]:
    made = Framework((cluster.url or "").removeprefix("http://"), "custom")
    yield made
    made.close()


def agent_of(cluster: rm.Cluster, offer: dict[str, Any]) -> str:
    return next(str(row["name"]) for row in cluster.view("agents") if row["id"] == offer["agent_id"]["value"])


def killed(door: Door, actor: str) -> None:
    """The actor's process is killed, and another has come in its place."""
    pid = door.call(actor, "pid")
    os.kill(pid, signal.SIGKILL)
    while door.call(actor, "pid") == pid:
        time.sleep(0.05)


def test_tasks_of_a_custom_executor_run_and_end_and_messages_pass_both_ways(framework: Framework) -> None:
    offer = framework.launch(("a", ""), ("b", "hold"))
    framework.until("UPDATE", task_id=value("a"), state="TASK_FINISHED")
    ids = {"agent_id": offer["agent_id"], "executor_id": value("mine")}
    framework.call("MESSAGE", **ids, data=base64.b64encode(b"hello").decode())
    assert framework.until("MESSAGE")["data"] == base64.b64encode(b"hello").decode()
    framework.call("KILL", task_id=value("b"))
    framework.until("UPDATE", task_id=value("b"), state="TASK_KILLED")
    framework.call("SHUTDOWN", **ids)
    assert framework.until("FAILURE", executor_id=value("mine"))["status"] == 0


def test_an_executor_lives_through_restarts_of_its_agent_and_of_the_http_server(
    cluster: rm.Cluster, framework: Framework
) -> None:
    offer = framework.launch(("c", "hold"))
    framework.until("UPDATE", task_id=value("c"), state="TASK_RUNNING")
    door = Door(cluster.name)
    killed(door, f"agent/{agent_of(cluster, offer)}")
    ids = {"agent_id": offer["agent_id"], "executor_id": value("mine")}
    framework.call("KILL", task_id=value("c"))
    framework.until("UPDATE", task_id=value("c"), state="TASK_KILLED")
    framework.launch(("d", "hold"))
    framework.until("UPDATE", task_id=value("d"), state="TASK_RUNNING")
    killed(door, HTTP)
    door.call(HTTP, "address")
    framework.subscribe()
    framework.call("KILL", task_id=value("d"))
    assert framework.until("UPDATE", task_id=value("d"), state="TASK_KILLED")["source"] == "SOURCE_EXECUTOR"
    framework.call("SHUTDOWN", **ids)
    framework.until("FAILURE", executor_id=value("mine"))


def test_an_executor_that_exits_takes_its_tasks_with_it_and_says_how(framework: Framework) -> None:
    framework.launch(("e", "exit"))
    told = framework.until("UPDATE", task_id=value("e"), state="TASK_FAILED")
    assert told["reason"] == "REASON_EXECUTOR_TERMINATED"
    assert framework.until("FAILURE", executor_id=value("mine"))["status"] == 3 * 256
