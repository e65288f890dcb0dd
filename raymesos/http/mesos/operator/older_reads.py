"""The endpoints from before the v1 API that read: each path also below `/master`. (Mesos: docs/endpoints)"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from raymesos.http.mesos.operator import documents, maintenance, roles
from raymesos.http.mesos.operator.about import flags, system_stats, version_json
from raymesos.http.mesos.operator.endpoint import endpoints
from raymesos.http.mesos.operator.gallery import Gallery
from raymesos.http.mesos.operator.metrics import snapshot
from raymesos.http.mesos.operator.picture import Picture
from raymesos.http.mesos.operator.texts import json_answer, text
from raymesos.http.security.access import caller_of
from raymesos.http.site import Site

Make = Callable[[Picture], Any]


def routes(reads: OlderReads) -> list[BaseRoute]:
    return endpoints(
        {
            path: {"GET": read}
            for path, read in {
                "/state": reads.state,
                "/state.json": reads.state,
                "/state-summary": reads.summary,
                "/slaves": reads.slaves,
                "/frameworks": reads.frameworks,
                "/tasks": reads.tasks,
                "/tasks.json": reads.tasks,
                "/roles": reads.roles,
                "/roles.json": reads.roles,
                "/flags": reads.flags,
                "/redirect": reads.redirect,
                "/maintenance/status": reads.maintenance_status,
                "/version": reads.version,
                "/metrics/snapshot": reads.metrics,
                "/system/stats.json": reads.stats,
            }.items()
        }
    )


class OlderReads:
    def __init__(self, site: Site, gallery: Gallery) -> None:
        self._site, self._gallery = site, gallery

    async def state(self, request: Request) -> Response:
        return await self._shown(request, "state", lambda picture: documents.state(self._site, picture))

    async def summary(self, request: Request) -> Response:
        return await self._shown(request, "summary", lambda picture: documents.summary(self._site, picture))

    async def slaves(self, request: Request) -> Response:
        id = request.query_params.get("slave_id")
        return await self._shown(request, ("slaves", id), lambda picture: documents.slaves(picture, id))

    async def frameworks(self, request: Request) -> Response:
        id = request.query_params.get("framework_id")
        return await self._shown(request, ("frameworks", id), lambda picture: documents.frameworks(picture, id))

    async def tasks(self, request: Request) -> Response:
        query = request.query_params
        limit, offset = _number(query.get("limit"), documents.TASKS_SHOWN), _number(query.get("offset"), 0)
        if limit is None or offset is None:
            name = "limit" if limit is None else "offset"
            return text(f"Failed to parse {name} '{query[name][:100]}': must be a whole number, 0 or more", 400)
        asked = documents.Asked(
            limit, offset, query.get("order") == "asc", query.get("framework_id"), query.get("task_id")
        )
        return await self._shown(request, asked, lambda picture: documents.tasks(picture, asked))

    async def roles(self, request: Request) -> Response:
        return await self._shown(request, "roles", lambda picture: {"roles": roles.older_roles(picture)})

    async def weights(self, request: Request) -> Response:
        return await self._shown(request, "weights", lambda picture: roles.weights(picture.tally))

    async def quota(self, request: Request) -> Response:
        return await self._shown(request, "quota", lambda picture: roles.quota_status(picture.tally))

    async def maintenance_status(self, request: Request) -> Response:
        self._site.access.require(caller_of(request), "get_maintenance_statuses")
        return await self._shown(request, "down", lambda picture: maintenance.status_json(picture.tally))

    async def maintenance_schedule(self, request: Request) -> Response:
        self._site.access.require(caller_of(request), "get_maintenance_schedules")
        return await self._shown(request, "schedule", lambda picture: maintenance.schedule_json(picture.tally))

    async def metrics(self, request: Request) -> Response:
        """`?timeout` is of a server that asks around for its values; here they are known."""
        return await self._shown(request, "metrics", lambda picture: snapshot(self._site, picture.tally))

    async def flags(self, request: Request) -> Response:
        self._site.access.require(caller_of(request), "view_flags")
        return json_answer(request, orjson.dumps({"flags": flags(self._site)}))

    async def version(self, request: Request) -> Response:
        return json_answer(request, orjson.dumps(version_json()))

    async def stats(self, request: Request) -> Response:
        return json_answer(request, orjson.dumps(system_stats()))

    async def redirect(self, request: Request) -> Response:
        """To the leader, which is here, under the name that the client has for it."""
        host = request.headers.get("host") or f"{self._site.host}:{self._site.port}"
        return Response(status_code=307, headers={"location": f"//{host}"})

    async def _shown(self, request: Request, name: Hashable, make: Make) -> Response:
        return json_answer(request, await self._gallery.answer(name, make, caller_of(request)))


def _number(given: str | None, default: int) -> int | None:
    if given is None:
        return default
    return int(given) if given.isascii() and given.isdigit() and len(given) < 10 else None
