"""Inverse offers: a framework that holds something of an agent that will be unavailable is asked to leave it. Its answer is only for people to see.

A framework has at most one of an agent at a time; the allocator hears when it is over, and asks again by its own rules.
"""

from __future__ import annotations

from raymesos.kernel.master.offers import refuse_of
from raymesos.kernel.master.state import Agent, Framework, State, count, subscriber
from raymesos.kernel.master.windows import unavailability_of
from raymesos.machine import ALLOCATOR, Outbox
from raymesos.wire.messages import (
    AcceptInverse,
    DeclineInverse,
    InverseAnswered,
    InverseGrants,
    InverseOffer,
    InverseOffers,
    RescindInverse,
)


def granted(state: State, message: InverseGrants, out: Outbox) -> None:
    """Ask whom the allocator names, one message for each framework. Of books that are forgotten it is void."""
    if message.epoch != state.allocator_epoch:
        return
    made: dict[str, list[InverseOffer]] = {}
    for framework_id, agent_id in message.pairs:
        agent, framework = state.agents.get(agent_id), state.frameworks.get(framework_id)
        if agent is None or framework_id in agent.inverse_offers:
            continue  # Of an agent that is gone the allocator hears; one that is asked already need not be asked twice.
        offer = _offer(state, framework, agent) if framework is not None and framework.address is not None else None
        if offer is None:
            out.send(ALLOCATOR, InverseAnswered(framework_id, agent_id))
        else:
            made.setdefault(framework_id, []).append(offer)
    for framework_id, offers in made.items():
        out.send(str(state.frameworks[framework_id].address), InverseOffers(tuple(offers)))


def answered(state: State, sender: str, message: AcceptInverse | DeclineInverse, out: Outbox) -> bool:
    """Keep the answer for the status; whether it is another than before. Inverse offers that are over, or another's, are skipped."""
    framework = subscriber(state, sender, message.framework_id)
    if framework is None:
        return False
    accepts = isinstance(message, AcceptInverse)
    count(state, "messages_accept_inverse_offers" if accepts else "messages_decline_inverse_offers")
    said, news = "ACCEPT" if accepts else "DECLINE", False
    for offer_id in message.offer_ids:
        if offer_id in framework.inverse_offers:
            offer = _take(state, offer_id)
            answers = state.agents[offer.agent_id].inverse_answers
            news = news or answers.get(framework.id) != said
            answers[framework.id] = said
            out.send(ALLOCATOR, InverseAnswered(framework.id, offer.agent_id, refuse_of(message.refuse_ms)))
    return news


def rescind_of_agent(state: State, agent: Agent, out: Outbox) -> None:
    """Take back what is asked about the agent. The allocator is told of the agent anew, and asks anew."""
    for framework_id, offer_id in list(agent.inverse_offers.items()):
        _take(state, offer_id)
        out.send(str(state.frameworks[framework_id].address), RescindInverse(offer_id))


def rescind_all(state: State, out: Outbox) -> None:
    for agent in state.agents.values():
        rescind_of_agent(state, agent, out)


def void_of_framework(state: State, framework: Framework) -> None:
    """End those of a framework that cannot answer; it is not told. The allocator hears that the framework is away."""
    for offer_id in list(framework.inverse_offers):
        _take(state, offer_id)


def _offer(state: State, framework: Framework, agent: Agent) -> InverseOffer | None:
    unavailability = unavailability_of(state, agent.info)
    if unavailability is None:
        return None
    state.offers_named += 1
    offer = InverseOffer(f"{state.master_id}-O{state.offers_named}", framework.id, agent.id, unavailability)
    state.inverse_offers[offer.id] = offer
    framework.inverse_offers[offer.id] = None
    agent.inverse_offers[framework.id] = offer.id
    return offer


def _take(state: State, offer_id: str) -> InverseOffer:
    offer = state.inverse_offers.pop(offer_id)
    del state.frameworks[offer.framework_id].inverse_offers[offer_id]
    del state.agents[offer.agent_id].inverse_offers[offer.framework_id]
    return offer
