"""What of an agent's free resources a subscription is offered at a time, by the exact demand that it made, and what of the demand is left then.

Without a demand, or with one that is only a hint, that is all of it, as in Mesos. Two things are wrong with that where shares are close. An offer counts as held while
it is on its way: with all the memory of a node in it, a role looks far above its share, and the CPU that comes free meanwhile goes to another. And where several
tasks end at once, all of their room goes to one role. So whoever says exactly what it wants is offered what some of its tasks hold, and then the shares are
compared again.

What was asked for and is offered is not offered again: it is booked against the demand until the offer comes back (then it is wanted again) or its task ends (then it is over).
A new demand replaces all of that. A demand for `more` is not booked: of each agent its shapes are offered in their order, each as often as it is wanted, but the last as often as it fits.
"""

from __future__ import annotations

from dataclasses import dataclass

from raymesos.kernel.allocator.books import Subscription
from raymesos.model.amounts import times
from raymesos.model.portions import pick
from raymesos.model.resources import EMPTY, Resources
from raymesos.wire.messages import Demand

# An agent's room is dealt out in about so many steps: one task at a time on small agents, and on large ones not for the length of a pass.
STEPS = 8
ANY_NUMBER = 1 << 30


def is_exact(demands: tuple[Demand, ...]) -> bool:
    return bool(demands) and all(demand.exact for demand in demands)


def declare(subscription: Subscription, demands: tuple[Demand, ...]) -> None:
    """This is what it wants now, whatever it wanted before."""
    subscription.demand = tuple(d for d in demands if d.role in ("", subscription.role.name))
    subscription.exact = is_exact(subscription.demand)
    subscription.more = subscription.exact and any(d.more for d in subscription.demand)
    subscription.left = [d.count for d in subscription.demand]
    subscription.booked = [0] * len(subscription.demand)
    subscription.misfit_version = -1


@dataclass(frozen=True, slots=True)
class Part:
    """What to offer: `count` tasks' worth of the shape `number`."""

    offer: Resources
    number: int
    count: int


NOTHING = Part(EMPTY, 0, 0)


def next_part(subscription: Subscription, free: Resources, steps: int, given: int = 0) -> Part:
    """What to offer now of `free`: some tasks of the first shape that is wanted and fits; nothing if none does. Gangs are offered otherwise.

    `steps` 0: one task. Of those of which more may be wanted `given` tasks were offered of this agent already.
    """
    room = free.quantities()
    for number, demand in enumerate(subscription.demand):
        wanted = left(subscription, number)
        if demand.gang:
            continue
        if demand.more:
            if given >= wanted:
                given -= wanted
                continue
            wanted, given = wanted - given, 0
        if wanted <= 0:
            continue
        shape = demand.resources.quantities()
        fits = times(room, shape)
        if not fits or not (demand.resources.is_plain or free.contains(demand.resources)):
            continue
        count = min(-(-fits // steps) if steps else 1, wanted)
        found = pick(free, {name: count * size for name, size in shape.items()})
        if found is None and count > 1:
            count, found = 1, pick(free, shape)
        if found is not None:
            return Part(found, number, count)
    return NOTHING


def left(subscription: Subscription, number: int) -> int:
    """How many tasks of the shape are still wanted."""
    if subscription.demand[number].more and number == len(subscription.left) - 1:
        return ANY_NUMBER
    return subscription.left[number]


def book(subscription: Subscription, number: int, count: int) -> None:
    """So many tasks of the shape are offered."""
    if not subscription.demand[number].more:
        subscription.left[number] -= count
        subscription.booked[number] += count


def unbook(subscription: Subscription, resources: Resources, *, ended: bool) -> bool:
    """What was offered has come back, unused unless a task of it has `ended`. True if something of it is wanted again."""
    again = False
    for number, count in _tasks_in(subscription, resources, subscription.booked):
        subscription.booked[number] -= count
        if not ended:
            subscription.left[number] += count
            again = True
    return again


def _tasks_in(subscription: Subscription, resources: Resources, most: list[int]) -> list[tuple[int, int]]:
    """(shape, how many tasks of it) that `resources` hold, no more than `most` of each."""
    room = dict(resources.quantities())
    found = []
    for number, demand in enumerate(subscription.demand):
        shape = demand.resources.quantities()
        count = min(times(room, shape), most[number])
        if count > 0:
            for name, size in shape.items():
                room[name] -= count * size
            found.append((number, count))
    return found
