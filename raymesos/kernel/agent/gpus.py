"""Which GPUs a task has. They are counted from 0; a task keeps its ids until it ends, over restarts of the agent: its executor brings them back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from raymesos.errors import InvariantBroken
from raymesos.model.tasks import is_terminal
from raymesos.wire.messages import TaskInfo

if TYPE_CHECKING:
    from raymesos.kernel.agent.state import State, Task


def assigned(state: State, info: TaskInfo) -> TaskInfo:
    """The task with as many of the lowest free ids as it has GPUs; what it holds is free."""
    wanted = info.resources.scalar("gpus") // 1000
    if not wanted:
        return replace(info, gpu_ids=()) if info.gpu_ids else info
    taken = dict.fromkeys(_in_use(state))
    free = [i for i in range(wanted + len(taken)) if i not in taken]
    return replace(info, gpu_ids=tuple(free[:wanted]))


def _in_use(state: State) -> list[int]:
    frameworks = state.frameworks.values()
    return [i for f in frameworks for t in f.tasks.values() if not is_terminal(t.state) for i in t.info.gpu_ids]


def check(tasks: list[Task]) -> None:
    """Raises InvariantBroken if a GPU is with two tasks, or a task has another number of ids than of GPUs."""
    holder: dict[int, str] = {}
    for task in tasks:
        info = task.info
        if len(info.gpu_ids) * 1000 != info.resources.scalar("gpus"):
            raise InvariantBroken("agent.gpus", f"task {info.task_id} holds {info.resources} and GPUs {info.gpu_ids}")
        for gpu in info.gpu_ids:
            if gpu in holder:
                raise InvariantBroken("agent.gpus", f"GPU {gpu} is with tasks {holder[gpu]} and {info.task_id}")
            holder[gpu] = info.task_id
