"""Who pays for a retry: the user for what users' code did, the system for everything else. (Titus: retry policies, TaskStatus reason codes)"""

from __future__ import annotations

from raymesos.model.retries import RetryPolicy
from raymesos.model.tasks import Reason, TaskState
from raymesos.wire.messages import TaskStatus

# Titus' reason codes for how an attempt ended.
NORMAL = "normal"
FAILED = "failed"
KILLED = "killed"
LOST = "lost"
RUNTIME_LIMIT = "runtimeLimitExceeded"
STUCK = "stuckInState"
STUCK_KILLING = "stuckInKillingState"
LOCAL_SYSTEM_ERROR = "localSystemError"
TRANSIENT_SYSTEM_ERROR = "transientSystemError"

EVICTED = "evicted"
SCALED_DOWN = "scaledDown"

SYSTEM_CODES = (LOST, STUCK, STUCK_KILLING, LOCAL_SYSTEM_ERROR, TRANSIENT_SYSTEM_ERROR)

# What users' code brings about by itself; any other reason of a failure is the system's.
_USERS_REASONS = (
    Reason.NONE,
    Reason.COMMAND_EXECUTOR_FAILED,
    Reason.CONTAINER_LAUNCH_FAILED,
    Reason.CONTAINER_LIMITATION,
    Reason.CONTAINER_LIMITATION_DISK,
    Reason.CONTAINER_LIMITATION_MEMORY,
    Reason.MAX_COMPLETION_TIME_REACHED,
    Reason.TASK_CHECK_STATUS_UPDATED,
    Reason.TASK_HEALTH_CHECK_STATUS_UPDATED,
    Reason.TASK_INVALID,
    Reason.TASK_UNAUTHORIZED,
)
# Nobody who waits for the task wanted it killed.
_SYSTEMS_KILLS = (Reason.AGENT_DRAINING, Reason.CONTAINER_PREEMPTED, Reason.PREEMPTED)
# Nothing of the task has run, so no report of it will come.
NEVER_RAN = (Reason.CONTAINER_LAUNCH_FAILED, Reason.TASK_INVALID, Reason.TASK_UNAUTHORIZED)
# The first system retry comes at once; an agent that eats tasks must not be fed as fast as it eats.
_SYSTEM_FIRST_MS = 100
_SYSTEM_MAX_MS = 30_000


def is_eviction(status: TaskStatus) -> bool:
    """Whether somebody else's need ended the task."""
    return status.state is TaskState.KILLED and status.reason in _SYSTEMS_KILLS


def code_of(status: TaskStatus) -> str:
    """Titus' code for a terminal status (or one from behind a partition)."""
    match status.state:
        case TaskState.FINISHED:
            return NORMAL
        case TaskState.KILLED:
            return LOST if status.reason in _SYSTEMS_KILLS else KILLED
        case TaskState.FAILED | TaskState.ERROR:
            return FAILED if status.reason in _USERS_REASONS else LOCAL_SYSTEM_ERROR
        case _:
            return LOST


def user_delay_ms(policy: RetryPolicy, retry: int) -> int:
    """The wait before the user's `retry`-th retry (from 1)."""
    # Beyond 2^40 the cap has long been reached, and the power would only grow.
    delay: int = policy.initial_ms * policy.factor ** min(retry - 1, 40)
    return min(delay, policy.max_ms) if policy.max_ms else delay


def system_delay_ms(resubmits: int) -> int:
    """The wait before the system's `resubmits`-th retry of one input: none before the first."""
    if resubmits <= 1:
        return 0
    grown: int = _SYSTEM_FIRST_MS * 2 ** min(resubmits - 2, 20)
    return min(_SYSTEM_MAX_MS, grown)
