"""The agents of one node, each served at an address of its own by the process that serves HTTP there."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
from starlette.types import ASGIApp

from raymesos.actors.host import Host
from raymesos.actors.hosts import OPTIONS, WATCH_MS, HostActor
from raymesos.actors.memory import settle_memory
from raymesos.actors.plan import HTTP, ClusterPlan, HttpPlan
from raymesos.errors import RaymesosError
from raymesos.http.agent.addresses import AddressTeller, Ports, ServeAgent
from raymesos.http.agent.app import ExecutorsOnly, make_agent_app
from raymesos.http.agent.site import AgentSite
from raymesos.http.desk import Desk
from raymesos.http.security.gate import Gate
from raymesos.http.serving import Serving
from raymesos.http.views import Views
from raymesos.machine import OBSERVER
from raymesos.model.settings import HttpSettings
from raymesos.observe.machine import ReplicaMachine
from raymesos.wire.notes import AgentNote

log = logging.getLogger("raymesos.http")

LOOPBACK = "127.0.0.1"


class NodeAgents:
    """`apps` has what is served, by agent name, for whoever serves it elsewhere too."""

    def __init__(
        self, plan: ClusterPlan, http: HttpPlan, host: Host, serving: Serving, views: Views, desk: Desk
    ) -> None:
        self._plan, self._host, self._serving, self._views, self._desk = plan, host, serving, views, desk
        self._node_id = ray.get_runtime_context().get_node_id()
        self._address = f"agents@{host.name}"
        self._asks = http.asks
        # Executors live on this node. Who calls from elsewhere comes through the master's port, where callers are known.
        self._ports = Ports(LOOPBACK, plan.directory(host.name) / "agents.json")
        self._served: dict[str, None] = {}
        self.apps: dict[str, ASGIApp] = {}
        # A server takes a moment to begin: neither the host nor the event loop stands still for it.
        self._starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="agents")
        host.add(self._address, AddressTeller())

    def look(self, messages: Iterable[Any]) -> None:
        """Serve the agents of this node that these messages of the observer name for the first time. For the host's thread."""
        for note in messages:
            if not isinstance(note, AgentNote) or note.node_id != self._node_id or note.state == "gone":
                continue
            if note.name not in self._served:
                self._served[note.name] = None
                self._starter.submit(self._serve, note.name)

    def _serve(self, name: str) -> None:
        try:
            listening, endpoint = self._ports.open(name)
            site = AgentSite(
                name,
                endpoint,
                self._plan.directory(f"agents/{name}"),
                self._views,
                self._desk,
                int(time.time() * 1000),
                self._plan.settings.agent,
                self._asks,
            )
            app = self.apps[name] = make_agent_app(site)
            heard = ExecutorsOnly(app) if self._asks else app
            self._serving.serve(Gate(heard, loopback=True, settings=self._plan.settings.http), listening)
        except RaymesosError as error:
            log.error("agent %s is not served: %s", name, error)
        except Exception:
            log.exception("agent %s is not served", name)
        else:
            self._host.post(self._address, self._address, ServeAgent(name, endpoint))


class HttpActor(HostActor):
    """What every actor that serves HTTP has: a copy of the views, a desk for those that keep a stream open, and the addresses of its node's agents."""

    def _begin_serving(self, plan: ClusterPlan, name: str, http: HttpPlan, limits: HttpSettings) -> None:
        self._begin(plan, name)
        self._serving = Serving(limits)
        self._replica, self._views, self._desk = ReplicaMachine(), Views(), Desk(self.host, name)
        self._agents = NodeAgents(plan, http, self.host, self._serving, self._views, self._desk)
        self.host.add(f"views@{name}", self._replica)
        self.host.watch(OBSERVER, WATCH_MS)
        self.host.after_turn(self._after_turn)

    def _after_turn(self, now_ms: int) -> None:
        messages = self._replica.take_messages()
        if messages:
            self._serving.tell(self._views.take, messages)
            self._agents.look(messages)
        told = self._desk.take_told()
        if told:
            self._serving.tell(self._desk.hand_out, told)


@ray.remote(**OPTIONS)
class NodeWeb(HttpActor):
    """Serves the agents of a node that the master's port is not on."""

    def __init__(self, plan: ClusterPlan, name: str, http: HttpPlan) -> None:
        self._begin_serving(plan, name, http, plan.settings.http)
        settle_memory()
        self.host.start()


def name_on(node_id: str) -> str:
    """Of the actor that serves the agents of this node."""
    return f"{HTTP}/{node_id[:12]}"


def serve_on(plan: ClusterPlan, http: HttpPlan, node_id: str) -> None:
    """Have the agents of the node served; whoever does so already goes on."""
    NodeWeb.options(  # type: ignore[attr-defined]
        name=name_on(node_id),
        namespace=plan.namespace,
        lifetime="detached",
        get_if_exists=True,
        scheduling_strategy=NodeAffinitySchedulingStrategy(node_id, soft=False),
    ).remote(plan, name_on(node_id), http)
