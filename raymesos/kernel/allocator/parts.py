"""What one stage of a pass has given, by agent and subscription."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from raymesos.kernel.allocator.books import Agent, Subscription
from raymesos.model.resources import Resources


@dataclass(slots=True)
class Parts:
    """Most agents go to one subscription as a whole. Who took first of an agent stands in two flat tables, therefore: a table for each is 20,000 objects more, in a pass over as many
    agents, for the garbage collector, which takes a tenth of the pass."""

    takers: dict[Agent, Subscription] = field(default_factory=dict)
    taken: dict[Agent, Resources] = field(default_factory=dict)
    """What the taker has."""
    others: dict[Agent, dict[Subscription, Resources]] = field(default_factory=dict)
    """What those have that came after it."""

    def add(self, agent: Agent, subscription: Subscription, offer: Resources) -> None:
        """The subscription has so much more of the agent."""
        taker = self.takers.get(agent)
        if taker is None:
            self.takers[agent], self.taken[agent] = subscription, offer
        elif taker is subscription:
            self.taken[agent] += offer
        else:
            others = self.others.setdefault(agent, {})
            others[subscription] = others[subscription] + offer if subscription in others else offer

    def take_in(self, other: Parts) -> None:
        """What another stage gave is part of this: of agents that are here already, and then of those that are not."""
        for agent, subscription, offer in other.rows():
            self.add(agent, subscription, offer)

    def has(self, agent: Agent, subscription: Subscription) -> bool:
        """Whether something of the agent was given to the subscription."""
        return self.takers.get(agent) is subscription or subscription in self.others.get(agent, ())

    def rows(self) -> Iterator[tuple[Agent, Subscription, Resources]]:
        """Agent by agent, as they came."""
        others = self.others
        for (agent, taker), offer in zip(self.takers.items(), self.taken.values(), strict=True):
            yield agent, taker, offer
            if agent in others:
                for subscription, more in others[agent].items():
                    yield agent, subscription, more
