"""Agents that are kept for a big task: else a stream of small ones, each of which fits into what is free, would keep it away for ever.

When the subscription whose turn it is has said exactly what it wants, and that fits the agent but not what is free of it now, nor of any other, the agent is kept for it until enough
has come free. Others may use the time: work that says how long it takes, and ends before what runs there does (backfill). Kept are few agents, and none for long:
then others get it, and it is not kept again for as long.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from raymesos.kernel.allocator.books import Agent, Subscription
from raymesos.kernel.allocator.outcome import Outcome
from raymesos.kernel.allocator.portion import quota_allows, suits
from raymesos.kernel.allocator.wants import left
from raymesos.model.amounts import covers
from raymesos.model.resources import Resources
from raymesos.model.settings import AllocatorSettings

if TYPE_CHECKING:
    from raymesos.kernel.allocator.giving import Pass


@dataclass(slots=True)
class Hold:
    """An agent is kept for `subscription`, for a task of it or for some of a `gang`."""

    subscription: Subscription
    until_ms: int
    gang: bool = False


@dataclass(slots=True)
class Holds:
    """By agent. `resting` are agents that were kept for nothing, and until when they are not kept again."""

    settings: AllocatorSettings
    by_agent: dict[Agent, Hold] = field(default_factory=dict)
    resting: dict[Agent, int] = field(default_factory=dict)
    busy_until_ms: dict[Agent, int] = field(default_factory=dict)
    """When the work that was granted there, as far as it said how long it takes, is expected to have ended."""

    def gave(self, agent: Agent, subscription: Subscription, now_ms: int) -> None:
        """What the subscription takes there ends when it says; the latest end counts."""
        run_ms = max((d.run_ms for d in subscription.demand), default=0)
        self.busy_until_ms[agent] = max(self.busy_until_ms.get(agent, 0), now_ms + run_ms)

    def of(self, subscription: Subscription) -> int:
        return sum(1 for hold in self.by_agent.values() if hold.subscription is subscription)

    def gang(self) -> Subscription | None:
        """Whose gang agents are kept for."""
        return next((hold.subscription for hold in self.by_agent.values() if hold.gang), None)

    def forget_agent(self, agent: Agent) -> None:
        for table in (self.by_agent, self.resting, self.busy_until_ms):
            table.pop(agent, None)

    def forget_subscription(self, subscription: Subscription) -> None:
        """It wants something else now, or nothing."""
        for agent in [a for a, hold in self.by_agent.items() if hold.subscription is subscription]:
            release(self, agent)


def expire(holds: Holds, now_ms: int) -> None:
    """Agents that were kept for long enough are everybody's again, and rest."""
    for agent, hold in list(holds.by_agent.items()):
        if hold.until_ms <= now_ms:
            release(holds, agent)
            holds.resting[agent] = now_ms + holds.settings.hold_ms
    for agent in [a for a, until_ms in holds.resting.items() if until_ms <= now_ms]:
        del holds.resting[agent]
        agent.passed_over = -1  # It may be kept again.


def holder(holds: Holds, agent: Agent) -> Subscription | None:
    """For whom the agent is kept; None if for nobody (any more)."""
    hold = holds.by_agent.get(agent)
    if hold is None:
        return None
    if not hold.subscription.wants or not hold.subscription.exact:
        release(holds, agent)
        return None
    return hold.subscription


def hold(this: Pass, agent: Agent, subscription: Subscription, number: int) -> bool:
    """Keep the agent for a task of this shape of the subscription, which cannot use what is free now. False if that would not help, or would be too much."""
    holds, ledger, shape = this.holds, this.ledger, subscription.demand[number].resources
    if ledger.quotas.quotas and not quota_allows(ledger, subscription, shape, this.outcome):
        return False  # What comes free there would not be for it.
    if not holds.settings.hold_ms or agent in holds.resting:
        return False
    if this.filters.refuses(subscription.key, agent.id) or not suits(ledger, agent, subscription, Outcome(0)):
        return False
    if holds.of(subscription) >= min(left(subscription, number), holds.settings.holds_per_role):
        return False
    if any(other is not agent and _has_room(other, subscription, shape) for other in ledger.offerable):
        return False  # It gets its turn there.
    holds.by_agent[agent] = Hold(subscription, this.now_ms + holds.settings.hold_ms)
    return True


def tell_quota(this: Pass, agent: Agent, subscription: Subscription) -> None:
    """It cannot use what is left: note whether limits or headroom would not let it anyway."""
    number = waiting_task(agent, subscription)
    if number is not None:
        quota_allows(this.ledger, subscription, subscription.demand[number].resources, this.outcome)


def release(holds: Holds, agent: Agent) -> None:
    if holds.by_agent.pop(agent, None) is not None:
        agent.passed_over = -1


def may_backfill(holds: Holds, agent: Agent, subscription: Subscription, now_ms: int) -> bool:
    """Whether its work is known to be short enough to end before what runs on the agent does."""
    if not subscription.exact:
        return False
    run_ms = [demand.run_ms for demand in subscription.demand]
    return min(run_ms) > 0 and now_ms + max(run_ms) <= holds.busy_until_ms.get(agent, 0)


def would_lack(agent: Agent, shape: Resources, offer: Resources) -> bool:
    """Whether the offer takes of what a task of the shape needs and would then lack on the agent."""
    free, taken = agent.free.quantities(), offer.quantities()
    return any(free.get(n, 0) - taken.get(n, 0) < size for n, size in shape.quantities().items() if taken.get(n))


def until_ms(holds: Holds, agent: Agent) -> int | None:
    found = holds.by_agent.get(agent)
    return found.until_ms if found is not None else None


def waiting_task(agent: Agent, subscription: Subscription) -> int | None:
    """The number of the first shape that it wants and that fits the agent when it is empty, but not now."""
    total = agent.total.available_to(subscription.role.name).quantities()
    for number, demand in enumerate(subscription.demand):
        shape = demand.resources.quantities()
        if demand.gang:
            continue
        if left(subscription, number) > 0 and shape and covers(total, shape):
            return number
    return None


def _has_room(agent: Agent, subscription: Subscription, shape: Resources) -> bool:
    free = agent.free if agent.plain else agent.free.available_to(subscription.role.name)
    return covers(free.quantities(), shape.quantities())
