"""What one pass works with, and how it gives: some part of what is free of one agent to one subscription."""

from __future__ import annotations

from dataclasses import dataclass, field

from raymesos.kernel.allocator import gangs, holds
from raymesos.kernel.allocator.books import Agent, Role, Subscription
from raymesos.kernel.allocator.filters import Filters, refused_until
from raymesos.kernel.allocator.holds import Holds
from raymesos.kernel.allocator.ledger import Ledger
from raymesos.kernel.allocator.outcome import Outcome
from raymesos.kernel.allocator.parts import Parts
from raymesos.kernel.allocator.pool import Vector
from raymesos.kernel.allocator.portion import fair_part, suits, takeable
from raymesos.kernel.allocator.wants import NOTHING, Part, book, next_part
from raymesos.model.portions import shared_part
from raymesos.model.resources import Key, Resources


@dataclass(slots=True)
class Pass:
    """What one pass works with. `parts` is what the stage has given so far."""

    ledger: Ledger
    filters: Filters
    holds: Holds
    outcome: Outcome
    now_ms: int
    steps: int
    """An agent's room is dealt to those who say exactly what they want in about so many steps; 0: one task at a time."""
    parts: Parts = field(default_factory=Parts)
    tasks: dict[tuple[Agent, Subscription], int] = field(default_factory=dict)
    """How many tasks' worth was given to those who say exactly what they want."""
    cut: Part = NOTHING
    """The part that was cut last."""
    full: dict[Role, None] = field(default_factory=dict)
    """Roles that are at a limit, and have nothing reserved: in this pass there is nothing more for them, so they are not asked again."""
    may_learn: bool = False
    vain: list[Vector] = field(default_factory=list)
    """What is free of agents that nobody took though nothing about the agent stood in the way: of one that has no more, nobody takes anything either."""
    lent: bool = False
    """Some of the agents lend something out, which no limit keeps from anybody."""
    failed: dict[Subscription, None] = field(default_factory=dict)
    """Gangs for which there is not room enough."""
    given: dict[Agent, dict[Key, None]] = field(default_factory=dict)
    """Shared things that were offered: to one subscription in a pass."""

    def is_refused(self, agent: Agent, subscription: Subscription, offer: Resources) -> bool:
        """Whether a filter of its own refuses the offer."""
        refusals = self.filters.of_agent(agent.id)
        if refusals is None or subscription.key not in refusals:
            return False
        until_ms = refused_until(refusals[subscription.key], offer)
        if until_ms is None:
            return False
        self.outcome.block(subscription, "filtered", until_ms=until_ms)
        return True


def part_of(this: Pass, agent: Agent, subscription: Subscription) -> Resources | None:
    """What the subscription is to be offered of what is left of the agent now; None if nothing."""
    ledger = this.ledger
    if (agent.gpus or agent.region or subscription.framework.constraints) and not suits(
        ledger, agent, subscription, this.outcome
    ):
        return None
    offer = agent.free if agent.plain else takeable(agent, subscription, this.given.get(agent, {}))
    if ledger.quotas.quotas:
        offer = fair_part(ledger, agent, subscription, offer, this.outcome)
    if subscription.exact:
        offer = cut(this, agent, subscription, offer)
        if not offer and ledger.quotas.quotas:
            holds.tell_quota(this, agent, subscription)
    if not offer:
        return None
    if (offer is not agent.free or ledger.unlike) and not ledger.worth_offering(offer, subscription.least):
        this.outcome.block(subscription, "minimum")
        return None
    return None if this.is_refused(agent, subscription, offer) else offer


def place_gang(this: Pass, subscription: Subscription) -> bool:
    """Give all of a gang its room, if it wants one and there is room for all of it."""
    number = gangs.next_gang(subscription)
    found = gangs.placing(this, subscription, number) if number is not None else None
    if number is None or found is None:
        return False
    this.holds.forget_subscription(subscription)
    for agent, offer, count in found:
        this.cut = Part(offer, number, count)
        give(this, agent, subscription, offer)
    return True


def cut(this: Pass, agent: Agent, subscription: Subscription, offer: Resources) -> Resources:
    """Some tasks' worth of it, by what the subscription says that it wants."""
    this.cut = next_part(subscription, offer, this.steps, this.tasks.get((agent, subscription), 0))
    return this.cut.offer


def give(this: Pass, agent: Agent, subscription: Subscription, offer: Resources) -> None:
    if agent.shared:
        this.given.setdefault(agent, {}).update(dict.fromkeys(key for key, _ in shared_part(offer)))
    this.ledger.hold(agent, subscription, offer)
    if subscription.exact:
        book(subscription, this.cut.number, this.cut.count)
        if subscription.demand[this.cut.number].more:
            this.tasks[agent, subscription] = this.tasks.get((agent, subscription), 0) + this.cut.count
        this.holds.gave(agent, subscription, this.now_ms)
        if subscription.sated:
            this.ledger.roster.settle(subscription)
    this.parts.add(agent, subscription, offer)
