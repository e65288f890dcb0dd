"""What happens by time alone: tasks that are stuck, kills that nobody confirms, results that never came; and runtime limits, to the millisecond."""

from __future__ import annotations

from raymesos.frameworks import kills
from raymesos.frameworks.base import ACCEPTED
from raymesos.frameworks.batch.state import Chunk, Job, State, step
from raymesos.frameworks.kills import Kill
from raymesos.machine import Outbox
from raymesos.model.tasks import TaskState
from raymesos.wire.jobs import KillAsked

LIMIT = "limit "


def ask_for_cycle(state: State, out: Outbox) -> None:
    """There will be a cycle; asked for again it does not come later."""
    if not state.cycle_asked:
        state.cycle_asked = True
        out.wake("cycle", state.settings.cycle_ms)


def ask_for_limit(job: Job, out: Outbox, now_ms: int) -> None:
    """Be woken when the first of the job's running tasks runs out of time."""
    limit_ms = job.spec.runtime_limit_ms
    if limit_ms is None or job.limit_asked:
        return
    started = [c.started_ms for c in job.chunks.values() if c.started_ms is not None and not c.ended and c.kill is None]
    if started:
        job.limit_asked = True
        out.wake(LIMIT + job.id, max(0, min(started) + limit_ms - now_ms))


def out_of_time(job: Job, now_ms: int) -> list[Chunk]:
    """Running tasks at their limit that were not told to end."""
    limit_ms = job.spec.runtime_limit_ms
    if limit_ms is None:
        return []
    return [
        c
        for c in job.chunks.values()
        if c.started_ms is not None and not c.ended and c.kill is None and now_ms >= c.started_ms + limit_ms
    ]


def kill(state: State, job: Job, chunk: Chunk, why: str, out: Outbox, now_ms: int) -> None:
    """Have the task killed; `why` (Titus' code) decides what becomes of its inputs. Asked for again it is repeated, for the reason given first."""
    if chunk.kill is None:
        step(job, chunk.row, TaskState.KILLING, now_ms, why)
        job.version += 1
        if job.state == ACCEPTED:
            out.persist(KillAsked(job.id, chunk.row.id, why))
    chunk.kill = kills.asked(chunk.kill, why, now_ms + state.settings.kill_stuck_ms)
    _send_kill(state, chunk, out)


def restart_clocks(state: State, out: Outbox, now_ms: int) -> None:
    """The master is back: what we told it while it was away it has not heard, and what it told us neither. (Titus: clocks restart on a failover)"""
    for job in state.open.values():
        for chunk in job.chunks.values():
            if chunk.kill is not None and not chunk.ended:
                kill_again(state, chunk, chunk.kill, out, now_ms)
            elif chunk.started_ms is None:
                chunk.launched_ms = now_ms


def kill_again(state: State, chunk: Chunk, kill: Kill, out: Outbox, now_ms: int) -> None:
    """Say it once more, to who may not have heard it; it is no further attempt."""
    kill.until_ms = now_ms + state.settings.kill_stuck_ms
    _send_kill(state, chunk, out)


def _send_kill(state: State, chunk: Chunk, out: Outbox) -> None:
    kills.send(state.subscription, chunk.row.id, chunk.row.agent_id, out)


def kill_some(state: State, job: Job, why: str, out: Outbox, now_ms: int) -> None:
    """Begin to kill the job's tasks, at most so many at a time."""
    left = [c for c in job.chunks.values() if c.kill is None and not c.ended]
    for chunk in left[: state.settings.kills_per_cycle]:
        kill(state, job, chunk, why, out, now_ms)
