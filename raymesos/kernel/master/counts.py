"""What each framework has called, been told and asked for, by the words of Mesos' `master/frameworks/NAME/ID/...`. (Mesos: master/metrics.cpp, FrameworkMetrics)"""

from __future__ import annotations

from raymesos.kernel.master.state import Framework, State
from raymesos.machine import Outbox
from raymesos.wire.messages import (
    Accept,
    AcceptInverse,
    Acknowledge,
    AcknowledgeOperation,
    Create,
    Decline,
    DeclineInverse,
    Destroy,
    Failure,
    FrameworkError,
    FromExecutor,
    Grow,
    InverseOffers,
    Kill,
    Launch,
    LaunchGroup,
    Offers,
    OperationUpdate,
    Reconcile,
    ReconcileOperations,
    Rescind,
    RescindInverse,
    Reserve,
    Revive,
    Shrink,
    ShutdownExecutor,
    Subscribe,
    Subscribed,
    Suppress,
    Teardown,
    ToExecutor,
    Unreserve,
    Update,
    UpdateFramework,
)
from raymesos.wire.notes import CallsNote

CALLS: dict[type, str] = {
    Accept: "accept",
    AcceptInverse: "accept_inverse_offers",
    Acknowledge: "acknowledge",
    AcknowledgeOperation: "acknowledge_operation_status",
    Decline: "decline",
    DeclineInverse: "decline_inverse_offers",
    Kill: "kill",
    ToExecutor: "message",
    Reconcile: "reconcile",
    ReconcileOperations: "reconcile_operations",
    Revive: "revive",
    ShutdownExecutor: "shutdown",
    Subscribe: "subscribe",
    Suppress: "suppress",
    Teardown: "teardown",
    UpdateFramework: "update_framework",
}
OPERATIONS: dict[type, str] = {
    Create: "create",
    Destroy: "destroy",
    Grow: "grow_volume",
    Launch: "launch",
    LaunchGroup: "launch_group",
    Reserve: "reserve",
    Shrink: "shrink_volume",
    Unreserve: "unreserve",
}
EVENTS: dict[type, str] = {
    FrameworkError: "error",
    Failure: "failure",
    InverseOffers: "inverse_offers",
    FromExecutor: "message",
    Offers: "offers",
    Rescind: "rescind",
    RescindInverse: "rescind_inverse_offer",
    Subscribed: "subscribed",
    Update: "update",
    OperationUpdate: "update_operation_status",
}


def called(state: State, sender: str, message: object) -> None:
    """The framework at `sender` has called. Counted while it is subscribed: before it leaves, after it has come."""
    name, framework = CALLS.get(type(message)), _at(state, sender)
    if name is None or framework is None:
        return
    _count(state, framework, "calls", name)
    if isinstance(message, Accept):
        for operation in message.operations:
            _count(state, framework, "operations", OPERATIONS[type(operation)])


def told(state: State, out: Outbox) -> None:
    """What is about to be sent are events of those that live there."""
    for to, message in out.sends:
        name = EVENTS.get(type(message))
        if name is not None and (framework := _at(state, to)) is not None:
            _count(state, framework, "events", name)


def counted(state: State, now_ms: int) -> list[CallsNote]:
    """Of each framework for which something was counted since the last call."""
    untold, state.counted = state.counted, {}
    found = [state.frameworks.get(framework_id) for framework_id in untold]
    return [CallsNote(now_ms, f.id, tuple(f.counts.items())) for f in found if f is not None]


def _at(state: State, address: str) -> Framework | None:
    return state.frameworks.get(state.framework_of_address.get(address, ""))


def _count(state: State, framework: Framework, what: str, name: str) -> None:
    counts = framework.counts
    counts[what] = counts.get(what, 0) + 1
    key = f"{what}/{name}"
    counts[key] = counts.get(key, 0) + 1
    state.counted[framework.id] = None
