"""What a framework wants, as it is written: `[("cpus:1;mem:64", 3), ("cpus:4", 2, "gang")]`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from raymesos.errors import InvalidValue
from raymesos.model.resources import EMPTY, Resources
from raymesos.wire.values import Demand

DemandRows = Iterable[tuple[str | Resources, int] | tuple[str | Resources, int, str]]
"""(shape, count) pairs; with a third, `gang`, all of the count at once or none."""


def demand_of(demand: DemandRows | None) -> tuple[Demand, ...]:
    """Exactly what is wanted. None: nobody said; no rows: nothing. Raises InvalidValue."""
    if demand is None:
        return ()
    if isinstance(demand, str) or not isinstance(demand, Iterable):
        raise InvalidValue("demand", demand, "must be a list of (resources, count)")
    return tuple([_wanted(row) for row in demand]) or (Demand(EMPTY, 0, exact=True),)


def _wanted(row: tuple[Any, ...]) -> Demand:
    if not isinstance(row, tuple | list) or len(row) not in (2, 3):
        raise InvalidValue("demand", row, "must be (resources, count), or (resources, count, 'gang')")
    shape, count, *gang = row
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise InvalidValue("demand", count, "must be a count of 0 or more")
    if gang not in ([], ["gang"]):
        raise InvalidValue("demand", gang[0], "must be 'gang': all at once or none")
    return Demand(Resources.of(shape), count, exact=True, gang=bool(gang))
