"""What a scripted framework sees: offers, its tasks, and events, with agents by their names and times in virtual seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from raymesos.model.attributes import Attributes
from raymesos.model.resources import Resources
from raymesos.wire.messages import (
    Failure,
    FrameworkError,
    FrameworkEvent,
    FromExecutor,
    InverseOffers,
    Launch,
    LaunchGroup,
    Offers,
    OperationUpdate,
    Rescind,
    RescindInverse,
    Subscribed,
    TaskInfo,
    TaskStatus,
    Update,
)
from raymesos.wire.messages import InverseOffer as WireInverseOffer
from raymesos.wire.messages import Offer as WireOffer
from raymesos.wire.messages import Unavailability as WireUnavailability


class Calendar:
    """Turns the machines' clock into virtual seconds since the start of the simulation, and agent ids into names."""

    def __init__(self, start_ms: int) -> None:
        self.start_ms = start_ms
        self._names: dict[str, str] = {}
        self._ids: dict[str, str] = {}

    def seconds(self, at_ms: int) -> float:
        return (at_ms - self.start_ms) / 1000

    def learn(self, agent_id: str, name: str) -> None:
        self._names[agent_id] = name
        self._ids[name] = agent_id

    def name_of(self, agent_id: str) -> str:
        """The agent's name; the id itself if it is of no agent here."""
        return self._names.get(agent_id, agent_id)

    def registered_id(self, name: str) -> str:
        """The id that the agent of this name last registered under; empty if it never did."""
        return self._ids.get(name, "")

    def id_of(self, agent: str | None) -> str:
        """The id that the agent called `agent` has now; the text itself if there is none; empty for None."""
        return self._ids.get(agent, agent) if agent else ""


@dataclass(frozen=True, slots=True)
class Unavailability:
    """From `start` virtual seconds on, for `duration` seconds; for ever if that is None."""

    start: float
    duration: float | None


@dataclass(frozen=True, slots=True)
class InverseOffer:
    """The framework is asked to leave the agent, which is named by its name. Empty `resources`: all that it holds there."""

    id: str
    agent: str
    unavailability: Unavailability
    resources: Resources
    agent_id: str
    framework_id: str


@dataclass(frozen=True, slots=True)
class Offer:
    """An offer as its framework holds it. `agent` is the agent's name."""

    id: str
    agent: str
    role: str
    resources: Resources
    attributes: Attributes
    agent_id: str
    framework_id: str
    executor_ids: tuple[str, ...]
    unavailability: Unavailability | None = None


@dataclass(slots=True)
class Task:
    """A task that the framework asked for: what it was last told of it. `agent` is the agent's name."""

    id: str
    agent: str
    resources: Resources
    state: str = "TASK_STAGING"
    reason: str | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class LaunchOp:
    """One operation of an `accept`, and the task that it starts; `id`, `state`, `agent` and `reason` are the task's, now."""

    info: TaskInfo
    task: Task
    volumes: tuple[str, ...] = ()
    """Ids of the volumes that it also uses."""

    @property
    def operation(self) -> Launch:
        return Launch((self.info,))

    @property
    def tasks(self) -> tuple[Task, ...]:
        return (self.task,)

    @property
    def id(self) -> str:
        return self.task.id

    @property
    def state(self) -> str:
        return self.task.state

    @property
    def agent(self) -> str:
        return self.task.agent

    @property
    def reason(self) -> str | None:
        return self.task.reason


@dataclass(frozen=True, slots=True)
class LaunchGroupOp:
    """One operation of an `accept`, and the tasks that it starts together, in order."""

    operation: LaunchGroup
    tasks: tuple[Task, ...]
    volumes: tuple[tuple[str, ...], ...]
    """The ids of those that each of the tasks uses."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a framework received at `at` virtual seconds. Fields that its type does not have are None."""

    type: str
    at: float
    framework_id: str | None = None
    offers: tuple[Offer, ...] = ()
    offer_id: str | None = None
    inverse_offers: tuple[InverseOffer, ...] = ()
    task_id: str | None = None
    state: str | None = None
    reason: str | None = None
    source: str | None = None
    agent: str | None = None
    message: str | None = None
    uuid: str | None = None
    unreachable_time: float | None = None
    executor_id: str | None = None
    exit_status: int | None = None
    healthy: bool | None = None
    ready: bool | None = None
    data: bytes = b""
    operation_id: str | None = None


def event_of(message: FrameworkEvent, at_ms: int, calendar: Calendar) -> Event:
    """The event that `message`, received at `at_ms`, is to a framework."""
    at = calendar.seconds(at_ms)
    match message:
        case Subscribed(framework_id):
            return Event("SUBSCRIBED", at, framework_id=framework_id)
        case Offers(offers):
            return Event("OFFERS", at, offers=tuple(offer_of(o, calendar) for o in offers))
        case Rescind(offer_id):
            return Event("RESCIND", at, offer_id=offer_id)
        case InverseOffers(offers):
            return Event("INVERSE_OFFERS", at, inverse_offers=tuple(_inverse_of(o, calendar) for o in offers))
        case RescindInverse(offer_id):
            return Event("RESCIND_INVERSE_OFFER", at, offer_id=offer_id)
        case Update(status):
            return Event("UPDATE", at, **_of_status(status, calendar))
        case OperationUpdate(outcome):
            return Event(
                "UPDATE_OPERATION_STATUS",
                at,
                operation_id=outcome.operation_id,
                state=str(outcome.state),
                agent=calendar.name_of(outcome.agent_id) if outcome.agent_id else None,
                message=outcome.message,
                uuid=outcome.uuid or None,
            )
        case FromExecutor(agent_id, executor_id, data):
            return Event("MESSAGE", at, agent=calendar.name_of(agent_id), executor_id=executor_id, data=data)
        case Failure(agent_id, executor_id, exit_status):
            name = calendar.name_of(agent_id)
            return Event("FAILURE", at, agent=name, executor_id=executor_id or None, exit_status=exit_status)
        case FrameworkError(text):
            return Event("ERROR", at, message=text)


def offer_of(offer: WireOffer, calendar: Calendar) -> Offer:
    return Offer(
        id=offer.id,
        agent=calendar.name_of(offer.agent_id),
        role=offer.role,
        resources=offer.resources,
        attributes=offer.attributes,
        agent_id=offer.agent_id,
        framework_id=offer.framework_id,
        executor_ids=offer.executor_ids,
        unavailability=_when(offer.unavailability, calendar),
    )


def _inverse_of(offer: WireInverseOffer, calendar: Calendar) -> InverseOffer:
    return InverseOffer(
        id=offer.id,
        agent=calendar.name_of(offer.agent_id),
        unavailability=_unavailability(offer.unavailability, calendar),
        resources=offer.resources,
        agent_id=offer.agent_id,
        framework_id=offer.framework_id,
    )


def _when(unavailability: WireUnavailability | None, calendar: Calendar) -> Unavailability | None:
    return None if unavailability is None else _unavailability(unavailability, calendar)


def _unavailability(unavailability: WireUnavailability, calendar: Calendar) -> Unavailability:
    duration_ms = unavailability.duration_ms
    seconds = None if duration_ms is None else duration_ms / 1000
    return Unavailability(calendar.seconds(unavailability.start_ms), seconds)


def _of_status(status: TaskStatus, calendar: Calendar) -> dict[str, Any]:
    return {
        "task_id": status.task_id,
        "state": str(status.state),
        "reason": str(status.reason) or None,
        "source": str(status.source),
        "agent": calendar.name_of(status.agent_id) if status.agent_id else None,
        "message": status.message,
        "uuid": status.uuid or None,
        "unreachable_time": calendar.seconds(status.unreachable_ms) if status.unreachable_ms is not None else None,
        "executor_id": status.executor_id or None,
        "healthy": status.healthy,
        "ready": status.ready,
        "data": status.data,
    }
