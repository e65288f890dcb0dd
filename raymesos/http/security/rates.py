"""How often one caller may call: a bucket of tokens with a queue of bounded length. Pure: time comes in, as nanoseconds of any clock that never goes back."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from raymesos.model.settings import HttpSettings

SECOND = 1_000_000_000
MILLISECOND = 1_000_000


class Turn(NamedTuple):
    """Whether a call is taken, and when: `wait_ns` until its turn, or if it is refused until one of the same kind could be taken."""

    taken: bool
    wait_ns: int


class Rate(NamedTuple):
    """One call every `gap_ns`, `burst` at once after a rest, and nobody waits longer than `queue_ns`."""

    gap_ns: int
    burst: int
    queue_ns: int


def rate_of(settings: HttpSettings) -> Rate | None:
    """None where callers may call as often as they like."""
    if settings.rate is None:
        return None
    burst = max(1, settings.rate * settings.rate_burst_ms // 1000)
    return Rate(max(1, SECOND // settings.rate), burst, settings.rate_queue_ms * MILLISECOND)


class Bucket:
    """The turns of one caller. `free_ns` is when the next one would begin if nobody had ever rested."""

    __slots__ = ("free_ns",)

    def __init__(self, now_ns: int, rate: Rate) -> None:
        self.free_ns = now_ns - (rate.burst - 1) * rate.gap_ns

    def take(self, now_ns: int, rate: Rate) -> Turn:
        """The turn of a call that comes now. A refused one has taken nothing."""
        # A rest longer than a burst earns no more than a burst.
        begin = max(self.free_ns, now_ns - (rate.burst - 1) * rate.gap_ns)
        wait = max(0, begin - now_ns)
        if wait > rate.queue_ns:
            return Turn(False, wait - rate.queue_ns)
        self.free_ns = begin + rate.gap_ns
        return Turn(True, wait)


class Buckets:
    """One for each caller, at most `known` of them."""

    def __init__(self, rate: Rate, known: int) -> None:
        self._rate, self._bound = rate, known
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def take(self, caller: str, now_ns: int) -> Turn:
        bucket = self._buckets.get(caller)
        if bucket is None:
            bucket = self._buckets[caller] = Bucket(now_ns, self._rate)
            if len(self._buckets) > self._bound:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(caller)
        return bucket.take(now_ns, self._rate)
