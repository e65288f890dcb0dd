"""What of an agent's free resources a subscription is offered at a time, by the exact demand that it made.

Without a demand, or with one that is only a hint, that is all of it, as in Mesos. Two things are wrong with that where shares are close. An offer counts as held while
it is on its way: with all the memory of a node in it, a role looks far above its share, and the CPU that comes free meanwhile goes to another. And where several
tasks end at once, all of their room goes to one role. So whoever says exactly what it wants is offered what some of its tasks hold, and then the shares are
compared again.
"""

from __future__ import annotations

from raymesos.model.resources import Resources
from raymesos.wire.messages import Demand

# An agent's room is dealt out in about so many steps: one task at a time on small agents, and on large ones not for the length of a pass.
STEPS = 8


def is_exact(demands: tuple[Demand, ...]) -> bool:
    return bool(demands) and all(demand.exact for demand in demands)


def next_part(demands: tuple[Demand, ...], free: Resources, given: int) -> tuple[Resources, int] | None:
    """(what to offer now, how many tasks that is) of `free`; None if it holds no demanded task. `given` tasks were offered of this agent already.

    Shapes are served in their order, each as often as it is wanted, but the last as often as it fits: more may be wanted by now.
    """
    room = free.quantities()
    for number, demand in enumerate(demands, 1):
        wanted = demand.count if number < len(demands) else given + (1 << 30)
        if given >= wanted:
            given -= wanted
            continue
        shape = demand.resources.quantities()
        fits = min((room.get(name, 0) // size for name, size in shape.items() if size), default=0)
        if fits and free.contains(demand.resources):
            count = min(-(-fits // STEPS), wanted - given)
            return Resources.of_milli({name: count * size for name, size in shape.items()}), count
        given = 0
    return None
