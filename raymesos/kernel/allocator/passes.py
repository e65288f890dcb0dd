"""When passes run: at multiples of the interval over all agents, and soon after an event that asks for one over the agents it named.

Requests are gathered: a triggered pass runs once for all that was delivered with the event that asked first. (Mesos: hierarchical.cpp, generateOffers)
"""

from __future__ import annotations

from raymesos.kernel.allocator import explain, inverse
from raymesos.kernel.allocator.allocate import allocate
from raymesos.kernel.allocator.books import Agent
from raymesos.kernel.allocator.claims import claims
from raymesos.kernel.allocator.state import State
from raymesos.machine import MASTER, Outbox
from raymesos.wire.messages import Allocations, AllocatorReady, InverseGrants, Preempt

TICK = "tick"
TRIGGERED = "pass"


def start(state: State, now_ms: int, out: Outbox) -> None:
    """Ask the master for the books; the first periodic pass is one interval away."""
    state.started_ms = now_ms
    out.send(MASTER, AllocatorReady())
    _wake_at_next_tick(state, now_ms, out)


def ask(state: State, out: Outbox, *, all_agents: bool = False) -> None:
    """A pass over the candidates, or over all agents, follows once what is being delivered has been booked."""
    state.all_agents = state.all_agents or all_agents
    if not state.asked:
        state.asked = True
        out.wake(TRIGGERED, 0)


def periodic(state: State, now_ms: int, out: Outbox) -> None:
    _wake_at_next_tick(state, now_ms, out)
    if state.epoch is None:
        out.send(MASTER, AllocatorReady())  # The first one was lost, or the master was not there yet.
    elif not state.paused:
        _forget_requests(state)
        _run(state, now_ms, out, list(state.ledger.offerable), whole=True)
        _ask_to_leave(state, None, now_ms, out)
        state.filters.periodic_pass_done()
        state.filters.expire(now_ms)


def triggered(state: State, now_ms: int, out: Outbox) -> None:
    """Run for what was asked. A request that a periodic pass has answered since, or that comes while paused, is dropped."""
    state.asked = False
    whole, named = state.all_agents, state.candidates
    _forget_requests(state)
    if state.epoch is None or state.paused or not (whole or named):
        return
    ledger = state.ledger
    if whole:
        agents = list(ledger.offerable)
    else:
        known = (ledger.agents.get(agent_id) for agent_id in named)
        agents = [agent for agent in known if agent is not None and agent in ledger.offerable]
    _run(state, now_ms, out, agents, whole=whole)
    _ask_to_leave(state, None if whole else named, now_ms, out)


def _run(state: State, now_ms: int, out: Outbox, agents: list[Agent], *, whole: bool) -> None:
    state.filters.expire(now_ms)
    outcome = allocate(
        state.ledger,
        state.filters,
        state.holds,
        state.dice,
        agents,
        scoring=state.settings.scoring,
        now_ms=now_ms,
    )
    state.runs += 1
    if outcome.grants and state.epoch is not None:
        out.send(MASTER, Allocations(state.epoch, tuple(outcome.grants)))
    owed = claims(state, outcome, now_ms) if whole else ()
    if owed and state.epoch is not None:
        out.send(MASTER, Preempt(state.epoch, owed, state.released))
    explain.tell_outcome(state, outcome, now_ms, out, whole=whole)


def _ask_to_leave(state: State, named: dict[str, None] | None, now_ms: int, out: Outbox) -> None:
    pairs = inverse.whom_to_ask(state.inverse, state.ledger.agents, named, now_ms)
    if pairs and state.epoch is not None:
        out.send(MASTER, InverseGrants(state.epoch, pairs))


def _forget_requests(state: State) -> None:
    state.candidates, state.all_agents = {}, False


def _wake_at_next_tick(state: State, now_ms: int, out: Outbox) -> None:
    interval = state.settings.allocation_interval_ms
    out.wake(TICK, interval - (now_ms - state.started_ms) % interval)
