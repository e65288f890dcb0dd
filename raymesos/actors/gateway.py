"""The actor of a gateway: a host for its machine, and HAProxy beside it, which serves on while the actor is away."""

from __future__ import annotations

import time
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from raymesos.actors.haproxy import HaproxySide
from raymesos.actors.hosts import OPTIONS, WATCH_MS, HostActor
from raymesos.actors.plan import GATEWAY, ClusterPlan, GatewayPlan
from raymesos.errors import ClusterUnavailable, RaymesosError
from raymesos.gateway.config import slot_names
from raymesos.gateway.machine import GatewayMachine
from raymesos.machine import SERVICE

READY_TIMEOUT_S = 30.0
LOOK_S = 0.02


@ray.remote(**OPTIONS)
class Gateway(HostActor):
    """Serves its node's gateway, at the same address in every life."""

    def __init__(self, plan: ClusterPlan, name: str, gateway: GatewayPlan) -> None:
        self._begin(plan, name)
        settings = plan.settings.gateway
        self.side = HaproxySide(plan.directory(name), self.host, gateway, settings)
        node_id = ray.get_runtime_context().get_node_id()
        self.machine = GatewayMachine(settings, self.side.address, slot_names(settings.slots), node_id)
        self.host.add(name, self.machine)
        self.host.add(self.side.address, self.side)
        self.host.watch(SERVICE, WATCH_MS)
        self._refused: RaymesosError | None = None
        try:
            self.side.begin()
        except RaymesosError as error:
            # An actor that cannot be made would be made again for ever; who asks whether it is ready is told.
            self._refused = error
        self.host.start()

    @ray.method(concurrency_group="data")  # type: ignore[untyped-decorator]
    def address(self) -> str:
        """host:port, once HAProxy answers there. Raises what kept it from listening, ClusterUnavailable."""
        if self._refused is not None:
            raise self._refused
        deadline = time.monotonic() + READY_TIMEOUT_S
        while not self.machine.address:
            if time.monotonic() > deadline:
                raise ClusterUnavailable("the gateway's HAProxy has not started; the gateway's log says why")
            time.sleep(LOOK_S)
        return self.machine.address

    @ray.method(concurrency_group="data")  # type: ignore[untyped-decorator]
    def close(self) -> None:
        """HAProxy is gone when this returns."""
        self.host.stop()
        self._roads.close()
        self.side.close()


def start_gateway(plan: ClusterPlan, gateway: GatewayPlan, node_id: str) -> Any:
    """The gateway's actor on that node, made now unless there is one. `address` says when it serves."""
    name = f"{GATEWAY}/{node_id[:12]}"
    return Gateway.options(  # type: ignore[attr-defined]
        name=name,
        namespace=plan.namespace,
        lifetime="detached",
        get_if_exists=True,
        scheduling_strategy=NodeAffinitySchedulingStrategy(node_id, soft=False),
    ).remote(plan, name, gateway)
