"""Operations of an operator, on what nobody uses of an agent. Offers are rescinded, no more than needed; whether it is free then, the allocator says."""

from __future__ import annotations

from raymesos.kernel.master import notes, offers, operations
from raymesos.kernel.master.operator import Refused, agent_called, answer
from raymesos.kernel.master.state import Agent, PendingOperate, State
from raymesos.machine import ALLOCATOR, Outbox
from raymesos.model.conversions import Conversion, Maker
from raymesos.model.resources import Resources
from raymesos.model.revocable import remaining
from raymesos.wire.conversion import conversion_of
from raymesos.wire.messages import ConvertFree, Destroy, FreeConverted, Operate

# What was granted while we asked is rescinded and asked for again. A pass more each time: three do, or somebody is faster for ever.
TRIES = 3


def operate(state: State, sender: str, message: Operate, out: Outbox, now_ms: int) -> None:
    """Carry the operation out, or say why not, and then nothing has changed but that offers may have been rescinded."""
    _attempt(state, PendingOperate(sender, message), out, now_ms)


def free_converted(state: State, message: FreeConverted, out: Outbox, now_ms: int) -> None:
    """The allocator's word. Where it was overtaken by a grant, or the agent by a new life of its own, it is tried again."""
    pending = state.operating.pop(message.request_id, None)
    if pending is None:
        return
    agent = state.agents.get(pending.agent_id)
    same = agent is not None and agent.incarnation == pending.incarnation and agent.own.contains(pending.before)
    if agent is None or not message.done or not same:
        _again(state, pending, message.free, out, now_ms)
        return
    operations.apply(state, agent, Conversion(pending.before, pending.after), out, now_ms)
    text = f"{pending.before} of {agent.info.name} is now {pending.after}"
    notes.event(out, now_ms, f"operator {type(pending.message.operation).__name__.lower()}", agent.id, text)
    answer(out, pending.sender, pending.message.request_id)


def ask_again(state: State, out: Outbox, now_ms: int, *, agent_id: str = "") -> None:
    """What was asked of the allocator about this agent (any) is void: it was told of it anew."""
    for request_id, pending in list(state.operating.items()):
        if agent_id in ("", pending.agent_id):
            del state.operating[request_id]
            _attempt(state, pending, out, now_ms)


def give_up(state: State, agent: Agent, out: Outbox) -> None:
    """The agent is no more: who wanted to change something of it is told."""
    for request_id, pending in list(state.operating.items()):
        if pending.agent_id == agent.id:
            del state.operating[request_id]
            refused = Refused("conflict", f"agent {agent.info.name} was lost meanwhile", "agent", agent.info.name)
            answer(out, pending.sender, pending.message.request_id, refused)


def _again(state: State, pending: PendingOperate, free: Resources, out: Outbox, now_ms: int) -> None:
    pending.tries += 1
    if pending.tries < TRIES:
        _attempt(state, pending, out, now_ms)
        return
    text = f"{pending.before} is needed of agent {pending.message.agent}, {free or 'nothing'} is free of it"
    answer(out, pending.sender, pending.message.request_id, Refused("conflict", text, "agent", pending.message.agent))


def _attempt(state: State, pending: PendingOperate, out: Outbox, now_ms: int) -> None:
    message = pending.message
    agent = agent_called(state, message.agent)
    if isinstance(agent, Refused):
        answer(out, pending.sender, message.request_id, agent)
        return
    made = _conversion(agent, message)
    if isinstance(made, Refused):
        answer(out, pending.sender, message.request_id, made)
        return
    _make_free(state, agent, made.before, out, now_ms)
    if isinstance(message.operation, Destroy):
        operations.rescind_shared(state, agent, made.before, out, now_ms)
    state.conversions_asked += 1
    request_id = f"{state.allocator_epoch}.{state.conversions_asked}"
    pending.agent_id, pending.incarnation = agent.id, agent.incarnation
    pending.before, pending.after = made.before, made.after
    state.operating[request_id] = pending
    out.send(ALLOCATOR, ConvertFree(request_id, agent.id, agent.incarnation, made.before, made.after))


def _conversion(agent: Agent, message: Operate) -> Conversion | Refused:
    name = agent.info.name
    if not agent.connected:
        return Refused("conflict", f"agent {name} is disconnected", "agent", message.agent)
    used = operations.use_of_volumes(agent, message.operation)
    maker = Maker(message.principal)
    made = used or conversion_of(message.operation, remaining(agent.whole, agent.used), agent.whole, maker)
    return Refused("conflict", f"agent {name}: {made}", "agent", message.agent) if isinstance(made, str) else made


def _make_free(state: State, agent: Agent, needed: Resources, out: Outbox, now_ms: int) -> None:
    """Take back offers until `needed` is neither used nor offered; those that hold nothing of it stay."""
    for offer_id in list(agent.offers):
        if offers.left_of(state, agent).contains(needed):
            break
        offered = state.offers[offer_id].resources
        if any(offered.filter(key.__eq__) for key, _ in needed):
            offers.rescind_some(state, [offer_id], out, now_ms)
