"""What people call by an id or by a name, found in a view."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from raymesos.errors import UnknownId
from raymesos.observe.state import View
from raymesos.wire.notes import AgentNote, FrameworkNote, JobNote, ServiceNote


class _Named(Protocol):
    @property
    def name(self) -> str: ...


N = TypeVar("N", bound=_Named)


def find_job(view: View, job: str) -> JobNote:
    """By id, else the newest of that name. Raises UnknownId."""
    return _find("job", view.jobs, job, lambda j: (j.submitted_ms, j.job_id))


def find_service(view: View, service: str) -> ServiceNote:
    """By id, else the newest of that name. Raises UnknownId."""
    return _find("service", view.services, service, lambda s: (s.submitted_ms, s.job_id))


def find_framework(view: View, framework: str) -> FrameworkNote:
    """By id, else the newest of that name, one that has not completed first. Raises UnknownId."""
    return _find("framework", view.frameworks, framework, lambda f: (f.state != "completed", f.at_ms, f.framework_id))


def find_agent(view: View, agent: str) -> AgentNote:
    """By id, else the one of that name that came last, one that is not gone first. Raises UnknownId."""
    return _find("agent", view.agents, agent, lambda a: (a.state != "gone", a.at_ms))


def _find(kind: str, notes: Mapping[str, N], called: str, newest: Callable[[N], Any]) -> N:
    found = notes.get(called) or max((note for note in notes.values() if note.name == called), key=newest, default=None)
    if found is None:
        raise UnknownId(kind, called)
    return found
