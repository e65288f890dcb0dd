"""Tasks and executors of the v1 API, as the wire has them. What is wrong with one is a `defect`, in Mesos' words where it has some. (Mesos: validation.cpp, task)

What only concerns whoever looks at a task travels as the JSON that it came in.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from raymesos.errors import InvalidValue
from raymesos.http.mesos.amounts import resources_of
from raymesos.http.mesos.values import Row, bytes_of, labels_of, nanoseconds_of
from raymesos.model.resources import EMPTY, Resources
from raymesos.model.tasks import Reason, TaskState
from raymesos.wire.messages import (
    ExecutorInfo,
    ExecutorType,
    LaunchGroup,
    OperationUpdate,
    TaskInfo,
    TaskStatus,
    Update,
)
from raymesos.wire.work import CommandWork, Uri

SHOWN = ("discovery", "container", "health_check", "check", "limits")
SHOWN_OF_EXECUTOR = ("discovery", "container")


@dataclass(slots=True)
class Reading:
    """What is read of the operations of one call, and what of it was refused on the way."""

    framework_id: str
    now_ms: int
    user: str = ""
    """The framework's: whom tasks run as that name nobody."""
    may: Callable[[str, str], bool] = lambda action, subject: True
    """Whether its scheduler may do this to that. (security/acls.py)"""
    refused: list[Update | OperationUpdate] = field(default_factory=list)
    resources: dict[bytes, tuple[Resources, str]] = field(default_factory=dict)
    executors: dict[bytes, tuple[ExecutorInfo, str]] = field(default_factory=dict)
    """What was read before in this call, by its JSON, with what is wrong with it: of a thousand tasks most have the same resources and the same executor."""

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
        task, defect = _task(row, reading)
        alien = "" if defect else _alien(row, reading)
        if defect:
            reading.refuse(row, Reason.TASK_INVALID, defect)
        elif alien:
            reading.refuse(row, Reason.TASK_UNAUTHORIZED, alien)
        else:
            found.append(task)
    return tuple(found)


def task_of(row: Row, framework_id: str) -> TaskInfo:
    """A task that an executor has, in the role that its resources say that it is of. What is wrong with it was said when it was launched."""
    rows = row.get("resources", [])
    roles = [r["allocation_info"]["role"] for r in rows if "role" in r.get("allocation_info", {})]
    return replace(_task(row, Reading(framework_id, 0))[0], role=roles[0] if roles else "")


def group_of(executor: Row, rows: list[Row], reading: Reading) -> LaunchGroup | None:
    """A group with its executor; None if one of them cannot be read: then all tasks are refused."""
    described, wrong = _executor(executor, reading)
    read = [_task(row, reading) for row in rows]
    bad = [wrong] if wrong else [f"Task '{task.task_id}' is invalid: {defect}" for task, defect in read if defect]
    reason = Reason.TASK_GROUP_INVALID
    if not bad:
        bad = [text for row in rows if (text := _alien(row, reading))]
        reason = Reason.TASK_GROUP_UNAUTHORIZED
    if not bad:
        return LaunchGroup(tuple([task for task, _ in read]), described.executor_id, described)
    for row in rows:
        reading.refuse(row, reason, bad[0])
    return None


def _alien(row: Row, reading: Reading) -> str:
    """Why the task may not run as whom it wants to."""
    command = row.get("command") or row.get("executor", {}).get("command", {})
    user = command.get("user") or reading.user
    if reading.may("run_tasks", user):
        return ""
    return f"Task '{row['task_id']['value']}' is not authorized to launch as user '{user}'"


def _task(row: Row, reading: Reading) -> tuple[TaskInfo, str]:
    """(the task, what is wrong with it)."""
    rows = row.get("resources", [])
    key = orjson.dumps(rows)
    read = reading.resources.get(key)
    if read is None:
        read = reading.resources[key] = _resources(rows, "Task")
    resources, defect = read
    command, described = row.get("command"), row.get("executor")
    work, executor, wrong = None, None, ""
    if command is not None:
        work, wrong = _command(command)
        defect = defect or (f"Task's `CommandInfo` is invalid: {wrong}" if wrong else "")
    if described is not None:
        executor, wrong = _executor(described, reading)
        defect = defect or wrong
    task = TaskInfo(
        task_id=row["task_id"]["value"],
        name=row["name"],
        resources=resources,
        work=work,
        kill_grace_ms=_span(row.get("kill_policy", {}).get("grace_period")),
        max_completion_ms=_span(row.get("max_completion_time")),
        labels=labels_of(row.get("labels"), "labels"),
        v1=_shown(row, SHOWN, command),
        executor=executor,
        data=bytes_of(row.get("data"), "data"),
        agent_id=row["agent_id"]["value"],
    )
    return task, defect


def _executor(row: Row, reading: Reading) -> tuple[ExecutorInfo, str]:
    """(the executor, what is wrong with it)."""
    key = orjson.dumps(row)
    read = reading.executors.get(key)
    if read is None:
        read = reading.executors[key] = _new_executor(row, reading.framework_id)
    return read


def _new_executor(row: Row, framework_id: str) -> tuple[ExecutorInfo, str]:
    resources, defect = _resources(row.get("resources", []), "Executor")
    said = row.get("framework_id", {}).get("value", framework_id)
    if said != framework_id:
        defect = f"ExecutorInfo has an invalid FrameworkID (Actual: {said} vs Expected: {framework_id})"
    command, work = row.get("command"), None
    if command is not None:
        work, wrong = _command(command)
        defect = defect or (f"Executor's `CommandInfo` is invalid: {wrong}" if wrong else "")
    kind = row.get("type", "UNKNOWN")
    made = ExecutorInfo(
        executor_id=row["executor_id"]["value"],
        command=work,
        resources=resources,
        type=ExecutorType.UNSET if kind == "UNKNOWN" else ExecutorType(kind),
        name=row.get("name", ""),
        source=row.get("source", ""),
        labels=labels_of(row.get("labels"), "labels"),
        data=bytes_of(row.get("data"), "data"),
        shutdown_grace_ms=_span(row.get("shutdown_grace_period")),
        v1=_shown(row, SHOWN_OF_EXECUTOR, command),
    )
    return made, defect


def _resources(rows: list[Row], whose: str) -> tuple[Resources, str]:
    try:
        found = resources_of(rows, "resources")
    except InvalidValue as error:
        return EMPTY, f"{whose} uses invalid resources: {error}"
    roles = list(dict.fromkeys(r["allocation_info"]["role"] for r in rows if "role" in r.get("allocation_info", {})))
    if len(roles) < 2:
        return found, ""
    what = f"The resources have multiple allocation roles ('{roles[1]}' and '{roles[0]}')"
    return found, f"Invalid {whose.lower()} resources: {what} but only one allocation role is allowed"


def _command(row: Row) -> tuple[CommandWork, str]:
    """(a shell's text, or a program with its arguments, the first of which is its name as it sees it; what is wrong with it)."""
    value, arguments = row.get("value", ""), tuple(row.get("arguments", ()))
    shell = row.get("shell", True)
    env, wrong = _environment(row.get("environment", {}))
    argv = ("/bin/sh", "-c", value) if shell else (arguments or (value,))
    uris = tuple([_uri(each) for each in row.get("uris", ())])
    return CommandWork(argv, env, uris=uris, program="" if shell else value), wrong


def _uri(row: Row) -> Uri:
    return Uri(
        row["value"],
        executable=row.get("executable", False),
        extract=row.get("extract", True),
        cache=row.get("cache", False),
        output_file=row.get("output_file", ""),
    )


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


def _shown(row: Row, names: tuple[str, ...], command: Row | None) -> bytes:
    """JSON of what is only shown or passed on, the user that a command names among it; empty if there is nothing."""
    found: dict[str, Any] = {name: row[name] for name in names if name in row}
    if command is not None and command.get("user"):
        found["user"] = command["user"]
    return orjson.dumps(found) if found else b""
