"""`GET /api/me`: what cluster this is, and as whom one calls."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from raymesos import __version__
from raymesos.http.answers import Json
from raymesos.http.security.access import caller_of
from raymesos.http.site import Site


def routes(site: Site) -> list[BaseRoute]:
    async def me(request: Request) -> Response:
        caller = caller_of(request)
        told = {"principal": caller.principal, "roles": caller.roles, "reads_only": caller.reads_only}
        return Json({"cluster": site.name, "version": __version__, **told})

    return [Route("/api/me", me)]
