"""What the allocator hears of agents and of what is given back. A handler books, and returns whether a pass over the agent, now a candidate, is due."""

from __future__ import annotations

from raymesos.errors import InvariantBroken
from raymesos.kernel.allocator.state import State
from raymesos.wire.messages import AgentAdded, AgentChanged, Recover


def add(state: State, message: AgentAdded) -> bool:
    """The agent is known as told, whatever was known of it before."""
    remove(state, message.agent_id)
    state.ledger.add_agent(message)
    return _candidate(state, message.agent_id)


def change(state: State, message: AgentChanged) -> bool:
    """A pass is due only if something really changed. Other attributes void the filters: what was refused may be wanted now."""
    agent = state.ledger.agents.get(message.agent_id)
    if agent is None or (agent.total == message.total and agent.attributes == message.attributes):
        return False
    if agent.attributes != message.attributes:
        state.filters.clear_agent(agent.id)
    state.ledger.change_agent(agent, message.total, message.attributes)
    return _candidate(state, agent.id)


def remove(state: State, agent_id: str) -> bool:
    agent = state.ledger.agents.get(agent_id)
    if agent is not None:
        state.ledger.remove_agent(agent)
        state.filters.clear_agent(agent_id)
    return False


def set_active(state: State, agent_id: str, *, active: bool) -> bool:
    """An agent that comes back waits for the next periodic pass, as in Mesos."""
    agent = state.ledger.agents.get(agent_id)
    if agent is not None:
        state.ledger.set_active(agent, active=active)
    return False


def recover(state: State, message: Recover, now_ms: int) -> bool:
    """What was held is free again, refused by its holder for a while if it says so. The end of a task makes a pass due; nothing else does.

    Raises InvariantBroken if it was not held: the master's books and these have parted.
    """
    agent = state.ledger.agents.get(message.agent_id)
    if agent is None or agent.incarnation != message.incarnation:
        return False  # Held of a former life of the agent: the addition of this one told anew what is held.
    framework = state.roster.frameworks.get(message.framework_id)
    subscription = framework.subscriptions.get(message.role) if framework is not None else None
    if subscription is None:
        raise InvariantBroken("allocator.recover", f"{message.framework_id} holds nothing in {message.role}: {message}")
    resources = state.ledger.release(agent, subscription, message.resources)
    if message.refuse_ms is not None and message.refuse_ms > 0 and subscription.subscribed:
        state.filters.add(subscription.key, agent.id, resources, now_ms=now_ms, refuse_ms=message.refuse_ms)
    return message.task_ended and _candidate(state, agent.id)


def _candidate(state: State, agent_id: str) -> bool:
    state.candidates[agent_id] = None
    return True
