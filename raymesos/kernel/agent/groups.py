"""Task groups: taken in, or ended before they reached their executor, as a whole; and executors that leave after their last group.

What ends in an executor ends its group there. (Mesos: the default executor, which lives while a group of it lives)
"""

from __future__ import annotations

from collections.abc import Iterable

from raymesos.kernel.agent import stopping, updates
from raymesos.kernel.agent.state import (
    Executor,
    Fate,
    Framework,
    Running,
    Starting,
    State,
    Stopping,
    Task,
    event,
    record_of,
    status_of,
    tasks_of,
)
from raymesos.kernel.names import default_executor_id
from raymesos.machine import Outbox
from raymesos.model.tasks import Reason, TaskState, is_terminal
from raymesos.wire.messages import ExecutorInfo, KillLaunched, TaskInfo

KILLED_EARLY = Fate(TaskState.KILLED, Reason.TASK_KILLED_DURING_LAUNCH, "killed before delivery to its executor")
NO_GROUP_LEFT = Fate(TaskState.KILLED, Reason.NONE, "its executor left after its last task group")


def together(infos: Iterable[TaskInfo]) -> list[list[TaskInfo]]:
    """The tasks in lists that are started whole or not at all: each group, and each task that is of none."""
    wholes: list[list[TaskInfo]] = []
    groups: dict[str, list[TaskInfo]] = {}
    for info in infos:
        if info.group_id in groups:
            groups[info.group_id].append(info)
            continue
        whole = [info]
        wholes.append(whole)
        if info.group_id:
            groups[info.group_id] = whole
    return wholes


def is_for_groups(framework: Framework, executor_id: str, info: TaskInfo, described: ExecutorInfo | None) -> bool:
    """Whether an executor that is started for this task is to leave after its last group. The framework's shared one stays, and its own program knows by itself."""
    if described is not None and described.is_custom:
        return False
    return bool(info.group_id) and executor_id != default_executor_id(framework.id)


def serves_alone(framework: Framework, executor: Executor, out: Outbox) -> None:
    """A task that is of no group has come: the executor stays when its groups have ended."""
    executor.for_groups = False
    out.persist(record_of(framework, executor))


def end_others(state: State, framework: Framework, task: Task, out: Outbox, now_ms: int) -> None:
    """The task has ended without a word of its executor: what is left of its group is killed too."""
    group_id = task.info.group_id
    if not group_id:
        return
    for other in list(framework.tasks.values()):
        if other.info.group_id != group_id or is_terminal(other.state):
            continue
        executor = framework.executors[other.executor_id]
        if not other.handed_over:
            status = status_of(state, now_ms, other.info.task_id, other.executor_id, KILLED_EARLY)
            updates.book(state, framework, status, out)
        elif other.kill_grace_ms is None:
            grace_ms = other.info.kill_grace_ms
            other.kill_grace_ms = state.settings.kill_grace_ms if grace_ms is None else grace_ms
            if isinstance(executor.phase, Running | Stopping):
                out.send(executor.address, KillLaunched(other.info.task_id, other.kill_grace_ms))


def leave_if_done(state: State, executor: Executor, out: Outbox, now_ms: int) -> None:
    """An executor of groups that has no task left is ended."""
    if executor.for_groups and isinstance(executor.phase, Starting | Running) and not tasks_of(state, executor):
        event(out, now_ms, "executor leaving", executor.id, "its last task group has ended")
        stopping.force(state, executor, NO_GROUP_LEFT, out, now_ms)
