"""What several hold of an agent at once counts once: for a framework, for a role, and for every role above several that hold it.

(Mesos: sorter/drf/sorter.hpp, Node::Allocation)
"""

from __future__ import annotations

from dataclasses import dataclass

from raymesos.kernel.allocator.books import Agent, Subscription
from raymesos.model.portions import shared_part
from raymesos.model.resources import Key, Resources
from raymesos.model.roles import ancestors, is_within


@dataclass(frozen=True, slots=True)
class Counted:
    """What counts for the framework, and for its role. `above`: (path, what counts no more there and above it, because another role below the path holds it)."""

    framework: Resources
    role: Resources
    above: tuple[tuple[str, Resources], ...]


def count_once(agent: Agent, subscription: Subscription, resources: Resources) -> Counted:
    """What of `resources` of the agent, which the subscription does not hold (yet, or any more), is nothing that was counted before."""
    framework = role = resources
    for other, held in agent.held.items():
        if other.role is subscription.role:
            role = _without(role, held)
            if other is subscription:
                framework = _without(framework, held)
    above: dict[str, Resources] = {}
    for key, quantity in shared_part(role):
        path = _lowest_above(agent, subscription.role.name, key)
        if path is not None:
            above[path] = above.get(path, Resources()) + Resources(rest={key: quantity})
    return Counted(framework, role, tuple(above.items()))


def _lowest_above(agent: Agent, role: str, key: Key) -> str | None:
    """The lowest role, from this one upwards, below which another role holds the thing; None if there is none."""
    holders = [
        other.role.name for other, held in agent.held.items() if other.role.name != role and held.filter(key.__eq__)
    ]
    paths = (role, *ancestors(role)) if holders else ()
    return next((path for path in paths if any(is_within(holder, path) for holder in holders)), None)


def _without(resources: Resources, others: Resources) -> Resources:
    """`resources` without the shared things that `others` have, however many hold them."""
    keys = {key: None for key, _ in shared_part(others)}
    return resources.filter(lambda key: key not in keys) if keys else resources
