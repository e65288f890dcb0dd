"""How many users there are at a moment of a load test: the shapes, as plain functions.

`users_at` takes the shape's name, the second, how many seconds the test has, and how many users there are at the most.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

Curve = Callable[[float], float]
"""From the part of the time that is over (0 to 1) to the part of the users."""

# Of the time of a ramp: the rest is at the top.
RAMP = 0.7
BURSTS = 3
# Few between the bursts, but never nobody: the burst meets a cluster that works.
BETWEEN_BURSTS = 0.3


def _ramp(over: float) -> float:
    return min(1.0, over / RAMP)


def _burst(over: float) -> float:
    return 1.0 if (over * BURSTS) % 1.0 >= 0.5 else BETWEEN_BURSTS


def _soak(over: float) -> float:
    return 1.0


SHAPES: dict[str, Curve] = {"ramp": _ramp, "burst": _burst, "soak": _soak}
"""ramp: more and more, then all. burst: few, then all at once, three times. soak: all, for as long as it takes; give it minutes."""


def users_at(shape: str, at_s: float, seconds: float, *, most: int, least: int) -> int | None:
    """Users at `at_s`, from `least` to `most`; None when the time is over. Raises KeyError for an unknown shape."""
    if at_s >= seconds:
        return None
    return max(least, min(most, ceil(most * SHAPES[shape](at_s / seconds))))
