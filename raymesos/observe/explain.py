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
from raymesos.observe.explain_service import explain_service
from raymesos.observe.finding import find_framework, find_job, find_service
from raymesos.observe.state import View

Answer = dict[str, Any]


def explain(
    view: View, now_ms: int, *, subject: str | None = None, kind: str | None = None, job: str | None = None
) -> Answer:
    """Of the job, the service, the framework or the role called `subject`, the first of these that is there, or only the one of `kind`. Raises UnknownId, InvalidValue.

    `job` is a subject that must be a job.
    """
    if job is not None:
        subject, kind = job, "job"
    if kind not in (None, *_KINDS):
        raise InvalidValue("kind", kind, "must be job, service, framework or role")
    for each in _KINDS if kind is None else (kind,):
        try:
            return _KINDS[each](view, subject or "", now_ms)
        except UnknownId:
            continue
    raise UnknownId(kind or "job, service, framework or role", subject or "")


def _job(view: View, subject: str, now_ms: int) -> Answer:
    return explain_job(view, find_job(view, subject), now_ms)


def _service(view: View, subject: str, now_ms: int) -> Answer:
    return explain_service(view, find_service(view, subject), now_ms)


def _framework(view: View, subject: str, now_ms: int) -> Answer:
    return explain_framework(view, find_framework(view, subject), now_ms)


_KINDS: dict[str, Callable[[View, str, int], Answer]] = {
    "job": _job,
    "service": _service,
    "framework": _framework,
    "role": explain_role,
}
