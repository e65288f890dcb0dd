"""Agent ↔ launcher (the host's side of executors) and executor, and executor ↔ shim."""

from __future__ import annotations

from dataclasses import dataclass

from raymesos.model.tasks import Reason, TaskState
from raymesos.wire.registry import message
from raymesos.wire.values import AgentInfo, TaskInfo, TaskStatus
from raymesos.wire.work import Work


@dataclass(frozen=True, slots=True)
class Volume:
    """A persistent volume of an agent. `source` and `root` say which disk it is on (empty: the one of the agent's work directory)."""

    role: str
    id: str
    container_path: str
    source: str = ""
    root: str = ""


# ---------------------------------------------------------------- agent ↔ launcher (the host's side) and executor


@message(90)
class StartExecutor:
    """To the launcher: an executor for this framework is to live at `executor/<agent name>/<executor_id>`."""

    framework_id: str
    executor_id: str
    agent_id: str


@message(91)
class StopExecutor:
    """To the launcher: end the executor's process if it is still there."""

    framework_id: str
    executor_id: str


@message(92)
class ExecutorLost:
    """From the launcher: the executor's process ended or could not be started."""

    framework_id: str
    executor_id: str
    message: str
    exit_status: int | None = None


@message(93)
class ExecutorSubscribe:
    """An executor is up. `tasks` and `updates` are what it holds from before, none if it is new.

    `states` has the latest state of each of `tasks`, in their order; `updates` holds those that nobody acknowledged, oldest first for each task.
    """

    framework_id: str
    executor_id: str
    tasks: tuple[TaskInfo, ...] = ()
    updates: tuple[TaskStatus, ...] = ()
    states: tuple[TaskState, ...] = ()


@message(94)
class ExecutorSubscribed:
    """The agent knows the executor, and tells it where it lives."""

    agent_id: str
    agent: AgentInfo


@message(95)
class LaunchTasks:
    """Start these tasks."""

    tasks: tuple[TaskInfo, ...]


@message(96)
class KillLaunched:
    """End the task: SIGTERM, and SIGKILL after `grace_ms`."""

    task_id: str
    grace_ms: int


@message(97)
class ExecutorUpdate:
    """A status with its `uuid` set by the executor; kept there until acknowledged."""

    framework_id: str
    executor_id: str
    status: TaskStatus


@message(98)
class ExecutorAcknowledged:
    """The update has reached the framework: the executor may forget it."""

    task_id: str
    uuid: str


@message(99)
class ShutdownExecutorNow:
    """Kill everything and leave."""

    grace_ms: int


@message(100)
class ExecutorReconnect:
    """From a restarted agent: subscribe again and say what you hold."""


@message(101)
class ChangeVolumes:
    """To the launcher: directories of volumes. Those to `make` are new and empty, those to `keep` were there before, those to `remove` go with what is in them."""

    make: tuple[Volume, ...] = ()
    keep: tuple[Volume, ...] = ()
    remove: tuple[Volume, ...] = ()


# ---------------------------------------------------------------- executor ↔ shim


@message(110)
class StartWork:
    """Run `work` under `task_id`; memory above `mem_limit_kb` ends it. `env` is added to the work's own."""

    task_id: str
    work: Work
    role: str
    mem_limit_kb: int | None = None
    env: tuple[tuple[str, str], ...] = ()
    volumes: tuple[Volume, ...] = ()
    """Found in the sandbox under their container paths."""


@message(111)
class StopWork:
    """SIGTERM to the processes of the task, SIGKILL after `grace_ms`. Its end is told as any other."""

    task_id: str
    grace_ms: int


@message(112)
class WorkStarted:
    """The task has a process."""

    task_id: str
    pid: int = 0


@message(113)
class WorkEnded:
    """`exit_code` or `signal` of the process, or neither when it never ran; `reason` when it was our doing."""

    task_id: str
    exit_code: int | None = None
    signal: int | None = None
    reason: Reason = Reason.NONE
    message: str = ""
    usage: tuple[tuple[str, int], ...] = ()


@message(114)
class ForgetWork:
    """The shim may drop what it keeps of an ended task."""

    task_id: str
