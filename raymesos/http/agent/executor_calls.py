"""What a custom executor says: calls of the executor API, checked in Mesos' words and read. (Mesos: slave/validation.cpp, executor::call)"""

from __future__ import annotations

import base64

import orjson

from raymesos.http.agent.program import ProgramSubscribes, stripped
from raymesos.http.mesos.infos import task_status_of
from raymesos.http.mesos.tasks import task_of
from raymesos.http.mesos.values import Row
from raymesos.model.tasks import Source, TaskState
from raymesos.wire.messages import TaskStatus

_UUID_BYTES = 16
_SHOWN = ("labels", "check_status", "container_status", "limitation")


def call_error(call: Row) -> str | None:
    """What is wrong with a call that fits its message; None if it can be taken."""
    kind = call.get("type")
    if kind is None:
        return "Expecting 'type' to be present"
    if kind in ("SUBSCRIBE", "UPDATE", "MESSAGE") and kind.lower() not in call:
        return f"Expecting '{kind.lower()}' to be present"
    return _update_error(call) if kind == "UPDATE" else None


def _update_error(call: Row) -> str | None:
    status, executor_id = call["update"]["status"], call["executor_id"]["value"]
    whose = f"executor {executor_id} of framework {call['framework_id']['value']}"
    if "uuid" not in status:
        return "Expecting 'uuid' to be present"
    if len(base64.b64decode(status["uuid"])) != _UUID_BYTES:
        return "Not a valid UUID"
    named = status.get("executor_id", {}).get("value", executor_id)
    if named != executor_id:
        return f"ExecutorID in Call: {executor_id} does not match ExecutorID in TaskStatus: {named}"
    if status.get("source") != Source.EXECUTOR:
        return f"Received Call from {whose} with invalid source, expecting 'SOURCE_EXECUTOR'"
    if status.get("state") == TaskState.STAGING:
        return f"Received TASK_STAGING from {whose} which is not allowed"
    return None


def read_status(row: Row) -> TaskStatus:
    """Raises InvalidValue."""
    shown = {name: row[name] for name in _SHOWN if name in row}
    return task_status_of(row, "status", orjson.dumps(shown) if shown else b"")


def read_subscription(row: Row, framework_id: str, executor_id: str) -> ProgramSubscribes:
    """`row` is the call's `subscribe`. Raises InvalidValue."""
    tasks = [stripped(task_of(each, framework_id), executor_id) for each in row.get("unacknowledged_tasks", ())]
    updates = [read_status(each["status"]) for each in row.get("unacknowledged_updates", ())]
    return ProgramSubscribes(tuple(tasks), tuple(updates))
