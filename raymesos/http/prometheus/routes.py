"""`GET /metrics`."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.core import Metric
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from raymesos.http.prometheus.collect import metrics, samples, server_samples
from raymesos.http.security.access import caller_of
from raymesos.http.site import Site
from raymesos.http.views import Readable


def routes(site: Site) -> list[BaseRoute]:
    def page(views: Readable) -> MetricsPage:
        return MetricsPage(site, views)

    async def exposed(request: Request) -> Response:
        site.access.require(caller_of(request), "get_endpoints", request.url.path)
        made = site.views_for(request).once(page)
        return Response(made.text() + site.requests.text(), media_type=CONTENT_TYPE_PLAIN_0_0_4)

    return [Route("/metrics", exposed)]


class MetricsPage:
    """The text of the view, made once a revision however many ask for it."""

    def __init__(self, site: Site, views: Readable) -> None:
        self._site, self._views = site, views
        self._made: tuple[object, bytes] = (None, b"")

    def text(self) -> bytes:
        views = self._views
        now = views.revision, self._site.views.watchers, id(views.state)
        if self._made[0] != now:
            self._made = now, generate_latest(_Collector(self._site, views))  # type: ignore[arg-type]
        return self._made[1]


class _Collector:
    """What `generate_latest` asks of a registry."""

    def __init__(self, site: Site, views: Readable) -> None:
        self._site, self._views = site, views

    def collect(self) -> Iterator[Metric]:
        site = self._site
        server = server_samples(site.name, site.started_ms, site.views.watchers)
        return metrics([*server, *samples(self._views.state)])
