"""Inputs that wait for a task: ranges that may start now, first come first, and ranges whose retry is due later.

A range may hold inputs that a late report has decided since; they are dropped as the range is taken.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import NamedTuple

# The status byte of an input: not decided, succeeded, failed for good.
OPEN, OK, BAD = 0, 1, 2


class Span(NamedTuple):
    """The inputs `lo` to `hi` (exclusive), each of which has `failed` so often at the user's cost and was `lost` so often at the system's."""

    lo: int
    hi: int
    failed: int = 0
    lost: int = 0


@dataclass(slots=True)
class Queue:
    ready: deque[Span] = field(default_factory=deque)
    later: list[tuple[int, Span]] = field(default_factory=list)
    """A heap of (due ms, span)."""
    count: int = 0
    """Inputs in both."""

    def add(self, span: Span) -> None:
        """It may start now, behind the others. Neighbours of one past become one range, so that they are packed together again."""
        ready = self.ready
        last = ready[-1] if ready else None
        if last is not None and last.hi == span.lo and last[2:] == span[2:]:
            ready[-1] = last._replace(hi=span.hi)
        else:
            ready.append(span)
        self.count += span.hi - span.lo

    def add_in_front(self, span: Span) -> None:
        """It may start now, before the others."""
        self.ready.appendleft(span)
        self.count += span.hi - span.lo

    def add_later(self, due_ms: int, span: Span) -> None:
        heappush(self.later, (due_ms, span))
        self.count += span.hi - span.lo

    def next_due_ms(self) -> int | None:
        return self.later[0][0] if self.later else None

    def release(self, now_ms: int) -> bool:
        """What is due may start. True if anything was."""
        moved = False
        while self.later and self.later[0][0] <= now_ms:
            _, span = heappop(self.later)
            self.count -= span.hi - span.lo
            self.add(span)
            moved = True
        return moved

    def first(self, inputs: bytearray) -> Span | None:
        """The range that is next, from its first open input on; None if nothing may start."""
        ready = self.ready
        while ready:
            span = ready[0]
            at = inputs.find(OPEN, span.lo, span.hi)
            if at == span.lo:
                return span
            gone = span.hi if at < 0 else at
            self.count -= gone - span.lo
            if at < 0:
                ready.popleft()
            else:
                ready[0] = span._replace(lo=at)
        return None

    def take(self, span: Span, most: int, inputs: bytearray) -> Span:
        """At most `most` inputs off the front of `span`, which is the first: all open."""
        cut = min(span.hi, span.lo + most)
        for decided in (OK, BAD):
            at = inputs.find(decided, span.lo, cut)
            if at >= 0:
                cut = at
        self.count -= cut - span.lo
        if cut == span.hi:
            self.ready.popleft()
        else:
            self.ready[0] = span._replace(lo=cut)
        return span._replace(hi=cut)

    def covers(self, lo: int, hi: int) -> bool:
        """Whether all of `lo` to `hi` may start now."""
        return sum(max(0, min(s.hi, hi) - max(s.lo, lo)) for s in self.ready) == hi - lo

    def take_out(self, lo: int, hi: int) -> None:
        """Whatever of `lo` to `hi` may start now does not wait any more."""
        kept: deque[Span] = deque()
        for span in self.ready:
            if span.hi <= lo or span.lo >= hi:
                kept.append(span)
                continue
            self.count -= min(span.hi, hi) - max(span.lo, lo)
            if span.lo < lo:
                kept.append(span._replace(hi=lo))
            if span.hi > hi:
                kept.append(span._replace(lo=hi))
        self.ready = kept

    def spans(self) -> Iterator[Span]:
        """All that waits."""
        yield from self.ready
        for _, span in self.later:
            yield span

    def clear(self) -> None:
        self.ready.clear()
        self.later.clear()
        self.count = 0

    def __bool__(self) -> bool:
        """Whether anything may start now."""
        return bool(self.ready)
