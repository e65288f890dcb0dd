"""What became of inputs: booked once, the first word wins, so each result is delivered exactly once however often it was computed or reported."""

from __future__ import annotations

from raymesos.frameworks.batch.state import BAD, OK, OPEN, Chunk, Job, Part
from raymesos.frameworks.retry import system_delay_ms, user_delay_ms
from raymesos.wire.work import Failed, WorkReport


def take_report(job: Job, report: WorkReport, now_ms: int, *, charge: bool) -> None:
    """Book a report. With `charge` its failures count against the retries; without (its task was given up) only its successes count."""
    failed = {f.index: f for f in report.failed}
    skipped: list[int] = []
    final: list[Failed] = []
    lo, hi = max(0, report.lo), min(report.hi, job.spec.total)
    if not failed and lo < hi and job.inputs.count(OPEN, lo, hi) == hi - lo:
        job.inputs[lo:hi] = bytes([OK]) * (hi - lo)  # The common case, whatever the size.
        job.succeeded += hi - lo
    else:
        for index in range(lo, hi):
            _decide(job, index, failed.get(index), now_ms, charge=charge, skipped=skipped, final=final)
    if lo < hi:
        job.parts.append(Part(lo, hi, report.results, tuple(final), tuple(skipped)))
    if report.culprit is not None and charge and job.inputs[report.culprit] == OPEN:
        charge_input(job, report.culprit, report.culprit_error, now_ms)
    job.version += 1


def charge_input(job: Job, index: int, error: str, now_ms: int, *, final: bool = False) -> None:
    """The input failed once at the user's cost, and nothing else is known of it: again, or for good."""
    if _try_again(job, index, now_ms, final=final):
        return
    job.inputs[index] = BAD
    job.failed += 1
    job.parts.append(Part(index, index + 1, _NO_RESULTS, error=error or "failed"))
    job.version += 1


def charge_range(job: Job, lo: int, hi: int, error: str, now_ms: int, *, final: bool) -> None:
    """None of these inputs could run at the user's cost (the function could not be loaded, say)."""
    last = min(hi, job.spec.total)
    hopeless = [i for i in range(lo, last) if job.inputs[i] == OPEN and not _try_again(job, i, now_ms, final=final)]
    for index in hopeless:
        job.inputs[index] = BAD
    job.failed += len(hopeless)
    for start, end in runs(hopeless):
        job.parts.append(Part(start, end, _NO_RESULTS, error=error))
    job.version += 1


def requeue_rest(job: Job, chunk: Chunk, now_ms: int, *, system: bool) -> None:
    """Inputs of an ended task that nothing was decided about go back, in front; with `system` they were lost and may have to wait."""
    if not job.inputs.count(OPEN, chunk.lo, chunk.hi):
        return
    queued = [*job.waiting, *((lo, hi) for _, lo, hi in job.retries)]
    scheduled = {i: None for lo, hi in queued for i in range(max(lo, chunk.lo), min(hi, chunk.hi))}
    rest = [i for i in range(chunk.lo, chunk.hi) if job.inputs[i] == OPEN and i not in scheduled]
    if not system:
        for lo, hi in reversed(runs(rest)):
            job.waiting.appendleft((lo, hi))
        return
    job.retried += len(rest)
    for lo, hi in runs(rest):
        # One count for a range: its inputs were lost together.
        number = job.system_resubmits.get(lo, 0) + 1
        job.system_resubmits[lo] = number
        retry_later(job, lo, hi, now_ms + system_delay_ms(number), now_ms)


def retry_later(job: Job, lo: int, hi: int, due_ms: int, now_ms: int) -> None:
    """Queue a range at once, or when its time comes."""
    if due_ms <= now_ms:
        last = job.waiting[-1] if job.waiting else None
        if last is not None and last[1] == lo:
            job.waiting[-1] = (last[0], hi)  # Neighbours that fail together are retried together.
        else:
            job.waiting.append((lo, hi))
        return
    job.retries.append((due_ms, lo, hi))
    job.retries.sort()


def release_due(job: Job, now_ms: int) -> bool:
    """Move what is due to the queue. True if anything was."""
    moved = False
    while job.retries and job.retries[0][0] <= now_ms:
        _, lo, hi = job.retries.pop(0)
        retry_later(job, lo, hi, now_ms, now_ms)
        moved = True
    return moved


def _decide(
    job: Job,
    index: int,
    failure: Failed | None,
    now_ms: int,
    *,
    charge: bool,
    skipped: list[int],
    final: list[Failed],
) -> None:
    if job.inputs[index] != OPEN:
        skipped.append(index)
    elif failure is None:
        job.inputs[index] = OK
        job.succeeded += 1
        job.system_resubmits.pop(index, None)
    elif not charge or _try_again(job, index, now_ms, final=False):
        skipped.append(index)
    else:
        job.inputs[index] = BAD
        job.failed += 1
        final.append(failure)


def _try_again(job: Job, index: int, now_ms: int, *, final: bool) -> bool:
    """Count a failure of the user's; queue the input again if the policy has a retry left."""
    failures = job.user_failures[index] = job.user_failures.get(index, 0) + 1
    if final or failures > job.spec.retry.retries:
        return False
    job.retried += 1
    retry_later(job, index, index + 1, now_ms + user_delay_ms(job.spec.retry, failures), now_ms)
    return True


def runs(indexes: list[int]) -> list[tuple[int, int]]:
    """Sorted indexes as ranges."""
    found: list[tuple[int, int]] = []
    for index in indexes:
        if found and found[-1][1] == index:
            found[-1] = (found[-1][0], index + 1)
        else:
            found.append((index, index + 1))
    return found


_NO_RESULTS = WorkReport("", "", 0, 0, 0).results
