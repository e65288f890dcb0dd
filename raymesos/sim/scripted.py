"""Scripted frameworks: they hold what they are offered and do nothing with it until told to.

Each is a machine in the world (`ScriptedMachine`, which dies and is born again) and a handle outside of it (`Framework`, which remembers everything it ever
received).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from raymesos.errors import Conflict, InvalidValue
from raymesos.machine import MASTER
from raymesos.model.conversions import Maker
from raymesos.model.offer_constraints import constraints_text
from raymesos.model.resources import EMPTY, Resources
from raymesos.sim.events import (
    Calendar,
    Event,
    InverseOffer,
    LaunchOp,
    Offer,
    Task,
    event_of,
)
from raymesos.sim.launching import LaunchMakers
from raymesos.sim.operations import AnyOp, OperationMakers, exact
from raymesos.sim.programs import ExecutorRow
from raymesos.sim.reading import (
    OnAgent,
    milliseconds,
    offer_filters_of,
    offer_id,
    on_agent,
    refusal_ms,
    rows,
    task_on_agent,
    texts,
)
from raymesos.wire.demands import DemandRows, demand_of
from raymesos.wire.messages import (
    Accept,
    AcceptInverse,
    Acknowledge,
    AcknowledgeOperation,
    Decline,
    DeclineInverse,
    Demand,
    FrameworkEvent,
    FrameworkInfo,
    Kill,
    OperationRef,
    Reconcile,
    ReconcileOperations,
    Revive,
    ShutdownExecutor,
    Subscribe,
    Suppress,
    TaskRef,
    Teardown,
    ToExecutor,
    UpdateFramework,
)

if TYPE_CHECKING:
    from raymesos.sim.world import World


class Framework(OperationMakers, LaunchMakers):
    """The handle of a scripted framework. `offers` are outstanding, oldest first; `events` is everything it received, in order."""

    def __init__(
        self, world: World, calendar: Calendar, info: FrameworkInfo, *, acknowledge: bool, reregister: bool
    ) -> None:
        self.name = info.name
        self.address = f"framework/{info.name}"
        self.events: list[Event] = []
        self.tasks: dict[str, Task] = {}
        self.closed = False
        """True once its subscription was ended by an ERROR."""
        self.subscribed = False
        self.acknowledges = acknowledge
        self.reregisters = reregister
        self.info = info
        self.demand: tuple[Demand, ...] = ()
        self.offer_constraints = ""
        self.suppressed: dict[str, None] = {}
        self.held: dict[str, Offer] = {}
        self.asked: dict[str, InverseOffer] = {}
        self._world = world
        self._calendar = calendar
        self._waiting: list[Any] = []
        self._answer: str | None = None

    # ------------------------------------------------------------ what it knows

    @property
    def id(self) -> str:
        """Its framework id; empty until it has subscribed."""
        return self.info.id

    @property
    def offers(self) -> list[Offer]:
        return list(self.held.values())

    @property
    def inverse_offers(self) -> list[InverseOffer]:
        """Those outstanding, oldest first."""
        return list(self.asked.values())

    def updates(self, task: OnAgent | str | None = None) -> list[Event]:
        """The UPDATE events, of one task if one is named."""
        task_id = task if isinstance(task, str) or task is None else task.id
        return [e for e in self.events if e.type == "UPDATE" and task_id in (None, e.task_id)]

    # ------------------------------------------------------------ calls

    def subscribe(self) -> None:
        """Subscribe, with its id if it has one."""
        self._running()
        self._world.post(self.address, MASTER, self.subscription())

    def decline(self, offer: Offer | str, refuse_seconds: float = 5.0) -> None:
        self._decline([offer], refuse_seconds)

    def decline_all(self, refuse_seconds: float = 0) -> None:
        if self.held:
            self._decline(self.offers, refuse_seconds)

    def accept_inverse(
        self, offers: InverseOffer | str | Iterable[InverseOffer | str], refuse_seconds: float = 5.0
    ) -> None:
        """Say that it will leave; it is asked again after `refuse_seconds`."""
        self._call(AcceptInverse(self.id, self._answered(offers), refusal_ms(refuse_seconds)))

    def decline_inverse(
        self, offers: InverseOffer | str | Iterable[InverseOffer | str], refuse_seconds: float = 5.0
    ) -> None:
        """Say that it will not leave; it is asked again after `refuse_seconds`."""
        self._call(DeclineInverse(self.id, self._answered(offers), refusal_ms(refuse_seconds)))

    def revive(self, roles: Iterable[str] | None = None, demand: DemandRows | None = None) -> None:
        named, wanted = texts("roles", roles or ()), demand_of(demand)
        for role in named or tuple(self.suppressed):
            self.suppressed.pop(role, None)
        self.demand = wanted
        self._call(Revive(self.id, named, self.demand))

    def suppress(self, roles: Iterable[str] | None = None) -> None:
        named = texts("roles", roles or ())
        self.suppressed.update(dict.fromkeys(named or self.info.roles))
        self._call(Suppress(self.id, named))

    def launch(
        self, offer: Offer | str, resources: Resources | str, refuse_seconds: float = 0, priority: int = 0, **task: Any
    ) -> Task:
        """Start one task on the offer; the rest of it goes back with a filter of `refuse_seconds`. `task` is as in `launch_op`."""
        operation = self.launch_op(resources, priority=priority, **task)
        self.accept([offer], [operation], refuse_seconds)
        return operation.task

    def launch_group(
        self,
        offer: Offer | str,
        tasks: Iterable[LaunchOp | Resources | str],
        executor_id: str = "",
        refuse_seconds: float = 0,
        executor: ExecutorRow | None = None,
    ) -> list[Task]:
        """Start a task group on the offer, as `launch` does one task."""
        return self.accept([offer], [self.launch_group_op(tasks, executor_id, executor)], refuse_seconds)

    def accept(
        self,
        offers: Iterable[Offer | str],
        operations: Iterable[AnyOp] = (),
        refuse_seconds: float = 5.0,
    ) -> list[Task]:
        """Use the offers together, for the operations in their order. Returns the tasks of the launches."""
        listed, ops = rows("offers", offers), rows("operations", operations)
        ids = tuple(offer_id(o) for o in listed)
        held = [o for o in (self.held.get(id) for id in dict.fromkeys(ids)) if o is not None]
        available = sum((o.resources for o in held), EMPTY)
        maker = Maker(self.info.principal, held[0].role if held else None)
        made = exact(ops, available, maker)
        self._call(Accept(self.id, ids, made, refusal_ms(refuse_seconds)))
        agent = next((self._agent_of(o) for o in listed), "")
        tasks = [task for op in ops for task in op.tasks]
        for task in tasks:
            task.agent = agent
            self.tasks[task.id] = task
        self._let_go(ids)
        return tasks

    def update(
        self,
        roles: Iterable[str] | None = None,
        min_allocatable: Mapping[str, Iterable[str]] | None = None,
        offer_constraints: Mapping[str, Any] | str | None = None,
        suppressed_roles: Iterable[str] | None = None,
    ) -> None:
        """UPDATE_FRAMEWORK: replace what is named, keep the rest. Answered before it returns: raises InvalidValue with the master's reason, and then nothing has changed."""
        info = self.info
        if roles is not None:
            info = replace(info, roles=texts("roles", roles))
        if min_allocatable is not None:
            info = replace(info, offer_filters=offer_filters_of(min_allocatable))
        constraints = self.offer_constraints if offer_constraints is None else constraints_text(offer_constraints)
        suppressed = (
            [r for r in self.suppressed if r in info.roles]
            if suppressed_roles is None
            else texts("suppressed_roles", suppressed_roles)
        )
        self._answer = None
        self._call(UpdateFramework(info, tuple(suppressed), constraints))
        self._world.settle_until(lambda: self._answer is not None)
        if self._answer:
            raise InvalidValue("framework", self.name, self._answer)
        self.info, self.offer_constraints, self.suppressed = info, constraints, dict.fromkeys(suppressed)

    def kill(self, task: OnAgent, grace: float | None = None) -> None:
        grace_ms = None if grace is None else milliseconds("grace", grace)
        found = on_agent(task)
        self._call(Kill(self.id, found.id, self._calendar.id_of(found.agent), grace_ms))

    def reconcile(self, tasks: Iterable[tuple[str, str | None]] = ()) -> None:
        """Ask for the state of (task id, agent) pairs; with none, of all its tasks."""
        pairs = [task_on_agent(row) for row in rows("tasks", tasks)]
        self._call(Reconcile(self.id, tuple(TaskRef(task_id, self._calendar.id_of(agent)) for task_id, agent in pairs)))

    def reconcile_operations(self, operations: Iterable[tuple[str, str | None]] = ()) -> None:
        """Ask for the state of (operation id, agent) pairs; with none, of all of its operations."""
        pairs = [task_on_agent(row) for row in rows("operations", operations)]
        refs = tuple(OperationRef(operation_id, self._calendar.id_of(agent)) for operation_id, agent in pairs)
        self._call(ReconcileOperations(self.id, refs))

    def operation_updates(self, operation_id: str | None = None) -> list[Event]:
        """The UPDATE_OPERATION_STATUS events, of one operation if one is named."""
        told = [e for e in self.events if e.type == "UPDATE_OPERATION_STATUS"]
        return [e for e in told if operation_id in (None, e.operation_id)]

    def acknowledge(self, event: Event) -> None:
        """Acknowledge an UPDATE or an UPDATE_OPERATION_STATUS by hand. Raises InvalidValue for an event that wants none."""
        if event.uuid is not None and event.operation_id is not None:
            agent_id = self._calendar.id_of(event.agent)
            self._call(AcknowledgeOperation(self.id, agent_id, event.operation_id, event.uuid))
            return
        if event.uuid is None or event.task_id is None:
            raise InvalidValue("event", event.type, "has no uuid to acknowledge")
        self._call(Acknowledge(self.id, self._calendar.id_of(event.agent), event.task_id, event.uuid))

    def send(self, agent: str, executor_id: str, data: bytes) -> None:
        """A message to an executor, best effort."""
        self._call(ToExecutor(self.id, self._calendar.id_of(agent), executor_id, data))

    def shutdown(self, agent: str, executor_id: str) -> None:
        """End an executor with its tasks."""
        self._call(ShutdownExecutor(self.id, self._calendar.id_of(agent), executor_id))

    def teardown(self) -> None:
        """End the framework: its tasks are killed, its id is burnt."""
        self._call(Teardown(self.id))

    # ------------------------------------------------------------ used by its machine

    def subscription(self) -> Subscribe:
        return Subscribe(self.info, tuple(sorted(self.suppressed)), self.offer_constraints)

    def admitted(self, framework_id: str) -> None:
        self.info = replace(self.info, id=framework_id)
        self.subscribed = True

    def answered(self, error: str) -> None:
        """The master has carried out an update, or refused it."""
        self._answer = error

    def received(self, at_ms: int, message: FrameworkEvent) -> Event:
        """Book what the master sent."""
        event = event_of(message, at_ms, self._calendar)
        self.events.append(event)
        for offer in event.offers:
            self.held[offer.id] = offer
        for inverse in event.inverse_offers:
            self.asked[inverse.id] = inverse
        if event.offer_id is not None:
            self.held.pop(event.offer_id, None)
            self.asked.pop(event.offer_id, None)
        if event.type == "UPDATE":
            self._book(event)
        return event

    def flush(self) -> list[Any]:
        """The calls that waited for the id, with it."""
        waiting, self._waiting = self._waiting, []
        return [_with_id(call, self.id) for call in waiting]

    def parted(self) -> None:
        """The master is out of reach: no offer is good any more."""
        self.subscribed = False
        self.held.clear()
        self.asked.clear()

    # ------------------------------------------------------------ inside

    def _book(self, event: Event) -> None:
        task = self.tasks.get(event.task_id or "")
        if task is not None:
            task.state, task.reason, task.message = event.state or "", event.reason, event.message or ""

    def _decline(self, offers: Iterable[Offer | str], refuse_seconds: float) -> None:
        ids = tuple(offer_id(o) for o in offers)
        self._call(Decline(self.id, ids, refusal_ms(refuse_seconds)))
        self._let_go(ids)

    def _let_go(self, offer_ids: Iterable[str]) -> None:
        for id in offer_ids:
            self.held.pop(id, None)

    def _answered(self, offers: InverseOffer | str | Iterable[InverseOffer | str]) -> tuple[str, ...]:
        several = [offers] if isinstance(offers, InverseOffer | str) else rows("offers", offers)
        ids = tuple(offer_id(o) for o in several)
        for id in ids:
            self.asked.pop(id, None)
        return ids

    def _agent_of(self, offer: Offer | str) -> str:
        if isinstance(offer, Offer):
            return offer.agent
        held = self.held.get(offer)
        return held.agent if held is not None else ""

    def _call(self, call: Any) -> None:
        self._running()
        if self.id:
            self._world.post(self.address, MASTER, call)
        else:
            self._waiting.append(call)  # Not subscribed yet: it has no id to sign with.

    def _running(self) -> None:
        if not self._world.alive(self.address):
            raise Conflict(f"framework {self.name!r} is not running")


def _with_id(call: Any, framework_id: str) -> Any:
    if isinstance(call, UpdateFramework):
        return replace(call, info=replace(call.info, id=framework_id))
    return replace(call, framework_id=framework_id)
