"""Who may do what with jobs; and what callers of the jobs API see, when."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request

from raymesos.errors import ClusterUnavailable, UnknownId
from raymesos.http.blocking import Blocking
from raymesos.http.security.access import caller_of
from raymesos.http.site import Site
from raymesos.observe.state import View
from raymesos.wire.notes import AttemptNote, JobNote

USER = "raymesos"
"""The user of the batch framework, whose tasks all jobs are."""
CALLS = 16
# What was just made may still be on its way to the views; who asks for what is not there does not wait long.
SOON_S = 0.4
# A change is in the views within a tenth of a second; a restarted observer takes seconds, and then the change stands all the same.
SHOWN_S = 3.0


class Rights:
    """Of the caller of one request. A job of a role that it does not see is not there for it."""

    def __init__(self, site: Site, request: Request) -> None:
        self._access, self._caller = site.access, caller_of(request)
        self.sees_all = site.access.sees_all(self._caller)

    def sees(self, role: str) -> bool:
        return self.sees_all or self._access.allows(self._caller, "view_roles", role)

    def must_run(self, role: str) -> None:
        """Submit, change and kill jobs of the role. Raises Unauthorized."""
        self._access.require(self._caller, "register_frameworks", role)
        self._access.require(self._caller, "run_tasks", USER)

    def must_run_somewhere(self) -> None:
        """For what says no role yet. Raises Unauthorized."""
        self._access.require(self._caller, "run_tasks", USER)

    def must_see_logs(self, role: str) -> None:
        """Raises Unauthorized."""
        self._access.require(self._caller, "access_sandboxes", USER)


class Seen:
    """The views, and calls through the door whose outcome shall be seen there."""

    def __init__(self, site: Site) -> None:
        self._views = site.views
        self.call = Blocking(CALLS, "jobs")

    def view(self) -> View:
        """Raises ClusterUnavailable."""
        if not self._views.ready:
            raise ClusterUnavailable("the views are not ready yet; try again in a moment")
        return self._views.state

    async def until(self, shown: Callable[[View], bool], timeout_s: float = SHOWN_S) -> bool:
        """Whether the view shows it, after waiting for that."""
        return await self._views.until(shown, timeout_s)

    async def job(self, rights: Rights, id: str) -> JobNote:
        """Raises UnknownId."""
        self.view()
        await self.until(lambda view: id in view.jobs, SOON_S)
        found = self.view().jobs.get(id)
        if found is None or not rights.sees(found.role):
            raise UnknownId("job", id)
        return found

    async def task(self, rights: Rights, id: str) -> tuple[AttemptNote, JobNote]:
        """The task and its job. Raises UnknownId."""
        self.view()
        await self.until(lambda view: view.attempts.find(id) is not None, SOON_S)
        found = self.view().attempts.find(id)
        job = self.view().jobs.get(found.job_id) if found is not None else None
        if found is None or job is None or not rights.sees(job.role):
            raise UnknownId("task", id)
        return found, job
