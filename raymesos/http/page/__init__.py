"""The page at `/`: files of our own, and Vue and ECharts as the nicegui package ships them. No build step, nothing from elsewhere.

The files tell nothing of the cluster: what the page shows it reads from `/api/`, as whoever looks at it.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from raymesos.http.site import Site

FILES = Path(__file__).parent / "static"
# Scripts are files of ours; the charts' tooltips have styles of their own in place.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# Asked for each time, and answered by 304: after an upgrade nobody has half a page of before.
HEADERS = {"content-security-policy": POLICY, "cache-control": "no-cache"}


def routes(site: Site) -> list[BaseRoute]:
    async def page(request: Request) -> Response:
        return FileResponse(FILES / "index.html", headers=HEADERS)

    return [
        Route("/", page),
        Route("/page/lib/vue.js", _library),
        Mount("/page/lib/echarts", _Files(directory=library() / "elements/echart/dist")),
        Mount("/page", _Files(directory=FILES)),
    ]


def library() -> Path:
    """Where the nicegui package is. It is not imported: that takes 1.5 s and 40 MB, for files alone."""
    found = find_spec("nicegui")
    assert found is not None and found.submodule_search_locations is not None
    return Path(found.submodule_search_locations[0])


async def _library(request: Request) -> Response:
    return FileResponse(library() / "static/vue.esm-browser.prod.js", headers=HEADERS, media_type="text/javascript")


class _Files(StaticFiles):
    def file_response(self, *arguments: object, **named: object) -> Response:
        answer = super().file_response(*arguments, **named)  # type: ignore[arg-type]
        answer.headers.update(HEADERS)
        return answer
