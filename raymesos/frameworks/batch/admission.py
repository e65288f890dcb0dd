"""What is refused at the door. A job that is taken can be launched, named to the master and written down: no later step may trip over it."""

from __future__ import annotations

import re

from raymesos.errors import InvalidValue
from raymesos.frameworks.batch.state import FINISHED, State
from raymesos.model.jobs import MAX_INPUTS
from raymesos.model.roles import validate_role
from raymesos.wire.jobs import JobRefused, JobSpec

# Ids become parts of task ids and names of directories.
_ID = re.compile(r"[A-Za-z0-9_.-]{1,200}")


def refusal(state: State, spec: JobSpec) -> JobRefused | None:
    """Why the job is refused; None if it is taken, or known already under the same digest."""
    known = state.jobs.get(spec.job_id)
    if known is not None:
        if known.spec.digest == spec.digest:
            return None
        return JobRefused(spec.job_id, "Conflict", "job_id", f"{spec.job_id} is another job")
    other = state.of_name.get(spec.name)
    if other is not None:
        return JobRefused(spec.job_id, "Conflict", "name", f"a job named {spec.name!r} is running ({other})")
    field, reason = _malformed(spec)
    if field:
        return JobRefused(spec.job_id, "InvalidJob", field, reason)
    if len(state.open) >= state.settings.jobs_open:
        return JobRefused(spec.job_id, "QuotaRefused", "job", f"{len(state.open)} jobs have not finished, no more fit")
    return _unreachable(state, spec)


def _malformed(spec: JobSpec) -> tuple[str, str]:
    """(field, reason) of the first thing that is wrong in itself; empty if nothing is."""
    try:
        validate_role(spec.role)
    except InvalidValue as error:
        return "role", f"{spec.role!r}: {error.reason}"
    checks = (
        ("job_id", _ID.fullmatch(spec.job_id) and ".." not in spec.job_id, "must be 1 to 200 letters, digits, _ . -"),
        ("name", spec.name, "must not be empty"),
        ("inputs", 0 <= spec.total <= MAX_INPUTS, f"{spec.total}: must be 0 to {MAX_INPUTS}"),
        ("inputs", spec.argv or _covered(spec), "the segments must hold all inputs, in order"),
        ("resources", spec.resources, "a task needs some"),
        ("retries", min(spec.retry.retries, spec.retry.initial_ms, spec.retry.max_ms) >= 0, "must not be negative"),
        ("runtime_limit", spec.runtime_limit_ms is None or spec.runtime_limit_ms > 0, "must be greater than 0"),
        ("max_parallel", spec.max_parallel is None or spec.max_parallel > 0, "must be greater than 0"),
        ("ports", spec.ports >= 0, "must not be negative"),
        (
            "max_parallel",
            not spec.gang or spec.max_parallel is None or spec.max_parallel >= spec.total,
            f"a gang starts all its {spec.total} inputs at once",
        ),
    )
    return next(((field, reason) for field, good, reason in checks if not good), ("", ""))


def _covered(spec: JobSpec) -> bool:
    """Whether the segments follow each other from 0 to the end."""
    at = 0
    for segment in spec.inputs:
        if segment.base != at or segment.count <= 0:
            return False
        at += segment.count
    return at == spec.total


def _unreachable(state: State, spec: JobSpec) -> JobRefused | None:
    """A job can only come after jobs that are known and may still succeed."""
    for before in spec.after:
        ended = state.jobs.get(before)
        if ended is None:
            return JobRefused(spec.job_id, "UnknownId", "after", before)
        if ended.state == FINISHED and ended.undecided + ended.failed:
            return JobRefused(
                spec.job_id, "InvalidJob", "after", f"job {before} has ended without success: {ended.why}"
            )
    return None
