"""Task groups: when one of a group's tasks fails or is killed, the group's others are killed. A task that exits 0 ends alone. (Mesos: default executor)"""

from __future__ import annotations

from raymesos.kernel.executor.state import BREAKS_GROUP, State, Task
from raymesos.model.tasks import TaskState


def joined(state: State, task: Task) -> None:
    """Count a new task to its group, if it is of one."""
    if task.info.group_id:
        state.groups.setdefault(task.info.group_id, {})[task.info.task_id] = None


def left(state: State, task: Task) -> None:
    """The task, if it is of a group, has ended. That the group ends with it is only booked: `work.end_broken_groups` acts on it."""
    group_id = task.info.group_id
    if not group_id:
        return
    others = state.groups[group_id]
    del others[task.info.task_id]
    if not others:
        del state.groups[group_id]
    elif task.state in BREAKS_GROUP:
        how = "failed" if task.state is TaskState.FAILED else "was killed"
        state.broken.setdefault(group_id, f"task {task.info.task_id} of its group {how}")
