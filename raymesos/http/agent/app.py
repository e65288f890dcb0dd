"""The app of an agent's address: the executor API as a bare ASGI callable, the rest as Starlette's routes, all of it also below `/slave(1)`."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from raymesos.errors import RaymesosError
from raymesos.http import answers
from raymesos.http.agent.executor_api import ExecutorApi
from raymesos.http.agent.executor_tokens import ExecutorTokens
from raymesos.http.agent.routes import agent_routes
from raymesos.http.agent.site import AgentSite
from raymesos.http.asgi import Answer, send_answer

PREFIX = "/slave(1)"
"""An agent's process has one agent in Mesos' words too."""
EXECUTOR_API = "/api/v1/executor"
ELSEWHERE = Answer(
    403, "This server asks for tokens: agents are asked at the master's address, below /agent/<agent id>"
)


def make_agent_app(site: AgentSite) -> AgentApp:
    """Without a gate: whoever serves it stands in front."""
    tokens = ExecutorTokens(site.directory) if site.asks else None
    api = ExecutorApi(site.desk, site.name, site.unknown, site.container_of, tokens)
    cold = Starlette(
        routes=agent_routes(site),
        exception_handlers={RaymesosError: answers.refused, Exception: answers.broken},
    )
    return AgentApp(site, api, cold)


class AgentApp:
    """`api` by its path, the rest to `cold`, which sees no prefix."""

    def __init__(self, site: AgentSite, api: ASGIApp, cold: ASGIApp) -> None:
        self.site = site
        self._api, self._cold = api, cold

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if path == EXECUTOR_API or path == PREFIX + EXECUTOR_API:
            await self._api(scope, receive, send)
        elif path.startswith(PREFIX + "/"):
            await self._cold({**scope, "path": path.removeprefix(PREFIX)}, receive, send)
        else:
            await self._cold(scope, receive, send)


class ExecutorsOnly:
    """Where callers have to show who they are, an agent's own address is for its executors: everybody else asks at the master's."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "").removeprefix(PREFIX)
        if scope["type"] != "http" or path in (EXECUTOR_API, "/health"):
            await self._app(scope, receive, send)
        else:
            await send_answer(send, ELSEWHERE)
