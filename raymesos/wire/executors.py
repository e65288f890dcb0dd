"""Agent ↔ launcher (the host's side of executors) and executor, and executor ↔ shim."""

from __future__ import annotations

from dataclasses import dataclass

from raymesos.model.tasks import Reason, TaskState
from raymesos.wire.checks import Condition
from raymesos.wire.registry import message
from raymesos.wire.values import AgentInfo, ExecutorInfo, FrameworkInfo, TaskInfo, TaskStatus
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
    """To the launcher: an executor for this framework is to live at `executor/<agent name>/<executor_id>`, if the framework describes it at
    `executor/<agent name>/<framework_id>/<executor_id>`.

    With an `info` of the framework's own program (a custom executor) it is that program that is started; it will subscribe over HTTP.
    """

    framework_id: str
    executor_id: str
    agent_id: str
    info: ExecutorInfo | None = None


@message(91)
class StopExecutor:
    """To the launcher: end the executor's process if it is still there."""

    framework_id: str
    executor_id: str


@message(104)
class LimitExecutor:
    """To the launcher: the custom executor and its tasks may have so much memory now, in thousandths of a MB; 0: no limit."""

    framework_id: str
    executor_id: str
    mem_milli: int


@message(92)
class ExecutorLost:
    """From the launcher: the executor's process ended or could not be started. `exit_status` is that of wait(2): a signal's number, or an exit code times 256."""

    framework_id: str
    executor_id: str
    message: str
    exit_status: int | None = None
    reason: Reason = Reason.NONE
    """Why, if it was not its own doing: over its memory limit, never launched."""


@message(93)
class ExecutorSubscribe:
    """An executor is up. `tasks` and `updates` are what it holds from before, none if it is new.

    `states` has the latest state of each of `tasks`, in their order, and `conditions` what its checks say (empty if none has any); `updates` holds those that nobody acknowledged, oldest first for each task.
    `custom`: its framework has described it as its own program. `partial`: who speaks for that program knows only of tasks of which no update was acknowledged;
    others that the agent has, it has still.
    """

    framework_id: str
    executor_id: str
    tasks: tuple[TaskInfo, ...] = ()
    updates: tuple[TaskStatus, ...] = ()
    states: tuple[TaskState, ...] = ()
    custom: bool = False
    partial: bool = False
    conditions: tuple[Condition, ...] = ()


@message(94)
class ExecutorSubscribed:
    """The agent knows the executor, and tells it where it lives.

    To a custom executor also who it is: `executor` and `framework`, and, to one that subscribed in part, which `tasks` in which `states` it has besides those that follow.
    """

    agent_id: str
    agent: AgentInfo
    executor: ExecutorInfo | None = None
    framework: FrameworkInfo | None = None
    tasks: tuple[TaskInfo, ...] = ()
    states: tuple[TaskState, ...] = ()


@message(105)
class ExecutorRefused:
    """To who speaks for a custom executor: the agent does not have it."""

    reason: str


@message(95)
class LaunchTasks:
    """Start these tasks."""

    tasks: tuple[TaskInfo, ...]


@message(96)
class KillLaunched:
    """End the task: SIGTERM, and SIGKILL after `grace_ms`. `overrides`: the call named it, it is not the task's own."""

    task_id: str
    grace_ms: int
    overrides: bool = False


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
