"""The actor of the service framework, and how it comes to be: with the first service, since most clusters have none and an actor costs 85 MB."""

from __future__ import annotations

import threading
from dataclasses import asdict
from typing import Any

import ray

from raymesos.actors.hosts import OPTIONS, WATCH_MS, HostActor, restore
from raymesos.actors.keep import JournalKeeper
from raymesos.actors.memory import settle_memory
from raymesos.actors.plan import SERVICE, ClusterPlan
from raymesos.actors.waiting import Waiting
from raymesos.frameworks.service.machine import ServiceMachine
from raymesos.machine import MASTER

START_TIMEOUT_S = 60.0
_opening = threading.Lock()


@ray.remote(**OPTIONS)
class ServiceFramework(HostActor):
    def __init__(self, plan: ClusterPlan, name: str) -> None:
        keeper = JournalKeeper(plan.directory("service"), "service")
        self._begin(plan, name, keeper, name)
        self.machine = ServiceMachine(plan.settings.service, address=name)
        restore(keeper, self.machine)
        self._waiting = Waiting(self.host)
        self.host.add(name, self.machine)
        self.host.watch(MASTER, WATCH_MS)
        settle_memory()
        self.host.start()

    @ray.method(concurrency_group="data")  # type: ignore[untyped-decorator]
    def find(self, name_or_id: str) -> str:
        """The id of the service, or of the newest of that name. Raises UnknownId."""
        return self.host.ask(lambda _: self.machine.find(name_or_id))

    @ray.method(concurrency_group="data")  # type: ignore[untyped-decorator]
    def status(self, job_id: str) -> dict[str, Any]:
        """Raises UnknownId."""
        return self.host.ask(lambda now_ms: self.machine.status(job_id, now_ms))

    @ray.method(concurrency_group="data")  # type: ignore[untyped-decorator]
    def instances(self, job_id: str) -> list[dict[str, Any]]:
        """A row for each index. Raises UnknownId."""
        return self.host.ask(lambda now_ms: self.machine.instances(job_id, now_ms))

    @ray.method(concurrency_group="data")  # type: ignore[untyped-decorator]
    def tasks(self, job_id: str) -> list[dict[str, Any]]:
        """Attempts, oldest first, as plain data. Raises UnknownId."""
        return [asdict(row) for row in self.host.ask(lambda _: self.machine.tasks(job_id))]

    @ray.method(concurrency_group="data")  # type: ignore[untyped-decorator]
    def endpoints(self, job_id: str) -> list[tuple[str, str, int]]:
        """(task id, host, port) of those that get requests. Raises UnknownId."""
        return self.host.ask(lambda _: self.machine.endpoints(job_id))

    @ray.method(concurrency_group="data")  # type: ignore[untyped-decorator]
    def versions(self, job_id: str) -> list[dict[str, Any]]:
        """Those that it could go back to, and the newest, oldest first. Raises UnknownId."""
        return self.host.ask(lambda _: self.machine.version_rows(job_id))

    @ray.method(concurrency_group="data")  # type: ignore[untyped-decorator]
    def spec(self, job_id: str) -> Any:
        """What it is. Raises UnknownId."""
        return self.host.ask(lambda _: self.machine.spec(job_id))

    @ray.method(concurrency_group="data")  # type: ignore[untyped-decorator]
    def eviction_quota(self, job_id: str) -> tuple[int, str]:
        """(instances that may be evicted now, what limits them). Raises UnknownId."""
        return self.host.ask(lambda now_ms: self.machine.eviction_quota(job_id, now_ms))

    @ray.method(concurrency_group="data")  # type: ignore[untyped-decorator]
    def where_ran(self, job_id: str, index: int) -> tuple[str, str, bool]:
        """(agent id, task id, False) of the index's last attempt. Raises UnknownId."""
        return self.host.ask(lambda _: self.machine.where_ran(job_id, index))

    @ray.method(concurrency_group="data")  # type: ignore[untyped-decorator]
    def wait(self, job_id: str, revision: int, wait_s: float) -> dict[str, Any]:
        """The status, once it is another one than that of `revision`, or after `wait_s`. Raises UnknownId."""

        def now(now_ms: int) -> dict[str, Any]:
            return self.machine.status(job_id, now_ms)

        def news(now_ms: int) -> dict[str, Any] | None:
            return now(now_ms) if self.machine.progress(job_id) != revision else None

        return self._waiting.wait(wait_s, news, now)


def open_services(plan: ClusterPlan) -> str:
    """The framework and, if the plan has one, its node's gateway are there and work. Returns the gateway's host:port; empty without one. Raises what keeps it from listening."""
    from raymesos.actors.gateway import start_gateway

    with _opening:
        framework = ServiceFramework.options(  # type: ignore[attr-defined]
            name=SERVICE, namespace=plan.namespace, lifetime="detached", get_if_exists=True
        ).remote(plan, SERVICE)
        gateway = start_gateway(plan, plan.gateway, plan.http_node_id) if plan.gateway is not None else None
        ray.get(framework.ready.remote(), timeout=START_TIMEOUT_S)
        address: str = "" if gateway is None else ray.get(gateway.address.remote(), timeout=START_TIMEOUT_S)
        return address
