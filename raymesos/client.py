"""The one door for users' code: start a cluster or join one, submit jobs, get results.

with rm.start(agents=2) as cluster:
    job = cluster.submit(rm.BatchJob("squares", fn=square, inputs=range(1000), role="ads"))
    for result in job.results(): ...
"""

from __future__ import annotations

import atexit
import os
import secrets
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, overload

from raymesos.actors.running import is_url
from raymesos.door import Door
from raymesos.errors import InvalidJob
from raymesos.executor import RoleExecutor
from raymesos.job import Job
from raymesos.machine import BATCH
from raymesos.model.jobs import BatchJob
from raymesos.model.resources import Resources
from raymesos.model.services import ServiceJob
from raymesos.model.settings import on_ray
from raymesos.operating.agents import Agents
from raymesos.operating.maintenance import Maintenance
from raymesos.operating.quota import Quotas
from raymesos.operating.resources import reserve, unreserve
from raymesos.operating.roles import Roles
from raymesos.operating.volumes import Volumes
from raymesos.packing import pack_job
from raymesos.packing_services import submit_service
from raymesos.progress import say
from raymesos.service import Service

if TYPE_CHECKING:
    from raymesos.actors.running import Running
    from raymesos.actors.starting import Started

__all__ = ["Cluster", "Job", "Service", "connect", "start"]

DEFAULT_NAME = "raymesos"
URL = "RAYMESOS_URL"


def start(
    address: str | None = None,
    *,
    agents: int = 1,
    cpus: float | None = None,
    mem: int | None = None,
    name: str | None = None,
    work_dir: str | None = None,
    quiet: bool = False,
    preemption: Literal["off", "guarantee", "fair"] = "guarantee",
    scoring: Literal["shuffle", "pack", "spread"] = "shuffle",
    lend: str = "",
    estimator: Literal["measured", "fixed"] = "measured",
    port: int | None = None,
    gateway_port: int | None = 0,
) -> Cluster:
    """A raymesos cluster, ready for work: every agent registered.

    Without `address` on a local Ray cluster of its own with `agents` agents of `cpus` CPUs and `mem` MB each (shared evenly without these; more than the machine has
    is allowed and said aloud). With `address` on that Ray cluster: one agent a node, of what is free there or `cpus` of it. `work_dir` keeps journals and results
    beyond the cluster's end. `preemption` says who gets resources back from tasks that run: roles below their guarantee, those below their fair share too (`fair`), or
    nobody (`off`). `scoring` says which of the agents that fit is offered first: the fullest (`pack`), the emptiest (`spread`), any (`shuffle`). `lend` ("cpus:2;mem:1024") is what each agent lends out at most, besides, as revocable resources: what its node is seen not to use
    (`measured`), or always all of it (`fixed`). With `port` (0: any free one) it serves the HTTP API on loopback, at `cluster.url`. From the first service on they are reached through a gateway at `gateway_port` (0: any free one; None: no gateway). Use it as a context, or call `shutdown`. Raises InvalidValue, ClusterUnavailable.
    """
    from raymesos.actors import cluster as clusters
    from raymesos.actors.plan import GatewayPlan, HttpPlan

    tell: Callable[[str], None] = (lambda text: None) if quiet else say
    settings = on_ray(preemption=preemption, scoring=scoring)
    http = None if port is None else HttpPlan(port=port)
    gateway = None if gateway_port is None else GatewayPlan(port=gateway_port)
    name = name or f"{DEFAULT_NAME}-{os.getpid()}-{secrets.token_hex(2)}"
    if address is None:
        begin = partial(clusters.start_local, agents=agents)
    else:
        begin = partial(clusters.start_on, address=address)
    started = begin(
        cpus=cpus,
        mem_mb=mem,
        name=name,
        work_dir=work_dir,
        progress=tell,
        settings=settings,
        lend=lend,
        estimator=estimator,
        http=http,
        gateway=gateway,
    )
    for line in started.said:
        say(line)
    cluster = _on_ray(started.running, started)
    atexit.register(cluster.shutdown)
    return cluster


def connect(name: str | None = None, *, token: str | None = None) -> Cluster:
    """Join a running raymesos: the one called `name`, or the only one of this machine; or the one whose HTTP API is at the URL `name`, from anywhere, without Ray.

    Without `name`, $RAYMESOS_URL may say where it is. `token` (or $RAYMESOS_TOKEN) says who calls over HTTP. Raises ClusterUnavailable, Unauthorized.
    """
    name = name or os.environ.get(URL)
    if is_url(name):
        return _over_http(name, token)
    from raymesos.actors import cluster as clusters

    running = clusters.find_running(name)
    clusters.join(running)
    return _on_ray(running, None)


def _on_ray(running: Running, started: Started | None) -> Cluster:
    from raymesos.actors import cluster as clusters
    from raymesos.actors.door import Door as RayDoor

    end = None if started is None else partial(clusters.stop, started)
    return Cluster(
        RayDoor(running.namespace), name=running.namespace, work_dir=running.work_dir, url=running.url, end=end
    )


def _over_http(url: str, token: str | None) -> Cluster:
    from raymesos.http.door.client import HttpDoor

    door = HttpDoor(url, token=token)
    told = door.cluster()
    return Cluster(door, name=told["name"], work_dir=told["work_dir"], url=door.url)


class Cluster:
    """A handle on a running cluster. Several processes may have one; `shutdown` of the one that started it ends it."""

    def __init__(
        self, door: Door, *, name: str, work_dir: str, url: str = "", end: Callable[[], None] | None = None
    ) -> None:
        self.name = name
        self.work_dir = work_dir
        """Journals, results and sandboxes, on each node of the cluster."""
        self.url = url
        """Where its HTTP API is; empty if it has none."""
        self._door, self._end = door, end
        self.roles = Roles(self._door)
        """Who shares, and how: weight, quota, share, entitled share of each role."""
        self.quota = Quotas(self._door)
        self.agents = Agents(self._door)
        self.volumes = Volumes(self._door)
        self.maintenance = Maintenance(self._door)

    # ------------------------------------------------------------ work

    @overload
    def submit(self, job: BatchJob, *, detach: bool = False, job_id: str | None = None) -> Job: ...

    @overload
    def submit(self, job: ServiceJob, *, detach: bool = False, job_id: str | None = None) -> Service: ...

    def submit(self, job: BatchJob | ServiceJob, *, detach: bool = False, job_id: str | None = None) -> Job | Service:
        """Hand the job in. Attached batch jobs are cancelled when this process ends or is interrupted; `detach` lets one outlive the script, as every service does.

        `job_id` makes a repeated submit the same job. Raises InvalidJob, Conflict, ClusterUnavailable; nothing is kept then.
        """
        if isinstance(job, ServiceJob):
            return submit_service(self._door, job, job_id=job_id)
        if not isinstance(job, BatchJob):
            raise InvalidJob("job", f"must be a BatchJob or a ServiceJob, not {type(job).__name__}")
        return pack_job(self._door, job, job_id=job_id, detach=detach)

    def service(self, name_or_id: str) -> Service:
        """A service by its id, or the newest of that name. Raises UnknownId."""
        row = self.view("service", service=name_or_id)
        return Service(self._door, row["id"], row["name"])

    def job(self, name_or_id: str) -> Job:
        """A job by its id, or the newest of that name. Raises UnknownId."""
        row = self._door.call(BATCH, "status", self._door.call(BATCH, "find", name_or_id))
        return Job(self._door, row["id"], row["total"], name=row["name"], detached=True)

    def executor(self, role: str = "*", *, cpus: float = 1, mem: float | str = 128, **fields: Any) -> RoleExecutor:
        """A `concurrent.futures.Executor` whose calls run in `role`, each holding `cpus` and `mem`. Raises InvalidJob."""
        return RoleExecutor(self._door, role=role, cpus=cpus, mem=mem, **fields)

    # ------------------------------------------------------------ sharing

    def set_weight(self, role: str, weight: float | str) -> None:
        """Give the role `weight` times the share of a role of weight 1. Raises InvalidValue."""
        self.roles.set_weight(role, weight)

    def reserve(self, agent: str, resources: str | Resources) -> None:
        """Keep `resources` of the agent for the roles they name, like `cpus(ads):2;mem(ads):512`. Offers that hold them are rescinded.

        Raises UnknownId, InvalidValue, and Conflict where less is free than that.
        """
        reserve(self._door, agent, resources)

    def unreserve(self, agent: str, resources: str | Resources) -> None:
        """They are for everybody again. Raises UnknownId, InvalidValue, and Conflict for more than is reserved and free, and under a volume."""
        unreserve(self._door, agent, resources)

    # ------------------------------------------------------------ looking

    def view(self, name: str, **arguments: Any) -> Any:
        """A view as plain data: status, agents, agent, volumes, maintenance, roles, quotas, weights, history, jobs, job, services, service, instances, frameworks, tasks, events, explain, metrics. Raises UnknownId."""
        return self._door.view(name, arguments)

    def explain(self, subject: str | Job, *, kind: str | None = None) -> dict[str, Any]:
        """Why a job, a framework or a role has no offer now: {subject, kind, role, verdict, reasons, data}. Raises UnknownId.

        A text is the id or name of a job, else of a framework, else a role; `kind` (job, framework, role) says which.
        """
        if isinstance(subject, Job):
            subject, kind = subject.id, "job"
        found: dict[str, Any] = self.view("explain", subject=subject, **({"kind": kind} if kind else {}))
        return found

    def history(self, role: str | None = None) -> dict[str, list[list[float]]]:
        """{role: [[at_ms, share, entitled], ...]} of the last hour, oldest first: a point holds until the next one."""
        found: dict[str, list[list[float]]] = self.view("history", **({"role": role} if role else {}))
        return found

    @property
    def resources(self) -> Resources:
        """What the active agents have in all."""
        total = Resources()
        for agent in self.view("agents"):
            if agent["state"] == "active":
                total = total + Resources.parse(agent["total"])
        return total

    # ------------------------------------------------------------ ending

    def shutdown(self) -> None:
        """End the cluster, if this process started it, and everything that runs in it; else only let go of it. Idempotent."""
        atexit.unregister(self.shutdown)
        end, self._end = self._end, None
        if end is not None:
            self._door.close()
            end()

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()

    def __repr__(self) -> str:
        return f"<raymesos cluster {self.name}>"
