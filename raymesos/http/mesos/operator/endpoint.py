"""Routes that answer as Mesos does where Starlette would answer itself: wrong methods, and what cannot be read or done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from raymesos.errors import RaymesosError
from raymesos.http.mesos.operator.texts import refusal, text, wrong_method

Serve = Callable[[Request], Awaitable[Response]]


class Refused(Exception):
    """The request cannot be read."""

    def __init__(self, said: str, status: int = 400) -> None:
        self.response = text(said, status)


def endpoints(by_path: dict[str, dict[str, Serve]]) -> list[BaseRoute]:
    """Each path, and the same below `/master`."""
    return [
        Route(prefix + path, Endpoint(serve), methods=None)
        for path, serve in by_path.items()
        for prefix in ("", "/master")
    ]


class Endpoint:
    """`serve` by method. An ASGI callable: Starlette hands it every method."""

    def __init__(self, serve: dict[str, Serve]) -> None:
        self._serve = serve

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        response = await self._response(request)
        await response(scope, receive, send)

    async def _response(self, request: Request) -> Response:
        found = self._serve.get("GET" if request.method == "HEAD" else request.method)
        if found is None:
            return wrong_method(request.method, *self._serve)
        try:
            return await found(request)
        except Refused as refused:
            return refused.response
        except RaymesosError as error:
            return refusal(error)
