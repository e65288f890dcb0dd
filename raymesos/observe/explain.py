"""Why something has no offer now: the answer for a job, a role or a framework, in words and as data.

{subject, kind, role, verdict, reasons: [one sentence each], data: [{kind, ...numbers}]}, the reasons and data in the same order. What is said of the allocator's
last passes is what it noted itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from raymesos.errors import InvalidValue, UnknownId
from raymesos.observe.explain_job import explain_job
from raymesos.observe.explain_role import explain_framework, explain_role
from raymesos.observe.state import View
from raymesos.wire.notes import FrameworkNote, JobNote

Answer = dict[str, Any]


def explain(
    view: View, now_ms: int, *, subject: str | None = None, kind: str | None = None, job: str | None = None
) -> Answer:
    """Of the job, the framework or the role called `subject`, the first of these that is there, or only the one of `kind`. Raises UnknownId, InvalidValue.

    `job` is a subject that must be a job.
    """
    if job is not None:
        subject, kind = job, "job"
    if kind not in (None, *_KINDS):
        raise InvalidValue("kind", kind, "must be job, framework or role")
    for each in _KINDS if kind is None else (kind,):
        try:
            return _KINDS[each](view, subject or "", now_ms)
        except UnknownId:
            continue
    raise UnknownId(kind or "job, framework or role", subject or "")


def _job(view: View, subject: str, now_ms: int) -> Answer:
    return explain_job(view, find_job(view, subject), now_ms)


def _framework(view: View, subject: str, now_ms: int) -> Answer:
    return explain_framework(view, find_framework(view, subject), now_ms)


_KINDS: dict[str, Callable[[View, str, int], Answer]] = {
    "job": _job,
    "framework": _framework,
    "role": explain_role,
}


def find_job(view: View, job: str) -> JobNote:
    """By id, else the newest of that name. Raises UnknownId."""
    found = view.jobs.get(job)
    if found is None:
        named = [j for j in view.jobs.values() if j.name == job]
        if not named:
            raise UnknownId("job", job)
        found = max(named, key=lambda j: (j.submitted_ms, j.job_id))
    return found


def find_framework(view: View, framework: str) -> FrameworkNote:
    """By id, else the newest of that name, one that has not completed first. Raises UnknownId."""
    found = view.frameworks.get(framework)
    if found is None:
        named = [f for f in view.frameworks.values() if f.name == framework]
        if not named:
            raise UnknownId("framework", framework)
        found = max(named, key=lambda f: (f.state != "completed", f.at_ms, f.framework_id))
    return found
