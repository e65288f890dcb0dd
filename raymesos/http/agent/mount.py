"""Agents through the master's port: `/agent/<agent id>/...` and `/slaves/<agent id>/...` are what the agent's own address serves, but for its executors."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from raymesos.errors import Unauthorized
from raymesos.http.agent.app import EXECUTOR_API, AgentApp
from raymesos.http.agent.owners import is_seen
from raymesos.http.asgi import Answer, send_answer
from raymesos.http.jobs.rights import USER
from raymesos.http.mesos.operator.writes import NO_AGENT
from raymesos.http.security.access import caller_of
from raymesos.http.site import Site

LOCAL_ONLY = Answer(403, "Executors speak to their agent at its own address")
UNKNOWN = Answer(404, NO_AGENT)
NOT_ALL = Answer(
    403,
    "An agent is shown in whole, to who may see all roles; others see the files of their own tasks' and executors' sandboxes",
)
# What tells of one sandbox alone.
OF_A_SANDBOX = ("/files/browse", "/files/read", "/files/download")
FAR = Answer(503, "This agent is on another node, whose HTTP server only listens there")


def routes(site: Site) -> list[BaseRoute]:
    below = AgentsBelow(site)
    return [Route(f"/{head}/{{agent_id}}/{{rest:path}}", below, methods=None) for head in ("agent", "slaves")]


class AgentsBelow:
    """An ASGI callable."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = Request(scope).path_params
        note = self._site.views.state.agents.get(found["agent_id"])
        path = "/" + found["rest"].removeprefix("slave(1)/")
        app = self._site.agent_apps.get(note.name) if note is not None else None
        refused = self._refused(scope)
        if refused is not None:
            await send_answer(send, refused)
        elif path.endswith(EXECUTOR_API):
            await send_answer(send, LOCAL_ONLY)
        elif note is None:
            await send_answer(send, UNKNOWN)
        elif app is None:
            await send_answer(send, FAR)
        elif not await self._sees(scope, found["agent_id"], app, path):
            await send_answer(send, NOT_ALL)
        else:
            await app({**scope, "path": path, "root_path": ""}, receive, send)

    def _refused(self, scope: Scope) -> Answer | None:
        caller = caller_of(scope)
        try:
            self._site.access.require(caller, "access_sandboxes", USER)
        except Unauthorized as error:
            return Answer(403, str(error))
        return None

    async def _sees(self, scope: Scope, agent_id: str, app: ASGIApp, path: str) -> bool:
        """Whether the caller may see what is asked for: everything, or a sandbox of its own."""
        site, caller = self._site, caller_of(scope)
        if site.access.sees_all(caller):
            return True
        if path not in OF_A_SANDBOX or not isinstance(app, AgentApp):
            return False
        asked, whole, seen = Request(scope).query_params.get("path", ""), site.views.state, site.views_of(caller).state
        return await asyncio.to_thread(is_seen, asked, agent_id, app.site, whole, seen)
