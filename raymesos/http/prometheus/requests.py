"""Counts requests: by the path of the route that took them, never by what was asked for, so that no client can make the server remember paths."""

from __future__ import annotations

import time
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from raymesos.http.prometheus.families import REQUEST_HELP, REQUEST_LABELS, REQUEST_SECONDS

# From a bare call to one that waits for an actor that is being restarted.
BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
NO_ROUTE = "none"


class Requests:
    """The requests of one server."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._seconds = Histogram(
            REQUEST_SECONDS, REQUEST_HELP, REQUEST_LABELS, registry=self._registry, buckets=BUCKETS_S
        )
        self._counts: dict[tuple[str, int], Callable[[float], None]] = {}
        """What the library would look up under a lock each time; no more than it keeps."""

    def count(self, path: str, status: int, seconds: float) -> None:
        counts = self._counts.get((path, status))
        if counts is None:
            counts = self._counts[path, status] = self._seconds.labels(path, str(status)).observe
        counts(seconds)

    def text(self) -> bytes:
        return generate_latest(self._registry)


class Counted:
    """`app`, with its requests counted. `hot` are the exact paths that it takes before any routing."""

    def __init__(self, app: ASGIApp, requests: Requests, hot: dict[str, ASGIApp]) -> None:
        self._app, self._requests, self._hot = app, requests, hot

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._requests.count(self._path(scope), message["status"], time.perf_counter() - began)
            await send(message)

        await self._app(scope, receive, told)

    def _path(self, scope: Scope) -> str:
        route = scope.get("route")
        if route is not None:
            return str(getattr(route, "path", NO_ROUTE))
        path = str(scope.get("path", ""))
        return path if path in self._hot else NO_ROUTE
