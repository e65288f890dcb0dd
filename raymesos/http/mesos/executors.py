"""The v1 API's CommandInfo, ExecutorInfo and TaskInfo, as executors and operators are shown them. `tasks` reads them. (mesos.proto)"""

from __future__ import annotations

import orjson

from raymesos.http.mesos.amounts import resources_json
from raymesos.http.mesos.values import (
    Row,
    bytes_json,
    id_json,
    labels_json,
    nanoseconds_json,
    passed_through,
)
from raymesos.wire.messages import ExecutorInfo, ExecutorType, TaskInfo
from raymesos.wire.work import CommandWork, Uri

SHELL = ("/bin/sh", "-c")

# ---------------------------------------------------------------- commands


def command_json(work: CommandWork, user: str = "") -> Row:
    row: Row = {}
    if work.uris:
        row["uris"] = [_uri_json(uri) for uri in work.uris]
    if work.env:
        row["environment"] = {"variables": [{"name": n, "type": "VALUE", "value": v} for n, v in work.env]}
    is_shell = work.argv[:2] == SHELL and len(work.argv) == 3 and not work.program
    row["shell"] = is_shell
    row["value"] = work.argv[2] if is_shell else work.program or (work.argv[0] if work.argv else "")
    if not is_shell and work.argv != (row["value"],):
        row["arguments"] = list(work.argv)
    if user:
        row["user"] = user
    return row


def _uri_json(uri: Uri) -> Row:
    row: Row = {"value": uri.value, "executable": uri.executable, "extract": uri.extract}
    if uri.cache:
        row["cache"] = True
    if uri.output_file:
        row["output_file"] = uri.output_file
    return row


# ---------------------------------------------------------------- executors


def executor_info_json(info: ExecutorInfo, framework_id: str) -> Row:
    """As Mesos shows it: in the order of its fields, what is empty left out."""
    shown = passed_through(info.v1)
    row: Row = {}
    if info.type is not ExecutorType.UNSET:
        row["type"] = str(info.type)
    row |= {"executor_id": id_json(info.executor_id), "framework_id": id_json(framework_id)}
    if info.command is not None:
        row["command"] = command_json(info.command, shown.pop("user", ""))
    if info.resources:
        row["resources"] = resources_json(info.resources, allocated_to=info.role)
    row |= {name: value for name, value in (("name", info.name), ("source", info.source)) if value}
    if info.data:
        row["data"] = bytes_json(info.data)
    if info.shutdown_grace_ms is not None:
        row["shutdown_grace_period"] = nanoseconds_json(info.shutdown_grace_ms)
    if info.labels:
        row["labels"] = labels_json(info.labels)
    return row | shown


# ---------------------------------------------------------------- tasks


def task_info_json(task: TaskInfo, agent_id: str, executor: Row | orjson.Fragment | None) -> Row:
    """The task as its executor is given it. `executor` is its description, if it has one of its own."""
    shown = passed_through(task.v1)
    row: Row = {"name": task.name, "task_id": id_json(task.task_id), "agent_id": id_json(agent_id)}
    row["resources"] = resources_json(task.resources, allocated_to=task.role)
    if executor is not None:
        row["executor"] = executor
    if isinstance(task.work, CommandWork):
        row["command"] = command_json(task.work, shown.pop("user", ""))
    if task.data:
        row["data"] = bytes_json(task.data)
    if task.labels:
        row["labels"] = labels_json(task.labels)
    if task.kill_grace_ms is not None:
        row["kill_policy"] = {"grace_period": nanoseconds_json(task.kill_grace_ms)}
    if task.max_completion_ms is not None:
        row["max_completion_time"] = nanoseconds_json(task.max_completion_ms)
    return row | shown
