"""A framework whose decisions are somebody else's: what the master says becomes callbacks, in order; what the scheduler calls goes to the master.

By itself it does what Mesos' scheduler driver does: subscribe, again whenever the master was lost, under the id that it was given; answer launches
that cannot reach a master. Offers of a connection that broke are void, and it says so. Other calls without a master have no effect, but roles stay as they were
woken and silenced, and demand is said again.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import Any, assert_never

from raymesos.errors import InvariantBroken
from raymesos.machine import MASTER, LinkDown, LinkUp, Outbox, Wake
from raymesos.model.tasks import Capability, Reason, Source, TaskState, for_framework
from raymesos.wire.messages import (
    Accept,
    AcceptInverse,
    Acknowledge,
    AcknowledgeOperation,
    Decline,
    DeclineInverse,
    Demand,
    Disconnect,
    Failure,
    FrameworkError,
    FrameworkEvent,
    FrameworkInfo,
    FrameworkUpdated,
    FromExecutor,
    InverseOffers,
    Kill,
    Launch,
    LaunchGroup,
    Offers,
    OperationState,
    OperationStatus,
    OperationUpdate,
    Reconcile,
    ReconcileOperations,
    Rescind,
    RescindInverse,
    Revive,
    Subscribe,
    Subscribed,
    Suppress,
    TaskStatus,
    Teardown,
    Update,
    UpdateFramework,
)

InverseCall = AcceptInverse | DeclineInverse
OperationCall = AcknowledgeOperation | ReconcileOperations
Call = (
    Accept
    | Decline
    | InverseCall
    | Revive
    | Suppress
    | Kill
    | Acknowledge
    | Reconcile
    | OperationCall
    | UpdateFramework
    | Teardown
)
"""What the scheduler asks for, with an empty framework id: it may not have heard its own yet."""
Callback = FrameworkEvent | FrameworkUpdated
"""What the scheduler is told."""
Inbox = Callback | Call | Wake | LinkDown | LinkUp

SUBSCRIBE_RETRY_MS = 1_000


@dataclass(slots=True)
class State:
    """`awake` roles want offers; `demand` is what was last said of each with a revive. `offers` are outstanding."""

    info: FrameworkInfo
    awake: dict[str, None]
    demand: dict[str, tuple[Demand, ...]] = field(default_factory=dict)
    offer_constraints: str = ""
    updates: deque[UpdateFramework] = field(default_factory=deque)
    """Changes of what it is that the master has not answered, oldest first."""
    connected: bool = False
    leaving: bool = False
    """To be torn down as soon as there is a master that hears it."""
    ended: bool = False
    """The subscription is over for good: torn down, or ended by the master."""
    offers: dict[str, None] = field(default_factory=dict)
    inverse_offers: dict[str, None] = field(default_factory=dict)
    callbacks: list[Callback] = field(default_factory=list)


class CustomMachine:
    """`suppressed` are roles that want no offers at first. The host takes the callbacks after each turn."""

    def __init__(self, info: FrameworkInfo, suppressed: tuple[str, ...] = (), *, offer_constraints: str = "") -> None:
        awake = {role: None for role in info.roles if role not in suppressed}
        self.state = State(info, awake, offer_constraints=offer_constraints)

    def take_callbacks(self) -> list[Callback]:
        """What the scheduler has not been told yet, oldest first; each is handed out once."""
        taken, self.state.callbacks = self.state.callbacks, []
        return taken

    def check(self) -> None:
        state = self.state
        held = len(state.offers) + len(state.inverse_offers)
        if held and not state.connected:
            raise InvariantBroken("custom.offers", f"{held} offers are held without a subscription")
        if state.connected and state.ended:
            raise InvariantBroken("custom.ended", f"framework {state.info.id} has ended and is connected")

    def handle(self, now_ms: int, sender: str, message: Any, out: Outbox) -> None:
        inbox: Inbox = message
        state = self.state
        if state.ended:
            return
        match inbox:
            case Wake():
                _subscribe(state, out)
            case LinkDown(peer):
                if peer == MASTER:
                    _parted(state)
                    _subscribe(state, out)
            case LinkUp(peer, restarted):
                # Otherwise our subscription is on its way already.
                if peer == MASTER and (restarted or state.connected):
                    _parted(state)
                    _subscribe(state, out)
            case (
                Subscribed()
                | Offers()
                | Rescind()
                | InverseOffers()
                | RescindInverse()
                | OperationUpdate()
                | Update()
                | FromExecutor()
                | Failure()
                | FrameworkError()
                | FrameworkUpdated()
            ):
                _hear_master(state, inbox, out)
            case _:
                _call(state, inbox, out, now_ms)


# ---------------------------------------------------------------- the subscription


def _subscribe(state: State, out: Outbox) -> None:
    """Ask for a subscription, and again until it is there."""
    asleep = tuple(role for role in state.info.roles if role not in state.awake)
    out.send(MASTER, Subscribe(state.info, asleep, state.offer_constraints))
    out.wake("subscribe", SUBSCRIBE_RETRY_MS)


def _parted(state: State) -> None:
    """The master is away: what it offered is void."""
    state.connected = False
    state.callbacks.extend(Rescind(offer_id) for offer_id in state.offers)
    state.callbacks.extend(RescindInverse(offer_id) for offer_id in state.inverse_offers)
    state.offers.clear()
    state.inverse_offers.clear()
    state.callbacks.extend(FrameworkUpdated("Master disconnected") for _ in state.updates)
    state.updates.clear()


def _hear_master(state: State, message: Callback, out: Outbox) -> None:
    match message:
        case Subscribed():
            _subscribed(state, message, out)
        case FrameworkError():
            if state.connected:
                # As Mesos' driver does: the master may still think that we are there.
                out.send(MASTER, Disconnect(state.info.id))
            _parted(state)
            state.ended = True
            state.callbacks.append(message)
        case Offers(offers):
            if state.connected:
                state.offers.update(dict.fromkeys(offer.id for offer in offers))
                state.callbacks.append(message)
        case Rescind(offer_id):
            # One that was just accepted or declined is no news.
            if offer_id in state.offers:
                del state.offers[offer_id]
                state.callbacks.append(message)
        case InverseOffers(inverse):
            if state.connected:
                state.inverse_offers.update(dict.fromkeys(offer.id for offer in inverse))
                state.callbacks.append(message)
        case RescindInverse(offer_id):
            if offer_id in state.inverse_offers:
                del state.inverse_offers[offer_id]
                state.callbacks.append(message)
        case FrameworkUpdated(error):
            if state.updates:
                _updated(state, state.updates.popleft(), error)
        case Update() | OperationUpdate() | FromExecutor() | Failure():
            state.callbacks.append(message)
        case _:
            assert_never(message)


def _subscribed(state: State, message: Subscribed, out: Outbox) -> None:
    """In, for the first time or again: the master has forgotten our filters, demand and offers of before."""
    _parted(state)
    state.info = replace(state.info, id=message.framework_id)
    out.sleep("subscribe")
    state.connected = True
    if state.leaving:
        _teardown(state, out)
        return
    state.callbacks.append(message)
    for role, demand in state.demand.items():
        out.send(MASTER, Revive(message.framework_id, (role,), demand))


def _updated(state: State, asked: UpdateFramework, error: str) -> None:
    """The framework is what it asked to be, or stays what it was."""
    if not error:
        state.info = replace(asked.info, id=state.info.id)
        state.awake = {role: None for role in state.info.roles if role not in asked.suppressed_roles}
        state.demand = {role: wanted for role, wanted in state.demand.items() if role in state.awake}
        state.offer_constraints = asked.offer_constraints
    state.callbacks.append(FrameworkUpdated(error))


def _teardown(state: State, out: Outbox) -> None:
    """End the framework: a master that hears us is told now, another when it does."""
    state.leaving = True
    if state.connected:
        out.send(MASTER, Teardown(state.info.id))
        state.offers.clear()
        state.inverse_offers.clear()
        state.connected, state.ended = False, True


# ---------------------------------------------------------------- calls of the scheduler


def _call(state: State, call: Call, out: Outbox, now_ms: int) -> None:
    match call:
        case Accept():
            _forget_offers(state, call.offer_ids)
            if not state.connected:
                _bounce(state, call, now_ms)
        case Decline():
            _forget_offers(state, call.offer_ids)
        case AcceptInverse() | DeclineInverse():
            for offer_id in call.offer_ids:
                state.inverse_offers.pop(offer_id, None)
        case Revive():
            for role in call.roles or state.info.roles:
                state.awake[role] = None
                _keep_demand(state, role, call.demand)
        case Suppress():
            for role in call.roles or state.info.roles:
                state.awake.pop(role, None)
                state.demand.pop(role, None)
        case UpdateFramework():
            if state.connected:
                state.updates.append(call)
                out.send(MASTER, replace(call, info=replace(call.info, id=state.info.id)))
            else:
                _updated(state, call, "")  # The next subscription says so.
            return
        case Teardown():
            _teardown(state, out)
            return
        case Kill() | Acknowledge() | Reconcile() | AcknowledgeOperation() | ReconcileOperations():
            pass
        case _:
            assert_never(call)
    if state.connected:
        out.send(MASTER, replace(call, framework_id=state.info.id))


def _forget_offers(state: State, offer_ids: tuple[str, ...]) -> None:
    for offer_id in offer_ids:
        state.offers.pop(offer_id, None)


def _keep_demand(state: State, role: str, demand: tuple[Demand, ...]) -> None:
    wanted = tuple(d for d in demand if d.role in ("", role))
    if wanted:
        state.demand[role] = wanted
    else:
        state.demand.pop(role, None)


def _bounce(state: State, accept: Accept, now_ms: int) -> None:
    """No master hears the launches: they are answered here, as in Mesos, so that none is waited for; operations with ids alike. (Mesos: sched.cpp, acceptOffers)"""
    aware = Capability.PARTITION_AWARE in state.info.capabilities
    told = for_framework(TaskState.DROPPED, partition_aware=aware)
    for operation in accept.operations:
        if not isinstance(operation, Launch | LaunchGroup):
            if operation.id:
                dropped = OperationStatus(operation.id, OperationState.DROPPED, message="Master disconnected")
                state.callbacks.append(OperationUpdate(dropped))
            continue
        for task in operation.tasks:
            status = TaskStatus(
                task.task_id,
                told,
                source=Source.MASTER,
                reason=Reason.MASTER_DISCONNECTED,
                message="Master disconnected",
                timestamp_ms=now_ms,
            )
            state.callbacks.append(Update(status))
