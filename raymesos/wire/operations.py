"""The operations of an Accept, and what becomes of those that change resources.

Each operation that changes resources says what comes out or what goes in as Resources in full, reservations and disks included. One with an `id` is answered by
OperationUpdates until they are acknowledged; one without is not answered. (Mesos: Offer.Operation, OperationStatus)
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from raymesos.model.resources import EMPTY, Resources
from raymesos.wire.registry import message
from raymesos.wire.values import ExecutorInfo, TaskInfo


class OperationState(StrEnum):
    """By the v1 API's names."""

    PENDING = "OPERATION_PENDING"
    FINISHED = "OPERATION_FINISHED"
    FAILED = "OPERATION_FAILED"
    ERROR = "OPERATION_ERROR"
    DROPPED = "OPERATION_DROPPED"
    UNREACHABLE = "OPERATION_UNREACHABLE"
    GONE_BY_OPERATOR = "OPERATION_GONE_BY_OPERATOR"
    RECOVERING = "OPERATION_RECOVERING"
    UNKNOWN = "OPERATION_UNKNOWN"
    UNSUPPORTED = "OPERATION_UNSUPPORTED"


@message(30)
class Launch:
    """Start tasks."""

    tasks: tuple[TaskInfo, ...]


@message(31)
class LaunchGroup:
    """Start all of these tasks on one executor or none; when one of them fails or is killed, the others are killed.

    `executor` describes it; without a description it is the framework's own, or that of `executor_id`, and holds nothing itself.
    """

    tasks: tuple[TaskInfo, ...]
    executor_id: str = ""
    executor: ExecutorInfo | None = None


@message(32)
class Reserve:
    """`resources` as they will be: their last reservation is new."""

    resources: Resources
    id: str = ""


@message(33)
class Unreserve:
    """`resources` as they are: their last reservation goes."""

    resources: Resources
    id: str = ""


@message(34)
class Create:
    """Persistent volumes, made of reserved disk."""

    volumes: Resources
    id: str = ""


@message(35)
class Destroy:
    """The volumes and what is in them go; their disk stays reserved."""

    volumes: Resources
    id: str = ""


@message(36)
class Grow:
    """`addition`, of the disk that the volume is of, becomes part of it."""

    volume: Resources
    addition: Resources
    id: str = ""


@message(37)
class Shrink:
    """`subtract_milli` (thousandths of a MB) of the volume become free disk of its kind."""

    volume: Resources
    subtract_milli: int
    id: str = ""


Operation = Launch | LaunchGroup | Reserve | Unreserve | Create | Destroy | Grow | Shrink
ResourceOperation = Reserve | Unreserve | Create | Destroy | Grow | Shrink


@dataclass(frozen=True, slots=True)
class OperationStatus:
    """What is known of an operation. `uuid` is empty where no acknowledgement is wanted."""

    operation_id: str
    state: OperationState
    agent_id: str = ""
    uuid: str = ""
    message: str = ""
    converted: Resources = EMPTY


@dataclass(frozen=True, slots=True)
class OperationRef:
    """An operation asked after. Without `agent_id` the master looks everywhere."""

    operation_id: str
    agent_id: str = ""


# ---------------------------------------------------------------- framework → master


@message(13)
class AcknowledgeOperation:
    """The framework has the operation's status: it need not be sent again."""

    framework_id: str
    agent_id: str
    operation_id: str
    uuid: str


@message(14)
class ReconcileOperations:
    """Ask for the state of `operations`; of all that are not acknowledged if empty."""

    framework_id: str
    operations: tuple[OperationRef, ...] = ()


# ---------------------------------------------------------------- master → framework


@message(27)
class OperationUpdate:
    """To be acknowledged if, and only if, `status.uuid` is not empty."""

    status: OperationStatus
