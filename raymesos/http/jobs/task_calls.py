"""Calls of the jobs API about tasks: find, kill, change, read what they print."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from raymesos.errors import InvalidValue, UnknownId
from raymesos.http.answers import Json
from raymesos.http.jobs import errors, shapes
from raymesos.http.jobs.answering import Id, keys_of, page_answer
from raymesos.http.jobs.descriptor import check_attributes
from raymesos.http.jobs.finding import Query as Find
from raymesos.http.jobs.finding import Wanted
from raymesos.http.jobs.rights import Rights, Seen
from raymesos.http.jobs.schemas import (
    Attributes,
    Move,
    TaskPage,
    TaskShape,
)
from raymesos.http.site import Site
from raymesos.operating import jobs as operating
from raymesos.wire.jobs import ChangeAttributes, EndTask
from raymesos.wire.notes import AttemptNote

LOG_BYTES = 8 * 2**20


def tasks_router(site: Site, seen: Seen) -> APIRouter:
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
        return page_answer(found, query, shapes.task_shape, view)

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
        gone = keys_of(keys)
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
