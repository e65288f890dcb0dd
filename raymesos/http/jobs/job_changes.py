"""Calls of the jobs API that change a job: attributes, disruption budget, and what is for service jobs only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from raymesos.http.jobs import errors
from raymesos.http.jobs.answering import Id, keys_of
from raymesos.http.jobs.descriptor import budget_text, check_attributes
from raymesos.http.jobs.rights import Rights, Seen
from raymesos.http.jobs.schemas import (
    Attributes,
    Capacity,
    Processes,
)
from raymesos.http.site import Site
from raymesos.observe.state import View
from raymesos.operating import jobs as operating
from raymesos.wire.jobs import ChangeAttributes, SetBudget


def changes_router(site: Site, seen: Seen) -> APIRouter:
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
        gone = keys_of(keys)
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


def _has(view: View, id: str, pairs: Any) -> bool:
    return id not in view.specs or pairs <= dict(view.specs[id].attributes).items()
