"""One agent for each alive node of a Ray cluster that is not ours: nodes that join get one, nodes that leave lose theirs.

`ray.nodes()` is the truth and costs half a millisecond; it is looked at once a second, from a thread of the Master's actor, so that it goes on after whoever
started raymesos has left. Nothing is remembered that Ray does not know: a restarted Master looks again.
"""

from __future__ import annotations

import logging
import threading
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from raymesos.actors.claims import claim, free_on, release
from raymesos.actors.plan import GATEWAY, HTTP, AgentPlan, ClusterPlan
from raymesos.errors import ClusterUnavailable
from raymesos.model.resources import Resources

log = logging.getLogger("raymesos.nodes")

LOOK_EVERY_S = 1.0
# A node that had nothing free is asked again after so many looks: claiming is a placement group, which Ray's autoscaler would see.
FULL_LOOKS = 10
# Ray's own labels of where a node is; they become its fault domain.
REGION, ZONE = "ray.io/availability-region", "ray.io/availability-zone"


def agent_name(node: dict[str, Any]) -> str:
    return f"{node['NodeManagerHostname']}-{node['NodeID'][:8]}"


def agent_for_node(node: dict[str, Any], cpus: float | None, mem_mb: int | None) -> AgentPlan:
    """The agent of a Ray node: what Ray has free there, cut to `cpus` and `mem_mb`. Raises ClusterUnavailable if that is nothing."""
    free = free_on(node["NodeID"])
    whole = int(free.get("CPU", 0)) if cpus is None else min(cpus, free.get("CPU", 0.0))
    if whole <= 0:
        raise ClusterUnavailable(f"Ray node {node['NodeID'][:12]} has no free CPU to claim")
    mem = mem_mb or int(free.get("memory", 1 << 30) / (1 << 20))
    gpus = f";gpus:{int(free['GPU'])}" if free.get("GPU", 0) >= 1 else ""
    own = node.get("Labels", {})
    labels = ";".join(f"{k}:{v}" for k, v in sorted(own.items()) if not k.startswith("ray.io/"))
    return AgentPlan(
        name=agent_name(node),
        node_id=node["NodeID"],
        resources=f"cpus:{whole:g};mem:{mem}{gpus};ports:[31000-32000]",
        attributes=labels,
        region=own.get(REGION, ""),
        zone=own.get(ZONE, ""),
    )


def claim_name(namespace: str, agent: str) -> str:
    return f"raymesos/{namespace}/{agent}"


def start_agent(plan: ClusterPlan, agent: AgentPlan) -> Any:
    """Claim what it offers and start the Agent actor on its node; both are found again if they are there. Raises ClusterUnavailable."""
    from raymesos.actors.hosts import Agent

    claim(claim_name(plan.namespace, agent.name), agent.node_id, Resources.parse(agent.resources))
    if plan.http is not None and agent.node_id != plan.http_node_id:
        from raymesos.actors.web_agents import serve_on

        serve_on(plan, plan.http, agent.node_id)
    name = f"agent/{agent.name}"
    return Agent.options(  # type: ignore[attr-defined]
        name=name,
        namespace=plan.namespace,
        lifetime="detached",
        get_if_exists=True,
        scheduling_strategy=NodeAffinitySchedulingStrategy(agent.node_id, soft=False),
    ).remote(plan, name, agent)


class NodeWatch:
    """`start` begins to look after the nodes; `stop` ends it."""

    def __init__(self, plan: ClusterPlan) -> None:
        self._plan = plan
        self._served: dict[str, str] = {}
        """Agent names by the ids of alive nodes that have one."""
        self._full: dict[str, int] = {}
        """Looks to wait, by the ids of nodes that had nothing free."""
        self._gone: dict[str, None] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="nodes", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """No agent is started any more when this returns."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(LOOK_EVERY_S):
            try:
                for node in ray.nodes():
                    self._look(node)
            except Exception:
                log.exception("could not look after the nodes")

    def _look(self, node: dict[str, Any]) -> None:
        node_id = node["NodeID"]
        if node["Alive"] and node_id not in self._served:
            self._serve(node)
        elif not node["Alive"] and node_id not in self._gone:
            self._gone[node_id] = None
            self._served.pop(node_id, None)
            self._bury(agent_name(node), node_id)

    def _serve(self, node: dict[str, Any]) -> None:
        name, node_id = agent_name(node), node["NodeID"]
        if _actor(self._plan.namespace, f"agent/{name}") is not None:
            self._served[node_id] = name
            return
        self._full[node_id] = self._full.get(node_id, 0) - 1
        if self._full[node_id] > 0 or self._over.is_set():
            return
        try:
            start_agent(self._plan, agent_for_node(node, self._plan.node_cpus, self._plan.node_mem_mb))
        except ClusterUnavailable as error:
            log.info("no agent on %s yet: %s", name, error)
            self._full[node_id] = FULL_LOOKS
            return
        log.info("node %s has joined", name)
        self._served[node_id] = name
        self._full.pop(node_id, None)

    def _bury(self, name: str, node_id: str) -> None:
        """The node will not come back: Ray never gives its id again. Its actor would wait for it for ever, and its claim would move to another node."""
        found = _actor(self._plan.namespace, f"agent/{name}")
        if found is not None:
            log.info("node of %s has left", name)
            ray.kill(found, no_restart=True)
        theirs = (f"executor/{name}/", f"{HTTP}/{node_id[:12]}", f"{GATEWAY}/{node_id[:12]}")
        for each in ray.util.list_named_actors(all_namespaces=True):
            if each["namespace"] == self._plan.namespace and each["name"].startswith(theirs):
                ray.kill(ray.get_actor(**each), no_restart=True)
        release(claim_name(self._plan.namespace, name))


def _actor(namespace: str, name: str) -> Any | None:
    try:
        return ray.get_actor(name, namespace=namespace)
    except ValueError:
        return None
