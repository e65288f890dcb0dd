"""Offers: made of the allocator's grants, outstanding until used, declined, rescinded or expired. Whatever is not used goes back to the allocator."""

from __future__ import annotations

from collections.abc import Iterable

from raymesos.kernel.master import notes
from raymesos.kernel.master.state import Agent, Framework, State, count, subscriber
from raymesos.kernel.master.windows import unavailability_of
from raymesos.machine import ALLOCATOR, Outbox
from raymesos.model.portions import once, shared_part, unshared_part
from raymesos.model.resources import Resources
from raymesos.model.revocable import remaining
from raymesos.model.settings import DEFAULT_REFUSE_MS, MAX_REFUSE_MS
from raymesos.wire.messages import AgentInfo, Allocations, Decline, Grant, Offer, Offers, Recover, Rescind


def granted(state: State, message: Allocations, out: Outbox, now_ms: int) -> None:
    """Turn a pass' grants into offers, one message for each framework. Grants of forgotten books are void; others that cannot be offered go back."""
    if message.epoch != state.allocator_epoch:
        return
    made: dict[str, list[Offer]] = {}
    for grant in message.grants:
        agent = state.agents.get(grant.agent_id)
        if agent is None or agent.incarnation != grant.incarnation:
            continue  # The agent's removal or new addition has already settled what was held.
        framework = state.frameworks.get(grant.framework_id)
        if (
            framework is None
            or framework.address is None
            or not agent.offerable
            or grant.role not in framework.info.roles
            or (agent.shrunk and not left_of(state, agent).contains(grant.resources))
            or not _is_there(agent, grant.resources)
        ):
            recover(out, grant.framework_id, grant.role, agent, grant.resources)
            continue
        made.setdefault(framework.id, []).append(_offer(state, framework, agent, grant, now_ms))
    for framework_id, offers in made.items():
        framework = state.frameworks[framework_id]
        framework.sent += len(offers)
        count(state, "messages_resource_offers")
        out.send(str(framework.address), Offers(tuple(offers)))
        notes.offers_now(out, now_ms, framework)
    if made and state.settings.offer_timeout_ms is not None:
        _wake_for_next(state, out, now_ms)


def declined(state: State, sender: str, message: Decline, out: Outbox, now_ms: int) -> None:
    """Give the offers back with a filter. Offers that are gone, or another's, are skipped."""
    framework = subscriber(state, sender, message.framework_id)
    if framework is None:
        return
    count(state, "messages_decline_offers")
    refuse_ms = refuse_of(message.refuse_ms)
    for offer_id in message.offer_ids:
        if offer_id in framework.offers:
            framework.declined += 1
            give_back(state, offer_id, out, refuse_ms=refuse_ms)
    notes.offers_now(out, now_ms, framework)


def give_back(state: State, offer_id: str, out: Outbox, *, refuse_ms: int | None = None) -> None:
    """End the offer; all of it returns to the allocator."""
    offer = take(state, offer_id)
    recover(out, offer.framework_id, offer.role, state.agents[offer.agent_id], offer.resources, refuse_ms)


def rescind(state: State, offer_id: str, out: Outbox) -> None:
    """Take the offer back from its framework."""
    framework = state.frameworks[state.offers[offer_id].framework_id]
    framework.rescinded += 1
    out.send(str(framework.address), Rescind(offer_id))
    give_back(state, offer_id, out)


def rescind_of_agent(state: State, agent: Agent, out: Outbox, now_ms: int) -> None:
    """Take back all offers of the agent."""
    frameworks = dict.fromkeys(state.offers[offer_id].framework_id for offer_id in agent.offers)
    for offer_id in list(agent.offers):
        rescind(state, offer_id, out)
    for framework_id in frameworks:
        notes.offers_now(out, now_ms, state.frameworks[framework_id])


def rescind_untrue(state: State, agent: Agent, before: AgentInfo, out: Outbox, now_ms: int) -> None:
    """Take back what the agent, which was `before`, does not offer so any more: everything under other attributes or another fault domain, what was lent by
    another estimate, and, oldest kept first, what does not fit. (Mesos: Master::updateSlave)"""
    now = agent.info
    moved = (before.attributes, before.region, before.zone) != (now.attributes, now.region, now.zone)
    left = remaining(agent.whole, agent.used)
    frameworks: dict[str, None] = {}
    for offer_id in list(agent.offers):
        offer = state.offers[offer_id]
        lent = before.revocable != now.revocable and bool(offer.resources.revocable())
        if not moved and not lent and left.contains(offer.resources):
            left = left - unshared_part(offer.resources)
            continue
        frameworks[offer.framework_id] = None
        rescind(state, offer_id, out)
    for framework_id in frameworks:
        notes.offers_now(out, now_ms, state.frameworks[framework_id])


def left_of(state: State, agent: Agent) -> Resources:
    """What of the agent is neither used nor offered."""
    held = agent.used
    for offer_id in agent.offers:
        held = held + state.offers[offer_id].resources
    return remaining(agent.whole, held)


def rescind_all(state: State, out: Outbox, now_ms: int) -> None:
    """Take back all offers there are."""
    for agent in state.agents.values():
        rescind_of_agent(state, agent, out, now_ms)


def rescind_some(state: State, offer_ids: Iterable[str], out: Outbox, now_ms: int) -> None:
    """Take back these offers, which are outstanding."""
    frameworks: dict[str, None] = {}
    for offer_id in offer_ids:
        frameworks[state.offers[offer_id].framework_id] = None
        rescind(state, offer_id, out)
    for framework_id in frameworks:
        notes.offers_now(out, now_ms, state.frameworks[framework_id])


def rescind_other_roles(state: State, framework: Framework, roles: tuple[str, ...], out: Outbox, now_ms: int) -> None:
    """Take back what was offered to the framework in other roles than these."""
    others = [o for o in framework.offers if state.offers[o].role not in roles]
    for offer_id in others:
        rescind(state, offer_id, out)
    if others:
        notes.offers_now(out, now_ms, framework)


def void_of_framework(state: State, framework: Framework, out: Outbox, now_ms: int) -> None:
    """End the offers of a framework that can no longer use them; it is not told."""
    if not framework.offers:
        return
    for offer_id in list(framework.offers):
        give_back(state, offer_id, out)
    notes.offers_now(out, now_ms, framework)


def expire(state: State, out: Outbox, now_ms: int) -> None:
    """Rescind what has been outstanding for the offer timeout."""
    frameworks: dict[str, None] = {}
    while state.expiring and state.expiring[0][0] <= now_ms:
        _, offer_id = state.expiring.popleft()
        if offer_id in state.offers:
            frameworks[state.offers[offer_id].framework_id] = None
            rescind(state, offer_id, out)
    for framework_id in frameworks:
        notes.offers_now(out, now_ms, state.frameworks[framework_id])
    _wake_for_next(state, out, now_ms)


def take(state: State, offer_id: str) -> Offer:
    """Take the offer off the books; what it held is the caller's to settle."""
    offer = state.offers.pop(offer_id)
    state.untold[offer.framework_id] = None
    del state.frameworks[offer.framework_id].offers[offer_id]
    del state.agents[offer.agent_id].offers[offer_id]
    return offer


def recover(
    out: Outbox, framework_id: str, role: str, agent: Agent, resources: Resources, refuse_ms: int | None = None
) -> None:
    """Tell the allocator that what the framework held of the agent comes back, if it is anything."""
    if resources:
        out.send(ALLOCATOR, Recover(framework_id, role, agent.id, agent.incarnation, resources, refuse_ms))


def refuse_of(refuse_ms: int) -> int:
    """The filter's length: negative means the default, and nobody refuses for more than a year. (Mesos: hierarchical.cpp)"""
    return DEFAULT_REFUSE_MS if refuse_ms < 0 else min(refuse_ms, MAX_REFUSE_MS)


def _is_there(agent: Agent, resources: Resources) -> bool:
    """False for a shared volume that was destroyed while the grant was on its way."""
    shared = shared_part(resources)
    return not shared or agent.whole.contains(once(shared))


def _offer(state: State, framework: Framework, agent: Agent, grant: Grant, now_ms: int) -> Offer:
    state.offers_named += 1
    offer = Offer(
        f"{state.master_id}-O{state.offers_named}",
        framework.id,
        agent.id,
        agent.info.hostname,
        grant.role,
        grant.resources,
        agent.info.attributes,
        tuple([executor_id for framework_id, executor_id in agent.executors if framework_id == framework.id]),
        agent_name=agent.info.name,
        unavailability=unavailability_of(state, agent.info),
    )
    state.offers[offer.id] = offer
    state.untold[framework.id] = None
    framework.offers[offer.id] = None
    agent.offers[offer.id] = None
    if state.settings.offer_timeout_ms is not None:
        state.expiring.append((now_ms + state.settings.offer_timeout_ms, offer.id))
    return offer


def _wake_for_next(state: State, out: Outbox, now_ms: int) -> None:
    while state.expiring and state.expiring[0][1] not in state.offers:
        state.expiring.popleft()
    if state.expiring:
        out.wake("offers", state.expiring[0][0] - now_ms)
