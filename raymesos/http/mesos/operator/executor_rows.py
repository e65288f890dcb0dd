"""Executors that frameworks have described, in both forms."""

from __future__ import annotations

from raymesos.http.mesos.amounts import resources_json
from raymesos.http.mesos.operator.older_rows import labels_row, model
from raymesos.http.mesos.values import Row, bytes_json, id_json, labels_json, passed_through
from raymesos.wire.notes import ExecutorNote
from raymesos.wire.values import ExecutorInfo
from raymesos.wire.work import CommandWork, Uri

SHELL = ("/bin/sh", "-c")


def executor_json(note: ExecutorNote) -> Row:
    return {"executor_info": executor_info_json(note.info, note.framework_id), "agent_id": id_json(note.agent_id)}


def executor_info_json(info: ExecutorInfo, framework_id: str) -> Row:
    row: Row = {"type": str(info.type)} if info.type else {}
    row |= {"executor_id": id_json(info.executor_id), "framework_id": id_json(framework_id)}
    if info.command is not None:
        row["command"] = command_json(info.command)
    if info.resources:
        row["resources"] = resources_json(info.resources, allocated_to=info.role)
    row |= {name: value for name in ("name", "source") if (value := getattr(info, name))}
    if info.data:
        row["data"] = bytes_json(info.data)
    if info.labels:
        row["labels"] = labels_json(info.labels)
    return row | passed_through(info.v1)


def executor_row(note: ExecutorNote) -> Row:
    info = note.info
    row: Row = {
        "executor_id": info.executor_id,
        "name": info.name,
        "framework_id": note.framework_id,
        "command": {"argv": [], "uris": []} | (command_json(info.command) if info.command is not None else {}),
        "resources": model(info.resources),
        "role": info.role,
        "slave_id": note.agent_id,
    }
    if info.type:
        row["type"] = str(info.type)
    if info.labels:
        row["labels"] = labels_row(info.labels)
    return row


def command_json(command: CommandWork) -> Row:
    if command.argv[:2] == SHELL and len(command.argv) == 3:
        row: Row = {"shell": True, "value": command.argv[2]}
    else:
        row = {"shell": False, "value": command.program or command.argv[0], "arguments": list(command.argv)}
    if command.env:
        variables = [{"name": name, "type": "VALUE", "value": value} for name, value in command.env]
        row["environment"] = {"variables": variables}
    if command.uris:
        row["uris"] = [_uri(uri) for uri in command.uris]
    return row


def _uri(uri: Uri) -> Row:
    row: Row = {"value": uri.value, "executable": uri.executable, "extract": uri.extract, "cache": uri.cache}
    return row | ({"output_file": uri.output_file} if uri.output_file else {})
