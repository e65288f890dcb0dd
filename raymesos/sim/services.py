"""Services of the built-in service framework in a simulation: its own machine, with user work, health and measurements in the hands of the test."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from raymesos.errors import Conflict, InvalidJob
from raymesos.frameworks.service.machine import ServiceMachine
from raymesos.frameworks.service.state import Instance
from raymesos.machine import SERVICE, Outbox
from raymesos.model.services import Capacity, ServiceJob
from raymesos.model.settings import ServiceSettings
from raymesos.operating.services import refusal_of, service_spec_of
from raymesos.sim.cluster import Cluster
from raymesos.sim.events import Calendar
from raymesos.sim.reading import OnAgent, flag, on_agent
from raymesos.sim.scripts import ByHand
from raymesos.wire.services import (
    ChangeServiceAttributes,
    EnableService,
    EvictInstance,
    HealthSeen,
    KillInstance,
    LeaveAgent,
    MetricSeen,
    MoveInstance,
    PauseUpdate,
    ResumeUpdate,
    RollbackService,
    ScaleService,
    ServiceAnswer,
    SetProcesses,
    StopService,
    SubmitService,
    UpdateService,
)

ADDRESS = "client/services"


@dataclass(frozen=True, slots=True)
class ServiceTask:
    """One attempt at one index, as the framework sees it now. `reason` is Titus' code of its end; `agent` the agent's name."""

    id: str
    index: int
    epoch: int
    version: int
    original_id: str
    resubmit_of: str | None
    resubmit_number: int
    system_resubmit_number: int
    eviction_resubmit_number: int
    state: str
    reason: str | None
    message: str
    agent: str | None
    ports: tuple[int, ...]
    healthy: bool | None
    ready: bool | None


@dataclass(frozen=True, slots=True)
class Relocation:
    """A plan: the task is to be moved at `at` virtual seconds, decided at `decided`. `result`: what came of the last try."""

    task_id: str
    reason: str
    decided: float
    at: float
    result: str


class SubmittedService:
    """The handle of a service. What the framework refuses is raised by the call."""

    def __init__(self, services: Services, id: str, descriptor: ServiceJob) -> None:
        self.id, self.descriptor = id, descriptor
        self._services = services

    @property
    def name(self) -> str:
        return self.descriptor.name

    @property
    def state(self) -> str:
        """Accepted, KillInitiated or Finished."""
        return str(self.status()["state"])

    @property
    def capacity(self) -> Capacity:
        """Its size now."""
        now = self.status()
        return Capacity(now["min"], now["desired"], now["max"])

    @property
    def tasks(self) -> list[ServiceTask]:
        """All attempts, in the order in which they were made; none before the framework took the service."""
        return self._services.tasks(self.id)

    @property
    def versions(self) -> list[int]:
        """Numbers of the versions that it could go back to, and of the newest."""
        return list(self.status()["versions"])

    @property
    def instances(self) -> list[dict[str, Any]]:
        """One row for each index."""
        return self._services.machine().instances(self.id, self._services.now_ms)

    @property
    def endpoints(self) -> list[tuple[str, str, int]]:
        """(task id, host, port) of those that get requests, by index."""
        return self._services.machine().endpoints(self.id)

    def status(self) -> dict[str, Any]:
        """Counts and state as plain data. Raises Conflict while the framework is down."""
        return self._services.status(self.id, self.descriptor)

    def cancel(self) -> None:
        """Nothing more starts; what runs is ended."""
        self._services.send(StopService(self.id))

    stop = cancel

    def scale(self, min: int | None = None, desired: int | None = None, max: int | None = None) -> None:
        """Change what is given; with min or max alone, desired follows into their range."""
        self._services.call(ScaleService(self.id, min, desired, max))

    def kill(self, task: OnAgent, shrink: bool = False, keep_min: bool = False) -> None:
        """End the task; with `shrink` nothing takes its place."""
        self._services.call(KillInstance(task.id, shrink, keep_min))

    def eviction_quota(self) -> tuple[int, str]:
        """(tasks that may be evicted now, the part of the budgets that limits them)."""
        return self._services.machine().eviction_quota(self.id, self._services.now_ms)

    def evict(self, task: OnAgent, reason: str = "") -> tuple[bool, str]:
        """(whether the budgets allowed it, what was in the way): if they did the task is being ended."""
        answer = self._services.ask(EvictInstance(task.id, reason))
        if answer.kind in ("", "QuotaRefused"):
            return not answer.kind, answer.text
        raise refusal_of(answer)

    def move(self, task: OnAgent, other: SubmittedService) -> None:
        """The task belongs to `other` from now on, and runs on."""
        self._services.call(MoveInstance(task.id, other.id, self.id))

    def update(self, **changes: Any) -> int:
        """Other fields of the descriptor; returns the version that it goes to. Raises InvalidJob for what is no service."""
        given = {name: getattr(self.descriptor, name) for name in self.descriptor.model_fields_set}
        job = ServiceJob(**(given | changes))
        if "capacity" in changes:
            size = job.capacity
            self.scale(size.min, size.desired, size.max)
        answer = self._services.call(UpdateService(service_spec_of(job, self.id, digest=self.id)))
        self.descriptor = job
        return answer.number

    def rollback(self, version: int = 0) -> int:
        """Back to `version`, or the one before; returns its number."""
        return self._services.call(RollbackService(self.id, version)).number

    def pause(self) -> None:
        """Begin no more of the update."""
        self._services.call(PauseUpdate(self.id))

    def resume(self) -> None:
        """Go on with it."""
        self._services.call(ResumeUpdate(self.id))

    def enable(self) -> None:
        """With traffic and scaling."""
        self._services.call(EnableService(self.id, True))

    def disable(self) -> None:
        """Without traffic and scaling."""
        self._services.call(EnableService(self.id, False))

    def set_processes(self, *, disable_increase: bool = False, disable_decrease: bool = False) -> None:
        """Whether desired may change."""
        self._services.call(SetProcesses(self.id, disable_increase, disable_decrease))

    def change_attributes(self, put: Mapping[str, str] | None = None, remove: tuple[str, ...] = ()) -> None:
        """Put some, take some away."""
        self._services.call(ChangeServiceAttributes(self.id, tuple((put or {}).items()), remove))


class Services:
    """Submits services as the client at its own address. The framework starts with the first one."""

    def __init__(self, cluster: Cluster, calendar: Calendar, settings: ServiceSettings) -> None:
        self._cluster, self._calendar, self._settings = cluster, calendar, settings
        self._services: dict[str, SubmittedService] = {}
        self._awaited: deque[list[ServiceAnswer] | None] = deque()
        self._started = False

    def submit(self, descriptor: ServiceJob) -> SubmittedService:
        """Hand the service to the framework; it takes it at the next settling. The same descriptor again is the same service.

        Raises Conflict if a service of that name has not finished, InvalidJob for what is none.
        """
        if not isinstance(descriptor, ServiceJob):
            raise InvalidJob("job", f"must be a ServiceJob, not {type(descriptor).__name__}")
        self._start()
        for service in self._services.values():
            if service.descriptor is descriptor:
                return service
            if service.name == descriptor.name and service.state != "Finished":
                raise Conflict(f"a service named {service.name!r} has not finished ({service.id})")
        made = SubmittedService(self, f"service-{len(self._services) + 1}", descriptor)
        self.send(SubmitService(service_spec_of(descriptor, made.id, digest=made.id)))
        self._services[made.id] = made
        return made

    @property
    def now_ms(self) -> int:
        return self._cluster.world.now_ms

    def send(self, message: Any) -> None:
        """Without waiting: a refusal is raised where it arrives."""
        self._awaited.append(None)
        self._cluster.world.post(ADDRESS, SERVICE, message)

    def ask(self, message: Any) -> ServiceAnswer:
        """Deliver what is on its way until the message is answered. Raises Conflict while the framework is down."""
        self.machine()
        got: list[ServiceAnswer] = []
        self._awaited.append(got)
        self._cluster.world.post(ADDRESS, SERVICE, message)
        self._cluster.world.settle_until(lambda: bool(got))
        if not got:
            raise Conflict("the service framework did not answer")
        return got[0]

    def call(self, message: Any) -> ServiceAnswer:
        """As `ask`; raises what the framework refused it with."""
        answer = self.ask(message)
        if answer.kind:
            raise refusal_of(answer)
        return answer

    def report(self, task: OnAgent, measured: Mapping[str, float]) -> None:
        """What was measured of the task, as its agent would tell."""
        values = tuple((name, round(value * 1000)) for name, value in measured.items())
        self._cluster.world.post(ADDRESS, SERVICE, MetricSeen(task.id, values))

    def seen(self, task: OnAgent, *, well: bool) -> None:
        """What an outside judge of health says of the task."""
        machine = self._cluster.kernel(SERVICE) if self._started else None
        job = machine.state.open.get(machine.state.of_task.get(task.id, "")) if machine is not None else None
        if job is not None and job.versions[job.instances[task.id].version].template.health is None:
            self._cluster.world.post(ADDRESS, SERVICE, HealthSeen(task.id, well))

    def leave(self, agent_id: str, *, leave: bool) -> None:
        """The agent is to be left by all services, as their budgets allow."""
        self._start()
        self.call(LeaveAgent(agent_id, leave))

    def plans(self) -> list[Relocation]:
        """Relocations that are to come, or that wait for a budget."""
        seconds = self._calendar.seconds
        return [
            Relocation(p.task_id, p.reason, seconds(p.decided_ms), seconds(p.at_ms), p.result)
            for p in (self.machine().plans() if self._started else [])
        ]

    def tasks(self, job_id: str) -> list[ServiceTask]:
        machine = self.machine()
        return [self._task(row) for row in machine.tasks(job_id)] if job_id in machine.state.jobs else []

    def status(self, job_id: str, descriptor: ServiceJob) -> dict[str, Any]:
        machine = self.machine()
        if job_id in machine.state.jobs:
            return machine.status(job_id, self.now_ms)
        size = descriptor.capacity
        told = {"id": job_id, "name": descriptor.name, "role": descriptor.role, "state": "Accepted", "versions": []}
        return told | {"min": size.min, "desired": size.desired, "max": size.max}

    def machine(self) -> ServiceMachine:
        """Raises Conflict while it is down."""
        machine = self._cluster.kernel(SERVICE)
        if machine is None:
            raise Conflict("the service framework is not running")
        found: ServiceMachine = machine
        return found

    # ------------------------------------------------------------ as a machine of the world

    def handle(self, now_ms: int, sender: str, message: object, out: Outbox) -> None:
        if not isinstance(message, ServiceAnswer):
            return
        got = self._awaited.popleft() if self._awaited else None
        if got is not None:
            got.append(message)
        elif message.kind:
            raise refusal_of(message)

    def check(self) -> None:
        return

    def _start(self) -> None:
        if not self._started:
            self._cluster.world.add(ADDRESS, self)
            self._cluster.adopt(SERVICE, lambda: ServiceMachine(self._settings, SERVICE))
            self._started = True

    def _task(self, row: Instance) -> ServiceTask:
        return ServiceTask(
            id=row.id,
            index=row.index,
            epoch=row.epoch,
            version=row.version,
            original_id=row.lineage.original_id,
            resubmit_of=row.lineage.resubmit_of or None,
            resubmit_number=row.lineage.resubmits,
            system_resubmit_number=row.lineage.system_resubmits,
            eviction_resubmit_number=row.lineage.eviction_resubmits,
            state=str(row.state),
            reason=row.reason or None,
            message=row.message,
            agent=self._calendar.name_of(row.agent_id) if row.agent_id else None,
            ports=row.ports,
            healthy=row.healthy,
            ready=row.ready,
        )


class ServiceCalls:
    """A part of `Simulation`: what happens to services from outside."""

    _services: Services
    _work: ByHand
    calendar: Calendar
    cluster: Cluster

    def set_health(self, task: OnAgent, ok: bool) -> None:
        """What health checks of the task find from now on; until then they find it well. A service without checks hears it as from an outside judge of health."""
        self._work.set_well(on_agent(task).id, "health", ok=flag("ok", ok))
        self._services.seen(task, well=ok)

    def set_ready(self, task: OnAgent, ok: bool) -> None:
        """What readiness checks of the task find from now on; until then they find it ready."""
        self._work.set_well(on_agent(task).id, "readiness", ok=flag("ok", ok))

    def report(self, task: OnAgent, **measured: float) -> None:
        """What is measured of a service's task from now on: `cpu` and `memory` in percent of what it asked for, `requests` a second, `queue`, or any other metric."""
        self._services.report(on_agent(task), measured)

    def relocate(self, agent: str, leave: bool = True) -> None:
        """Have services leave the agent as their budgets allow, or stay. Raises UnknownId."""
        self.cluster.info(agent)
        self._services.leave(self.calendar.registered_id(agent), leave=leave)

    @property
    def relocations(self) -> list[Relocation]:
        """What is planned of services' tasks, and what came of the last try."""
        return self._services.plans()
