"""Calls of the jobs API about jobs: submit, find, watch, kill."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Header, Query
from starlette.requests import Request
from starlette.responses import Response

from raymesos.http.answers import Json
from raymesos.http.jobs import shapes
from raymesos.http.jobs.answering import Id, page_answer
from raymesos.http.jobs.descriptor import JobDescriptor
from raymesos.http.jobs.finding import Criteria, Wanted
from raymesos.http.jobs.finding import Query as Find
from raymesos.http.jobs.log import JobLog
from raymesos.http.jobs.rights import Rights, Seen
from raymesos.http.jobs.schemas import (
    JobId,
    JobPage,
    JobShape,
    Submission,
)
from raymesos.http.jobs.watching import Watch
from raymesos.http.jobs.writing import spec_of_descriptor, spec_of_file
from raymesos.http.security.audit import note_call
from raymesos.http.site import Site
from raymesos.http.streaming import stream
from raymesos.operating import jobs as operating

LastEventId = Annotated[str, Header(alias="Last-Event-ID", max_length=200)]
_EVENTS: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {}}, "description": "The events"}}


def jobs_router(site: Site, seen: Seen, log: JobLog) -> APIRouter:
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
        note_call(request, "submit", f"{spec.job_id} {spec.role}")
        Rights(site, request).must_run(spec.role)
        await seen.call(operating.submit, site.door, spec)
        await seen.until(lambda view: spec.job_id in view.jobs)
        return Json({"id": spec.job_id}, 202)

    @router.get("/jobs", response_model=JobPage, summary="Find jobs")
    async def find(request: Request, query: Annotated[Find, Query()]) -> Response:
        """Jobs that have finished are found too, as long as the cluster remembers them: `jobState=Accepted,KillInitiated` leaves them out."""
        view, sees = seen.view(), Rights(site, request).sees
        return page_answer(
            [note for note in Wanted(query).jobs(view) if sees(note.role)], query, shapes.job_shape, view
        )

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
