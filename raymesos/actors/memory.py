"""What the cyclic garbage collector is told in an actor that keeps large books."""

from __future__ import annotations

import gc

# Its own 700 have it walk the young objects hundreds of times in one pass over a large cluster, none of which it can free: the books make no cycles.
# Measured on 20,000 agents: a pass takes about a tenth less, the slowest steady pass a quarter. What waits to be freed is at most a few MB.
YOUNG = 50_000
MIDDLE, OLD = 20, 50


def settle_memory() -> None:
    """Keep the collector from walking what lives for ever: a full pass over a large cluster's books takes longer than an allocation."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
