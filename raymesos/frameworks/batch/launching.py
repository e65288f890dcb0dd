"""One task of a job: which inputs it gets, and what is kept of the attempt."""

from __future__ import annotations

from raymesos.frameworks.batch.queue import Span
from raymesos.frameworks.batch.sizing import chunk_size, segment_of
from raymesos.frameworks.batch.state import Chunk, Job, Row, State, add_chunk, add_row, step, task_id_of
from raymesos.frameworks.batch.work import work_of
from raymesos.model.resources import Resources
from raymesos.model.tasks import TaskState
from raymesos.wire.messages import Offer, TaskInfo


def launch(state: State, job: Job, first: Span, offer: Offer, shape: Resources, now_ms: int) -> TaskInfo:
    """Take the next inputs off the job's queue, whose first span is `first`, book a task for them and return what is to be launched."""
    span = job.queue.take(first, _most(state, job, first), job.inputs)
    job.tasks_named += 1
    key = (state.life, job.tasks_named)
    task_id = task_id_of(job.id, span, key)
    row = _row(job, task_id, span)
    row.agent_id = offer.agent_id
    step(job, row, TaskState.STAGING, now_ms)
    add_row(state, job, row)
    add_chunk(job, Chunk(row, span, key, now_ms))
    return TaskInfo(task_id, job.spec.name, shape, work_of(state, job, span))


def _most(state: State, job: Job, span: Span) -> int:
    """A chunk, within one segment of the inputs."""
    size = chunk_size(state, job, span.hi - span.lo)
    if job.spec.inputs:
        segment = segment_of(job.spec, span.lo)
        size = min(size, segment.base + segment.count - span.lo)
    return size


def _row(job: Job, task_id: str, span: Span) -> Row:
    row = Row(
        task_id,
        span.lo,
        span.hi,
        task_id,
        resubmit_number=span.failed + span.lost,
        system_resubmit_number=span.lost,
    )
    before = job.lineage.pop(span.lo, None) if span.hi - span.lo == 1 else None
    if before is not None:
        row.original_id, row.resubmit_of = before.original_id, before.id
    return row
