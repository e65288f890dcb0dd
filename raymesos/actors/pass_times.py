"""How long the allocator's passes take: measured around the machine, which tells no time. (Mesos: allocator/mesos/allocation_run_ms)"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from raymesos.machine import Outbox
from raymesos.wire.notes import MetricsNote

KEY = "allocator/mesos/allocation_run_ms"
# As many values as Mesos' timers keep for their statistics. (TIME_SERIES_CAPACITY)
KEPT = 1_000
QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999, "p9999": 0.9999}


class Passing(Protocol):
    @property
    def passes(self) -> int:
        """How many there were."""

    def handle(self, now_ms: int, sender: str, message: Any, out: Outbox) -> None: ...

    def check(self) -> None: ...


class TimedPasses:
    """The machine, with the time taken of each message that it makes a pass for. `clock` is in seconds."""

    def __init__(self, inner: Passing, clock: Callable[[], float] = time.perf_counter) -> None:
        self._inner, self._clock = inner, clock
        self._took_ms: deque[float] = deque(maxlen=KEPT)
        self._told = 0

    def handle(self, now_ms: int, sender: str, message: Any, out: Outbox) -> None:
        before, began = self._inner.passes, self._clock()
        self._inner.handle(now_ms, sender, message, out)
        if self._inner.passes != before:
            self._took_ms.append((self._clock() - began) * 1000)

    def check(self) -> None:
        self._inner.check()

    def note(self, now_ms: int) -> list[MetricsNote]:
        """By Mesos' names; none if there was no pass since the last call."""
        if self._told == self._inner.passes or not self._took_ms:
            return []
        self._told = self._inner.passes
        return [MetricsNote(now_ms, tuple(statistics(self._took_ms).items()))]


def statistics(took_ms: deque[float]) -> dict[str, float]:
    """The last of these times, of which there is one at least, and what is said of all of them."""
    ordered = sorted(took_ms)
    found = {KEY: took_ms[-1], f"{KEY}/count": float(len(ordered))}
    found |= {f"{KEY}/min": ordered[0], f"{KEY}/max": ordered[-1]}
    return found | {f"{KEY}/{name}": _quantile(ordered, share) for name, share in QUANTILES.items()}


def _quantile(ordered: list[float], share: float) -> float:
    """Between the two values that it lies between, as Mesos reckons it."""
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
