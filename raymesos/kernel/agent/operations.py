"""Operations on the agent's own resources: what was reserved is reserved, volumes have their directories, over every restart of the agent.

The master has checked and booked an operation before it comes here. One that does not go all the same, because of what neither knew of the other, is dropped, and the
agent registers again: its word on what it has counts. The outcome of an operation with an id is resent until it is acknowledged.
"""

from __future__ import annotations

from raymesos.kernel.agent import registration
from raymesos.kernel.agent.state import (
    Joined,
    Outcome,
    Recovering,
    State,
    Stopped,
    event,
    is_connected,
    live_tasks,
    wake_key,
)
from raymesos.kernel.names import launcher_address
from raymesos.kernel.volumes import volumes_of
from raymesos.machine import MASTER, Outbox
from raymesos.model.conversions import carried_over
from raymesos.model.portions import shared_part
from raymesos.model.resources import EMPTY, Resources
from raymesos.wire.messages import (
    ApplyOperation,
    ChangeVolumes,
    OperationAcknowledged,
    OperationForgotten,
    OperationKept,
    OperationReport,
    OperationState,
    OperationStatus,
    OwnKept,
)

UNHEARD = "the agent has not heard of it"


def apply(state: State, message: ApplyOperation, out: Outbox, now_ms: int) -> None:
    """Carry the operation out. Before the agent has an id, and while it recovers, nothing is taken: the master finds out when the agent registers."""
    if not state.agent_id or isinstance(state.phase, Recovering | Stopped):
        return
    reason = _reason(state, message)
    if reason is None:
        state.own = state.own - message.before + message.after
        out.persist(OwnKept(state.info.resources, state.own))
        _change_directories(state, message, out)
        _book(state, message, OperationState.FINISHED, "", out)
        return
    event(out, now_ms, "operation dropped", message.operation_id or state.agent_id, reason)
    _book(state, message, OperationState.DROPPED, reason, out)
    if isinstance(state.phase, Joined):
        registration.join(state, out)


def acknowledged(state: State, message: OperationAcknowledged, out: Outbox) -> None:
    outcome = state.operations.get((message.framework_id, message.operation_id))
    if outcome is not None and outcome.status.uuid == message.uuid:
        forget(state, message.framework_id, message.operation_id, out)


def resend(state: State, framework_id: str, operation_id: str, out: Outbox) -> None:
    """It was not acknowledged in time."""
    outcome = state.operations.get((framework_id, operation_id))
    if outcome is not None:
        _send(state, framework_id, outcome, out)


def resend_all(state: State, out: Outbox) -> None:
    """The master listens again."""
    for (framework_id, _), outcome in state.operations.items():
        outcome.retry_ms = state.settings.update_retry_ms
        _send(state, framework_id, outcome, out)


def answer_unheard(state: State, pairs: tuple[tuple[str, str], ...], out: Outbox) -> None:
    """The master sent these (framework id, operation id): those that never came are dropped."""
    for framework_id, operation_id in pairs:
        if (framework_id, operation_id) not in state.operations:
            lost = ApplyOperation(framework_id, EMPTY, EMPTY, operation_id)
            _book(state, lost, OperationState.DROPPED, UNHEARD, out)


def drop_framework(state: State, framework_id: str, out: Outbox) -> None:
    """Nobody waits for the outcomes any more. What was reserved stays reserved."""
    for key in [key for key in state.operations if key[0] == framework_id]:
        forget(state, *key, out)


def forget(state: State, framework_id: str, operation_id: str, out: Outbox) -> None:
    del state.operations[framework_id, operation_id]
    out.sleep(wake_key("operation", framework_id, operation_id))
    out.persist(OperationForgotten(framework_id, operation_id))


def own_as_told(state: State) -> Resources:
    """What is told of `own`: nothing where no operation has changed it."""
    return EMPTY if state.own == state.info.resources else state.own


def resize(state: State, base: Resources) -> Resources:
    """The agent was started with `base` and now has `info.resources`: what operations made of it is made of these, as far as it goes. Returns what is lost."""
    state.own, lost = carried_over(state.own, base, state.info.resources)
    return lost


def begin(state: State, out: Outbox, now_ms: int) -> None:
    """A new life: the directories of its volumes are there, and what it has less than in the former one is said."""
    volumes = volumes_of(state.own)
    if volumes:
        out.send(launcher_address(state.info.name), ChangeVolumes(keep=volumes))
    if state.lost:
        tell_lost(state, state.lost, out, now_ms)
        state.lost = EMPTY


def tell_lost(state: State, lost: Resources, out: Outbox, now_ms: int) -> None:
    """What operations have made is on record for the new size, and what is lost is said."""
    out.persist(OwnKept(state.info.resources, state.own))
    if lost:
        text = f"{lost}: the agent has become smaller"
        event(out, now_ms, "reservations lost", state.agent_id or state.info.name, text)


def _reason(state: State, message: ApplyOperation) -> str | None:
    if not state.free.contains(message.before):
        return f"{message.before} is needed, the agent has {state.free} free"
    going = {key: None for key, _ in shared_part(message.before)}
    for task in live_tasks(state) if going else ():
        if any(key in going for key, _ in task.info.resources):
            return f"{message.before} is used by task {task.info.task_id}"
    return None


def _change_directories(state: State, message: ApplyOperation, out: Outbox) -> None:
    before, after = volumes_of(message.before), volumes_of(message.after)
    change = ChangeVolumes(
        make=tuple([v for v in after if v not in before]), remove=tuple([v for v in before if v not in after])
    )
    if change.make or change.remove:
        out.send(launcher_address(state.info.name), change)


def _book(state: State, message: ApplyOperation, now: OperationState, text: str, out: Outbox) -> None:
    if not message.operation_id:
        return
    converted = message.after if now is OperationState.FINISHED else EMPTY
    status = OperationStatus(message.operation_id, now, state.agent_id, state.uuids.next(), text, converted)
    outcome = Outcome(status, state.settings.update_retry_ms)
    state.operations[message.framework_id, message.operation_id] = outcome
    out.persist(OperationKept(message.framework_id, status))
    _send(state, message.framework_id, outcome, out)


def _send(state: State, framework_id: str, outcome: Outcome, out: Outbox) -> None:
    if not is_connected(state):
        return  # `resend_all` sends it when the agent is registered again.
    out.send(MASTER, OperationReport(framework_id, outcome.status))
    out.wake(wake_key("operation", framework_id, outcome.status.operation_id), outcome.retry_ms)
    outcome.retry_ms = min(outcome.retry_ms * 2, state.settings.update_retry_max_ms)
