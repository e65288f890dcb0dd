"""The jobs API's calls. What is read comes from the views; what is changed goes to the batch framework, and the answer waits until the views show it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Body, FastAPI, Header, Path, Query
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from raymesos import __version__
from raymesos.errors import InvalidValue, RaymesosError, UnknownId
from raymesos.http import answers
from raymesos.http.answers import Json
from raymesos.http.jobs import errors, shapes
from raymesos.http.jobs.descriptor import JobDescriptor, budget_text, check_attributes
from raymesos.http.jobs.finding import Criteria, Wanted, listed, page_of, projected
from raymesos.http.jobs.finding import Query as Find
from raymesos.http.jobs.log import JobLog
from raymesos.http.jobs.rights import Rights, Seen
from raymesos.http.jobs.schemas import (
    Attributes,
    Capacity,
    JobId,
    JobPage,
    JobShape,
    Move,
    Problem,
    Processes,
    Submission,
    TaskPage,
    TaskShape,
)
from raymesos.http.jobs.watching import Watch
from raymesos.http.jobs.writing import spec_of_descriptor, spec_of_file
from raymesos.http.site import Site
from raymesos.http.streaming import stream
from raymesos.observe.state import View
from raymesos.operating import jobs as operating
from raymesos.wire.jobs import ChangeAttributes, EndTask, SetBudget
from raymesos.wire.notes import AttemptNote

PREFIX = "/api/v3"
LOG_BYTES = 8 * 2**20
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
Id = Annotated[str, Path(min_length=1, max_length=400)]
LastEventId = Annotated[str, Header(alias="Last-Event-ID", max_length=200)]
_EVENTS: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {}}, "description": "The events"}}


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
    api.include_router(_jobs(site, seen, log), responses=_PROBLEMS)
    api.include_router(_job_changes(site, seen), responses=_PROBLEMS)
    api.include_router(_tasks(site, seen), responses=_PROBLEMS)
    return api


def _jobs(site: Site, seen: Seen, log: JobLog) -> APIRouter:
    router = APIRouter(tags=["jobs"])

    @router.get("/status", summary="Whether the cluster's views are there")
    async def status() -> Response:
        ready = site.views.ready
        said = {"status": "Ready" if ready else "NotReady", "cluster": site.name, "clusterId": site.cluster_id}
        return Json(said, 200 if ready else 503)

    @router.post("/jobs", status_code=202, response_model=JobId, summary="Submit a job")
    async def submit(
        request: Request,
        job: Annotated[Submission, Body()],
        key: Annotated[str, Header(alias="Idempotency-Key", max_length=200)] = "",
    ) -> Response:
        """Kept, durably, once this answers. The same `Idempotency-Key` again is the same job."""
        spec = spec_of_descriptor(job, key) if isinstance(job, JobDescriptor) else spec_of_file(job.root, key)
        Rights(site, request).must_run(spec.role)
        await seen.call(operating.submit, site.door, spec)
        await seen.until(lambda view: spec.job_id in view.jobs)
        return Json({"id": spec.job_id}, 202)

    @router.get("/jobs", response_model=JobPage, summary="Find jobs")
    async def find(request: Request, query: Annotated[Find, Query()]) -> Response:
        """Jobs that have finished are found too, as long as the cluster remembers them: `jobState=Accepted,KillInitiated` leaves them out."""
        view, sees = seen.view(), Rights(site, request).sees
        return _page([note for note in Wanted(query).jobs(view) if sees(note.role)], query, shapes.job_shape, view)

    @router.get("/jobs/stream", response_class=Response, responses=_EVENTS, summary="Watch jobs and their tasks")
    async def watch(request: Request, criteria: Annotated[Criteria, Query()], last: LastEventId = "") -> Response:
        """Server-sent events: `jobUpdate` and `taskUpdate` of all there is, `snapshotEnd`, then each change; `keepAlive` while nothing happens."""
        seen.view()
        return stream(Watch(site.views, log, Wanted(criteria), Rights(site, request).sees).read(last))

    @router.get("/jobs/{id}", response_model=JobShape, summary="One job")
    async def one(request: Request, id: Id) -> Response:
        note = await seen.job(Rights(site, request), id)
        return Json(shapes.job_shape(seen.view(), note))

    @router.get("/jobs/{id}/stream", response_class=Response, responses=_EVENTS, summary="Watch one job until it ends")
    async def watch_one(request: Request, id: Id, last: LastEventId = "") -> Response:
        """As above, of this job. The stream is complete when the job has finished; who comes back after that gets 204."""
        rights = Rights(site, request)
        await seen.job(rights, id)
        reader = Watch(site.views, log, Wanted(Criteria(jobIds=id)), rights.sees, only=id)
        return Response(status_code=204) if last and reader.is_over(last) else stream(reader.read(last))

    @router.delete("/jobs/{id}", status_code=204, summary="Kill a job")
    async def kill(request: Request, id: Id) -> Response:
        """Nothing more of it is started, what runs is killed; its record stays. Again it changes nothing."""
        rights = Rights(site, request)
        rights.must_run((await seen.job(rights, id)).role)
        await seen.call(operating.cancel, site.door, id)
        await seen.until(lambda view: id not in view.jobs or view.jobs[id].state != shapes.ACCEPTED)
        return Response(status_code=204)

    return router


def _job_changes(site: Site, seen: Seen) -> APIRouter:
    router = APIRouter(tags=["jobs"])

    async def change(request: Request, id: str, message: Any, shown: Callable[[View], bool]) -> Response:
        rights = Rights(site, request)
        rights.must_run((await seen.job(rights, id)).role)
        if not await seen.call(operating.change, site.door, message, id):
            raise errors.terminating("Job", id)
        await seen.until(shown)
        return Response(status_code=204)

    async def not_for_batch(request: Request, id: str) -> Response:
        rights = Rights(site, request)
        rights.must_run((await seen.job(rights, id)).role)
        raise errors.not_service(id)

    @router.put("/jobs/{id}/attributes", status_code=204, summary="Put attributes on a job")
    async def put_attributes(request: Request, id: Id, body: Attributes) -> Response:
        """Those that are not named stay."""
        check_attributes(body.attributes)
        wished = tuple(body.attributes.items())
        return await change(
            request, id, ChangeAttributes(id, put=wished), lambda view: _has(view, id, dict(wished).items())
        )

    @router.delete("/jobs/{id}/attributes", status_code=204, summary="Take attributes off a job")
    async def drop_attributes(request: Request, id: Id, keys: str) -> Response:
        gone = _keys(keys)
        return await change(
            request,
            id,
            ChangeAttributes(id, remove=gone),
            lambda view: id not in view.specs or not dict(view.specs[id].attributes).keys() & dict.fromkeys(gone),
        )

    @router.put("/jobs/{id}/disruptionBudget", status_code=204, summary="Set a job's disruption budget")
    async def budget(request: Request, id: Id, body: dict[str, Any]) -> Response:
        text = budget_text(body)
        return await change(
            request, id, SetBudget(id, text), lambda view: id not in view.specs or view.specs[id].budget == text
        )

    @router.put("/jobs/{id}/instances", status_code=204, summary="Of service jobs")
    async def instances(request: Request, id: Id, body: Capacity) -> Response:
        return await not_for_batch(request, id)

    @router.put("/jobs/{id}/capacityAttributes", status_code=204, summary="Of service jobs")
    async def capacity(request: Request, id: Id, body: Capacity) -> Response:
        return await not_for_batch(request, id)

    @router.put("/jobs/{id}/jobprocesses", status_code=204, summary="Of service jobs")
    async def processes(request: Request, id: Id, body: Processes) -> Response:
        return await not_for_batch(request, id)

    @router.post("/jobs/{id}/enable", status_code=204, summary="Of service jobs")
    async def enable(request: Request, id: Id) -> Response:
        return await not_for_batch(request, id)

    @router.post("/jobs/{id}/disable", status_code=204, summary="Of service jobs")
    async def disable(request: Request, id: Id) -> Response:
        return await not_for_batch(request, id)

    return router


def _tasks(site: Site, seen: Seen) -> APIRouter:
    router = APIRouter(tags=["tasks"])

    async def change(request: Request, id: str, message: Any, shown: Callable[[AttemptNote], bool]) -> Response:
        if not await seen.call(operating.change, site.door, message, id):
            raise errors.terminating("Task", id)
        await seen.until(lambda view: (note := view.attempts.find(id)) is None or shown(note))
        return Response(status_code=204)

    async def mine(request: Request, id: str) -> AttemptNote:
        rights = Rights(site, request)
        note, job = await seen.task(rights, id)
        rights.must_run(job.role)
        return note

    @router.get("/tasks", response_model=TaskPage, summary="Find tasks")
    async def find(request: Request, query: Annotated[Find, Query()]) -> Response:
        view, sees = seen.view(), Rights(site, request).sees
        found = [note for note in Wanted(query).tasks(view) if sees(view.jobs[note.job_id].role)]
        return _page(found, query, shapes.task_shape, view)

    @router.post("/tasks/move", status_code=204, summary="Of service jobs")
    async def move(request: Request, body: Move) -> Response:
        rights = Rights(site, request)
        for field, id in (("sourceJobId", body.sourceJobId), ("targetJobId", body.targetJobId)):
            if not id:
                raise InvalidValue(field, id, "is required")
        await mine(request, body.taskId)
        await seen.job(rights, body.targetJobId)
        raise errors.not_service(body.sourceJobId)

    @router.get("/tasks/{id}", response_model=TaskShape, summary="One task")
    async def one(request: Request, id: Id) -> Response:
        note, _ = await seen.task(Rights(site, request), id)
        return Json(shapes.task_shape(seen.view(), note))

    @router.delete("/tasks/{id}", status_code=204, summary="Kill a task")
    async def kill(request: Request, id: Id, shrink: bool = False, preventMinSizeUpdate: bool = False) -> Response:
        """At the user's cost: it is tried again if the job's retries allow it. `shrink` is for service jobs."""
        note = await mine(request, id)
        if shrink:
            raise errors.not_service(note.job_id)
        return await change(
            request, id, EndTask(id), lambda now: now.ended or shapes.task_state(now) == shapes.KILL_INITIATED
        )

    @router.put("/tasks/{id}/attributes", status_code=204, summary="Put attributes on a task")
    async def put_attributes(request: Request, id: Id, body: Attributes) -> Response:
        check_attributes(body.attributes)
        note = await mine(request, id)
        wished = dict(body.attributes)
        message = ChangeAttributes(note.job_id, id, put=tuple(wished.items()))
        return await change(request, id, message, lambda now: wished.items() <= dict(now.attributes).items())

    @router.delete("/tasks/{id}/attributes", status_code=204, summary="Take attributes off a task")
    async def drop_attributes(request: Request, id: Id, keys: str) -> Response:
        gone = _keys(keys)
        note = await mine(request, id)
        message = ChangeAttributes(note.job_id, id, remove=gone)
        return await change(request, id, message, lambda now: not dict(now.attributes).keys() & dict.fromkeys(gone))

    @router.get("/tasks/{id}/logs/{stream}", response_class=Response, summary="What a task has printed")
    async def logs(
        request: Request,
        id: Id,
        stream: str,
        index: Annotated[int | None, Query(ge=0, le=2**31, description="Of a task of several inputs: which.")] = None,
        offset: Annotated[int, Query(ge=0, le=2**62)] = 0,
    ) -> Response:
        """`stdout` or `stderr`, as text: at most 8 MB of it, from byte `offset` on."""
        if stream not in ("stdout", "stderr"):
            raise UnknownId("stream", stream)
        rights = Rights(site, request)
        note, job = await seen.task(rights, id)
        rights.must_see_logs(job.role)
        spec = seen.view().specs.get(job.job_id)
        own = spec is not None and bool(spec.argv)
        which = note.lo if index is None else index
        agent = seen.view().agents.get(note.agent_id)
        if agent is None or agent.state == "gone":
            raise UnknownId("agent", note.agent_id)
        asked = id, which if own else -1, stream, offset, LOG_BYTES
        data = await seen.call(site.door.call, f"agent/{agent.name}", "read_log", *asked)
        return Response(data, media_type="text/plain; charset=utf-8", headers={"x-content-type-options": "nosniff"})

    return router


def _page(notes: list[Any], query: Find, shape: Callable[[View, Any], dict[str, Any]], view: View) -> Response:
    page, pagination = page_of(notes, query)
    paths = listed(query.fields)
    return Json({"items": [projected(shape(view, note), paths) for note in page], "pagination": pagination})


def _has(view: View, id: str, pairs: Any) -> bool:
    return id not in view.specs or pairs <= dict(view.specs[id].attributes).items()


def _keys(text: str) -> tuple[str, ...]:
    """Raises InvalidValue."""
    if not (found := tuple(listed(text))):
        raise InvalidValue("keys", text, "must name at least one")
    return found
