"""A job's work for some of its inputs, and the resources of one task."""

from __future__ import annotations

from raymesos.frameworks.batch.queue import Span
from raymesos.frameworks.batch.sizing import segment_of
from raymesos.frameworks.batch.state import Job, State
from raymesos.wire.jobs import JobSpec
from raymesos.wire.work import ChunkWork, CommandsWork

# A worker stops between two inputs after this many aimed-for chunk times: one slow input must not hold its neighbours.
BUDGET_CHUNKS = 2


def work_of(state: State, job: Job, span: Span) -> ChunkWork | CommandsWork:
    spec = job.spec
    lo, hi = span.lo, span.hi
    attempt = 1 + span.failed + span.lost
    budget_ms = BUDGET_CHUNKS * state.settings.chunk_ms
    if spec.argv:
        return CommandsWork(
            job_id=job.id,
            lo=lo,
            hi=hi,
            argv=spec.argv,
            attempt=attempt,
            env=spec.env,
            working_dir=spec.working_dir,
            budget_ms=budget_ms,
            reply_to=state.address,
        )
    segment = segment_of(spec, lo)
    return ChunkWork(
        job_id=job.id,
        lo=lo,
        hi=hi,
        fn=spec.fn,
        inputs=segment.blob,
        inputs_base=segment.base,
        attempt=attempt,
        isolated=spec.isolated,
        budget_ms=budget_ms,
        pool_key=pool_key(spec),
        env=spec.env,
        working_dir=spec.working_dir,
        sys_path=spec.sys_path,
        python=spec.python,
        reply_to=state.address,
    )


def pool_key(spec: JobSpec) -> str:
    """Whom a warm worker may serve: one role, one environment, one place. Never two roles."""
    parts = (spec.role, spec.working_dir, "\1".join(spec.sys_path), *(f"{k}={v}" for k, v in spec.env))
    return "\0".join(parts)
