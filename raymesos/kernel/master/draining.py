"""What operators make of agents: drained, deactivated, active again, gone. It is kept over restarts and holds for agents that are away: they are told when they are back.

A draining agent is drained when nothing of it is on the master's books: each of its tasks has ended and its framework has acknowledged that; so for operations that tell
their outcome.
"""

from __future__ import annotations

from dataclasses import replace

from raymesos.kernel.master import notes, offers, removal
from raymesos.kernel.master.operator import Refused, answer
from raymesos.kernel.master.state import Agent, State
from raymesos.machine import ALLOCATOR, Outbox
from raymesos.wire.messages import (
    AgentActivated,
    AgentDeactivated,
    AgentMode,
    AgentModeKept,
    DeactivateAgent,
    Drain,
    DrainAgent,
    DrainOver,
    Gone,
    MarkAgentGone,
    ReactivateAgent,
)


def drain(state: State, sender: str, message: DrainAgent, out: Outbox, now_ms: int) -> None:
    """Nothing more of it is offered, its tasks are being killed; an idle agent is drained at once. Refused for one that is drained already, or being drained."""
    found = known_agent(state, message.agent)
    refused = found if isinstance(found, Refused) else _undrainable(state, found, message.grace_ms)
    if refused is None and isinstance(found, str):
        _set(state, AgentModeKept(found, AgentMode.DRAINING, message.grace_ms, message.mark_gone), out)
        agent = state.agents.get(found)
        if agent is not None:
            _stop_offers(state, agent, out, now_ms)
            tell(state, agent, out)
        notes.agent_of_id_now(state, out, now_ms, found)
        name = state.admitted[found].name
        notes.event(out, now_ms, "agent draining", found, f"{name}{', to be gone' if message.mark_gone else ''}")
        settle(state, found, out, now_ms)
    answer(out, sender, message.request_id, refused)


def deactivate(state: State, sender: str, message: DeactivateAgent, out: Outbox, now_ms: int) -> None:
    """Nothing more of it is offered. One that is drained, or being drained, stays so."""
    found = known_agent(state, message.agent)
    if isinstance(found, Refused):
        answer(out, sender, message.request_id, found)
        return
    if found not in state.modes:
        _set(state, AgentModeKept(found, AgentMode.DEACTIVATED), out)
        agent = state.agents.get(found)
        if agent is not None:
            _stop_offers(state, agent, out, now_ms)
        notes.agent_of_id_now(state, out, now_ms, found)
        notes.event(out, now_ms, "agent deactivated", found, state.admitted[found].name)
    answer(out, sender, message.request_id)


def reactivate(state: State, sender: str, message: ReactivateAgent, out: Outbox, now_ms: int) -> None:
    """It is offered again, from the next periodic pass on. Refused while it is being drained, and for one that is active."""
    found = known_agent(state, message.agent)
    refused = found if isinstance(found, Refused) else _not_reactivable(state, found)
    if refused is None and isinstance(found, str):
        was_drained = state.modes[found].mode is AgentMode.DRAINED
        _set(state, AgentModeKept(found, AgentMode.ACTIVE), out)
        agent = state.agents.get(found)
        if agent is not None and agent.connected:
            if was_drained:
                out.send(agent.address, DrainOver())
            out.send(ALLOCATOR, AgentActivated(found))
        notes.agent_of_id_now(state, out, now_ms, found)
        notes.event(out, now_ms, "agent reactivated", found, state.admitted[found].name)
    answer(out, sender, message.request_id, refused)


def mark_gone(state: State, sender: str, message: MarkAgentGone, out: Outbox, now_ms: int) -> None:
    """Neither it nor its tasks will come back."""
    found = known_agent(state, message.agent)
    if isinstance(found, str):
        removal.mark_gone(state, found, out, now_ms)
    answer(out, sender, message.request_id, found if isinstance(found, Refused) else None)


def settle(state: State, agent_id: str, out: Outbox, now_ms: int) -> None:
    """Something of the agent may have ended: if it was being drained and nothing is left, it is drained, or gone."""
    kept, agent = state.modes.get(agent_id), state.agents.get(agent_id)
    if kept is None or kept.mode is not AgentMode.DRAINING or agent is None or agent.tasks or agent.operations:
        return
    notes.event(out, now_ms, "agent drained", agent_id, agent.info.name)
    if kept.mark_gone:
        removal.mark_gone(state, agent_id, out, now_ms)
        return
    _set(state, replace(kept, mode=AgentMode.DRAINED), out)
    notes.agent_now(state, out, now_ms, agent)


def tell(state: State, agent: Agent, out: Outbox) -> None:
    """Have the agent kill what runs there, if it is, or was, to be drained. Said when that begins and whenever the agent has registered."""
    kept = state.modes.get(agent.id)
    if kept is not None and kept.mode is not AgentMode.DEACTIVATED and agent.connected:
        out.send(agent.address, Drain(kept.grace_ms))


def known_agent(state: State, text: str) -> str | Refused:
    """The id of the agent with this id or name, registered or away."""
    if text in state.admitted:
        return text
    away = [a for a in (*state.recovering, *state.unreachable) if state.admitted[a].name == text]
    found = state.agent_of_name.get(text) or (away[0] if away else None)
    if found is not None:
        return found
    if state.gone.get(text) is Gone.MARKED:
        return Refused("conflict", f"agent {text} has been marked gone", "agent", text)
    return Refused("unknown", f"no agent {text!r}", "agent", text)


def state_of(state: State, agent_id: str) -> str:
    """What an operator has made of the agent, else where it is; empty if it is unknown."""
    kept, agent = state.modes.get(agent_id), state.agents.get(agent_id)
    if kept is not None:
        return str(kept.mode)
    if agent is not None:
        return "active" if agent.connected else "disconnected"
    if agent_id in state.unreachable:
        return "unreachable"
    return "recovering" if agent_id in state.recovering else "gone" if agent_id in state.gone else ""


def _undrainable(state: State, agent_id: str, grace_ms: int | None) -> Refused | None:
    if grace_ms is not None and grace_ms < 0:
        return Refused("invalid", f"{grace_ms} ms of grace is less than none", "grace_ms", str(grace_ms))
    kept = state.modes.get(agent_id)
    if kept is None or kept.mode is AgentMode.DEACTIVATED:
        return None
    if kept.mode is AgentMode.DRAINED:
        return _conflict(state, agent_id, "is drained already")
    return _conflict(state, agent_id, f"is being drained already: {_left(state, agent_id)}")


def _not_reactivable(state: State, agent_id: str) -> Refused | None:
    kept = state.modes.get(agent_id)
    if kept is None:
        return _conflict(state, agent_id, "is active already")
    if kept.mode is AgentMode.DRAINING:
        return _conflict(state, agent_id, f"is still being drained: {_left(state, agent_id)}")
    return None


def _conflict(state: State, agent_id: str, text: str) -> Refused:
    return Refused("conflict", f"agent {state.admitted[agent_id].name} ({agent_id}) {text}", "agent", agent_id)


def _left(state: State, agent_id: str) -> str:
    agent = state.agents.get(agent_id)
    if agent is None:
        return "it is away, and its tasks with it"
    operations = f", and the outcome of {len(agent.operations)} operations" if agent.operations else ""
    return f"{len(agent.tasks)} of its tasks have not ended, or their end is not acknowledged{operations}"


def _stop_offers(state: State, agent: Agent, out: Outbox, now_ms: int) -> None:
    if agent.connected:
        offers.rescind_of_agent(state, agent, out, now_ms)
        out.send(ALLOCATOR, AgentDeactivated(agent.id))


def _set(state: State, kept: AgentModeKept, out: Outbox) -> None:
    if kept.mode is AgentMode.ACTIVE:
        del state.modes[kept.agent_id]
    else:
        state.modes[kept.agent_id] = kept
    agent = state.agents.get(kept.agent_id)
    if agent is not None:
        agent.mode = kept.mode
    out.persist(kept)
