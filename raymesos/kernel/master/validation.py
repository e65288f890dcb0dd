"""Whether a task or a group of tasks may be launched, in Mesos' words. (Mesos: validation.cpp)"""

from __future__ import annotations

from raymesos.kernel.master.state import Framework
from raymesos.model.conversions import torn
from raymesos.model.portions import unshared_part
from raymesos.model.resources import Resources, fractional_gpus
from raymesos.wire.messages import LaunchGroup, TaskInfo

# Mesos' bound for ids; they become file names.
MAX_ID_LENGTH = 255


def task_error(framework: Framework, task: TaskInfo, available: Resources) -> str | None:
    """Why the task may not be launched on what is `available`; None if it may."""
    error = id_error(task.task_id)
    if error is not None:
        return error
    if task.task_id in framework.tasks:
        return f"Task has duplicate ID: {task.task_id}"
    if task.task_id in framework.unreachable:
        return f"Task reuses the ID of an unreachable task: {task.task_id}"
    if task.kill_grace_ms is not None and task.kill_grace_ms < 0:
        return "Task's 'kill_policy.grace_period' must be non-negative"
    if task.max_completion_ms is not None and task.max_completion_ms < 0:
        return "Task's `max_completion_time` must be non-negative"
    return _resources_error(task, available)


def group_error(framework: Framework, group: LaunchGroup, available: Resources) -> str | None:
    """Why the group may not be launched on what is `available`; None if it may."""
    if not group.tasks:
        return "Task group cannot be empty"
    error = id_error(group.executor_id) if group.executor_id else None
    if error is not None:
        return f"Executor of the task group is invalid: {error}"
    seen: dict[str, None] = {}
    for task in group.tasks:
        error = task_error(framework, task, available) or _member_error(group, task, seen)
        if error is not None:
            return f"Task '{task.task_id}' is invalid: {error}"
        available = available - unshared_part(task.resources)
        seen[task.task_id] = None
    return None


def _member_error(group: LaunchGroup, task: TaskInfo, before: dict[str, None]) -> str | None:
    if task.task_id in before:
        return f"Task group has duplicate task ID: {task.task_id}"
    if task.executor_id not in ("", group.executor_id):
        return f"Task names executor '{task.executor_id}', its group names '{group.executor_id}'"
    return None


def _resources_error(task: TaskInfo, available: Resources) -> str | None:
    if not task.resources:
        return "Task uses no resources"
    if fractional_gpus(task.resources):
        return "Task uses invalid resources: The 'gpus' resource must be an unsigned integer"
    revocable = task.resources.revocable().quantities()
    if any(name in revocable for name in task.resources.non_revocable().quantities()):
        return "Task mixes revocable and non-revocable resources of the same name"
    if not available.contains(task.resources):
        return f"Total resources {task.resources} required by task and its executor is more than available {available}"
    part = torn(available, task.resources)
    return f"Task uses part of what is taken whole: {part}" if part is not None else None


def id_error(id: str) -> str | None:
    """Why this may not be an id."""
    if not id:
        return "ID must not be empty"
    if len(id) > MAX_ID_LENGTH:
        return f"ID must not be greater than {MAX_ID_LENGTH} characters"
    if id in (".", "..") or any(c == "/" or c == "\\" or ord(c) < 32 or ord(c) == 127 for c in id):
        return f"'{id}' contains invalid characters"
    return None
