"""The master's file: its log, at `/master/log`, where the server is on its node. (Mesos: master/main.cpp attaches it so)"""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request

from raymesos.errors import UnknownId
from raymesos.http.agent.file_endpoints import file_endpoints
from raymesos.http.agent.files import Files
from raymesos.http.mesos.operator.endpoint import Serve
from raymesos.http.security.access import caller_of
from raymesos.http.site import Site

LOG = "/master/log"


class MasterFiles(Files):
    def __init__(self, site: Site) -> None:
        self._log = Path(site.work_dir) / "logs" / "master.log"

    def names(self) -> dict[str, str]:
        return {LOG: str(self._log)} if self._log.is_file() else {}

    def find(self, path: str) -> Path:
        if path.rstrip("/") != LOG:
            raise UnknownId("file", path)
        try:
            return self._log.resolve(strict=True)
        except OSError:
            raise UnknownId("file", path) from None


def master_file_endpoints(site: Site) -> dict[str, dict[str, Serve]]:
    def may(request: Request) -> None:
        site.access.require(caller_of(request), "access_mesos_logs")

    return file_endpoints(MasterFiles(site), may)
