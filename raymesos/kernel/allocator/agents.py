"""What the allocator hears of agents and of what is given back. A handler books, and returns whether a pass over the agent, now a candidate, is due."""

from __future__ import annotations

from raymesos.errors import InvariantBroken
from raymesos.kernel.allocator import inverse
from raymesos.kernel.allocator.state import State
from raymesos.kernel.allocator.wants import unbook
from raymesos.machine import MASTER, Outbox
from raymesos.wire.messages import (
    AgentAdded,
    AgentChanged,
    AgentUnavailability,
    Convert,
    ConvertFree,
    FreeConverted,
    Recover,
)


def add(state: State, message: AgentAdded) -> bool:
    """The agent is known as told, whatever was known of it before."""
    remove(state, message.agent_id)
    state.ledger.add_agent(message)
    inverse.schedule(state.inverse, message.agent_id, message.unavailability)
    return _candidate(state, message.agent_id)


def change(state: State, message: AgentChanged) -> bool:
    """A pass is due only if something really changed. Other attributes void the filters: what was refused may be wanted now."""
    agent = state.ledger.agents.get(message.agent_id)
    if agent is None:
        return False
    place, told = (agent.attributes, agent.region, agent.zone), (message.attributes, message.region, message.zone)
    if agent.total == message.total and place == told:
        return False
    if place != told:
        state.filters.clear_agent(agent.id)
        state.roster.forget_suits(agent.id)
    agent.region, agent.zone = message.region, message.zone
    state.ledger.change_agent(agent, message.total, message.attributes)
    agent.passed_over = -1
    return _candidate(state, agent.id)


def remove(state: State, agent_id: str) -> bool:
    agent = state.ledger.agents.get(agent_id)
    if agent is not None:
        state.holds.forget_agent(agent)
        inverse.schedule(state.inverse, agent_id, None)
        state.ledger.remove_agent(agent)
        state.filters.clear_agent(agent_id)
        state.roster.forget_suits(agent_id)
    return False


def set_unavailability(state: State, message: AgentUnavailability) -> bool:
    """When the agent will be unavailable has changed: what is free is offered, and who holds something is asked, with what is known now."""
    if message.agent_id not in state.ledger.agents:
        return False
    inverse.schedule(state.inverse, message.agent_id, message.unavailability)
    return _candidate(state, message.agent_id)


def set_active(state: State, agent_id: str, *, active: bool) -> bool:
    """An agent that comes back waits for the next periodic pass, as in Mesos."""
    agent = state.ledger.agents.get(agent_id)
    if agent is not None:
        state.ledger.set_active(agent, active=active)
        if not active:
            state.holds.forget_agent(agent)  # Who waits for it waits for another.
    return False


def recover(state: State, message: Recover, now_ms: int) -> bool:
    """What was held is free again, refused by its holder for a while if it says so. The end of a task makes a pass due; nothing else does.

    Raises InvariantBroken if it was not held: the master's books and these have parted.
    """
    state.released = max(state.released, message.release)
    agent = state.ledger.agents.get(message.agent_id)
    if agent is None or agent.incarnation != message.incarnation:
        return False  # Held of a former life of the agent: the addition of this one told anew what is held.
    framework = state.roster.frameworks.get(message.framework_id)
    subscription = framework.subscriptions.get(message.role) if framework is not None else None
    if subscription is None:
        raise InvariantBroken("allocator.recover", f"{message.framework_id} holds nothing in {message.role}: {message}")
    resources = state.ledger.release(agent, subscription, message.resources)
    if subscription.exact and unbook(subscription, resources, ended=message.task_ended):
        state.roster.settle(subscription)
        state.roster.wishes += 1
    if message.refuse_ms is not None and message.refuse_ms > 0 and subscription.subscribed:
        state.filters.add(subscription.key, agent.id, resources, now_ms=now_ms, refuse_ms=message.refuse_ms)
    return message.task_ended and _candidate(state, agent.id)


def convert(state: State, message: Convert) -> bool:
    """What the framework holds is of another kind now. Of an agent that was added anew the addition has told it already."""
    agent = state.ledger.agents.get(message.agent_id)
    if agent is not None and agent.incarnation == message.incarnation:
        subscription = state.roster.subscription(message.framework_id, message.role)
        state.ledger.convert(agent, subscription, message.before, message.after)
    return False


def convert_free(state: State, message: ConvertFree, out: Outbox) -> bool:
    """Of another kind, if nobody holds it; the master is answered either way."""
    agent = state.ledger.agents.get(message.agent_id)
    if agent is None or agent.incarnation != message.incarnation:
        out.send(MASTER, FreeConverted(message.request_id, done=False))
    elif state.ledger.convert_free(agent, message.before, message.after):
        out.send(MASTER, FreeConverted(message.request_id, done=True))
    else:
        out.send(MASTER, FreeConverted(message.request_id, done=False, free=agent.free))
    return False


def _candidate(state: State, agent_id: str) -> bool:
    state.candidates[agent_id] = None
    return True
