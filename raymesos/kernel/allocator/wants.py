"""What of an offer a subscription could use, by the exact demand that it made.

Without a demand, or with one that is only a hint, that is all of it, as in Mesos. An offer of all that an agent has free counts as held while it is on its way: with
all the memory of a node in it, a role looks far above its share, and whatever CPU comes free meanwhile goes to another. So whoever says exactly what it
wants is offered just so much.
"""

from __future__ import annotations

from raymesos.model.resources import Resources
from raymesos.wire.messages import Demand


def usable(demands: tuple[Demand, ...], offer: Resources) -> Resources | None:
    """`offer` without the scalars that no demanded task could use: tasks of the first shape first, as many as are wanted, and of the last as many as fit. None if none does.

    `offer` itself if any of the demands is a hint. Ranges and sets stay whole.
    """
    left = dict(offer.quantities())
    fits = False
    for number, demand in enumerate(demands, 1):
        if not demand.exact:
            return offer
        shape = demand.resources.quantities()
        count = min((left.get(name, 0) // size for name, size in shape.items() if size), default=0)
        if number < len(demands):
            count = min(count, demand.count)
        if count > 0 and offer.contains(demand.resources):
            fits = True
            for name, size in shape.items():
                left[name] = left.get(name, 0) - count * size
    if not fits:
        return None
    spare = {name: value for name, value in left.items() if value > 0}
    return offer - Resources.of_milli(spare) if spare else offer
