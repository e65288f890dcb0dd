"""The actor of the service framework, and how it comes to be: with the first service, since most clusters have none and an actor costs 85 MB."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from dataclasses import asdict, dataclass
from typing import Any

import ray

from raymesos.actors.hosts import OPTIONS, WATCH_MS, HostActor, restore
from raymesos.actors.keep import JournalKeeper
from raymesos.actors.memory import settle_memory
from raymesos.actors.plan import SERVICE, ClusterPlan
from raymesos.errors import UnknownId
from raymesos.frameworks.service.machine import ServiceMachine
from raymesos.machine import MASTER

START_TIMEOUT_S = 60.0
_opening = threading.Lock()


@dataclass(slots=True)
class _Waiter:
    job_id: str
    revision: int
    until_ms: int
    answer: Future[dict[str, Any]]


@ray.remote(**OPTIONS)
class ServiceFramework(HostActor):
    def __init__(self, plan: ClusterPlan, name: str) -> None:
        keeper = JournalKeeper(plan.directory("service"), "service")
        self._begin(plan, name, keeper, name)
        self.machine = ServiceMachine(plan.settings.service, address=name)
        restore(keeper, self.machine)
        self._waiters: list[_Waiter] = []
        self.host.add(name, self.machine)
        self.host.after_turn(self._answer_waiters)
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
        now = self.host.ask(lambda now_ms: self._status_or_wait(job_id, revision, now_ms, wait_s))
        return now if isinstance(now, dict) else now.answer.result(wait_s + 30)

    def _status_or_wait(self, job_id: str, revision: int, now_ms: int, wait_s: float) -> dict[str, Any] | _Waiter:
        if self.machine.progress(job_id) != revision:
            return self.machine.status(job_id, now_ms)
        waiter = _Waiter(job_id, revision, now_ms + int(wait_s * 1000), Future())
        self._waiters.append(waiter)
        return waiter

    def _answer_waiters(self, now_ms: int) -> int | None:
        left = []
        for each in self._waiters:
            try:
                if self.machine.progress(each.job_id) == each.revision and now_ms < each.until_ms:
                    left.append(each)
                else:
                    each.answer.set_result(self.machine.status(each.job_id, now_ms))
            except UnknownId as error:
                each.answer.set_exception(error)
        self._waiters = left
        return min((each.until_ms for each in left), default=None)


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


def were_opened(plan: ClusterPlan) -> bool:
    """Whether a former life of the cluster in this work directory had services."""
    return plan.directory("service").exists()
