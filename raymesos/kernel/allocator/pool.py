"""The pool that shares are measured against, and vectors: quantities by the pool's own numbering of resource names.

A share is `held / total` of the resource that is taken most. Shares of one pool are compared as whole numbers: `factors` brings every name to
the common denominator `whole`, so that no division and no float takes part.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import repeat
from math import lcm
from operator import add, ge, mul, sub

Vector = tuple[int, ...]
"""Milli-units by the pool's index of names; names beyond its end count 0."""

# What one allocation counts for, in ties: in thousandths, because tasks of a known size count by it (see Ledger).
ONCE = 1000


class Pool:
    """Totals by name. `version` grows whenever a share that was computed before may have changed; only the pool changes it."""

    __slots__ = ("_counted", "_excluded", "_factors", "_index", "_total", "_whole", "version")

    def __init__(self, excluded: Iterable[str] = ()) -> None:
        self._index: dict[str, int] = {}
        self._excluded = dict.fromkeys(excluded)
        self._total: Vector = ()
        self._factors: Vector = ()
        self._whole = 1
        self.version = 0
        self._counted = True

    @property
    def names(self) -> list[str]:
        """Resource names by index."""
        return list(self._index)

    @property
    def total(self) -> Vector:
        return self._total

    @property
    def whole(self) -> int:
        """The share, in parts, of one who holds all of any one resource."""
        self._count()
        return self._whole

    @property
    def factors(self) -> Vector:
        """Parts of `whole` that one milli-unit of each name is; 0 for a name that the pool has none of or that does not count."""
        self._count()
        return self._factors

    def vector(self, quantities: Mapping[str, int]) -> Vector:
        """`quantities` (milli-units by name) as a vector as long as the pool knows names; unknown names are numbered."""
        index = self._index
        for name in quantities:
            if name not in index:
                index[name] = len(index)
        return tuple(map(quantities.get, index, repeat(0)))

    def named(self, vector: Vector) -> dict[str, int]:
        """Milli-units by name, zeros left out."""
        return {name: amount for name, amount in zip(self._index, vector, strict=False) if amount}

    def set_total(self, total: Vector) -> None:
        if total != self._total:
            self._total = total
            self.version += 1
            self._counted = False

    def part(self, held: Vector) -> int:
        """The dominant share of who holds `held`, in parts of `whole`. (DRF, NSDI 2011, section 4)"""
        if not self._counted:
            self._count()
        return max(map(mul, held, self._factors), default=0)

    def in_cpus(self, held: Vector) -> int:
        """How much of the pool it is, in thousandths of a CPU: its dominant share of all CPUs. ONCE each where there are none."""
        index = self._index.get("cpus", len(self._total))
        cpus = self._total[index] if index < len(self._total) else 0
        return self.part(held) * cpus // self._whole if cpus else ONCE

    def dominant(self, held: Vector) -> str:
        """The resource of which `held` is the largest part; empty if it is nothing."""
        parts = list(map(mul, held, self.factors))
        most = max(parts, default=0)
        return self.names[parts.index(most)] if most else ""

    def _count(self) -> None:
        if self._counted:
            return
        counts = [
            amount > 0 and name not in self._excluded for name, amount in zip(self._index, self._total, strict=False)
        ]
        self._whole = lcm(*(amount for amount, counted in zip(self._total, counts, strict=False) if counted))
        self._factors = tuple(
            self._whole // amount if counted else 0 for amount, counted in zip(self._total, counts, strict=False)
        )
        self._counted = True


def plus(one: Vector, other: Vector) -> Vector:
    if len(one) != len(other):
        one, other = filled(one, len(other)), filled(other, len(one))
    return tuple(map(add, one, other))


def minus(one: Vector, other: Vector) -> Vector:
    if len(one) != len(other):
        one, other = filled(one, len(other)), filled(other, len(one))
    return tuple(map(sub, one, other))


def covers(vector: Vector, needed: Vector) -> bool:
    """Whether `vector` has at least `needed` of every name. Neither has less than nothing of one."""
    return all(map(ge, filled(vector, len(needed)), needed))


def filled(vector: Vector, size: int, missing: int = 0) -> Vector:
    """At least so many names, those that it had not with `missing`."""
    return vector if len(vector) >= size else vector + (missing,) * (size - len(vector))
