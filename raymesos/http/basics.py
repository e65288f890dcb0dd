"""Whether the server lives, and what it is."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from raymesos.http.site import Site


def routes(site: Site) -> list[BaseRoute]:
    async def health(request: Request) -> Response:
        """200 as soon as the server answers, as Mesos'."""
        return Response()

    return [Route("/health", health), Route("/master/health", health)]
