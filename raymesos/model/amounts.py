"""Amounts of scalars: thousandths by name, where a name that is not there counts 0."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

Amounts = Mapping[str, int]


def total(parts: Iterable[Amounts]) -> dict[str, int]:
    """All parts together."""
    found: dict[str, int] = {}
    for part in parts:
        for name, amount in part.items():
            found[name] = found.get(name, 0) + amount
    return found


def less(one: Amounts, other: Amounts) -> dict[str, int]:
    """What is left of `one` without `other`; names of which nothing is left are gone."""
    return {name: amount - other.get(name, 0) for name, amount in one.items() if amount > other.get(name, 0)}


def covers(have: Amounts, wanted: Amounts) -> bool:
    """Whether there is as much as is wanted of each name."""
    return all(have.get(name, 0) >= amount for name, amount in wanted.items())


def times(room: Amounts, shape: Amounts) -> int:
    """How often the shape fits; 0 for one of nothing."""
    return min((room.get(name, 0) // amount for name, amount in shape.items() if amount), default=0)
