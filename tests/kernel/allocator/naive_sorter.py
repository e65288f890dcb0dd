"""Mesos' sorter as a child would write it, to compare with."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction


@dataclass
class Naive:
    """Everything is worked out anew, with fractions. Quantities are in thousandths, of clients that are paths."""

    total: dict[str, int] = field(default_factory=dict)
    held: dict[str, dict[str, int]] = field(default_factory=dict)
    active: dict[str, bool] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    weights: dict[str, Fraction] = field(default_factory=dict)

    def nodes(self, client: str) -> list[str]:
        """The client's node and those above it; its own is `client/.` if it is a parent."""
        parts = client.split("/")
        path = ["/".join(parts[: n + 1]) for n in range(len(parts))]
        return [*path, f"{client}/."] if any(c.startswith(client + "/") for c in self.held) else path

    def key(self, node: str) -> tuple[Fraction, int, str]:
        held: Counter[str] = Counter()
        for client, quantities in self.held.items():
            if node in self.nodes(client):
                held.update(quantities)
        share = max((Fraction(held[n], t) for n, t in self.total.items() if t), default=Fraction(0))
        return share / self.weights.get(node, Fraction(1)), self.counts.get(node, 0), node

    def sort(self) -> list[str]:
        live = [c for c in self.held if self.active[c]]
        keys = {node: self.key(node) for c in live for node in self.nodes(c)}
        return sorted(live, key=lambda c: [keys[node] for node in self.nodes(c)])
