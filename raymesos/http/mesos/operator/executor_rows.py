"""Executors that frameworks have described, in both forms."""

from __future__ import annotations

from raymesos.http.mesos.executors import command_json, executor_info_json
from raymesos.http.mesos.operator.older_rows import labels_row, model
from raymesos.http.mesos.values import Row, id_json
from raymesos.http.security.secrets import masked
from raymesos.wire.notes import ExecutorNote


def executor_json(note: ExecutorNote) -> Row:
    return {
        "executor_info": masked(executor_info_json(note.info, note.framework_id)),
        "agent_id": id_json(note.agent_id),
    }


def executor_row(note: ExecutorNote) -> Row:
    info = note.info
    row: Row = {
        "executor_id": info.executor_id,
        "name": info.name,
        "framework_id": note.framework_id,
        "command": {"argv": [], "uris": []} | (masked(command_json(info.command)) if info.command is not None else {}),
        "resources": model(info.resources),
        "role": info.role,
        "slave_id": note.agent_id,
    }
    if info.type:
        row["type"] = str(info.type)
    if info.labels:
        row["labels"] = labels_row(info.labels)
    return row
