"""The links between simulated hosts: whole, slow, or cut. A link keeps the order of what it carries; what is on its way when it is cut is lost.

Distances are zero unless told otherwise: then a message arrives in the instant in which it was sent, in the round after it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush

from raymesos.machine import Envelope

Pair = tuple[str, str]
"""Two hosts, by name in order."""

Delay = Callable[[], int]
"""Draws how long the next batch takes, in ms."""


@dataclass(slots=True)
class Link:
    """What two hosts know of their connection. `generation` grows whenever what is on its way is lost."""

    cut: bool = False
    delay: Delay | None = None
    generation: int = 0
    busy_until_ms: dict[str, int] = field(default_factory=dict)
    """By receiving host: nothing arrives before what was sent earlier."""


Flight = tuple[int, int, Pair, int, str, list[Envelope]]
"""(arrival, order, link, generation, receiving host, what it carries)"""


class Network:
    """Says for each batch between two hosts whether and when it arrives."""

    def __init__(self) -> None:
        self._links: dict[Pair, Link] = {}
        self._isolated: dict[str, None] = {}
        self._flights: list[Flight] = []
        self._order = 0
        self.alter: Callable[[list[Envelope]], list[Envelope]] | None = None
        """What a fault makes of a batch: messages doubled, say."""
        self.delay: Delay | None = None
        """The delay of links that have none of their own."""

    @property
    def quiet(self) -> bool:
        """True when every message arrives at once, so that nobody need ask."""
        return not (self._links or self._isolated or self._flights or self.alter or self.delay)

    def connected(self, a: str, b: str) -> bool:
        if a == b:
            return True
        link = self._links.get(pair_of(a, b))
        return a not in self._isolated and b not in self._isolated and not (link is not None and link.cut)

    def carry(self, now_ms: int, source: str, target: str, envelopes: list[Envelope]) -> list[Envelope]:
        """What arrives at once. The rest is on its way (`due`) or lost."""
        if source == target:
            return envelopes
        if not self.connected(source, target):
            return []
        if self.alter is not None:
            envelopes = self.alter(envelopes)
        pair = pair_of(source, target)
        link = self._links.get(pair)
        delay = (link.delay if link is not None else None) or self.delay
        after_ms = delay() if delay is not None else 0
        busy_ms = link.busy_until_ms.get(target, 0) if link is not None else 0
        at_ms = max(now_ms + after_ms, busy_ms)
        if at_ms <= now_ms and busy_ms < now_ms:
            return envelopes
        link = self._link(pair)
        link.busy_until_ms[target] = at_ms
        self._order += 1
        heappush(self._flights, (at_ms, self._order, pair, link.generation, target, list(envelopes)))
        return []

    def next_arrival_ms(self) -> int | None:
        return self._flights[0][0] if self._flights else None

    def due(self, now_ms: int) -> list[tuple[str, list[Envelope]]]:
        """(host, batch) of all that has arrived by `now_ms`, in order."""
        arrived = []
        while self._flights and self._flights[0][0] <= now_ms:
            _, _, pair, generation, target, envelopes = heappop(self._flights)
            if envelopes and self._links[pair].generation == generation:
                arrived.append((target, envelopes))
        return arrived

    # ------------------------------------------------------------ faults

    def cut(self, a: str, b: str) -> None:
        """Nothing passes between `a` and `b`; what is on its way is lost."""
        self._link(pair_of(a, b)).cut = True
        self.lose(a, b)

    def heal(self, a: str, b: str) -> None:
        self._link(pair_of(a, b)).cut = False

    def isolate(self, host: str) -> None:
        """Nothing leaves or reaches `host`."""
        self._isolated[host] = None
        self.lose(host)

    def rejoin(self, host: str) -> None:
        self._isolated.pop(host, None)

    def isolated(self, host: str) -> bool:
        return host in self._isolated

    def lose_of(self, host: str, other: str, address: str) -> None:
        """What is on its way between the two, from or to the machine at `address`, never arrives; what others there say does."""
        pair = pair_of(host, other)
        for flight in self._flights:
            if flight[2] == pair:
                flight[5][:] = [e for e in flight[5] if address not in (e[0], e[1])]

    def lose(self, host: str, other: str | None = None) -> None:
        """What is on its way between the two, or from and to `host`, never arrives."""
        for pair in [pair_of(host, other)] if other is not None else [p for p in self._links if host in p]:
            link = self._links.get(pair)
            if link is not None:
                link.generation += 1
                link.busy_until_ms.clear()

    def slow(self, a: str, b: str, delay: Delay | None) -> None:
        """Give the link a delay of its own; None takes it away."""
        self._link(pair_of(a, b)).delay = delay

    def cut_pairs(self) -> list[Pair]:
        return [pair for pair, link in self._links.items() if link.cut]

    def _link(self, pair: Pair) -> Link:
        found = self._links.get(pair)
        if found is None:
            found = self._links[pair] = Link()
        return found


def pair_of(a: str, b: str) -> Pair:
    return (a, b) if a < b else (b, a)
