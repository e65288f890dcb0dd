"""Framework ↔ master. Every call of a framework carries its id."""

from __future__ import annotations

from raymesos.wire.operations import Operation
from raymesos.wire.registry import message
from raymesos.wire.values import Demand, FrameworkInfo, Offer, TaskRef, TaskStatus

# ---------------------------------------------------------------- framework → master


@message(1)
class Subscribe:
    """Open (or, with `info.id`, resume) a subscription. The sender's address is where events go."""

    info: FrameworkInfo
    suppressed_roles: tuple[str, ...] = ()
    offer_constraints: str = ""
    """The v1 API's JSON, by role; empty for none."""


@message(2)
class UpdateFramework:
    """Replace roles and other changeable facts of a subscribed framework. Answered by FrameworkUpdated."""

    info: FrameworkInfo
    suppressed_roles: tuple[str, ...] = ()
    offer_constraints: str = ""


@message(3)
class Teardown:
    """Kill all tasks, remove the framework; its id is burnt."""

    framework_id: str


@message(4)
class Accept:
    """Use offers: operations in order; the rest returns with a filter of `refuse_ms`. No operations is a decline."""

    framework_id: str
    offer_ids: tuple[str, ...]
    operations: tuple[Operation, ...] = ()
    refuse_ms: int = 5_000


@message(5)
class Decline:
    """Give offers back, each with a filter of `refuse_ms` on its role and agent: what it covers is not offered again so long."""

    framework_id: str
    offer_ids: tuple[str, ...]
    refuse_ms: int = 5_000


@message(6)
class Revive:
    """Wake `roles` (all if empty), clear their filters; `demand` says what is wanted and replaces what was said before."""

    framework_id: str
    roles: tuple[str, ...] = ()
    demand: tuple[Demand, ...] = ()


@message(7)
class Suppress:
    """Offer nothing in `roles` (all if empty) until they are revived."""

    framework_id: str
    roles: tuple[str, ...] = ()


@message(8)
class Kill:
    """`grace_ms` None takes the task's own, else the agent's default."""

    framework_id: str
    task_id: str
    agent_id: str = ""
    grace_ms: int | None = None


@message(9)
class Acknowledge:
    """The framework has the update: it need not be sent again."""

    framework_id: str
    agent_id: str
    task_id: str
    uuid: str


@message(10)
class Reconcile:
    """Ask for the state of `tasks`; of all non-terminal ones if empty."""

    framework_id: str
    tasks: tuple[TaskRef, ...] = ()


@message(11)
class ToExecutor:
    """Best effort, like Mesos' MESSAGE."""

    framework_id: str
    agent_id: str
    executor_id: str
    data: bytes


@message(12)
class ShutdownExecutor:
    """End the executor with all of its tasks."""

    framework_id: str
    agent_id: str
    executor_id: str


@message(17)
class Disconnect:
    """The sender is no subscriber any more; its framework has its failover timeout to come back. (Mesos: DeactivateFrameworkMessage, or a stream that was closed)

    `framework_id` is empty if it has not heard its own yet.
    """

    framework_id: str


# ---------------------------------------------------------------- master → framework


@message(20)
class Subscribed:
    """The subscription stands."""

    framework_id: str
    master_id: str
    heartbeat_ms: int = 15_000


@message(21)
class Offers:
    """What a framework is offered in one pass."""

    offers: tuple[Offer, ...]


@message(22)
class Rescind:
    """The offer is void: its agent is lost, or its time was up."""

    offer_id: str


@message(23)
class Update:
    """To be acknowledged if, and only if, `status.uuid` is not empty."""

    status: TaskStatus


@message(24)
class FromExecutor:
    """Data of an executor for its framework; best effort."""

    agent_id: str
    executor_id: str
    data: bytes


@message(25)
class Failure:
    """An agent was lost (no `executor_id`) or an executor ended."""

    agent_id: str
    executor_id: str = ""
    exit_status: int | None = None


@message(26)
class FrameworkError:
    """The subscription is over."""

    text: str


@message(38)
class FrameworkUpdated:
    """The answer to UpdateFramework: carried out, or refused with `error`, and then nothing has changed."""

    error: str = ""
