"""Tasks of the v1 API, as the wire has them. What is wrong with one is a `defect`, in Mesos' words where it has some. (Mesos: validation.cpp, task)

What only concerns whoever looks at a task travels as the JSON that it came in.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson

from raymesos.errors import InvalidValue
from raymesos.http.mesos.amounts import resources_of
from raymesos.http.mesos.values import Row, labels_of, nanoseconds_of
from raymesos.model.resources import EMPTY, Resources
from raymesos.model.tasks import Reason, TaskState
from raymesos.wire.messages import OperationUpdate, TaskInfo, TaskStatus, Update
from raymesos.wire.work import CommandWork

SHOWN = ("discovery", "container", "health_check", "check", "limits")
ONE_OF_BOTH = "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present"
NO_CUSTOM = "Task has no CommandInfo, and custom executors are not run here"
NO_URIS = "Task's `CommandInfo` is invalid: 'uris' are not fetched here"


@dataclass(slots=True)
class Reading:
    """What is read of the operations of one call, and what of it was refused on the way."""

    framework_id: str
    now_ms: int
    refused: list[Update | OperationUpdate] = field(default_factory=list)

    def refuse(self, row: Row, reason: Reason, text: str) -> None:
        """The task ends before the master hears of it."""
        status = TaskStatus(
            row["task_id"]["value"],
            TaskState.ERROR,
            row["agent_id"]["value"],
            reason=reason,
            message=text,
            timestamp_ms=self.now_ms,
        )
        self.refused.append(Update(status))


def tasks_of(rows: Iterable[Row], reading: Reading) -> tuple[TaskInfo, ...]:
    """Those that can be read; each of the others is refused."""
    found = []
    for row in rows:
        task, defect = _task(row)
        if defect:
            reading.refuse(row, Reason.TASK_INVALID, defect)
        else:
            found.append(task)
    return tuple(found)


def group_of(rows: list[Row], reading: Reading) -> tuple[TaskInfo, ...] | None:
    """All tasks of a group; None if one cannot be read: then all are refused."""
    read = [_task(row, in_group=True) for row in rows]
    bad = [f"Task '{task.task_id}' is invalid: {defect}" for task, defect in read if defect]
    if not bad:
        return tuple([task for task, _ in read])
    for row in rows:
        reading.refuse(row, Reason.TASK_GROUP_INVALID, bad[0])
    return None


def _task(row: Row, *, in_group: bool = False) -> tuple[TaskInfo, str]:
    """(the task, what is wrong with it)."""
    resources, defect = _resources(row)
    command = row.get("command")
    work, wrong = (CommandWork(("true",)), "") if command is None else _command(command)
    if wrong:
        defect = defect or f"Task's `CommandInfo` is invalid: {wrong}"
    if not in_group and (command is None) == (row.get("executor") is None):
        defect = defect or ONE_OF_BOTH
    if command is None:
        defect = defect or NO_CUSTOM
    elif command.get("uris"):
        defect = defect or NO_URIS
    task = TaskInfo(
        task_id=row["task_id"]["value"],
        name=row["name"],
        resources=resources,
        work=work,
        kill_grace_ms=_span(row.get("kill_policy", {}).get("grace_period")),
        max_completion_ms=_span(row.get("max_completion_time")),
        labels=labels_of(row.get("labels"), "labels"),
        v1=_shown(row, command),
    )
    return task, defect


def _resources(row: Row) -> tuple[Resources, str]:
    rows = row.get("resources", [])
    try:
        found = resources_of(rows, "resources")
    except InvalidValue as error:
        return EMPTY, f"Task uses invalid resources: {error}"
    roles = list(dict.fromkeys(r["allocation_info"]["role"] for r in rows if "role" in r.get("allocation_info", {})))
    if len(roles) < 2:
        return found, ""
    both = f"'{roles[1]}' and '{roles[0]}'"
    return found, (
        f"Invalid task resources: The resources have multiple allocation roles ({both}) but only one allocation role is allowed"
    )


def _command(row: Row) -> tuple[CommandWork, str]:
    """A shell's text, or a program with its arguments, the first of which is its own name."""
    value, arguments = row.get("value", ""), tuple(row.get("arguments", ()))
    argv = ("/bin/sh", "-c", value) if row.get("shell", True) else (value, *arguments[1:])
    env, wrong = _environment(row.get("environment", {}))
    return CommandWork(argv, env), wrong


def _environment(row: Row) -> tuple[tuple[tuple[str, str], ...], str]:
    """((name, value) pairs, what is wrong with them). (Mesos: common/validation.cpp, validateEnvironment)"""
    found: list[tuple[str, str]] = []
    wrong = ""
    for each in row.get("variables", ()):
        name, kind = each["name"], each.get("type", "VALUE")
        value = each.get("value")
        needs = f"of type '{kind}' must have a value set"
        if kind == "SECRET":
            secret = each.get("secret", {}).get("value", {}).get("data")
            value = None if secret is None else base64.b64decode(secret).decode(errors="replace")
            needs = "of type 'SECRET' must have a secret set, by its value: nobody resolves references"
        if value is None:
            wrong = wrong or f"Environment variable '{name}' {needs}"
        else:
            found.append((name, value))
    return tuple(found), wrong


def _span(row: Row | None) -> int | None:
    return None if row is None else nanoseconds_of(row, "nanoseconds")


def _shown(row: Row, command: Row | None) -> bytes:
    """JSON of what is only shown, the user that a command names among it; empty if there is nothing."""
    found: dict[str, Any] = {name: row[name] for name in SHOWN if name in row}
    if command is not None and command.get("user"):
        found["user"] = command["user"]
    return orjson.dumps(found) if found else b""
