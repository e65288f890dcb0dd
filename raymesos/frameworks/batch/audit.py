"""The framework's books against each other: each open input waits or runs, once; counts agree; nothing is kept without bound."""

from __future__ import annotations

from raymesos.errors import InvariantBroken
from raymesos.frameworks.batch import results
from raymesos.frameworks.batch.queue import BAD, OK
from raymesos.frameworks.batch.state import ACCEPTED, FINISHED, Job, State


def check(state: State) -> None:
    """Raises InvariantBroken if the books of the framework do not agree."""
    for job in state.jobs.values():
        if (job.state == FINISHED) is (job.id in state.open) or (job.state == FINISHED) is not (job.id in state.ended):
            raise InvariantBroken("batch.open", f"{job.id} is {job.state}")
        if job.state != FINISHED:
            _check_counts(job)
        if job.state == ACCEPTED:
            _check_inputs(job)
    ended = [state.jobs[job_id] for job_id in state.ended]
    counted = sum(len(j.parts) for j in ended), sum(len(j.rows) for j in ended)
    if counted != (state.ended_parts, state.ended_rows):
        raise InvariantBroken("batch.ended", f"{counted} parts and rows, {state.ended_parts, state.ended_rows} counted")
    if state.of_name != {job.spec.name: job.id for job in state.open.values()}:
        raise InvariantBroken("batch.names", f"{state.of_name}")


def _check_counts(job: Job) -> None:
    succeeded, failed = job.inputs.count(OK), job.inputs.count(BAD)
    if (succeeded, failed) != (job.succeeded, job.failed):
        raise InvariantBroken(
            "batch.counts", f"{job.id}: {succeeded}+{failed} decided, {job.succeeded}+{job.failed} counted"
        )
    live = [c for c in job.chunks.values() if not c.ended]
    counted = len(live), sum(c.started_ms is None for c in live), sum(s.hi - s.lo for s in job.queue.spans())
    if counted != (job.live, job.starting, job.queue.count):
        raise InvariantBroken(
            "batch.live", f"{job.id}: {counted}, counted {job.live}, {job.starting}, {job.queue.count}"
        )


def _check_inputs(job: Job) -> None:
    seen = bytearray(job.spec.total)
    spans = [(s.lo, s.hi) for s in job.queue.spans()]
    for lo, hi in [*spans, *(r for c in job.chunks.values() for r in results.owed(job, c))]:
        for begin, end in results.open_runs(job, lo, hi):
            twice = seen.find(1, begin, end)
            if twice >= 0:
                raise InvariantBroken("batch.twice", f"{job.id}: input {twice} waits or runs twice")
            seen[begin:end] = b"\1" * (end - begin)
    for lo, hi in results.open_runs(job, 0, job.spec.total):
        lost = seen.find(0, lo, hi)
        if lost >= 0:
            raise InvariantBroken("batch.lost", f"{job.id}: input {lost} neither waits nor runs nor is decided")
