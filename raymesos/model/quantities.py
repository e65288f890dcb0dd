"""What there is of a resource: a scalar in thousandths, ranges of integers, a set of names, or something shared. Exact algebra on each type."""

from __future__ import annotations

from typing import NamedTuple

Ranges = tuple[tuple[int, int], ...]
"""Sorted, disjoint, coalesced (begin, end) pairs, both ends included."""


class Items(tuple[str, ...]):
    """A set of names, sorted."""

    __slots__ = ()


class Shared(NamedTuple):
    """`holders` of one and the same quantity."""

    value: int
    holders: int


Quantity = int | Ranges | Items | Shared


def make_ranges(pairs: list[tuple[int, int]]) -> Ranges:
    """Sorted and coalesced; empty pairs (begin > end) dropped."""
    return coalesce([p for p in pairs if p[0] <= p[1]])


def type_of(quantity: Quantity) -> str:
    """SCALAR, RANGES or SET: what the v1 API calls it."""
    if isinstance(quantity, int | Shared):
        return "SCALAR"
    return "SET" if isinstance(quantity, Items) else "RANGES"


def is_ranges(quantity: Quantity) -> bool:
    return isinstance(quantity, tuple) and not isinstance(quantity, Items | Shared)


def coalesce(pairs: list[tuple[int, int]]) -> Ranges:
    """The same numbers as sorted pairs with gaps between them."""
    merged: list[tuple[int, int]] = []
    for begin, end in sorted(pairs):
        if merged and begin <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((begin, end))
    return tuple(merged)


def add(a: Quantity, b: Quantity) -> Quantity:
    """Both together; of one type."""
    if isinstance(a, Shared) and isinstance(b, Shared):
        return Shared(a.value, a.holders + b.holders)
    if isinstance(a, int) and isinstance(b, int):
        return a + b
    if isinstance(a, Items) and isinstance(b, Items):
        return Items(sorted({*a, *b}))
    return coalesce([*a, *b])  # type: ignore[misc,list-item]


def contains(a: Quantity, b: Quantity) -> bool:
    """Whether `b` could be taken out of `a`."""
    if isinstance(a, Shared) and isinstance(b, Shared):
        return a.value == b.value and a.holders >= b.holders
    if isinstance(a, int) and isinstance(b, int):
        return a >= b
    if isinstance(a, Items) and isinstance(b, Items):
        return all(item in a for item in b)
    if is_ranges(a) and is_ranges(b):
        return all(any(x[0] <= y[0] and y[1] <= x[1] for x in a) for y in b)  # type: ignore[union-attr,index,operator]
    return False


def subtract(a: Quantity, b: Quantity) -> Quantity | None:
    """`a` without `b`, which it contains; None when nothing is left."""
    if isinstance(a, Shared) and isinstance(b, Shared):
        return Shared(a.value, a.holders - b.holders) if a.holders > b.holders else None
    if isinstance(a, int) and isinstance(b, int):
        return a - b or None
    if isinstance(a, Items) and isinstance(b, Items):
        return Items(x for x in a if x not in b) or None
    return _cut(a, b) or None  # type: ignore[arg-type]


def _cut(whole: Ranges, parts: Ranges) -> Ranges:
    left: list[tuple[int, int]] = list(whole)
    for begin, end in parts:
        left = [
            piece
            for low, high in left
            for piece in ((low, min(high, begin - 1)), (max(low, end + 1), high))
            if piece[0] <= piece[1]
        ]
    return tuple(sorted(set(left)))
