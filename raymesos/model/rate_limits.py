"""How many messages a second each principal's frameworks may send the master, in the JSON of Mesos' `--rate_limits`.

    {"limits": [{"principal": "ads", "qps": 55.5, "capacity": 100000}, {"principal": "ops"}],
     "aggregate_default_qps": 33.3, "aggregate_default_capacity": 1000000}

A principal that is listed without `qps` is not limited; those that are not listed share the aggregate default, if there is one. (Mesos: docs/framework-rate-limiting.md)
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from raymesos.errors import InvalidValue

# Mesos queues without bound where no capacity is named; a queue of ours has one.
MOST_QUEUED = 1_000_000
_FASTEST_QPS = 1_000_000.0


@dataclass(frozen=True, slots=True)
class RateLimit:
    """One message every `interval_us`, and at most `capacity` that wait for their turn."""

    interval_us: int
    capacity: int = MOST_QUEUED


@dataclass(frozen=True, slots=True)
class RateLimits:
    """By principal, None for one that is not limited; `default` is shared by all others."""

    limits: tuple[tuple[str, RateLimit | None], ...] = ()
    default: RateLimit | None = None

    def of(self, principal: str) -> tuple[str, RateLimit | None]:
        """(who shares the limit: the principal, or all that are not listed, whose name is empty; the limit)."""
        for name, limit in self.limits:
            if name == principal:
                return name, limit
        return "", self.default


UNLIMITED = RateLimits()


def parse_rate_limits(text: str) -> RateLimits:
    """None for an empty text. Raises InvalidValue."""
    if not text:
        return UNLIMITED
    try:
        return rate_limits_from_json(json.loads(text))
    except ValueError as error:
        raise InvalidValue("rate_limits", text, f"is not JSON: {error}") from None


def rate_limits_from_json(document: Any) -> RateLimits:
    """Raises InvalidValue naming the field."""
    if not isinstance(document, Mapping):
        raise InvalidValue("rate_limits", document, "must be an object")
    rows = document.get("limits", [])
    if not isinstance(rows, list):
        raise InvalidValue("rate_limits.limits", rows, "must be a list")
    limits: list[tuple[str, RateLimit | None]] = []
    for i, row in enumerate(rows):
        field = f"rate_limits.limits[{i}]"
        principal = row.get("principal") if isinstance(row, Mapping) else None
        if not isinstance(principal, str) or not principal:
            raise InvalidValue(field, row, "must be an object with a principal")
        if principal in dict(limits):
            raise InvalidValue(f"{field}.principal", principal, "has a limit already")
        limits.append((principal, _limit(row.get("qps"), row.get("capacity"), field, "")))
    qps, capacity = (document.get(f"aggregate_default_{name}") for name in ("qps", "capacity"))
    return RateLimits(tuple(limits), _limit(qps, capacity, "rate_limits", "aggregate_default_"))


def _limit(qps: Any, capacity: Any, field: str, prefix: str) -> RateLimit | None:
    if qps is None:
        if capacity is not None:
            raise InvalidValue(f"{field}.{prefix}capacity", capacity, f"means nothing without {prefix}qps")
        return None
    if isinstance(qps, bool) or not isinstance(qps, int | float) or not 0 < qps <= _FASTEST_QPS:
        raise InvalidValue(f"{field}.{prefix}qps", qps, f"must be a number above 0 and at most {_FASTEST_QPS:g}")
    if capacity is None:
        capacity = MOST_QUEUED
    if isinstance(capacity, bool) or not isinstance(capacity, int) or not 0 < capacity <= MOST_QUEUED:
        raise InvalidValue(f"{field}.{prefix}capacity", capacity, f"must be a whole number from 1 to {MOST_QUEUED}")
    return RateLimit(max(1, round(1_000_000 / qps)), capacity)
