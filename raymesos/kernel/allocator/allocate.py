"""The pass: what is free goes to whom it is due. It books in the ledger and returns the grants and what stood in the way of the others.

Agents come in an order drawn anew; for each, roles in the order of the role sorter, in each role frameworks in the order of its sorter, and the first that may have what is
left takes all of it, or some of what it can use of it if it has said exactly what it wants (see wants). The sorters are asked again for every agent, so successive agents go to the next most deserving. (Mesos: hierarchical.cpp,
__allocate; stage 2)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from raymesos.kernel.allocator.books import Agent, Subscription
from raymesos.kernel.allocator.dice import Dice
from raymesos.kernel.allocator.filters import Filter, Filters, refused_until
from raymesos.kernel.allocator.ledger import Ledger
from raymesos.kernel.allocator.wants import next_part
from raymesos.model.resources import Key, Resources
from raymesos.wire.messages import Grant


@dataclass(slots=True)
class Outcome:
    """What a pass did. `refused` and `unfit` say of subscriptions that were passed over why; they may have got something else."""

    agents: int
    grants: list[Grant] = field(default_factory=list)
    granted: dict[Subscription, None] = field(default_factory=dict)
    refused: dict[Subscription, int] = field(default_factory=dict)
    """A filter of its own refused an agent, until then (the soonest end, if there are several)."""
    unfit: dict[Subscription, None] = field(default_factory=dict)
    """An agent has GPUs and the framework does not take them."""


def allocate(ledger: Ledger, filters: Filters, dice: Dice, agents: Iterable[Agent]) -> Outcome:
    """Give what is free of `agents`, all offerable. Filters that have ended are gone already."""
    ledger.forget_passed_over(filters.take_lifted())
    wishes = ledger.roster.wishes
    # What everybody was offered in vain is not offered again until somebody wants more, a filter ends or more is free: else an idle cluster whose frameworks
    # decline for an hour would cost a whole pass a second (20,000 agents, 10 frameworks: 0.4 s).
    candidates = [agent for agent in agents if agent.passed_over != wishes]
    outcome = Outcome(len(candidates))
    # The stage of guarantees comes before this one, over agents in an order of its own, with the same ledger and filters.
    if ledger.roster.order.active:
        _share_fairly(ledger, filters, dice.shuffled(candidates), outcome)
    return outcome


def _share_fairly(ledger: Ledger, filters: Filters, agents: list[Agent], outcome: Outcome) -> None:
    # One iteration per agent: 20,000 of them in a pass is the case that is measured, so the loop keeps to local names.
    wishes = ledger.roster.wishes
    offerable, hold, grants = ledger.offerable, ledger.hold, outcome.grants
    for agent in agents:
        refusals = filters.of_agent(agent.id)
        parts: dict[Subscription, tuple[Resources, int]] = {}
        while agent in offerable:
            found = _next_grant(ledger, agent, refusals, parts, outcome)
            if found is None:
                agent.passed_over = wishes
                break
            subscription, offer, tasks = found
            hold(agent, subscription, offer)
            before = parts.get(subscription)
            parts[subscription] = (offer, tasks) if before is None else (before[0] + offer, before[1] + tasks)
        for subscription, (offer, _) in parts.items():
            grants.append(Grant(*subscription.key, agent.id, agent.incarnation, offer))
            outcome.granted[subscription] = None


def _next_grant(
    ledger: Ledger,
    agent: Agent,
    refusals: dict[tuple[str, str], list[Filter]] | None,
    parts: dict[Subscription, tuple[Resources, int]],
    outcome: Outcome,
) -> tuple[Subscription, Resources, int] | None:
    """The most deserving that may have something of what is left, what that is, and how many tasks it is for (0 if it did not say)."""
    roles = ledger.roster.roles
    for role_name in ledger.roster.order.walk():
        role = roles[role_name]
        for framework_id in role.sorter.walk():
            subscription = role.subscriptions[framework_id]
            if agent.gpus and not subscription.framework.takes_gpus:
                outcome.unfit[subscription] = None
                continue
            offer, tasks = agent.free, 0
            if not agent.plain:
                offer = _part_for(agent, subscription)
            elif subscription.exact:
                before = parts.get(subscription)
                part = next_part(subscription.demand, offer, before[1] if before is not None else 0)
                if part is None:
                    continue
                offer, tasks = part
            if offer is not agent.free and not ledger.worth_offering(offer):
                continue
            if refusals is not None and _refused(refusals.get(subscription.key), offer, subscription, outcome):
                continue
            return subscription, offer, tasks
    return None


def _refused(filters: list[Filter] | None, offer: Resources, subscription: Subscription, outcome: Outcome) -> bool:
    until_ms = refused_until(filters, offer) if filters else None
    if until_ms is None:
        return False
    outcome.refused[subscription] = min(until_ms, outcome.refused.get(subscription, until_ms))
    return True


def _part_for(agent: Agent, subscription: Subscription) -> Resources:
    """What of the agent's free resources may go to the subscription; `agent.free` itself if all may."""
    framework = subscription.framework

    def may_have(key: Key) -> bool:
        if key.revocable and not framework.takes_revocable:
            return False
        if key.shared and not framework.takes_shared:
            return False
        return len(key.reservations) < 2 or framework.takes_refined

    part = agent.free.available_to(subscription.role.name).filter(may_have)
    return agent.free if part == agent.free else part
