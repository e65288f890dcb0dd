"""What came a service's way: differences of HAProxy's counters, and quantiles of how long answers took."""

from __future__ import annotations

from raymesos.gateway.orders import SlotCount
from raymesos.wire.routes import Traffic

BOUNDS_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000)
"""An answer counts where its time to the head is below the bound and below none before."""
BUCKETS = len(BOUNDS_MS) + 1
"""One more for those that took longer than the last."""


def traffic_since(service: str, before: SlotCount | None, now: SlotCount, waiting: int) -> Traffic:
    """What `service` had between the two looks; a counter that has fallen began anew."""
    if before is None or now.requests < before.requests:
        before = SlotCount(now.slot, 0, 0, 0, (0,) * BUCKETS)
    times = tuple(new - old for new, old in zip(now.times, before.times, strict=True))
    return Traffic(
        service,
        requests=now.requests - before.requests,
        errors=now.errors - before.errors,
        # Those that wait are open streams to HAProxy.
        open=max(0, now.open - waiting),
        waiting=waiting,
        p50_ms=quantile_ms(times, 50),
        p99_ms=quantile_ms(times, 99),
    )


def quantile_ms(times: tuple[int, ...], percent: int) -> int:
    """The time within which `percent` % of the answers came, in ms; linear within its bucket, and the last bound beyond it. 0 without answers."""
    total = sum(times)
    if total == 0:
        return 0
    rank = -(-total * percent // 100)
    below, low = 0, 0
    for count, high in zip(times, BOUNDS_MS, strict=False):
        if count and below + count >= rank:
            return low + -(-(high - low) * (rank - below) // count)
        below, low = below + count, high
    return BOUNDS_MS[-1]
