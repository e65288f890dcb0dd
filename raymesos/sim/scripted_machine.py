"""One life of a scripted framework: what the machine in the world does by itself, for the handle that a test holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from raymesos.machine import MASTER, LinkDown, LinkUp, Outbox, Wake
from raymesos.wire.messages import (
    Acknowledge,
    AcknowledgeOperation,
    Disconnect,
    Failure,
    FrameworkError,
    FrameworkUpdated,
    FromExecutor,
    InverseOffers,
    Offers,
    OperationUpdate,
    Rescind,
    RescindInverse,
    Revive,
    Subscribed,
    Update,
)

if TYPE_CHECKING:
    from raymesos.sim.scripted import Framework


class ScriptedMachine:
    """It subscribes, subscribes again when it lost the master, and acknowledges; each of the last two only unless it was told not to."""

    def __init__(self, framework: Framework, *, first: bool) -> None:
        self._framework = framework
        self._first = first

    def handle(self, now_ms: int, sender: str, message: Any, out: Outbox) -> None:
        framework = self._framework
        match message:
            case Wake("start"):
                if self._first or framework.reregisters:
                    self._subscribe(out)
            case LinkUp(peer) if peer == MASTER:
                if framework.reregisters:
                    self._subscribe(out)
            case LinkDown(peer) if peer == MASTER:
                framework.parted()
            case Subscribed(framework_id):
                framework.received(now_ms, message)
                self._subscribed(framework_id, out)
            case FrameworkError():
                framework.received(now_ms, message)
                framework.parted()
                framework.closed = True
                out.send(MASTER, Disconnect(framework.id))
            case Update(status):
                framework.received(now_ms, message)
                if status.uuid and framework.acknowledges:
                    out.send(MASTER, Acknowledge(framework.id, status.agent_id, status.task_id, status.uuid))
            case OperationUpdate(status):
                framework.received(now_ms, message)
                if status.uuid and framework.acknowledges:
                    answer = AcknowledgeOperation(framework.id, status.agent_id, status.operation_id, status.uuid)
                    out.send(MASTER, answer)
            case FrameworkUpdated(error):
                framework.answered(error)
            case Offers() | Rescind() | InverseOffers() | RescindInverse() | FromExecutor() | Failure():
                framework.received(now_ms, message)
            case _:
                return

    def check(self) -> None:
        return

    def _subscribe(self, out: Outbox) -> None:
        if not self._framework.closed:
            out.send(MASTER, self._framework.subscription())

    def _subscribed(self, framework_id: str, out: Outbox) -> None:
        framework = self._framework
        framework.admitted(framework_id)
        awake = tuple(r for r in framework.info.roles if r not in framework.suppressed)
        if framework.demand and awake:
            out.send(MASTER, Revive(framework_id, awake, framework.demand))
        for call in framework.flush():
            out.send(MASTER, call)
