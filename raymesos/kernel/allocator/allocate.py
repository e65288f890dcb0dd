"""The pass: what is free goes to whom it is due. It books in the ledger and returns the grants and what stood in the way of the others.

Agents come in an order drawn anew; for each, roles in the order of the role sorter, in each role frameworks in the order of its sorter, and the first that may have what is
left takes all of it, or what it can use of it if it has said exactly what it wants. The sorters are asked again for every agent, so successive agents go to the next most deserving. (Mesos: hierarchical.cpp,
__allocate; stage 2)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from raymesos.kernel.allocator.books import Agent, Subscription
from raymesos.kernel.allocator.dice import Dice
from raymesos.kernel.allocator.filters import Filter, Filters, refused_until
from raymesos.kernel.allocator.ledger import Ledger
from raymesos.kernel.allocator.wants import usable
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
    order, roles, offerable, hold = ledger.roster.order, ledger.roster.roles, ledger.offerable, ledger.hold
    grants, granted = outcome.grants, outcome.granted
    for agent in agents:
        refusals = filters.of_agent(agent.id)
        for role_name in order.walk():
            role = roles[role_name]
            for framework_id in role.sorter.walk():
                subscription = role.subscriptions[framework_id]
                if agent.gpus and not subscription.framework.takes_gpus:
                    outcome.unfit[subscription] = None
                    continue
                offer = agent.free if agent.plain else _part_for(agent, subscription)
                if offer is not agent.free and not ledger.worth_offering(offer):
                    continue
                if subscription.demand and agent.plain:
                    wanted = usable(subscription.demand, offer)
                    if wanted is None:
                        continue
                    offer = wanted
                if refusals is not None and _refused(refusals.get(subscription.key), offer, subscription, outcome):
                    continue
                hold(agent, subscription, offer)
                grants.append(Grant(framework_id, role_name, agent.id, agent.incarnation, offer))
                granted[subscription] = None
                if agent not in offerable:
                    break
            if agent not in offerable:
                break
        else:
            agent.passed_over = wishes


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
