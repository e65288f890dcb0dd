"""Inverse offers: whom to ask to leave agents that will be unavailable. (Mesos: hierarchical.cpp, deallocate)

At the end of a pass each active framework that holds something, offered or used, of an agent that the pass looked at and that will be unavailable is asked once, until the
master says that it is over; after an answer it is left alone for as long as it says.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from raymesos.kernel.allocator.books import Agent
from raymesos.wire.messages import Unavailability


@dataclass(slots=True)
class Scheduled:
    """An agent that will be unavailable. Both are by framework id: who is asked, and when those that have answered may be asked again."""

    unavailability: Unavailability
    asked: dict[str, None] = field(default_factory=dict)
    until_ms: dict[str, int] = field(default_factory=dict)


Inverse = dict[str, Scheduled]
"""By agent id. All below is in proportion to the agents that will be unavailable, not to those there are."""


def schedule(inverse: Inverse, agent_id: str, unavailability: Unavailability | None) -> None:
    """The agent will be unavailable then, or not at all; whoever was asked for something else is asked anew."""
    if unavailability is None:
        inverse.pop(agent_id, None)
    else:
        inverse[agent_id] = Scheduled(unavailability)


def whom_to_ask(
    inverse: Inverse, agents: dict[str, Agent], named: Iterable[str] | None, now_ms: int
) -> tuple[tuple[str, str], ...]:
    """(framework id, agent id) pairs, booked as asked, of the agents `named`; of all for None."""
    pairs: list[tuple[str, str]] = []
    for agent_id in list(inverse) if named is None else [a for a in named if a in inverse]:
        agent, scheduled = agents.get(agent_id), inverse[agent_id]
        for subscription in agent.held if agent is not None else ():
            framework = subscription.framework
            if framework.active and framework.id not in scheduled.asked and _may_ask(scheduled, framework.id, now_ms):
                scheduled.asked[framework.id] = None
                pairs.append((framework.id, agent_id))
    return tuple(pairs)


def over(inverse: Inverse, framework_id: str, agent_id: str, until_ms: int | None) -> None:
    """The framework is not asked any more; not again before `until_ms`, if that is not None."""
    scheduled = inverse.get(agent_id)
    if scheduled is not None:
        scheduled.asked.pop(framework_id, None)
        if until_ms is not None:
            scheduled.until_ms[framework_id] = until_ms


def revive(inverse: Inverse, framework_id: str) -> None:
    """The framework may be asked again of every agent."""
    for scheduled in inverse.values():
        scheduled.until_ms.pop(framework_id, None)


def forget_framework(inverse: Inverse, framework_id: str) -> None:
    """The framework is away: it is asked nothing, and what it answered does not count any more."""
    for scheduled in inverse.values():
        scheduled.asked.pop(framework_id, None)
        scheduled.until_ms.pop(framework_id, None)


def _may_ask(scheduled: Scheduled, framework_id: str, now_ms: int) -> bool:
    until_ms = scheduled.until_ms.get(framework_id)
    if until_ms is not None and until_ms <= now_ms:
        del scheduled.until_ms[framework_id]
        until_ms = None
    return until_ms is None
