"""Rate limits: messages of frameworks wait their turn at the rate of their principal, and one that finds the queue full ends its framework's subscription.

A limiter outlives subscriptions: who fails over does not begin anew. What is not yet subscribed, and what a framework says when it leaves, does not wait. (Mesos: master.cpp, consume)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from raymesos.kernel.master.state import State
from raymesos.machine import Outbox
from raymesos.model.rate_limits import RateLimit
from raymesos.wire.messages import Disconnect, FrameworkError, Subscribe


@dataclass(slots=True)
class Limiter:
    """`waiting` are (principal, sender, message), oldest first; the next may be handled at `free_us`."""

    limit: RateLimit
    free_us: int = 0
    waiting: deque[tuple[str, str, Any]] = field(default_factory=deque)


def passes(state: State, sender: str, message: Any, out: Outbox, now_ms: int) -> bool:
    """Whether the message is to be handled now. Otherwise it waits, or is dropped and its framework told so."""
    framework = state.frameworks.get(state.framework_of_address.get(sender, ""))
    if framework is None or isinstance(message, Subscribe):
        return True
    principal = framework.info.principal
    _count(state.messages_received, principal)
    if isinstance(message, Disconnect):
        return True
    name, limit = state.settings.rate_limits.of(principal)
    if limit is None:
        _count(state.messages_processed, principal)
        return True
    limiter = state.limiters.setdefault(name, Limiter(limit))
    now_us = now_ms * 1_000
    if not limiter.waiting and now_us >= limiter.free_us:
        limiter.free_us = now_us + limit.interval_us
        _count(state.messages_processed, principal)
        return True
    if len(limiter.waiting) >= limit.capacity:
        text = f"Message {type(message).__name__} dropped: capacity({limit.capacity}) exceeded"
        out.send(sender, FrameworkError(text))
        return False
    limiter.waiting.append((principal, sender, message))
    if len(limiter.waiting) == 1:
        _wake(name, limiter, out, now_us)
    return False


def due(state: State, name: str, out: Outbox, now_ms: int) -> Iterator[tuple[str, Any]]:
    """(sender, message) of those whose turn it is."""
    limiter, now_us = state.limiters[name], now_ms * 1_000
    while limiter.waiting and now_us >= limiter.free_us:
        principal, sender, message = limiter.waiting.popleft()
        limiter.free_us += limiter.limit.interval_us
        _count(state.messages_processed, principal)
        yield sender, message
    if limiter.waiting:
        _wake(name, limiter, out, now_us)


def counters(state: State) -> dict[str, float]:
    """By Mesos' names, of the principals that have a framework."""
    principals = {f.info.principal: None for f in state.frameworks.values() if not f.removed and f.info.principal}
    found: dict[str, float] = {}
    for principal in sorted(principals):
        found[f"frameworks/{principal}/messages_received"] = state.messages_received.get(principal, 0)
        found[f"frameworks/{principal}/messages_processed"] = state.messages_processed.get(principal, 0)
    return found


def forget(state: State, principal: str) -> None:
    """A framework of the principal was removed: with its last one its counters go. (Mesos: removeFramework)"""
    if all(f.removed or f.info.principal != principal for f in state.frameworks.values()):
        state.messages_received.pop(principal, None)
        state.messages_processed.pop(principal, None)


def _count(counts: dict[str, int], principal: str) -> None:
    counts[principal] = counts.get(principal, 0) + 1


def _wake(name: str, limiter: Limiter, out: Outbox, now_us: int) -> None:
    out.wake(f"limit {name}", -((now_us - limiter.free_us) // 1_000))
