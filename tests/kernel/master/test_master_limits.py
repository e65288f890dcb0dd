"""Rate limits of principals (scenario S39; RateLimitingTest.CapacityReached, SchedulerFailover), and whom they leave alone."""

from __future__ import annotations

from typing import Any

import pytest
from master_rig import F1, F2, Rig, framework_info, to

from raymesos.machine import ALLOCATOR
from raymesos.model.rate_limits import RateLimit, RateLimits
from raymesos.wire.messages import Decline, Disconnect, FrameworkError, Revive, ReviveRoles, Subscribe

SECOND_US = 1_000_000


def limited(*limits: tuple[str, RateLimit | None], default: RateLimit | None = None) -> Rig:
    return Rig(rate_limits=RateLimits(limits, default))


def counted(rig: Rig, principal: str = "p") -> tuple[float, float]:
    """(received, processed)."""
    found = rig.master.metrics(rig.now_ms)
    return tuple(found[f"frameworks/{principal}/messages_{name}"] for name in ("received", "processed"))  # type: ignore[return-value]


def test_the_capacity_is_reached_and_the_framework_stops() -> None:
    rig = limited(("p", RateLimit(SECOND_US, 2)))
    f1 = rig.framework(principal="p", failover_timeout_ms=10_000)
    assert counted(rig) == (0, 0)
    assert to(ALLOCATOR, rig.tell(F1, Revive(f1))) == [ReviveRoles(f1, ("dev",))]
    assert counted(rig) == (1, 1)
    for _ in range(2):
        assert rig.tell(F1, Revive(f1)) == []
    assert counted(rig) == (3, 1)
    text = "Message Revive dropped: capacity(2) exceeded"
    assert rig.tell(F1, Revive(f1)) == [(F1, FrameworkError(text))]
    rig.tell(F1, Disconnect(f1))
    assert counted(rig) == (5, 1)
    assert rig.master.state.frameworks[f1].address is None
    rig.advance(3 * 1_001)
    assert counted(rig) == (5, 3)
    rig.advance(7_000)
    with pytest.raises(KeyError):
        counted(rig)


def test_messages_that_wait_are_handled_one_by_one_in_their_order() -> None:
    rig = limited(("p", RateLimit(SECOND_US)))
    f1, a1 = rig.framework(principal="p"), rig.agent()
    offer = rig.offer(f1, a1)
    rig.tell(F1, Revive(f1))
    rig.tell(F1, Decline(f1, (offer.id,)))
    rig.tell(F1, Revive(f1))
    assert rig.advance(999) == [] and offer.id in rig.master.state.offers
    rig.advance(1)
    assert offer.id not in rig.master.state.offers and counted(rig) == (3, 2)
    assert ReviveRoles(f1, ("dev",)) in to(ALLOCATOR, rig.advance(1_000))
    rig.advance(60_000)
    assert counted(rig) == (3, 3)
    assert rig.tell(F1, Revive(f1)) != [] and counted(rig) == (4, 4)


def test_a_scheduler_that_fails_over_keeps_its_limiter_and_counters() -> None:
    rig = limited(("p", RateLimit(SECOND_US)))
    f1 = rig.framework(principal="p", failover_timeout_ms=10_000)
    rig.tell(F1, Revive(f1))
    rig.tell(F2, Subscribe(framework_info(id=f1, principal="p", failover_timeout_ms=10_000)))
    assert rig.tell(F2, Revive(f1)) == []
    assert counted(rig) == (2, 1)
    rig.advance(1_000)
    assert counted(rig) == (2, 2)


def test_who_is_not_listed_shares_the_default_and_who_is_without_a_rate_is_not_limited() -> None:
    rig = limited(("free", None), default=RateLimit(SECOND_US))
    one = rig.framework("F1", principal="a")
    two = rig.framework("F2", principal="b")
    free = rig.framework("F3", principal="free")
    nobody = rig.framework("F4")
    assert rig.tell(F1, Revive(one)) != []
    assert rig.tell(F2, Revive(two)) == []
    assert rig.tell("framework/F4", Revive(nobody)) == []
    for _ in range(5):
        assert rig.tell("framework/F3", Revive(free)) != []
    rig.advance(1_000)
    assert (counted(rig, "a"), counted(rig, "b"), counted(rig, "free")) == ((1, 1), (1, 1), (5, 5))


def test_without_limits_messages_are_only_counted() -> None:
    rig = Rig()
    f1 = rig.framework(principal="p")
    for _ in range(3):
        rig.tell(F1, Revive(f1))
    assert counted(rig) == (3, 3)
    assert rig.master.state.limiters == {}


def test_a_message_that_waited_for_a_framework_that_left_has_no_effect() -> None:
    rig = limited(("p", RateLimit(SECOND_US)))
    f1 = rig.framework(principal="p", failover_timeout_ms=10_000)
    rig.tell(F1, Revive(f1))
    rig.tell(F1, Revive(f1))
    rig.tell(F1, Disconnect(f1))
    sent: list[Any] = rig.advance(1_000)
    assert to(ALLOCATOR, sent) == []
    assert counted(rig) == (3, 2)
