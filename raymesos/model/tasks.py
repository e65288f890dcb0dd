"""Task states with their transition table, Mesos' reasons and sources, by their v1 names."""

from __future__ import annotations

from enum import StrEnum


class TaskState(StrEnum):
    STAGING = "TASK_STAGING"
    STARTING = "TASK_STARTING"
    RUNNING = "TASK_RUNNING"
    KILLING = "TASK_KILLING"
    FINISHED = "TASK_FINISHED"
    FAILED = "TASK_FAILED"
    KILLED = "TASK_KILLED"
    ERROR = "TASK_ERROR"
    LOST = "TASK_LOST"
    DROPPED = "TASK_DROPPED"
    UNREACHABLE = "TASK_UNREACHABLE"
    GONE = "TASK_GONE"
    GONE_BY_OPERATOR = "TASK_GONE_BY_OPERATOR"
    UNKNOWN = "TASK_UNKNOWN"


TERMINAL: tuple[TaskState, ...] = (
    TaskState.FINISHED,
    TaskState.FAILED,
    TaskState.KILLED,
    TaskState.ERROR,
    TaskState.LOST,
    TaskState.DROPPED,
    TaskState.GONE,
    TaskState.GONE_BY_OPERATOR,
)

# Frameworks without PARTITION_AWARE know only LOST for what happens to a task behind a partition.
PARTITION_STATES: tuple[TaskState, ...] = (
    TaskState.DROPPED,
    TaskState.UNREACHABLE,
    TaskState.GONE,
    TaskState.GONE_BY_OPERATOR,
    TaskState.UNKNOWN,
)

# What an agent can know of a task; the others are the master's words.
AT_AGENTS: tuple[TaskState, ...] = (
    TaskState.STAGING,
    TaskState.STARTING,
    TaskState.RUNNING,
    TaskState.KILLING,
    *TERMINAL,
)

_LIVE_ENDS = (
    TaskState.KILLING,
    *TERMINAL,
    TaskState.UNREACHABLE,
)

# What may follow what. An executor may skip steps; a task that came back from a partition continues where its agent says it is.
TRANSITIONS: dict[TaskState, tuple[TaskState, ...]] = {
    TaskState.STAGING: (TaskState.STARTING, TaskState.RUNNING, *_LIVE_ENDS),
    TaskState.STARTING: (TaskState.STARTING, TaskState.RUNNING, *_LIVE_ENDS),
    TaskState.RUNNING: (TaskState.RUNNING, *_LIVE_ENDS),
    TaskState.KILLING: (TaskState.KILLING, *TERMINAL, TaskState.UNREACHABLE),
    TaskState.UNREACHABLE: (
        TaskState.STAGING,
        TaskState.STARTING,
        TaskState.RUNNING,
        TaskState.KILLING,
        *TERMINAL,
    ),
    TaskState.UNKNOWN: (),
    **dict.fromkeys(TERMINAL, ()),
}


def is_terminal(state: TaskState) -> bool:
    """True when a task in `state` will never run again and holds nothing. UNREACHABLE is not terminal: its agent may return."""
    return state in TERMINAL


def may_follow(before: TaskState, after: TaskState) -> bool:
    """Whether a task that was in `before` may be reported in `after`."""
    return after in TRANSITIONS[before]


def for_framework(state: TaskState, *, partition_aware: bool) -> TaskState:
    """The state as the framework is told: without PARTITION_AWARE, everything behind a partition is LOST."""
    return TaskState.LOST if not partition_aware and state in PARTITION_STATES else state


class Source(StrEnum):
    MASTER = "SOURCE_MASTER"
    AGENT = "SOURCE_AGENT"
    EXECUTOR = "SOURCE_EXECUTOR"


class Reason(StrEnum):
    """Why a task is in its state. NONE where Mesos sends none. (mesos.proto, TaskStatus.Reason)"""

    NONE = ""
    AGENT_DISCONNECTED = "REASON_AGENT_DISCONNECTED"
    AGENT_REMOVED = "REASON_AGENT_REMOVED"
    AGENT_REMOVED_BY_OPERATOR = "REASON_AGENT_REMOVED_BY_OPERATOR"
    AGENT_REREGISTERED = "REASON_AGENT_REREGISTERED"
    AGENT_RESTARTED = "REASON_AGENT_RESTARTED"
    AGENT_UNKNOWN = "REASON_AGENT_UNKNOWN"
    AGENT_DRAINING = "REASON_AGENT_DRAINING"
    COMMAND_EXECUTOR_FAILED = "REASON_COMMAND_EXECUTOR_FAILED"
    CONTAINER_LAUNCH_FAILED = "REASON_CONTAINER_LAUNCH_FAILED"
    CONTAINER_LIMITATION = "REASON_CONTAINER_LIMITATION"
    CONTAINER_LIMITATION_DISK = "REASON_CONTAINER_LIMITATION_DISK"
    CONTAINER_LIMITATION_MEMORY = "REASON_CONTAINER_LIMITATION_MEMORY"
    CONTAINER_PREEMPTED = "REASON_CONTAINER_PREEMPTED"
    CONTAINER_UPDATE_FAILED = "REASON_CONTAINER_UPDATE_FAILED"
    EXECUTOR_REGISTRATION_TIMEOUT = "REASON_EXECUTOR_REGISTRATION_TIMEOUT"
    EXECUTOR_REREGISTRATION_TIMEOUT = "REASON_EXECUTOR_REREGISTRATION_TIMEOUT"
    EXECUTOR_TERMINATED = "REASON_EXECUTOR_TERMINATED"
    EXECUTOR_UNREGISTERED = "REASON_EXECUTOR_UNREGISTERED"
    FRAMEWORK_REMOVED = "REASON_FRAMEWORK_REMOVED"
    GC_ERROR = "REASON_GC_ERROR"
    INVALID_FRAMEWORKID = "REASON_INVALID_FRAMEWORKID"
    INVALID_OFFERS = "REASON_INVALID_OFFERS"
    IO_SWITCHBOARD_EXITED = "REASON_IO_SWITCHBOARD_EXITED"
    MASTER_DISCONNECTED = "REASON_MASTER_DISCONNECTED"
    MAX_COMPLETION_TIME_REACHED = "REASON_MAX_COMPLETION_TIME_REACHED"
    PREEMPTED = "REASON_PREEMPTED"
    """Ours: ended so that a role gets what it is owed. (Mesos preempts nothing that is not revocable.)"""
    RECONCILIATION = "REASON_RECONCILIATION"
    RESOURCES_UNKNOWN = "REASON_RESOURCES_UNKNOWN"
    TASK_CHECK_STATUS_UPDATED = "REASON_TASK_CHECK_STATUS_UPDATED"
    TASK_GROUP_INVALID = "REASON_TASK_GROUP_INVALID"
    TASK_GROUP_UNAUTHORIZED = "REASON_TASK_GROUP_UNAUTHORIZED"
    TASK_HEALTH_CHECK_STATUS_UPDATED = "REASON_TASK_HEALTH_CHECK_STATUS_UPDATED"
    TASK_INVALID = "REASON_TASK_INVALID"
    TASK_KILLED_DURING_LAUNCH = "REASON_TASK_KILLED_DURING_LAUNCH"
    TASK_UNAUTHORIZED = "REASON_TASK_UNAUTHORIZED"
    TASK_UNKNOWN = "REASON_TASK_UNKNOWN"


class Capability(StrEnum):
    """What a framework says it can take. (mesos.proto, FrameworkInfo.Capability)"""

    REVOCABLE_RESOURCES = "REVOCABLE_RESOURCES"
    TASK_KILLING_STATE = "TASK_KILLING_STATE"
    GPU_RESOURCES = "GPU_RESOURCES"
    SHARED_RESOURCES = "SHARED_RESOURCES"
    PARTITION_AWARE = "PARTITION_AWARE"
    MULTI_ROLE = "MULTI_ROLE"
    RESERVATION_REFINEMENT = "RESERVATION_REFINEMENT"
    REGION_AWARE = "REGION_AWARE"


ALL_CAPABILITIES: tuple[str, ...] = tuple(sorted(str(c) for c in Capability))
