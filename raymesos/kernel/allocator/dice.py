"""The allocator's only source of chance: a stream of its own, computed from a seed that comes in from outside.

The stream is SHAKE-128 over seed and a counter. It depends on nothing else: equal seeds give equal results on every machine, in every Python version and
under any hash seed, and thousands of words cost one call.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import shake_128
from struct import unpack
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """Two of them with one seed and the same calls give the same answers."""

    __slots__ = ("_rolls", "_seed")

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._rolls = 0

    def below(self, bound: int) -> int:
        """A whole number in [0, bound), each equally likely. `bound` is at least 1."""
        bits = (bound - 1).bit_length()
        surplus = -bits % 8
        while (value := int.from_bytes(self._roll((bits + 7) // 8), "little") >> surplus) >= bound:
            pass
        return value

    def shuffled(self, items: Iterable[T]) -> list[T]:
        """The items in an order of which each is equally likely."""
        known = list(items)
        keys = unpack(f"<{len(known)}Q", self._roll(8 * len(known)))
        return [known[index] for index in sorted(range(len(known)), key=keys.__getitem__)]

    def _roll(self, size: int) -> bytes:
        self._rolls += 1
        return shake_128(b"%d.%d" % (self._seed, self._rolls)).digest(size)
