"""Where the jobs API and its documentation are served. The documentation needs no internet: the package `fastapi-offline` has Swagger UI's files."""

from __future__ import annotations

import base64
import hashlib
import re
from importlib.resources import files

from fastapi.openapi.docs import get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from raymesos.http.jobs.api import PREFIX, make_api
from raymesos.http.site import Site

DOCS = "/docs"


def routes(site: Site) -> list[BaseRoute]:
    page = get_swagger_ui_html(
        openapi_url=f"{PREFIX}/openapi.json",
        title="raymesos jobs API",
        swagger_js_url=f"{DOCS}/swagger-ui-bundle.js",
        swagger_css_url=f"{DOCS}/swagger-ui.css",
        swagger_favicon_url=f"{DOCS}/favicon.png",
    )
    # Its one script is in the page itself: no other may run. Swagger UI writes styles into its elements.
    (script,) = re.findall(rb"<script>(.*?)</script>", page.body, re.DOTALL)
    allowed = base64.b64encode(hashlib.sha256(script).digest()).decode()
    page.headers["content-security-policy"] = (
        f"default-src 'self'; script-src 'self' 'sha256-{allowed}'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"
    )

    async def docs(request: Request) -> Response:
        return page

    assets = StaticFiles(directory=str(files("fastapi_offline") / "static"))
    return [Route(DOCS, docs), Mount(DOCS, assets), Mount(PREFIX, make_api(site))]
