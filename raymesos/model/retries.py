"""How often, and after how long, what failed is tried again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """`retries` at the user's cost; before the n-th one a wait of `initial_ms` × `factor`^(n-1), at most `max_ms`."""

    retries: int = 0
    initial_ms: int = 0
    max_ms: int = 0
    factor: int = 1
