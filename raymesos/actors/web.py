"""The actor that serves HTTP: a host for the machines behind the API, and uvicorn on a thread of its own.

The two threads never wait for each other. What the machines say goes to the event loop in one call a turn; what a request wants goes in as a message.
"""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import ray

from raymesos.actors.door import Door
from raymesos.actors.hosts import OPTIONS, WATCH_MS
from raymesos.actors.memory import settle_memory
from raymesos.actors.plan import ClusterPlan, HttpPlan
from raymesos.actors.web_agents import HttpActor
from raymesos.errors import ClusterUnavailable, RaymesosError
from raymesos.http.app import make_app
from raymesos.http.listening import listen
from raymesos.http.security.access import Access
from raymesos.http.security.acls import acls_from_json
from raymesos.http.security.audit import AuditLog
from raymesos.http.security.keyring import Keyring
from raymesos.http.security.opening import asks
from raymesos.http.site import Site
from raymesos.machine import MASTER

READY_TIMEOUT_S = 30.0
LOOK_S = 0.02


@ray.remote(**OPTIONS)
class Web(HttpActor):
    """Serves the master's port, at the same address in every life."""

    def __init__(self, plan: ClusterPlan, name: str, http: HttpPlan) -> None:
        limits = replace(plan.settings.http, rate=http.rate)
        self._begin_serving(plan, name, http, limits)
        self._refused: RaymesosError | None = None
        self.site = Site(
            name=plan.namespace,
            cluster_id=plan.cluster_id,
            views=self._views,
            door=Door(plan.namespace),
            desk=self._desk,
            master_is_up=lambda: self.host.reaches(MASTER),
            host=http.host,
            started_ms=int(time.time() * 1000),
            work_dir=plan.work_dir,
            limits=limits,
            access=Access(acls_from_json(json.loads(http.acls)) if http.acls else None),
            audit=AuditLog(Path(plan.work_dir) / "audit.jsonl"),
            keyring=Keyring(Path(http.tokens)) if asks(http.host, auth=http.auth) else None,
            settings=plan.settings,
        )
        self.site.agent_apps = self._agents.apps
        self.host.watch(MASTER, WATCH_MS)
        try:
            kept = plan.directory(name) / "port"
            listening = listen(http.host, http.port or _port_of_former_life(kept))
            self.site.port = listening.getsockname()[1]
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(str(self.site.port))
            tls = {"ssl_certfile": http.tls_cert, "ssl_keyfile": http.tls_key} if http.tls_cert else {}
            self._serving.serve(make_app(self.site), listening, **tls)
        except RaymesosError as error:
            # An actor that cannot be made would be made again for ever; who asks whether it is ready is told.
            self._refused = error
        settle_memory()
        self.host.start()

    @ray.method(concurrency_group="data")  # type: ignore[untyped-decorator]
    def address(self) -> tuple[str, int]:
        """Where it serves, once it can answer from views. Raises what kept it from listening, ClusterUnavailable."""
        if self._refused is not None:
            raise self._refused
        deadline = time.monotonic() + READY_TIMEOUT_S
        while not self.site.views.ready:
            if time.monotonic() > deadline:
                raise ClusterUnavailable("the observer has told the HTTP server nothing")
            time.sleep(LOOK_S)
        return self.site.host, self.site.port


def _port_of_former_life(kept: Path) -> int:
    try:
        return int(kept.read_text())
    except (OSError, ValueError):
        return 0
