"""What a task's processes find in their environment, and their memory limit, both from the task's resources."""

from __future__ import annotations

from dataclasses import replace

from raymesos.kernel.executor.state import State
from raymesos.wire.messages import TaskInfo
from raymesos.wire.work import ChunkWork, Work


def environment(state: State, task: TaskInfo) -> tuple[tuple[str, str], ...]:
    """Who the task is, in raymesos' names and in Mesos', and where it is reached; its ports as `PORT0`, `PORT1`, ... and all of them, with commas, in `PORTS`; its GPUs."""
    named = {
        "TASK_ID": task.task_id,
        "FRAMEWORK_ID": state.framework_id,
        "EXECUTOR_ID": state.executor_id,
        "AGENT_ID": state.agent_id,
    }
    pairs = [
        ("RAYMESOS_ROLE", task.role),
        ("RAYMESOS_AGENT", state.agent.name if state.agent is not None else ""),
        ("RAYMESOS_HOSTNAME", state.agent.hostname if state.agent is not None else ""),
        *((f"RAYMESOS_{name}", value) for name, value in named.items()),
        *((f"MESOS_{name}", value) for name, value in named.items()),
    ]
    ports = [str(port) for begin, end in task.resources.ranges("ports") for port in range(begin, end + 1)]
    if ports:
        pairs += [(f"PORT{i}", port) for i, port in enumerate(ports)]
        pairs.append(("PORTS", ",".join(ports)))
    visible = _visible_gpus(state, task)
    if visible is not None:
        pairs.append(("CUDA_VISIBLE_DEVICES", visible))
    return tuple(pairs)


def _visible_gpus(state: State, task: TaskInfo) -> str | None:
    """The ids of its GPUs, with commas: none for a task without GPUs on an agent that has some. None where the agent has none: nothing is hidden."""
    if not task.gpu_ids and (state.agent is None or not state.agent.resources.scalar("gpus")):
        return None
    return ",".join(str(gpu) for gpu in task.gpu_ids)


def mem_limit_kb(task: TaskInfo) -> int | None:
    """The task's `mem` (MB of 2^20 bytes, in thousandths) in KB of 2^10; None if it has no `mem`."""
    mem = task.resources.scalar("mem")
    return mem * 1024 // 1000 if mem else None


def work_of(task: TaskInfo) -> Work | None:
    """What the task runs, None if it says nothing. With GPUs it has a process of its own: a warm worker keeps the GPUs that it first saw, and their memory when it is idle."""
    if task.gpu_ids and isinstance(task.work, ChunkWork):
        return replace(task.work, isolated=True)
    return task.work
