"""What a scheduler may ask for, as Mesos' driver has it. Every call returns at once; what comes of it are callbacks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from raymesos.errors import InvalidValue
from raymesos.frameworks.custom.machine import Call
from raymesos.frameworks.operations import Wish
from raymesos.model.offer_constraints import constraints_text, parse_offer_constraints
from raymesos.model.settings import MAX_REFUSE_MS
from raymesos.sdk.operations import Operation, OperationStatus, exact
from raymesos.sdk.values import (
    FrameworkInfo,
    InverseOffer,
    Offer,
    TaskGroup,
    TaskInfo,
    TaskStatus,
    milliseconds,
)
from raymesos.wire.demands import DemandRows, demand_of
from raymesos.wire.messages import (
    Accept,
    AcceptInverse,
    Acknowledge,
    AcknowledgeOperation,
    Decline,
    DeclineInverse,
    Kill,
    OperationRef,
    Reconcile,
    ReconcileOperations,
    Revive,
    Suppress,
    TaskRef,
    UpdateFramework,
)

DEFAULT_REFUSE_S = 5.0

Offered = Offer | str | Iterable[Offer | str]
"""Offers or their ids; one or several."""
Inverse = InverseOffer | str | Iterable[InverseOffer | str]
"""Inverse offers or their ids; one or several."""
Launched = TaskInfo | TaskGroup | Iterable[TaskInfo | TaskGroup]
"""Tasks and groups of tasks; one or several."""
Operated = Operation | Iterable[Operation]
"""Tasks, groups, and what `reserve` and its like return; one or several."""
"""(shape, count) pairs."""
Asked = Iterable[TaskStatus | tuple[str, str] | str]
"""Tasks to ask for: statuses, (task id, agent id) pairs or task ids."""


class Calls(ABC):
    """The calls of a driver. Where there is no master at the moment launches come back as dropped, roles and demand are said later, and the rest has no effect."""

    def __init__(self, info: FrameworkInfo, *, implicit_acknowledgements: bool = True) -> None:
        self.info = info
        self.implicit_acknowledgements = implicit_acknowledgements

    @abstractmethod
    def _call(self, call: Call) -> None:
        """Hand the call to the framework's machine."""

    @abstractmethod
    def stop(self, *, failover: bool = False) -> None:
        """End. Without `failover` the framework is torn down: its tasks are killed, its id is used up."""

    @abstractmethod
    def abort(self) -> None:
        """End at once, without a further callback; the tasks live on for the failover timeout."""

    # ------------------------------------------------------------ offers

    def accept(self, offers: Offered, operations: Operated = (), refuse_seconds: float = DEFAULT_REFUSE_S) -> None:
        """Use the offers, which are of one agent and one role, together: start tasks and groups, reserve, make volumes, in order; what is left is refused for
        `refuse_seconds`. Raises InvalidValue."""
        listed = [operations] if isinstance(operations, TaskInfo | TaskGroup | Wish) else list(operations)
        several = [offers] if isinstance(offers, Offer | str) else list(offers)
        made = exact(listed, several, self.info)
        self._call(Accept("", _ids(several), made, _refusal_ms(refuse_seconds)))

    def launch_tasks(self, offers: Offered, tasks: Launched, refuse_seconds: float = DEFAULT_REFUSE_S) -> None:
        """`accept` by its older name. No tasks decline the offers."""
        self.accept(offers, tasks, refuse_seconds)

    def launch_group(
        self,
        offers: Offered,
        tasks: Sequence[TaskInfo],
        executor_id: str = "",
        refuse_seconds: float = DEFAULT_REFUSE_S,
    ) -> None:
        """`accept` with one group of these tasks. Raises InvalidValue if there are none."""
        self.accept(offers, TaskGroup(tasks=tasks, executor_id=executor_id), refuse_seconds)

    def decline_offer(self, offers: Offered, refuse_seconds: float = DEFAULT_REFUSE_S) -> None:
        """Give the offers back, and be offered no less of those agents for `refuse_seconds`."""
        ids = _ids(offers)
        if ids:
            self._call(Decline("", ids, _refusal_ms(refuse_seconds)))

    def accept_inverse_offers(self, offers: Inverse, refuse_seconds: float = DEFAULT_REFUSE_S) -> None:
        """Say that we will leave those agents. An operator sees it; we are asked again after `refuse_seconds`."""
        self._call(AcceptInverse("", _ids(offers), _refusal_ms(refuse_seconds)))

    def decline_inverse_offers(self, offers: Inverse, refuse_seconds: float = DEFAULT_REFUSE_S) -> None:
        """Say that we will not leave them. An operator sees it; we are asked again after `refuse_seconds`."""
        self._call(DeclineInverse("", _ids(offers), _refusal_ms(refuse_seconds)))

    def revive_offers(self, roles: Iterable[str] = (), demand: DemandRows | None = None) -> None:
        """Want offers again in `roles` (none: in all), whatever was refused before. `demand` says exactly what for, and replaces what was said before.

        (shape, count) pairs, or (shape, count, "gang") for all of them at once or none; offers are cut to it, and an empty list wants nothing. None leaves it open: offers are of
        all that is free. Raises InvalidValue.
        """
        self._call(Revive("", self._roles(roles), demand_of(demand)))

    def suppress_offers(self, roles: Iterable[str] = ()) -> None:
        """Want no offers in `roles` (none: in all) until they are revived."""
        self._call(Suppress("", self._roles(roles)))

    def update_framework(
        self,
        framework: FrameworkInfo,
        suppressed_roles: Iterable[str] = (),
        offer_constraints: Mapping[str, Any] | str | None = None,
    ) -> None:
        """Be in other roles, with other capabilities, constraints or minimum offers, without a new subscription; `framework_updated` tells what came of it. Raises InvalidValue.

        Offers to roles that it leaves are rescinded. Its principal and user stay.
        """
        suppressed = tuple(suppressed_roles)
        for role in suppressed:
            if role not in framework.roles:
                raise InvalidValue("suppressed_roles", role, "is none of the framework's roles")
        constraints = checked_constraints(offer_constraints, tuple(framework.roles))
        self.info = framework
        self._call(UpdateFramework(framework.to_wire(), suppressed, constraints))

    # ------------------------------------------------------------ tasks

    def kill_task(self, task_id: str, agent_id: str = "", grace: float | None = None) -> None:
        """Have the task killed: SIGTERM, after `grace` seconds (the task's own, or the agent's) SIGKILL. One that nobody knows is answered with an update."""
        self._call(Kill("", task_id, agent_id, None if grace is None else milliseconds("grace", grace)))

    def acknowledge(self, status: TaskStatus) -> None:
        """The update is dealt with: it is not sent again, and the next one of the task may come. No effect for one that wants none."""
        if status.uuid:
            self._call(Acknowledge("", status.agent_id, status.task_id, status.uuid))

    def reconcile_tasks(self, tasks: Asked = ()) -> None:
        """Have the master say, in updates, what it knows of these tasks; with none, of all that have not ended."""
        self._call(Reconcile("", tuple(_task_ref(task) for task in tasks)))

    # ------------------------------------------------------------ operations

    def acknowledge_operation(self, status: OperationStatus) -> None:
        """The outcome is dealt with: it is not sent again. No effect for one that wants no acknowledgement."""
        if status.uuid:
            self._call(AcknowledgeOperation("", status.agent_id, status.operation_id, status.uuid))

    def reconcile_operations(self, operations: Iterable[tuple[str, str] | str] = ()) -> None:
        """Have the master say what it knows of these operations, ids or (id, agent id) pairs; with none, of all whose outcome was not acknowledged."""
        refs = tuple(OperationRef(row) if isinstance(row, str) else OperationRef(*row) for row in operations)
        self._call(ReconcileOperations("", refs))

    def _roles(self, roles: Iterable[str]) -> tuple[str, ...]:
        named = tuple([roles] if isinstance(roles, str) else roles)
        for role in named:
            if role not in self.info.roles:
                raise InvalidValue("roles", role, f"is none of the framework's roles ({', '.join(self.info.roles)})")
        return named


def checked_constraints(given: Mapping[str, Any] | str | None, roles: tuple[str, ...]) -> str:
    """As they travel. Raises InvalidValue for what are none."""
    text = constraints_text(given)
    parse_offer_constraints(text, roles)
    return text


def _ids(offers: Offered | Inverse) -> tuple[str, ...]:
    several = [offers] if isinstance(offers, Offer | InverseOffer | str) else offers
    return tuple(offer if isinstance(offer, str) else offer.id for offer in several)


def _refusal_ms(seconds: float) -> int:
    """More than a year counts as a year, as in Mesos."""
    return MAX_REFUSE_MS if seconds == float("inf") else min(MAX_REFUSE_MS, milliseconds("refuse_seconds", seconds))


def _task_ref(task: TaskStatus | tuple[str, str] | str) -> TaskRef:
    match task:
        case TaskStatus():
            return TaskRef(task.task_id, task.agent_id)
        case str():
            return TaskRef(task)
        case _:
            return TaskRef(*task)
