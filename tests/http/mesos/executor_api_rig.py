"""The executor API of an agent in one process: its ASGI callable beside the scheduler API, with a real kernel in the simulator's world. The program is the test."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from scheduler_rig import Call, Rig, task

from raymesos.http.agent.executor_api import ExecutorApi
from raymesos.http.mesos.values import bytes_json
from raymesos.wire.messages import ExecutorInfo, ExecutorLost

EXECUTOR = {
    "type": "CUSTOM",
    "executor_id": {"value": "ex1"},
    "name": "v1exec",
    "command": {"shell": True, "value": "V1EXEC_TRACE=/var/lib/mesos exec /var/lib/mesos"},
    "resources": [
        {"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}},
        {"name": "mem", "type": "SCALAR", "scalar": {"value": 32.0}},
    ],
}


class ExecutorRig(Rig):
    """One framework with the role `dev` whose tasks are of executor `ex1` on agent A1. `began` are the executors that the launcher was to start."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.began: list[str] = []
        self.launcher = self.sim.cluster.launcher("A1")
        self.launcher.start = self._start  # type: ignore[method-assign]
        self.agent_api = ExecutorApi(self.desk, "A1", self._unknown, lambda *_: "4bd541b5-115a-4826-9c6a-c995f8a5b489")
        self.stream = super().subscribe(failover_timeout=30.0, checkpoint=True)
        self.id = self.framework_id(self.stream)

    def launched(self, *task_ids: str, data: bytes = b"hold", **more: Any) -> None:
        """Tasks of the executor, launched on the last offer."""
        shape = "cpus:0.1;mem:32"
        tasks = [task(t, shape, executor=EXECUTOR, data=bytes_json(data), **more) for t in task_ids]
        for each in tasks:
            del each["command"]
        self.launch(self.stream, *tasks)

    def program(self, *, tasks: list[Any] | None = None, updates: list[Any] | None = None) -> Call:
        """The program subscribes."""
        body = {"unacknowledged_tasks": tasks or [], "unacknowledged_updates": [{"status": u} for u in updates or []]}
        return self.say("SUBSCRIBE", **body)

    def say(self, kind: str, *, framework_id: str = "", executor_id: str = "ex1", **body: Any) -> Call:
        call: dict[str, Any] = {
            "type": kind,
            "framework_id": {"value": framework_id or self.id},
            "executor_id": {"value": executor_id},
            kind.lower(): body,
        }
        return self.to_agent(call)

    def to_agent(self, body: Any, headers: dict[str, str | None] | None = None, **more: Any) -> Call:
        api, self.api = self.api, self.agent_api  # type: ignore[assignment]
        try:
            return self.request(body, headers, **more)
        finally:
            self.api = api

    def status(self, task_id: str, state: str, **more: Any) -> dict[str, Any]:
        uuid = bytes_json(uuid4().bytes)
        return {"task_id": {"value": task_id}, "state": state, "source": "SOURCE_EXECUTOR", "uuid": uuid} | more

    def update(self, task_id: str, state: str, **more: Any) -> dict[str, Any]:
        """The program's update, which is taken. Returns its status."""
        status = self.status(task_id, state, **more)
        answer = self.say("UPDATE", status=status)
        assert (answer.status, answer.body) == (202, b""), answer.text
        return status

    def ended(self, exit_status: int | None = 0) -> None:
        """Its process is gone, and the launcher says so."""
        self.began.remove("ex1")
        self.sim.world.post("launcher/A1", "agent/A1", ExecutorLost(self.id, "ex1", "it ended", exit_status))
        self.settle()

    def _start(self, framework_id: str, executor_id: str, info: ExecutorInfo | None = None) -> None:
        self.began.append(executor_id)

    def _unknown(self, framework_id: str, executor_id: str) -> str | None:
        if framework_id != self.id:
            return "Framework cannot be found"
        return None if executor_id in self.began else "Executor cannot be found"


__all__ = ["EXECUTOR", "Call", "ExecutorRig"]
