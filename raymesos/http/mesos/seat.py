"""The machine that speaks to the master for one subscription over HTTP. It has no privilege and keeps no books: its client does, over there.

When the master is lost, or what lay between, the subscription is over: the client subscribes again, under its id, as with Mesos. One that does not stand yet is asked for
again when the master answers again: whether the first call got through nobody knows, and the master takes a second one of the same address for the first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

from raymesos.errors import InvariantBroken
from raymesos.http.desk import Told
from raymesos.machine import MASTER, LinkDown, LinkUp, Outbox, Wake
from raymesos.wire.messages import (
    Accept,
    AcceptInverse,
    Acknowledge,
    AcknowledgeOperation,
    Decline,
    DeclineInverse,
    Disconnect,
    Failure,
    FrameworkError,
    FrameworkUpdated,
    FromExecutor,
    InverseOffers,
    Kill,
    Offers,
    OperationUpdate,
    Reconcile,
    ReconcileOperations,
    Rescind,
    RescindInverse,
    Revive,
    ShutdownExecutor,
    Subscribe,
    Subscribed,
    Suppress,
    Teardown,
    ToExecutor,
    Update,
    UpdateFramework,
)

Heard = (
    Offers
    | Rescind
    | InverseOffers
    | RescindInverse
    | Update
    | OperationUpdate
    | FromExecutor
    | Failure
    | FrameworkUpdated
)
Call = (
    Accept
    | Decline
    | AcceptInverse
    | DeclineInverse
    | Revive
    | Suppress
    | Kill
    | ShutdownExecutor
    | Acknowledge
    | AcknowledgeOperation
    | Reconcile
    | ReconcileOperations
    | ToExecutor
    | UpdateFramework
)
_HEARD, _CALLS = dict.fromkeys(get_args(Heard)), dict.fromkeys(get_args(Call))


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Told to the client every now and then, so that it knows that the stream lives."""


@dataclass(frozen=True, slots=True)
class Over:
    """The subscription has ended: nothing more will be told."""


@dataclass(frozen=True, slots=True)
class Leave:
    """From the client's side: it has gone, or reads too slowly."""


Inbox = Subscribed | FrameworkError | Heard | Call | Teardown | Leave | Wake | LinkDown | LinkUp


class Seat:
    """`told` is the desk's; what this seat says is there under its `address`."""

    def __init__(self, address: str, subscribe: Subscribe, told: Told) -> None:
        self.address = address
        self.framework_id = ""
        """Its own once it is subscribed."""
        self.over = False
        self._subscribe, self._told = subscribe, told
        self._heartbeat_ms = 0

    def check(self) -> None:
        if self.framework_id and not self._heartbeat_ms:
            raise InvariantBroken("seat.heartbeat", f"{self.address} is subscribed and was told no interval")

    def handle(self, now_ms: int, sender: str, message: Any, out: Outbox) -> None:
        if self.over:
            return
        inbox: Inbox = message
        match inbox:
            case Wake("start"):
                out.send(MASTER, self._subscribe)
            case Wake():
                self._beat(out)
            case LinkUp(peer, _) if peer == MASTER and not self.framework_id:
                out.send(MASTER, self._subscribe)
            case LinkDown(peer) | LinkUp(peer, _):
                # Of the link to the master we hear only when something was lost.
                if peer == MASTER:
                    self._end()
            case Leave():
                self._disconnect(out)
            case Teardown() if sender == self.address:
                out.send(MASTER, inbox)
                self._end()
            case _ if sender == MASTER:
                self._hear(inbox, out)
            case _ if sender == self.address and type(inbox) in _CALLS:
                out.send(MASTER, inbox)
            case _:
                return

    def _hear(self, message: Any, out: Outbox) -> None:
        match message:
            case Subscribed() if self.framework_id:
                return  # The answer to a subscription that was asked for twice.
            case Subscribed():
                self.framework_id, self._heartbeat_ms = message.framework_id, message.heartbeat_ms
                self._say(message)
                self._beat(out)
            case FrameworkError():
                self._say(message)
                self._disconnect(out)
            case _ if type(message) in _HEARD and self.framework_id:
                self._say(message)
            case _:
                return

    def _beat(self, out: Outbox) -> None:
        self._say(Heartbeat())
        out.wake("heartbeat", self._heartbeat_ms)

    def _disconnect(self, out: Outbox) -> None:
        out.send(MASTER, Disconnect(self.framework_id))
        self._end()

    def _end(self) -> None:
        self._say(Over())
        self.over = True

    def _say(self, message: Any) -> None:
        self._told.append((self.address, message))
