"""The batch framework's journal: jobs, results and endings. What ran is learned again from the master."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from raymesos.errors import InvariantBroken
from raymesos.frameworks.batch import jobs, results
from raymesos.frameworks.batch.state import (
    ACCEPTED,
    BAD,
    FINISHED,
    KILL_INITIATED,
    OPEN,
    Chunk,
    Job,
    Row,
    State,
    add_row,
)
from raymesos.model.tasks import TaskState
from raymesos.wire.jobs import (
    CancelAsked,
    InputsCharged,
    JobEnded,
    JobKept,
    JobsForgotten,
    ReportTaken,
    SubscriptionKept,
)
from raymesos.wire.messages import TaskStatus
from raymesos.wire.work import Failed, WorkReport


def restore(state: State, records: Iterable[Any]) -> None:
    """Take back what former lives have recorded. Every open input waits again; running tasks are taken out when the master names them."""
    for record in records:
        _replay(state, record)
    for job in state.jobs.values():
        job.retries.clear()
        job.waiting.clear()
        if job.state == ACCEPTED:
            open_inputs = [i for i in range(job.spec.total) if job.inputs[i] == OPEN]
            job.waiting.extend(results.runs(open_inputs))


def snapshot(state: State) -> list[Any]:
    """Records that amount to all so far."""
    sub = state.subscription
    records: list[Any] = [SubscriptionKept(sub.framework_id, sub.info.roles)] if sub.framework_id else []
    for job in state.jobs.values():
        records.append(JobKept(job.spec, job.submitted_ms))
        records += [ReportTaken(report, charge=False) for report in _reports_of(job)]
        for lo, hi in results.runs([i for i in range(job.spec.total) if job.inputs[i] == BAD]):
            records.append(InputsCharged(job.id, lo, hi, _error_of(job, lo), final=True))
        if job.state == KILL_INITIATED:
            records.append(CancelAsked(job.id))
        if job.state == FINISHED:
            records.append(JobEnded(job.id, job.why, job.ended_ms or 0))
    return records


def running_again(state: State, status: TaskStatus, now_ms: int) -> bool:
    """A task of a former life that still runs: its inputs run, they do not wait. False if it is none of ours, or nothing of it is open."""
    head, _, number = status.task_id.rpartition(".")
    job_id, _, span = head.rpartition(".")
    job = state.jobs.get(job_id)
    lo_text, dash, hi_text = span.partition("-")
    if (
        job is None
        or job.state == FINISHED
        or not (dash and lo_text.isdigit() and hi_text.isdigit() and number.isdigit())
    ):
        return False
    lo, hi = int(lo_text), min(int(hi_text), job.spec.total)
    if not _take_out(job, lo, hi):
        return False
    job.tasks_named = max(job.tasks_named, int(number))
    row = Row(status.task_id, lo, hi, status.task_id, state=status.state, agent_id=status.agent_id)
    add_row(job, row)
    started = now_ms if status.state is TaskState.RUNNING else None
    job.chunks[row.id] = Chunk(row, lo, hi, now_ms, started)
    return True


def _take_out(job: Job, lo: int, hi: int) -> bool:
    """Take the range out of what waits. False unless all that is open of it waited: then another task has it."""
    waiting = {i: None for a, b in job.waiting for i in range(max(a, lo), min(b, hi))}
    if job.state == ACCEPTED and (
        not waiting or any(job.inputs[i] == OPEN and i not in waiting for i in range(lo, hi))
    ):
        return False
    ranges = [*job.waiting]
    job.waiting.clear()
    for a, b in ranges:
        job.waiting.extend(r for r in ((a, min(b, lo)), (max(a, hi), b)) if r[0] < r[1])
    return True


def _replay(state: State, record: Any) -> None:
    match record:
        case SubscriptionKept(framework_id, roles):
            state.subscription.info = replace(state.subscription.info, id=framework_id, roles=roles)
        case JobKept(spec, at_ms):
            jobs.admit(state, spec, at_ms)
            if spec.role not in state.subscription.info.roles:
                info = state.subscription.info
                state.subscription.info = replace(info, roles=(*info.roles, spec.role))
        case ReportTaken(report, charge):
            job = state.jobs.get(report.job_id)
            if job is not None:
                results.take_report(job, report, 0, charge=charge)
        case InputsCharged(job_id, lo, hi, error, final):
            job = state.jobs.get(job_id)
            if job is not None:
                results.charge_range(job, lo, hi, error, 0, final=final)
        case CancelAsked(job_id):
            if job_id in state.jobs:
                jobs.begin_cancel(state.jobs[job_id])
        case JobEnded(job_id, why, at_ms):
            if job_id in state.jobs:
                jobs.end(state, state.jobs[job_id], why, at_ms)
        case JobsForgotten(job_ids):
            jobs.drop(state, tuple(job_id for job_id in job_ids if job_id in state.jobs))
        case _:
            raise InvariantBroken("batch.record", f"{type(record).__name__} is no record of the batch framework")


def _reports_of(job: Job) -> list[WorkReport]:
    """The parts again as reports, one for each run of inputs that succeeded."""
    reports = []
    for number, part in enumerate(job.parts):
        if part.error:
            continue
        reports.append(
            WorkReport(
                "",
                job.id,
                number,
                part.lo,
                part.hi,
                part.results,
                (*part.failed, *(Failed(i, "") for i in part.skipped)),
            )
        )
    return reports


def _error_of(job: Job, index: int) -> str:
    for part in reversed(job.parts):
        if part.lo <= index < part.hi:
            if part.error:
                return part.error
            for failure in part.failed:
                if failure.index == index:
                    return failure.error
    return "failed"
