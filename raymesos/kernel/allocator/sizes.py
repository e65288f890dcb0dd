"""Whether a task could ever fit, by the sizes of agents that there are."""

from __future__ import annotations

from collections.abc import Iterable

from raymesos.model.resources import Resources


def fits_some(totals: Iterable[Resources], role: str, shape: Resources) -> bool:
    """Whether an agent of one of these totals, empty, could hold `shape` for `role`."""
    return any(total.available_to(role).contains(shape) for total in totals)


def nearest_miss(totals: Iterable[Resources], role: str, shape: Resources) -> dict[str, int]:
    """What the agent that comes nearest lacks of `shape`, were it empty."""
    wanted = shape.quantities()
    nearest: dict[str, int] | None = None
    for total in totals:
        have = total.available_to(role).quantities()
        lacks = {name: size - have.get(name, 0) for name, size in wanted.items() if have.get(name, 0) < size}
        if nearest is None or (len(lacks), sum(lacks.values())) < (len(nearest), sum(nearest.values())):
            nearest = lacks
    return nearest if nearest is not None else dict(wanted)
