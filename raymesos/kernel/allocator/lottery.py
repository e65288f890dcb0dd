"""The random sorter: every order is a new draw, in which a client's chance to come next goes with its weight."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate

from raymesos.kernel.allocator.dice import Dice
from raymesos.kernel.allocator.pool import Pool
from raymesos.kernel.allocator.sorter import Node, Sorter
from raymesos.model.resources import Resources

# The tickets of one draw, whole numbers so that every machine draws the same. 2^96 leaves 32 bits of precision to a client whose path
# halves its chance 64 times.
ALL_TICKETS = 1 << 96


class RandomSorter(Sorter):
    """A weighted shuffle without replacement. A client's weight is the product, down its path, of weight ÷ sum over active siblings; the
    shuffle is flat, so siblings do not stay together. (Mesos: sorter/random/sorter.cpp)
    """

    def __init__(self, total: Resources | str | Pool, seed: int | Dice) -> None:
        """`total` only matters for shares that are asked for. Sorters may roll the same Dice."""
        self._dice = seed if isinstance(seed, Dice) else Dice(seed)
        self._clients_drawn_from: list[str] | None = None
        self._tickets: list[int] = []
        super().__init__(total)

    def walk(self) -> Iterator[str]:
        if self._clients_drawn_from is None:
            self._clients_drawn_from, self._tickets = self._shares_of_chance()
        return self._draw(self._clients_drawn_from, self._tickets)

    def _draw(self, clients: list[str], tickets: list[int]) -> Iterator[str]:
        """Draw until none is left. A client that was drawn before is a blank; when blanks hold half of all tickets, they are taken out."""
        drawn: dict[int, None] = {}
        bounds = list(accumulate(tickets))
        left = bounds[-1] if bounds else 0
        while len(drawn) < len(clients):
            at = bisect_right(bounds, self._dice.below(bounds[-1]))
            if at in drawn:
                continue
            yield clients[at]
            drawn[at] = None
            left -= tickets[at]
            if 2 * left < bounds[-1]:
                kept = [i for i in range(len(clients)) if i not in drawn]
                clients, tickets = [clients[i] for i in kept], [tickets[i] for i in kept]
                drawn, bounds = {}, list(accumulate(tickets))

    def _shares_of_chance(self) -> tuple[list[str], list[int]]:
        clients: list[str] = []
        tickets: list[int] = []

        def descend(node: Node, chance: int) -> None:
            if node.client is not None:
                clients.append(node.client)
                tickets.append(max(1, chance))
                return
            live = [child for child in (node.children or {}).values() if child.live]
            whole = sum(weight_of(child) for child in live)
            for child in live:
                descend(child, chance * weight_of(child) // whole)

        def weight_of(node: Node) -> int:
            numerator, denominator = node.weight
            return (numerator << 64) // denominator

        descend(self._root, ALL_TICKETS)
        return clients, tickets

    def _moved(self, node: Node) -> None:
        """Who takes part, or with what weight, has changed."""
        self._clients_drawn_from = None
