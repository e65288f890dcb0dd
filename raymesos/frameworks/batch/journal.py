"""The batch framework's journal: jobs, results and endings. What ran is learned again from the master.

Replayed, it gives the same inputs, the same failures paid for and the same parts in the same order: a client's cursor stays good.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, TypeVar

from raymesos.errors import InvariantBroken
from raymesos.frameworks.batch import attempts, changes, jobs, results
from raymesos.frameworks.batch.queue import Span
from raymesos.frameworks.batch.state import (
    ACCEPTED,
    FINISHED,
    KILL_INITIATED,
    OPEN,
    Chunk,
    Job,
    Kill,
    Row,
    State,
    add_chunk,
    add_row,
    parse_task_id,
    step,
)
from raymesos.frameworks.retry import user_delay_ms
from raymesos.machine import Outbox
from raymesos.model.tasks import TaskState
from raymesos.wire.jobs import (
    CancelAsked,
    Charge,
    ChargesKept,
    InputsCharged,
    JobChangeKept,
    JobEnded,
    JobKept,
    JobsForgotten,
    KillAsked,
    LifeBegan,
    Part,
    PartsKept,
    ReportTaken,
    SubscriptionKept,
    TaskAttributesKept,
)
from raymesos.wire.messages import TaskStatus

T = TypeVar("T")

# A snapshot's records hold so many parts each: one part may have 100,000 failures.
PARTS_PER_RECORD = 50
CHARGES_PER_RECORD = 10_000


def restore(state: State, records: Iterable[Any]) -> None:
    """Take back what former lives have recorded. Every open input waits again; running tasks are taken out when the master names them."""
    for record in records:
        _replay(state, record)
    for job in state.jobs.values():
        job.version = state.life << 32
        job.queue.clear()
        if job.state == ACCEPTED:
            for span in results.by_failures(job, 0, job.spec.total):
                job.queue.add(span)


def snapshot(state: State) -> list[Any]:
    """Records that amount to all so far."""
    sub = state.subscription
    records: list[Any] = [LifeBegan(state.life)]
    if sub.framework_id:
        records.append(SubscriptionKept(sub.framework_id, sub.info.roles))
    for job in state.jobs.values():
        records.append(JobKept(job.spec, job.submitted_ms))
        records += [PartsKept(job.id, tuple(some)) for some in _cut(job.parts, PARTS_PER_RECORD)]
        charges = [Charge(i, count, *key) for i, (count, key) in job.failures.items()]
        records += [ChargesKept(job.id, tuple(some), job.retried) for some in _cut(charges, CHARGES_PER_RECORD) or [[]]]
        if job.state == ACCEPTED:
            kills = job.kills | {c.row.id: c.kill.why for c in job.chunks.values() if c.kill is not None}
            records += [KillAsked(job.id, task_id, why) for task_id, why in kills.items()]
        records += [TaskAttributesKept(job.id, task, given) for task, given in job.task_attributes.items()]
        if job.state == KILL_INITIATED:
            records.append(CancelAsked(job.id, job.cancelled_ms or 0))
    for job_id in state.ended:
        job = state.jobs[job_id]
        records.append(JobEnded(job.id, job.why, job.ended_ms or 0))
    return records


def running_again(state: State, status: TaskStatus, now_ms: int) -> bool:
    """A task of a former life that still runs: what it owes runs, it does not wait. False if it is none of ours, or another task has some of that."""
    parsed = parse_task_id(status.task_id)
    job = state.jobs.get(parsed[0]) if parsed is not None else None
    if parsed is None or job is None or job.state == FINISHED:
        return False
    _, lo, hi, key = parsed
    hi = min(hi, job.spec.total)
    span = next((s for s in job.queue.ready if s.lo < hi and lo < s.hi), None)
    row = Row(status.task_id, lo, hi, status.task_id, state=status.state, agent_id=status.agent_id)
    chunk = Chunk(row, Span(lo, hi), key, now_ms, now_ms if status.state is TaskState.RUNNING else None)
    if job.state == ACCEPTED:
        owed = results.owed(job, chunk)
        if span is None or not owed or not all(job.queue.covers(*r) for r in owed):
            return False
        first = next(results.by_failures(job, *owed[0]))
        chunk.span = first._replace(lo=lo, hi=hi)
        for each in owed:
            job.queue.take_out(*each)
    row.resubmit_number = chunk.span.failed
    step(job, row, status.state, now_ms)
    add_row(state, job, row)
    add_chunk(job, chunk)
    why = job.kills.pop(row.id, "")
    if why:
        chunk.kill = Kill(why, now_ms + state.settings.kill_stuck_ms)
        step(job, row, TaskState.KILLING, now_ms, why)
    return True


def wait_again(state: State, out: Outbox, now_ms: int) -> None:
    """What runs is known. What was to be killed and does not run has ended so. Retries that wait for their time wait anew: when they were due is not written down, and they
    must not come early."""
    for job in list(state.open.values()):
        for task_id, why in list(job.kills.items()):
            if running_again(state, TaskStatus(task_id, TaskState.KILLED), now_ms):
                attempts.close(job, job.chunks[task_id], why, out, now_ms)
        job.kills.clear()
        spans = [s for s in job.queue.ready if s.failed and user_delay_ms(job.spec.retry, s.failed)]
        for span in spans:
            job.queue.take_out(span.lo, span.hi)
            job.queue.add_later(now_ms + user_delay_ms(job.spec.retry, span.failed), span)


def _replay(state: State, record: Any) -> None:
    match record:
        case SubscriptionKept(framework_id, roles):
            state.subscription.info = replace(state.subscription.info, id=framework_id, roles=roles)
        case LifeBegan(life):
            state.life = life + 1
        case JobKept(spec, at_ms):
            jobs.admit(state, spec, at_ms)
            info = state.subscription.info
            if spec.role not in info.roles:
                state.subscription.info = replace(info, roles=(*info.roles, spec.role))
        case JobChangeKept() | TaskAttributesKept():
            known = state.jobs.get(record.job_id)
            if known is not None:
                changes.replay(known, record)
        case ReportTaken() | InputsCharged() | KillAsked() | CancelAsked() | JobEnded() | PartsKept() | ChargesKept():
            job_id = record.report.job_id if isinstance(record, ReportTaken) else record.job_id
            job = state.open.get(job_id)
            if job is not None:
                _replay_of(state, job, record)
        case JobsForgotten(job_ids):
            jobs.drop(state, tuple(job_id for job_id in job_ids if job_id in state.ended))
        case _:
            raise InvariantBroken("batch.record", f"{type(record).__name__} is no record of the batch framework")


def _replay_of(state: State, job: Job, record: Any) -> None:
    match record:
        case ReportTaken(report, charge):
            parsed = parse_task_id(report.task_id)
            results.take_report(job, report, 0, parsed[3] if charge and parsed is not None else None)
        case InputsCharged(_, lo, hi, error, retries, task_id):
            parsed = parse_task_id(task_id)
            job.kills.pop(task_id, None)
            if parsed is not None:
                results.charge(job, [(lo, hi)], error, parsed[3], retries, 0)
        case KillAsked(_, task_id, why):
            job.kills.pop(task_id, None)
            if why:
                job.kills[task_id] = why
        case CancelAsked(_, at_ms):
            jobs.begin_cancel(job, jobs.CANCELLED, at_ms)
        case JobEnded(_, why, at_ms):
            jobs.end(state, job, why, at_ms)
        case PartsKept(_, parts):
            for part in parts:
                _replay_part(job, part)
        case ChargesKept(_, charges, retried):
            job.retried = retried
            for each in charges:
                job.failures[each.index] = (each.count, (each.life, each.number))


def _replay_part(job: Job, part: Part) -> None:
    bad = range(part.lo, part.hi) if part.error else [f.index for f in part.failed]
    results.decide(job, part.lo, part.hi, part.skipped, bad)
    job.parts.append(part)
    assert not any(job.inputs[i] == OPEN for i in bad)


def _cut(items: list[T], size: int) -> list[list[T]]:
    return [items[at : at + size] for at in range(0, len(items), size)]
