"""How many inputs go into one task.

A job that was never measured gets small tasks; after that a task is to take about `chunk_ms`, and no more inputs than leave work for everybody else at the end. A task that
turns out longer gives back what it has not begun, so a wrong guess costs little.
"""

from __future__ import annotations

from bisect import bisect_right

from raymesos.errors import InvariantBroken
from raymesos.frameworks.batch.state import Job, State
from raymesos.wire.jobs import InputSegment, JobSpec

# The first measured wave may be wrong by much (a cold cache, a first import), so a chunk grows by this at most.
WAVE_GROWTH = 1024
# Before anything was measured a task takes this part of a job: of few inputs, which may be long ones, one; of many, enough to be worth the way.
FIRST_PART = 1024
# At the end of a job chunks shrink, so that all finish together; below this part of `chunk_ms` a task waits longer for its turn than it shares.
LEAST_PART = 2


def chunk_size(state: State, job: Job, run: int) -> int:
    """How many of the next `run` inputs go into one task."""
    spec = job.spec
    if spec.alone or spec.gang or spec.isolated or spec.runtime_limit_ms is not None or spec.ports:
        return 1
    if job.input_us is None:
        return max(1, min(spec.total // FIRST_PART, state.settings.chunk_inputs, run))
    by_time = max(1, state.settings.chunk_ms * 1000 // job.input_us)
    share = -(-job.queue.count // _width(state, job))
    size = min(by_time, max(share, by_time // LEAST_PART), job.wave, state.settings.chunk_inputs, run)
    return max(1, size)


def measured(job: Job, inputs: int, elapsed_us: int) -> None:
    """Learn the run time of an input. Times of nothing teach nothing: a simulator where nobody measured must not pack."""
    if inputs <= 0 or elapsed_us <= 0:
        return
    each = max(1, elapsed_us // inputs)
    # A task of half as many inputs as the largest so far says as much; fewer may be the odd ones.
    if job.input_us is None or 2 * inputs * WAVE_GROWTH > job.wave:
        job.input_us = each
    else:
        job.input_us = (3 * job.input_us + each) // 4
    job.wave = max(job.wave, inputs * WAVE_GROWTH)


def seen(state: State, agent_id: str, milli_cpus: int) -> None:
    """The agent has offered so much."""
    if milli_cpus > state.slots.get(agent_id, 0):
        state.slots[agent_id] = milli_cpus
        state.slots_version += 1


def forgotten(state: State, agent_id: str) -> None:
    """The agent is gone."""
    if state.slots.pop(agent_id, None) is not None:
        state.slots_version += 1


def segment_of(spec: JobSpec, index: int) -> InputSegment:
    """The segment that has the input: a task's inputs come out of one."""
    at = bisect_right(spec.inputs, index, key=lambda segment: segment.base) - 1
    if at < 0 or index >= spec.inputs[at].base + spec.inputs[at].count:
        raise InvariantBroken("batch.segment", f"{spec.job_id}: input {index} is in no segment")
    return spec.inputs[at]


def _width(state: State, job: Job) -> int:
    """How many tasks of the job could run at once on what we have seen of the cluster."""
    if job.width[0] != state.slots_version:
        each = max(1, job.spec.resources.scalar("cpus"))
        width = sum(cpus // each for cpus in state.slots.values())
        if job.spec.max_parallel is not None:
            width = min(width, job.spec.max_parallel)
        job.width = (state.slots_version, max(1, width))
    return job.width[1]
