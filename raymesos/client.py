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
from fractions import Fraction
from typing import Any

from raymesos.actors import cluster as clusters
from raymesos.actors.door import Door
from raymesos.actors.plan import BATCH
from raymesos.errors import InvalidJob, InvalidValue
from raymesos.executor import RoleExecutor
from raymesos.job import Job
from raymesos.model.jobs import BatchJob
from raymesos.model.resources import Resources
from raymesos.packing import pack_job
from raymesos.progress import say

__all__ = ["Cluster", "Job", "connect", "start"]

DEFAULT_NAME = "raymesos"


def start(
    address: str | None = None,
    *,
    agents: int = 1,
    cpus: float | None = None,
    mem: int | None = None,
    name: str | None = None,
    work_dir: str | None = None,
    quiet: bool = False,
) -> Cluster:
    """A raymesos cluster, ready for work: every agent registered.

    Without `address` on a local Ray cluster of its own with `agents` agents of `cpus` CPUs and `mem` MB each (shared evenly without these; more than the machine has
    is allowed and said aloud). With `address` on that Ray cluster: one agent a node, of what is free there or `cpus` of it. `work_dir` keeps journals and results
    beyond the cluster's end. Use it as a context, or call `shutdown`. Raises InvalidValue, ClusterUnavailable.
    """
    tell: Callable[[str], None] = (lambda text: None) if quiet else say
    name = name or f"{DEFAULT_NAME}-{os.getpid()}-{secrets.token_hex(2)}"
    if address is None:
        started = clusters.start_local(
            agents=agents, cpus=cpus, mem_mb=mem, name=name, work_dir=work_dir, progress=tell
        )
    else:
        started = clusters.start_on(address=address, cpus=cpus, mem_mb=mem, name=name, work_dir=work_dir, progress=tell)
    for line in started.said:
        say(line)
    cluster = Cluster(started.running, started)
    atexit.register(cluster.shutdown)
    return cluster


def connect(name: str | None = None) -> Cluster:
    """Join a running raymesos: the one called `name`, or the only one of this machine. Raises ClusterUnavailable."""
    running = clusters.find_running(name)
    clusters.join(running)
    return Cluster(running, None)


class Cluster:
    """A handle on a running cluster. Several processes may have one; `shutdown` of the one that started it ends it."""

    def __init__(self, running: clusters.Running, started: clusters.Started | None) -> None:
        self.name = running.namespace
        self.work_dir = running.work_dir
        """Journals, results and sandboxes, on each node of the cluster."""
        self._running, self._started = running, started
        self._door = Door(running.namespace)

    # ------------------------------------------------------------ work

    def submit(self, job: BatchJob, *, detach: bool = False, job_id: str | None = None) -> Job:
        """Hand the job in. Attached jobs are cancelled when this process ends or is interrupted; `detach` lets it outlive the script.

        `job_id` makes a repeated submit the same job. Raises InvalidJob, Conflict, ClusterUnavailable; nothing is kept then.
        """
        if not isinstance(job, BatchJob):
            raise InvalidJob("job", f"must be a BatchJob, not {type(job).__name__}")
        return pack_job(self._door, job, job_id=job_id, detach=detach)

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
        try:
            value = Fraction(str(weight))
        except (ValueError, ZeroDivisionError):
            raise InvalidValue("weight", weight, "must be a number greater than 0") from None
        if value <= 0:
            raise InvalidValue("weight", weight, "must be greater than 0")
        self._door.set_weights({role: str(weight)})

    # ------------------------------------------------------------ looking

    def view(self, name: str, **arguments: Any) -> Any:
        """A view as plain data: status, agents, roles, jobs, job, frameworks, tasks, events, explain, metrics. Raises UnknownId."""
        return self._door.view(name, arguments)

    def explain(self, job: str | Job) -> dict[str, Any]:
        """Why the job waits: {verdict, reasons}. Raises UnknownId."""
        found: dict[str, Any] = self.view("explain", job=job.id if isinstance(job, Job) else job)
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
        started, self._started = self._started, None
        if started is not None:
            self._door.close()
            clusters.stop(started)

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()

    def __repr__(self) -> str:
        return f"<raymesos cluster {self.name}>"
