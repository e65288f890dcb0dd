"""The jobs API's calls. What is read comes from the views; what is changed goes to the batch framework, and the answer waits until the views show it."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from raymesos import __version__
from raymesos.errors import RaymesosError
from raymesos.http import answers
from raymesos.http.jobs import errors
from raymesos.http.jobs.job_calls import jobs_router
from raymesos.http.jobs.job_changes import changes_router
from raymesos.http.jobs.log import JobLog
from raymesos.http.jobs.rights import Seen
from raymesos.http.jobs.schemas import (
    Problem,
)
from raymesos.http.jobs.task_calls import tasks_router
from raymesos.http.site import Site

PREFIX = "/api/v3"
ABOUT = """Jobs and tasks in the shapes of Titus' REST API v3. A task is a process, no container: images, networks and security groups are kept and shown, and not acted on.
Service jobs are not there yet. Updates are answered with 204 once every reader of this server sees them."""

_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": what}
    for status, what in (
        (400, "A field is wrong; `field` names it"),
        (403, "The caller may not"),
        (404, "There is no such job or task"),
        (409, "The name or id is taken"),
        (412, "The job or task is over"),
        (429, "Too many jobs"),
        (503, "The cluster does not answer now"),
    )
}


def make_api(site: Site) -> FastAPI:
    """The app below PREFIX."""
    handlers: dict[Any, Any] = {
        RaymesosError: errors.refused,
        errors.Refused: errors.refused_by_titus,
        RequestValidationError: errors.invalid,
        HTTPException: errors.not_served,
        Exception: answers.broken,
    }
    api = FastAPI(
        title="raymesos jobs API",
        version=__version__,
        description=ABOUT,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        exception_handlers=handlers,
    )
    seen = Seen(site)
    log = JobLog(site.views)
    api.include_router(jobs_router(site, seen, log), responses=_PROBLEMS)
    api.include_router(changes_router(site, seen), responses=_PROBLEMS)
    api.include_router(tasks_router(site, seen), responses=_PROBLEMS)
    return api
