"""What a custom executor is told: messages of its agent as events of the executor API, as the bytes that go out.

A task has its executor's whole description in it, as with Mesos; that is written once.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any

import orjson

from raymesos.http.agent.program import Beat, Turned, Welcome
from raymesos.http.mesos.amounts import attributes_json, resources_json
from raymesos.http.mesos.executors import executor_info_json, task_info_json
from raymesos.http.mesos.infos import framework_info_json
from raymesos.http.mesos.values import Row, bytes_json, domain_json, id_json, nanoseconds_json, uuid_json
from raymesos.wire.messages import (
    AgentInfo,
    ExecutorAcknowledged,
    ExecutorMessage,
    KillLaunched,
    LaunchTasks,
    ShutdownExecutorNow,
    TaskInfo,
)

# Of a thousand tasks most have the same resources.
SHAPES_KEPT = 256


class Events:
    """Makes the events of one stream. `container_id` is that of the executor's run; empty if nobody knows it."""

    def __init__(self, container_id: str) -> None:
        self._container_id = container_id
        self._agent_id = ""
        self._executor: orjson.Fragment | None = None
        self._shapes: dict[tuple[Any, str], orjson.Fragment] = {}

    def of(self, message: Any) -> list[bytes]:
        """None for what is not told."""
        match message:
            case ExecutorAcknowledged(task_id, uuid):
                return [_event("ACKNOWLEDGED", {"task_id": id_json(task_id), "uuid": uuid_json(uuid)})]
            case LaunchTasks(tasks):
                return self._launches(tasks)
            case KillLaunched():
                return [_event("KILL", _kill(message))]
            case ExecutorMessage(data=data):
                return [_event("MESSAGE", {"data": bytes_json(data)})]
            case ShutdownExecutorNow():
                return [b'{"type":"SHUTDOWN"}']
            case Beat():
                return [b'{"type":"HEARTBEAT"}']
            case Welcome():
                return [_event("SUBSCRIBED", self._welcome(message))]
            case Turned(reason):
                return [_event("ERROR", {"message": reason})]
            case _:
                return []

    def _welcome(self, message: Welcome) -> Row:
        described = executor_info_json(message.executor, message.framework.id)
        self._agent_id, self._executor = message.agent_id, orjson.Fragment(orjson.dumps(described))
        row = {
            "executor_info": self._executor,
            "framework_info": framework_info_json(message.framework),
            "agent_info": agent_info_json(message.agent, message.agent_id),
        }
        if self._container_id:
            row["container_id"] = id_json(self._container_id)
        return row

    def _launches(self, tasks: tuple[TaskInfo, ...]) -> list[bytes]:
        """Groups as a whole, other tasks one by one."""
        found: list[bytes] = []
        for group_id, members in groupby(tasks, key=lambda task: task.group_id):
            rows = [self._task(task) for task in members]
            if group_id:
                found.append(_event("LAUNCH_GROUP", {"task_group": {"tasks": rows}}))
            else:
                found += [_event("LAUNCH", {"task": row}) for row in rows]
        return found

    def _task(self, task: TaskInfo) -> Row:
        row = task_info_json(task, self._agent_id, self._executor)
        row["resources"] = self._shape(task)
        return row

    def _shape(self, task: TaskInfo) -> orjson.Fragment:
        key = (task.resources, task.role)
        found = self._shapes.get(key)
        if found is None:
            if len(self._shapes) >= SHAPES_KEPT:
                self._shapes.clear()
            written = orjson.dumps(resources_json(task.resources, allocated_to=task.role))
            found = self._shapes[key] = orjson.Fragment(written)
        return found


def agent_info_json(agent: AgentInfo, agent_id: str) -> Row:
    host, _, port = agent.endpoint.rpartition(":")
    row: Row = {"hostname": agent.hostname}
    if port.isdecimal():
        row["port"] = int(port)
    row["resources"] = resources_json(agent.resources)
    if attributes := attributes_json(agent.attributes):
        row["attributes"] = attributes
    row["id"] = id_json(agent_id)
    if agent.region:
        row["domain"] = domain_json(agent.region, agent.zone)
    return row


def _kill(message: KillLaunched) -> Row:
    row: Row = {"task_id": id_json(message.task_id)}
    if message.overrides:
        row["kill_policy"] = {"grace_period": nanoseconds_json(message.grace_ms)}
    return row


def _event(kind: str, body: Row) -> bytes:
    return orjson.dumps({"type": kind, kind.lower(): body})
