"""Operations of an Accept that change resources: carried out at once on the master's books and the allocator's, then by the agent, whose word on the outcome is passed on.

As in Mesos the master does not wait for the agent: what was converted is what the next operation works on. If the agent never hears of it, it says what it has when it
registers again.
"""

from __future__ import annotations

from dataclasses import replace

from raymesos.kernel.master import notes, offers
from raymesos.kernel.master.launching import Accepted
from raymesos.kernel.master.state import Agent, Framework, State, agent_at, count, subscriber
from raymesos.machine import ALLOCATOR, Outbox
from raymesos.model.conversions import Conversion, Maker, is_volume, volume_id
from raymesos.model.portions import shared_part
from raymesos.model.resources import Resources
from raymesos.model.tasks import Capability
from raymesos.wire.conversion import conversion_of
from raymesos.wire.messages import (
    AcknowledgeOperation,
    ApplyOperation,
    Convert,
    Destroy,
    Gone,
    OperationAcknowledged,
    OperationReport,
    OperationState,
    OperationStatus,
    OperationUpdate,
    ReconcileOperations,
    ReregisterAgent,
    ResourceOperation,
)


def convert(state: State, on: Accepted, operation: ResourceOperation, out: Outbox, now_ms: int) -> None:
    """Carry the operation out on what is left of the offers. One that cannot be is dropped, and what it was to work on is left."""
    framework, agent = on.framework, on.agent
    made: Conversion | str = f"operation id {operation.id!r} is in use"
    if not operation.id or (framework.id, operation.id) not in agent.operations:
        made = _conversion(on, operation)
    if isinstance(made, str):
        drop(framework, operation, agent.id, made, out, now_ms)
        return
    held = _copies(on.left, made.before)
    if isinstance(operation, Destroy):
        rescind_shared(state, agent, made.before, out, now_ms)
    on.left = on.left - held + made.after
    gone = {key: None for key, _ in made.before}
    on.shared = on.shared.filter(lambda key: key not in gone) + shared_part(made.after)
    out.send(ALLOCATOR, Convert(framework.id, on.role, agent.id, agent.incarnation, held, made.after))
    if operation.id:
        agent.asked[framework.id, operation.id] = operation
    apply(state, agent, made, out, now_ms, framework_id=framework.id, operation_id=operation.id)


def apply(
    state: State,
    agent: Agent,
    made: Conversion,
    out: Outbox,
    now_ms: int,
    *,
    framework_id: str = "",
    operation_id: str = "",
) -> None:
    """The agent has `after` instead of `before` on our books, and is told so."""
    agent.own = made.of(agent.own)
    if operation_id:
        pending = OperationStatus(operation_id, OperationState.PENDING, agent.id)
        agent.operations[framework_id, operation_id] = pending
    out.send(agent.address, ApplyOperation(framework_id, made.before, made.after, operation_id))
    notes.agent_now(state, out, now_ms, agent)


def drop(framework: Framework, operation: ResourceOperation, agent_id: str, why: str, out: Outbox, now_ms: int) -> None:
    """The operation is not carried out; its framework is told if it has an id."""
    kind = type(operation).__name__
    notes.event(out, now_ms, "operation dropped", operation.id or framework.id, f"{kind} of {framework.id}: {why}")
    if operation.id and framework.address is not None:
        status = OperationStatus(operation.id, OperationState.ERROR, agent_id, message=why)
        out.send(framework.address, OperationUpdate(status))


def rescind_shared(state: State, agent: Agent, volumes: Resources, out: Outbox, now_ms: int) -> None:
    """Take back the offers of the agent that hold one of these volumes, which are about to go."""
    going = {key: None for key, _ in shared_part(volumes)}
    if going:
        holding = [o for o in agent.offers if any(key in going for key, _ in state.offers[o].resources)]
        offers.rescind_some(state, holding, out, now_ms)


def use_of_volumes(agent: Agent, operation: ResourceOperation) -> str | None:
    """Why the volumes that the operation destroys cannot go: tasks use them. None if none does."""
    if not isinstance(operation, Destroy):
        return None
    for key, _ in operation.volumes:
        users = [t.info.task_id for t in agent.tasks.values() if t.holding and t.info.resources.filter(key.__eq__)]
        if is_volume(key) and users:
            return f"volume {volume_id(key)!r} is used by {len(users)} task{'s' * (len(users) > 1)}, {users[0]!r} first"
    return None


# ---------------------------------------------------------------- what becomes of them


def reported(state: State, sender: str, message: OperationReport, out: Outbox, now_ms: int) -> None:
    """The outcome, for the framework, which acknowledges it. What nobody will, is acknowledged here."""
    agent = agent_at(state, sender)
    if agent is None:
        return  # It is not registered, so it registers again, and says so again.
    count(state, "messages_operation_status_update")
    status = replace(message.status, agent_id=agent.id)
    framework = state.frameworks.get(message.framework_id)
    known = message.framework_id in state.known_frameworks
    count(state, f"{'valid' if known else 'invalid'}_operation_status_updates")
    if not known:
        agent.operations.pop((message.framework_id, status.operation_id), None)
        agent.asked.pop((message.framework_id, status.operation_id), None)
        out.send(agent.address, OperationAcknowledged(message.framework_id, status.operation_id, status.uuid))
        return
    agent.operations[message.framework_id, status.operation_id] = status
    notes.agent_now(state, out, now_ms, agent)
    if framework is not None and framework.address is not None:
        out.send(framework.address, OperationUpdate(status))


def acknowledged(state: State, sender: str, message: AcknowledgeOperation, out: Outbox, now_ms: int) -> None:
    """Pass it on, and forget the operation. While the agent is away it is lost: the outcome comes again."""
    framework = subscriber(state, sender, message.framework_id)
    if framework is None:
        return
    count(state, "messages_operation_status_update_acknowledgement")
    agent = state.agents.get(message.agent_id)
    key = framework.id, message.operation_id
    known = agent.operations.get(key) if agent is not None else None
    if agent is None or not agent.connected or known is None or known.uuid != message.uuid:
        count(state, "invalid_operation_status_update_acknowledgements")
    else:
        count(state, "valid_operation_status_update_acknowledgements")
        del agent.operations[key]
        agent.asked.pop(key, None)
        notes.agent_now(state, out, now_ms, agent)
        out.send(agent.address, OperationAcknowledged(framework.id, message.operation_id, message.uuid))


def reconcile(state: State, sender: str, message: ReconcileOperations, out: Outbox) -> None:
    """Say what is known of each operation asked for, or of all. The answers want no acknowledgement."""
    framework = subscriber(state, sender, message.framework_id)
    if framework is None:
        return
    count(state, "messages_reconcile_operations")
    known = {
        key[1]: status
        for agent in state.agents.values()
        for key, status in agent.operations.items()
        if key[0] == framework.id
    }
    answers = list(known.values())
    if message.operations:
        answers = [
            known.get(ref.operation_id) or _unknown(state, ref.operation_id, ref.agent_id) for ref in message.operations
        ]
    for status in answers:
        out.send(str(framework.address), OperationUpdate(replace(status, uuid="")))


def level(state: State, agent: Agent, message: ReregisterAgent) -> tuple[tuple[str, str], ...]:
    """What the agent says of its operations counts. Returns (framework id, operation id) of those that it never heard of."""
    brought = {(framework_id, status.operation_id): status for framework_id, status in message.operations}
    pending = [key for key, status in agent.operations.items() if status.state is OperationState.PENDING]
    unheard = tuple([key for key in pending if key not in brought])
    agent.operations = {key: agent.operations[key] for key in unheard} | brought
    agent.asked = {key: operation for key, operation in agent.asked.items() if key in agent.operations}
    return unheard


def end_all(state: State, agent: Agent, now: OperationState, out: Outbox) -> None:
    """The agent is lost: what becomes of its operations cannot be known now."""
    for (framework_id, operation_id), status in agent.operations.items():
        framework = state.frameworks.get(framework_id)
        if framework is not None and framework.address is not None and status.state is OperationState.PENDING:
            out.send(framework.address, OperationUpdate(OperationStatus(operation_id, now, agent.id)))


def _conversion(on: Accepted, operation: ResourceOperation) -> Conversion | str:
    info = on.framework.info
    maker = Maker(
        info.principal,
        on.role,
        refines=Capability.RESERVATION_REFINEMENT in info.capabilities,
        shares=Capability.SHARED_RESOURCES in info.capabilities,
    )
    return use_of_volumes(on.agent, operation) or conversion_of(operation, on.left, on.agent.whole, maker)


def _copies(left: Resources, before: Resources) -> Resources:
    """`before`, with all copies of what is shared that the framework holds."""
    kinds = {key: None for key, _ in shared_part(before)}
    return before if not kinds else before.filter(lambda k: k not in kinds) + left.filter(lambda k: k in kinds)


def _unknown(state: State, operation_id: str, agent_id: str) -> OperationStatus:
    """What can be said of an operation that is on no agent's books. (Mesos: master.cpp, reconcileOperations)"""
    new, text = OperationState.UNKNOWN, "Reconciliation: Operation is unknown"
    if agent_id in state.recovering:
        new, text = OperationState.RECOVERING, "Reconciliation: Agent is recovering"
    elif agent_id in state.unreachable:
        new, text = OperationState.UNREACHABLE, "Reconciliation: Agent is unreachable"
    elif state.gone.get(agent_id) is Gone.MARKED:
        new, text = OperationState.GONE_BY_OPERATOR, "Reconciliation: Agent is gone"
    return OperationStatus(operation_id, new, agent_id, message=text)
