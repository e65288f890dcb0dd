"""The app of the master's port: hot calls go straight to bare ASGI callables, everything else to Starlette's routes.

A part of the API is a module with `routes(site)`; a hot call is one with an ASGI callable, by its exact path.
"""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from raymesos.errors import RaymesosError
from raymesos.http import answers, basics, events, live, logs, me, page, reading
from raymesos.http.agent import mount as agent_mount
from raymesos.http.door import server as door
from raymesos.http.jobs import routes as jobs
from raymesos.http.mesos.operator.routes import operator_parts
from raymesos.http.mesos.scheduler import SchedulerApi
from raymesos.http.prometheus import routes as prometheus
from raymesos.http.prometheus.requests import Counted
from raymesos.http.security.gate import Gate
from raymesos.http.security.loopback import is_loopback
from raymesos.http.site import Site


def make_app(site: Site) -> ASGIApp:
    """All that is served at the master's address."""
    scheduler = SchedulerApi(site)
    hot: dict[str, ASGIApp] = {f"{prefix}/api/v1/scheduler": scheduler for prefix in ("", "/master")}
    operator, older = operator_parts(site)
    hot |= operator
    routes: list[BaseRoute] = [
        *older,
        *basics.routes(site),
        *prometheus.routes(site),
        *reading.routes(site),
        *events.routes(site),
        *live.routes(site),
        *logs.routes(site),
        *jobs.routes(site),
        *agent_mount.routes(site),
        *me.routes(site),
        *page.routes(site),
        *door.routes(site),
    ]
    cold = Starlette(
        routes=routes,
        exception_handlers={404: answers.nowhere, RaymesosError: answers.refused, Exception: answers.broken},
    )
    return Counted(gated(site, Dispatcher(hot, cold)), site.requests, hot)


def gated(site: Site, app: ASGIApp) -> ASGIApp:
    """`app` behind the gate: every app that listens anywhere is."""
    return Gate(app, loopback=is_loopback(site.host), keyring=site.keyring, settings=site.limits, audit=site.audit)


class Dispatcher:
    """`hot` by exact path, the rest to `cold`."""

    def __init__(self, hot: dict[str, ASGIApp], cold: ASGIApp) -> None:
        self._hot, self._cold = hot, cold

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._hot.get(scope.get("path", ""), self._cold)
        await app(scope, receive, send)
