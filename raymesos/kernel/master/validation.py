"""Whether a task or a group of tasks may be launched, in Mesos' words. (Mesos: validation.cpp)"""

from __future__ import annotations

from dataclasses import replace

from raymesos.kernel.master.state import Agent, Framework
from raymesos.kernel.names import default_executor_id
from raymesos.model.conversions import torn
from raymesos.model.portions import shared_part, unshared_part
from raymesos.model.resources import EMPTY, Resources, fractional_gpus
from raymesos.wire.messages import ExecutorInfo, ExecutorType, LaunchGroup, TaskInfo

# Mesos' bound for ids; they become file names.
MAX_ID_LENGTH = 255
# The least that an executor of a task group holds. (Mesos: MIN_CPUS, MIN_MEM)
MIN_CPUS_MILLI = 10
MIN_MEM_MILLI = 32_000


# ---------------------------------------------------------------- tasks


def task_error(framework: Framework, agent: Agent, task: TaskInfo) -> str | None:
    """Why the task, whatever its executor and what is available, may not be launched on the agent; None if it may."""
    error = id_error(task.task_id)
    if error is not None:
        return error
    if task.task_id in framework.tasks:
        return f"Task has duplicate ID: {task.task_id}"
    if task.task_id in framework.unreachable:
        return f"Task reuses the ID of an unreachable task: {task.task_id}"
    if task.agent_id not in ("", agent.id):
        return f"Task uses invalid agent {task.agent_id} while agent {agent.id} is expected"
    if task.kill_grace_ms is not None and task.kill_grace_ms < 0:
        return "Task's 'kill_policy.grace_period' must be non-negative"
    if task.max_completion_ms is not None and task.max_completion_ms < 0:
        return "Task's `max_completion_time` must be non-negative"
    if not task.resources:
        return "Task uses no resources"
    if fractional_gpus(task.resources):
        return "Task uses invalid resources: The 'gpus' resource must be an unsigned integer"
    return "Task mixes revocable and non-revocable resources of the same name" if _mixes(task.resources) else None


def executor_error(framework: Framework, agent: Agent, role: str, task: TaskInfo, available: Resources) -> str | None:
    """Why the task may not be launched with its executor on what is `available` in `role`; None if it may."""
    if (task.executor is None) == (task.work is None):
        return "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present"
    needed = EMPTY
    if task.executor is not None:
        error = _described_error(framework, agent, role, task.executor) or _custom_error(task.executor)
        if error is not None:
            return error
        if _mixes(task.resources + task.executor.resources):
            return "Task and its executor mix revocable and non-revocable resources of the same name"
        if (framework.id, task.executor.executor_id) not in agent.executors:
            needed = task.executor.resources
    else:
        error = _undescribed_error(framework, agent, task.executor_id)
        if error is not None:
            return error
    return _room_error(task.resources + needed if needed else task.resources, available)


# ---------------------------------------------------------------- groups


def group_error(framework: Framework, agent: Agent, role: str, group: LaunchGroup, available: Resources) -> str | None:
    """Why the group may not be launched on what is `available` in `role`; None if it may."""
    if not group.tasks:
        return "Task group cannot be empty"
    seen: dict[str, None] = {}
    for task in group.tasks:
        error = task_error(framework, agent, task) or _member_error(group, task, seen)
        if error is not None:
            return f"Task '{task.task_id}' is invalid: {error}"
        seen[task.task_id] = None
    if group.executor is None:
        return _undescribed_group_error(framework, agent, group) or _lack(group, available)
    error = _described_error(framework, agent, role, group.executor) or _group_executor_error(group.executor)
    return error or _lack_with_executor(framework, agent, group, group.executor, available)


def _member_error(group: LaunchGroup, task: TaskInfo, before: dict[str, None]) -> str | None:
    if task.task_id in before:
        return f"Task group has duplicate task ID: {task.task_id}"
    if group.executor is None and task.executor is None:
        if task.executor_id not in ("", group.executor_id):
            return f"Task names executor '{task.executor_id}', its group names '{group.executor_id}'"
    elif task.executor is not None and task.executor != group.executor:
        executor_id = group.executor.executor_id if group.executor is not None else group.executor_id
        return f"The `ExecutorInfo` of task '{task.task_id}' is different from executor '{executor_id}'"
    if task.work is None and (group.executor is None or not group.executor.is_custom):
        return "Task should have a CommandInfo: its executor is not a custom one"
    return None


def _undescribed_group_error(framework: Framework, agent: Agent, group: LaunchGroup) -> str | None:
    error = id_error(group.executor_id) if group.executor_id else None
    if error is not None:
        return f"Executor of the task group is invalid: {error}"
    return _undescribed_error(framework, agent, group.executor_id)


def _group_executor_error(executor: ExecutorInfo) -> str | None:
    if executor.type is ExecutorType.UNSET:
        return "'ExecutorInfo.type' must be set"
    have = executor.resources.quantities()
    for name, least, few, text in (
        ("cpus", MIN_CPUS_MILLI, "less CPUs", "0.01"),
        ("mem", MIN_MEM_MILLI, "less memory", "32MB"),
    ):
        if have.get(name, 0) < least:
            number = f"{have[name] / 1000:g}" if name in have else "None"
            unit = "MB" if name == "mem" and name in have else ""
            return f"Executor '{executor.executor_id}' uses {few} ({number}{unit}) than the minimum required ({text})"
    return None if "disk" in have else f"Executor '{executor.executor_id}' uses no disk"


def _lack(group: LaunchGroup, available: Resources) -> str | None:
    """Which task of the group finds too little left by those before it, and of what."""
    for task in group.tasks:
        error = _room_error(task.resources, available)
        if error is not None:
            return f"Task '{task.task_id}' is invalid: {error}"
        available = available - unshared_part(task.resources)
    return None


def _lack_with_executor(
    framework: Framework, agent: Agent, group: LaunchGroup, executor: ExecutorInfo, available: Resources
) -> str | None:
    begins = (framework.id, executor.executor_id) not in agent.executors
    needed = executor.resources if begins else EMPTY
    total = sum((task.resources for task in group.tasks), needed)
    if _mixes(total + executor.resources):
        return "Task group and executor mix revocable and non-revocable resources of the same name"
    if available.contains(needed) and _lack(group, available - needed) is None:
        return None
    return f"Total resources {total} required by task group and its executor are more than available {available}"


def _room_error(needed: Resources, available: Resources) -> str | None:
    if not available.contains(needed):
        return f"Total resources {needed} required by task and its executor is more than available {available}"
    part = torn(available, needed)
    return f"Task uses part of what is taken whole: {part}" if part is not None else None


# ---------------------------------------------------------------- executors


def _described_error(framework: Framework, agent: Agent, role: str, executor: ExecutorInfo) -> str | None:
    """What is wrong with an executor, of tasks or of a group."""
    if executor.type is ExecutorType.DEFAULT and executor.command is not None:
        return "'ExecutorInfo.command' must not be set for 'DEFAULT' executor"
    if executor.type is ExecutorType.CUSTOM and executor.command is None:
        return "'ExecutorInfo.command' must be set for 'CUSTOM' executor"
    error = id_error(executor.executor_id)
    if error is not None:
        return error
    if executor.executor_id == default_executor_id(framework.id):
        return f"Executor ID '{executor.executor_id}' is that of the framework's own executor on every agent"
    if executor.shutdown_grace_ms is not None and executor.shutdown_grace_ms < 0:
        return "ExecutorInfo's 'shutdown_grace_period' must be non-negative"
    if fractional_gpus(executor.resources):
        return "Executor uses invalid resources: The 'gpus' resource must be an unsigned integer"
    if _mixes(executor.resources):
        return "Executor mixes revocable and non-revocable resources of the same name"
    if shared_part(executor.resources):
        return f"Executor resources {executor.resources} should not contain any shared resources"
    known = agent.executors.get((framework.id, executor.executor_id))
    if known is not None and known.info != replace(executor, role=role):
        return _different(known.info, replace(executor, role=role))
    return None


def _custom_error(executor: ExecutorInfo) -> str | None:
    """What is wrong with it for tasks of no group."""
    if executor.type is ExecutorType.DEFAULT:
        return "'ExecutorInfo.type' must be 'CUSTOM'"
    return "'ExecutorInfo.command' must be set" if executor.command is None else None


def _undescribed_error(framework: Framework, agent: Agent, executor_id: str) -> str | None:
    """A command cannot be run by the framework's own program."""
    known = agent.executors.get((framework.id, executor_id)) if agent.executors else None
    if known is None or not known.info.is_custom:
        return None
    return f"Task has a CommandInfo, and executor '{executor_id}' is a custom one"


def _different(known: ExecutorInfo, said: ExecutorInfo) -> str:
    line = "-" * 60
    return (
        "ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID.\n"
        f"{line}\nExisting ExecutorInfo:\n{known}\n{line}\nExecutorInfo:\n{said}\n{line}\n"
    )


def _mixes(resources: Resources) -> bool:
    if resources.is_plain:
        return False
    revocable = resources.revocable().quantities()
    return any(name in revocable for name in resources.non_revocable().quantities())


def id_error(id: str) -> str | None:
    """Why this may not be an id."""
    if not id:
        return "ID must not be empty"
    if len(id) > MAX_ID_LENGTH:
        return f"ID must not be greater than {MAX_ID_LENGTH} characters"
    if id in (".", "..") or any(c == "/" or c == "\\" or ord(c) < 32 or ord(c) == 127 for c in id):
        return f"'{id}' contains invalid characters"
    return None
