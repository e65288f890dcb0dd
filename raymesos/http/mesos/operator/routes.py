"""The operator's side of Mesos' API at the master's address."""

from __future__ import annotations

from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from raymesos.http.mesos.operator import older_reads, older_writes
from raymesos.http.mesos.operator.api import OperatorApi
from raymesos.http.mesos.operator.asking import Writer
from raymesos.http.mesos.operator.endpoint import endpoints
from raymesos.http.mesos.operator.files import master_file_endpoints
from raymesos.http.mesos.operator.gallery import Gallery
from raymesos.http.site import Site


def operator_parts(site: Site) -> tuple[dict[str, ASGIApp], list[BaseRoute]]:
    """(bare callables by their paths, routes)."""
    gallery = Gallery(site)
    writer = Writer(site, gallery)
    reads = older_reads.OlderReads(site, gallery)
    api = OperatorApi(site, gallery, writer)
    hot: dict[str, ASGIApp] = {f"{prefix}/api/v1": api for prefix in ("", "/master")}
    files = endpoints(master_file_endpoints(site))
    return hot, [*older_reads.routes(reads), *older_writes.routes(reads, writer), *files]
