"""In which order a pass looks at agents: drawn (as Mesos does), the fullest first (pack), the emptiest first (spread). Equals stay in the order drawn."""

from __future__ import annotations

from raymesos.kernel.allocator.books import Agent
from raymesos.kernel.allocator.dice import Dice

# What fills a node up; other resources do not say how full it is.
COUNTED = ("cpus", "mem")


def ordered(agents: list[Agent], scoring: str, dice: Dice) -> list[Agent]:
    drawn = dice.shuffled(agents)
    if scoring == "pack":
        drawn.sort(key=room)
    elif scoring == "spread":
        drawn.sort(key=room, reverse=True)
    return drawn


def room(agent: Agent) -> int:
    """How empty the agent is: the sum over CPUs and memory of the free part, in millionths."""
    free, total = agent.free.quantities(), agent.total.quantities()
    return sum(free.get(name, 0) * 1_000_000 // total[name] for name in COUNTED if total.get(name))
