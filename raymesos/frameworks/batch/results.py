"""What became of inputs: booked once, the first word wins, so each result is delivered exactly once however often it was computed or reported.

Successes are booked by the byte, whole ranges at once; only failures are looked at one by one. What is booked depends on the job's inputs and on what the
report says, never on which tasks are expected: replayed from the journal it comes out the same.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping

from raymesos.frameworks.batch.queue import BAD, OK, OPEN, Span
from raymesos.frameworks.batch.state import NO_RESULTS, Chunk, Job, Part, TaskKey
from raymesos.frameworks.retry import system_delay_ms, user_delay_ms
from raymesos.wire.work import Failed, WorkReport

Range = tuple[int, int]

_OPEN_RUN = re.compile(rb"\0+")
_DECIDED = re.compile(rb"[^\0]")
_SETTLE = bytes.maketrans(bytes([OPEN]), bytes([OK]))


def take_report(job: Job, report: WorkReport, now_ms: int, key: TaskKey | None, lost: int = 0) -> bool:
    """Book a report; true if it told anything new. Its failures are charged to the task `key`; without one (its task was given up) only successes count."""
    lo, hi = max(0, report.lo), min(report.hi, job.spec.total)
    before = bytes(job.inputs[lo:hi])
    failed = {f.index: f for f in report.failed if lo <= f.index < hi and before[f.index - lo] == OPEN}
    good = before.count(OPEN) - len(failed)
    if good > 0:
        _settle(job, lo, hi, before, failed)
    final, again = _charge(job, sorted(failed), key, job.spec.retry.retries, now_ms, lost)
    if good > 0 or final:
        full = good + len(final) == hi - lo
        skipped = () if full else _skipped(lo, before, failed, final)
        results = NO_RESULTS if report.results == NO_RESULTS else report.results
        job.parts.append(Part(lo, hi, results, tuple([failed[i] for i in final]), skipped))
    culprit = report.culprit
    news = bool(good > 0 or final or again)
    if culprit is not None and key is not None:
        news |= charge(job, [(culprit, culprit + 1)], report.culprit_error, key, job.spec.retry.retries, now_ms, lost)
    job.version += news
    return news


def charge(
    job: Job, ranges: Iterable[Range], error: str, key: TaskKey, retries: int, now_ms: int, lost: int = 0
) -> bool:
    """These inputs failed in the task at the user's cost, of which no report has told more; true if that is new. Each is tried again if `retries` allow it."""
    total = job.spec.total
    indexes = [i for lo, hi in ranges for i in range(max(0, lo), min(hi, total)) if job.inputs[i] == OPEN]
    final, again = _charge(job, indexes, key, retries, now_ms, lost)
    for lo, hi in runs(final):
        job.parts.append(Part(lo, hi, NO_RESULTS, error=error or "failed"))
    job.version += bool(final or again)
    return bool(final or again)


def owed(job: Job, chunk: Chunk) -> list[Range]:
    """What only this task can still decide: open inputs of its span that were charged neither to it nor to a later one."""
    lo, hi = chunk.span.lo, chunk.span.hi
    ranges = list(open_runs(job, lo, hi))
    if not job.failures:
        return ranges
    return _minus(ranges, [i for i in _failing(job, lo, hi) if job.failures[i][1] >= chunk.key])


def owed_count(job: Job, chunk: Chunk) -> int:
    return sum(hi - lo for lo, hi in owed(job, chunk))


def requeue(job: Job, chunk: Chunk, ranges: Iterable[Range], now_ms: int, *, lost: bool) -> None:
    """The task gave these inputs back: in front of what waits; or, if they were `lost`, at the system's cost, and it may have to wait."""
    span = chunk.span
    for lo, hi in ranges if lost else reversed([*ranges]):
        if not lost:
            job.queue.add_in_front(span._replace(lo=lo, hi=hi))
            continue
        job.retried += hi - lo
        again = Span(lo, hi, span.failed, span.lost + 1)
        _queue(job, again, now_ms, system_delay_ms(again.lost))
    job.version += 1


def open_runs(job: Job, lo: int, hi: int) -> Iterator[Range]:
    """The open inputs of `lo` to `hi` as ranges."""
    return (match.span() for match in _OPEN_RUN.finditer(job.inputs, lo, hi))


def by_failures(job: Job, lo: int, hi: int) -> Iterator[Span]:
    """The open inputs of `lo` to `hi` as spans of equal pasts."""
    failing = _failing(job, lo, hi)
    for begin, end in open_runs(job, lo, hi):
        at = begin
        for index in failing[bisect_left(failing, begin) : bisect_left(failing, end)]:
            if at < index:
                yield Span(at, index)
            yield Span(index, index + 1, job.failures[index][0])
            at = index + 1
        if at < end:
            yield Span(at, end)


def runs(indexes: Iterable[int]) -> list[Range]:
    """Sorted indexes as ranges."""
    found: list[Range] = []
    for index in indexes:
        if found and found[-1][1] == index:
            found[-1] = (found[-1][0], index + 1)
        else:
            found.append((index, index + 1))
    return found


def decide(job: Job, lo: int, hi: int, skipped: Iterable[int], bad: Iterable[int]) -> None:
    """Mark what a part has decided: all of `lo` to `hi` but `skipped`; those in `bad` failed, the others succeeded."""
    open_still = [i for i in skipped if job.inputs[i] == OPEN]
    before = bytes(job.inputs[lo:hi])
    job.inputs[lo:hi] = before.translate(_SETTLE)
    for index in open_still:
        job.inputs[index] = OPEN
    count = 0
    for index in bad:
        job.inputs[index] = BAD
        count += 1
    job.failed += count
    job.succeeded += before.count(OPEN) - len(open_still) - count


def _settle(job: Job, lo: int, hi: int, before: bytes, failed: dict[int, Failed]) -> None:
    """All open inputs but the failed ones have succeeded."""
    job.inputs[lo:hi] = before.translate(_SETTLE)
    for index in failed:
        job.inputs[index] = OPEN
    job.succeeded += before.count(OPEN) - len(failed)
    if job.failures:
        for index in _failing(job, lo, hi):
            if job.inputs[index] != OPEN:
                del job.failures[index]
    if job.lineage:
        for index in _within(job.lineage, lo, hi):
            if job.inputs[index] != OPEN:
                del job.lineage[index]


def _charge(
    job: Job, indexes: list[int], key: TaskKey | None, retries: int, now_ms: int, lost: int
) -> tuple[list[int], list[int]]:
    """(those that have failed for good, those that are queued again) of the open inputs `indexes`. One charge for each task: said again it costs nothing."""
    final: list[int] = []
    again: list[Span] = []
    if key is None:
        return final, []
    for index in indexes:
        count, last = job.failures.get(index, (0, (0, 0)))
        if last >= key:
            continue
        count += 1
        if count > retries:
            job.inputs[index] = BAD
            job.failures.pop(index, None)
            job.lineage.pop(index, None)
            final.append(index)
            continue
        job.failures[index] = (count, key)
        if again and again[-1].hi == index and again[-1].failed == count:
            again[-1] = again[-1]._replace(hi=index + 1)
        else:
            again.append(Span(index, index + 1, count, lost))
    job.failed += len(final)
    for span in again:
        job.retried += span.hi - span.lo
        _queue(job, span, now_ms, user_delay_ms(job.spec.retry, span.failed))
    return final, [s.lo for s in again]


def _queue(job: Job, span: Span, now_ms: int, delay_ms: int) -> None:
    if delay_ms:
        job.queue.add_later(now_ms + delay_ms, span)
    else:
        job.queue.add(span)


def _skipped(lo: int, before: bytes, failed: dict[int, Failed], final: list[int]) -> tuple[int, ...]:
    """Indexes of the part that it does not decide: decided before, or to be tried again."""
    decided = [lo + match.start() for match in _DECIDED.finditer(before)]
    ends = dict.fromkeys(final)
    return tuple(sorted([*decided, *(i for i in failed if i not in ends)]))


def _failing(job: Job, lo: int, hi: int) -> list[int]:
    return _within(job.failures, lo, hi)


def _within(keys: Mapping[int, object], lo: int, hi: int) -> list[int]:
    """Sorted keys from `lo` to `hi`; costs as much as the smaller of both."""
    if hi - lo < len(keys):
        return [i for i in range(lo, hi) if i in keys]
    return sorted([i for i in keys if lo <= i < hi])


def _minus(ranges: Iterable[Range], indexes: list[int]) -> list[Range]:
    """The ranges without the sorted `indexes`."""
    found = []
    for lo, hi in ranges:
        at = lo
        for index in indexes[bisect_left(indexes, lo) : bisect_left(indexes, hi)]:
            if at < index:
                found.append((at, index))
            at = index + 1
        if at < hi:
            found.append((at, hi))
    return found
