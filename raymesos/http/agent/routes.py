"""The endpoints of an agent from before the v1 API, and `POST /api/v1`. (Mesos: slave/http.cpp, files/files.cpp)"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from raymesos.errors import InvalidValue, ProtocolError, UnknownId
from raymesos.http.agent.file_endpoints import file_endpoints, listed, part_of
from raymesos.http.agent.files import Sandboxes
from raymesos.http.agent.picture import Picture, flags_of
from raymesos.http.agent.site import AgentSite
from raymesos.http.agent.statistics import container_json, container_row, monitor_row
from raymesos.http.asgi import headers_of
from raymesos.http.mesos.body import part_error, read_call
from raymesos.http.mesos.operator.about import version_json
from raymesos.http.mesos.operator.endpoint import Endpoint, Serve
from raymesos.http.mesos.operator.texts import json_answer, text
from raymesos.http.mesos.requests import accept_refusal, content_refusal
from raymesos.http.mesos.values import Row

_NEEDS_PART = ("SET_LOGGING_LEVEL", "LIST_FILES", "READ_FILE")


def agent_routes(site: AgentSite) -> list[BaseRoute]:
    found: dict[str, dict[str, Serve]] = {
        "/health": {"GET": _health},
        "/state": {"GET": _shown(lambda: Picture(site).state(flags_of(site, site.note())))},
        "/flags": {"GET": _shown(lambda: {"flags": flags_of(site, site.note())})},
        "/version": {"GET": _shown(version_json)},
        "/containers": {"GET": _measured(lambda: [container_row(c) for c in site.containers()])},
        "/monitor/statistics": {"GET": _measured(lambda: [monitor_row(c) for c in site.containers()])},
        "/metrics/snapshot": {"GET": _shown(lambda: _metrics(site))},
        "/api/v1": {"POST": AgentOperator(site).serve},
        **file_endpoints(Sandboxes(site)),
    }
    return [Route(path, Endpoint(serve), methods=None) for path, serve in found.items()]


async def _health(request: Request) -> Response:
    """200 as long as somebody answers, as Mesos'."""
    return Response()


def _shown(make: Callable[[], Any]) -> Serve:
    """From the views: on the event loop's thread, as they are between two batches of notes."""

    async def serve(request: Request) -> Response:
        return json_answer(request, orjson.dumps(make()))

    return serve


def _measured(make: Callable[[], Any]) -> Serve:
    """From the disk and /proc."""

    async def serve(request: Request) -> Response:
        return json_answer(request, orjson.dumps(await asyncio.to_thread(make)))

    return serve


def _metrics(site: AgentSite) -> dict[str, float]:
    note = site.note()
    registered = note is not None and note.state in ("active", "draining", "drained", "deactivated")
    return Picture(site).metrics(int(time.time() * 1000), registered)


# ---------------------------------------------------------------- the v1 API


class AgentOperator:
    """`POST /api/v1` of an agent."""

    def __init__(self, site: AgentSite) -> None:
        self._site, self._files = site, Sandboxes(site)

    async def serve(self, request: Request) -> Response:
        headers = headers_of(request.scope)
        refused = content_refusal(headers)
        if refused is not None:
            return text(refused.text, refused.status)
        try:
            call = read_call(await request.body(), "agent.Call")
        except ProtocolError as error:
            return text(str(error), 400)
        wrong = part_error(call, _NEEDS_PART.__contains__)
        if wrong:
            return text(f"Failed to validate agent::Call: {wrong}", 400)
        refused = accept_refusal(headers)
        return text(refused.text, refused.status) if refused is not None else await self._answer(call)

    async def _answer(self, call: Row) -> Response:
        kind = call["type"]
        try:
            body = await self._body(kind, call)
        except InvalidValue as error:
            return text(error.reason, 400)
        except (UnknownId, OSError):
            return text("", 404)
        if body is None:
            return text("", 501)
        return Response(orjson.dumps({"type": kind, kind.lower(): body}), media_type="application/json")

    async def _body(self, kind: str, call: Row) -> Row | None:
        """None for what there is nothing of here: standalone and nested containers, resource providers' configurations, images."""
        site = self._site
        match kind:
            case "GET_HEALTH":
                return {"healthy": True}
            case "GET_VERSION":
                return {"version_info": version_json()}
            case "GET_FLAGS":
                return {"flags": [{"name": n, "value": v} for n, v in flags_of(site, site.note()).items()]}
            case "GET_METRICS":
                return {"metrics": [{"name": n, "value": v} for n, v in _metrics(site).items()]}
            case "GET_LOGGING_LEVEL":
                return {"level": 0}
            case "GET_CONTAINERS":
                return {"containers": await asyncio.to_thread(lambda: [container_json(c) for c in site.containers()])}
            case "GET_RESOURCE_PROVIDERS":
                return {}
            case "LIST_FILES":
                return await asyncio.to_thread(listed, self._files, call["list_files"])
            case "READ_FILE":
                return await asyncio.to_thread(part_of, self._files, call["read_file"])
            case _:
                return self._of_views(kind)

    def _of_views(self, kind: str) -> Row | None:
        picture = Picture(self._site)
        match kind:
            case "GET_STATE":
                return picture.get_state()
            case "GET_TASKS":
                return picture.get_tasks()
            case "GET_EXECUTORS":
                return picture.get_executors()
            case "GET_FRAMEWORKS":
                return picture.get_frameworks()
            case "GET_AGENT":
                return picture.get_agent()
            case "GET_OPERATIONS":
                return picture.get_operations()
            case _:
                return None
