"""Gangs: tasks that are offered together, on as many agents as it takes, or not at all.

When it is a gang's turn and there is not room for all of it, agents that could hold some of it are kept until there is (see holds). Agents are kept for one gang at a time: two that
each keep half of what the other lacks would wait for ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from raymesos.kernel.allocator.books import Agent, Subscription
from raymesos.kernel.allocator.holds import Hold
from raymesos.kernel.allocator.ledger import Ledger
from raymesos.kernel.allocator.portion import gang_bound, suits, takeable
from raymesos.model.amounts import times
from raymesos.model.portions import pick
from raymesos.model.resources import Resources
from raymesos.wire.messages import Demand

if TYPE_CHECKING:
    from raymesos.kernel.allocator.giving import Pass

Placing = list[tuple[Agent, Resources, int]]
"""(agent, what of it, how many tasks)"""


def next_gang(subscription: Subscription) -> int | None:
    """The number of the first gang that is wanted."""
    if not subscription.exact:
        return None
    for number, demand in enumerate(subscription.demand):
        if demand.gang and subscription.left[number] > 0:
            return number
    return None


def placing(this: Pass, subscription: Subscription, number: int) -> Placing | None:
    """Where all of the gang finds room now; None if it does not. Looked for once in a pass: what is free only becomes less."""
    if subscription in this.failed:
        return None
    found = _placing(this, subscription, subscription.demand[number], subscription.left[number])
    if found is None:
        this.failed[subscription] = None
    return found


def keep(this: Pass, agent: Agent, subscription: Subscription, number: int) -> bool:
    """Keep the agent for the gang. False if that would not help, is another gang's turn, or was in vain not long ago."""
    holds, ledger = this.holds, this.ledger
    if not holds.settings.hold_ms or agent in holds.resting:
        return False
    gang = holds.gang()
    if gang is not None and gang is not subscription:
        return False
    shape, wanted = subscription.demand[number].resources.quantities(), subscription.left[number]
    kept = [a for a, hold in holds.by_agent.items() if hold.subscription is subscription]
    if len(kept) >= min(wanted, holds.settings.holds_per_role) or not _fits(agent.total, subscription, shape):
        return False
    if this.filters.refuses(subscription.key, agent.id) or _most(ledger, subscription, shape, wanted) < wanted:
        return False
    until_ms = holds.by_agent[kept[0]].until_ms if kept else this.now_ms + holds.settings.hold_ms
    holds.by_agent[agent] = Hold(subscription, until_ms, gang=True)
    return True


def _placing(this: Pass, subscription: Subscription, demand: Demand, wanted: int) -> Placing | None:
    shape = demand.resources.quantities()
    bound = gang_bound(this.ledger, subscription)
    if any(name in bound and bound[name] < wanted * size for name, size in shape.items()):
        return None
    found: Placing = []
    for agent in list(this.ledger.offerable):
        part = _part(this, agent, subscription, shape, wanted)
        if part is not None:
            found.append(part)
            wanted -= part[2]
            if not wanted:
                return found
    return None


def _part(
    this: Pass, agent: Agent, subscription: Subscription, shape: Mapping[str, int], wanted: int
) -> tuple[Agent, Resources, int] | None:
    hold = this.holds.by_agent.get(agent)
    if (hold is not None and hold.subscription is not subscription) or not suits(
        this.ledger, agent, subscription, this.outcome
    ):
        return None
    free = takeable(agent, subscription, this.given.get(agent, {}))
    count = min(wanted, _fits(free, subscription, shape))
    offer = pick(free, {name: count * size for name, size in shape.items()}) if count else None
    if offer is None or this.is_refused(agent, subscription, offer):
        return None
    return agent, offer, count


def _fits(resources: Resources, subscription: Subscription, shape: Mapping[str, int]) -> int:
    room = resources.available_to(subscription.role.name).quantities()
    return times(room, shape)


def _most(ledger: Ledger, subscription: Subscription, shape: Mapping[str, int], wanted: int) -> int:
    """How many tasks all agents could hold, were they empty; counted up to `wanted`."""
    found = 0
    for total, agents in ledger.totals.items():
        found += agents * _fits(total, subscription, shape)
        if found >= wanted:
            break
    return found
