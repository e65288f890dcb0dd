"""The scripted harness: the kernel's machines under a virtual clock, with frameworks, user work and faults in the hands of the test.

    sim = Simulation()
    sim.add_agent("A1", "cpus:2;mem:1024")
    f1 = sim.add_framework("F1", roles=["role1"])
    sim.settle()
    task = f1.launch(f1.offers[0], "cpus:1;mem:128")
    sim.settle()
    assert task.state == "TASK_RUNNING"

Nothing happens but in `settle` and `advance`. Times are in virtual seconds from 0; `start` says which moment of the calendar that is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any, Literal, overload

from raymesos.errors import Conflict, InvalidValue, InvariantBroken, UnknownId
from raymesos.machine import ALLOCATOR, BATCH, MASTER, SERVICE
from raymesos.model.jobs import BatchJob
from raymesos.model.offer_constraints import constraints_text
from raymesos.model.resources import Resources
from raymesos.model.services import ServiceJob
from raymesos.model.settings import Settings, simulated
from raymesos.model.tasks import Reason
from raymesos.sim.audit import Auditor, Violation
from raymesos.sim.cluster import OURS, Cluster, Makers
from raymesos.sim.events import Calendar
from raymesos.sim.framework_info import framework_info
from raymesos.sim.jobs import Jobs, SubmittedJob
from raymesos.sim.launcher import Program
from raymesos.sim.maintaining import Maintaining
from raymesos.sim.observing import Observing
from raymesos.sim.operating import SharingCalls
from raymesos.sim.operations import OperatorsOperations
from raymesos.sim.operator import ADDRESS, Operator
from raymesos.sim.reading import (
    DiskRow,
    OnAgent,
    attributes_of,
    disks_of,
    estimate_of,
    milliseconds,
    moment_ms,
    name_of,
    on_agent,
    one_of,
    positive_ms,
    reason_of,
    text_of,
    whole,
)
from raymesos.sim.scripted import Framework
from raymesos.sim.scripted_machine import ScriptedMachine
from raymesos.sim.scripts import ByHand
from raymesos.sim.services import ServiceCalls, Services, SubmittedService
from raymesos.sim.shim import Begin, Finish
from raymesos.sim.world import World
from raymesos.wire.demands import DemandRows, demand_of
from raymesos.wire.messages import AgentInfo, AgentRegistered


class Simulation(SharingCalls, OperatorsOperations, Maintaining, ServiceCalls):
    """One simulated cluster. `seed` decides the order in which agents are offered.

    `offer_timeout` and `allocation_interval` are in seconds. `audit` watches everything; `check` raises what it found.
    """

    def __init__(
        self,
        seed: int = 0,
        allocation_interval: float = 1.0,
        offer_timeout: float | None = None,
        start: str = "2026-01-05T00:00:00Z",
        *,
        role_sorter: str = "drf",
        framework_sorter: str = "drf",
        fairness_excluded: Iterable[str] = (),
        min_allocatable: Iterable[str] | None = None,
        preemption: Literal["off", "guarantee", "fair"] = "off",
        scoring: Literal["shuffle", "pack", "spread"] = "shuffle",
        settings: Settings | None = None,
        makers: Makers = OURS,
    ) -> None:
        base = settings or simulated()
        allocator = replace(
            base.allocator,
            allocation_interval_ms=positive_ms("allocation_interval", allocation_interval),
            role_sorter=role_sorter,
            framework_sorter=framework_sorter,
            fairness_excluded=tuple(fairness_excluded),
            preemption=one_of("preemption", preemption, ("off", "guarantee", "fair")),
            scoring=one_of("scoring", scoring, ("shuffle", "pack", "spread")),
        )
        if min_allocatable is not None:
            allocator = replace(allocator, min_allocatable=tuple(Resources.parse(text) for text in min_allocatable))
        timeout_ms = (
            base.master.offer_timeout_ms if offer_timeout is None else positive_ms("offer_timeout", offer_timeout)
        )
        self.settings = replace(base, allocator=allocator, master=replace(base.master, offer_timeout_ms=timeout_ms))
        self.calendar = Calendar(moment_ms("start", start))
        self.world = World(self.calendar.start_ms)
        self._observing = Observing(self.world)
        self.audit = Auditor()
        self._frameworks: dict[str, Framework] = {}
        self._work = ByHand(self.world, self.audit)
        self.cluster = Cluster(
            self.world, self.settings, whole("seed", seed), script=self._work, watcher=self._saw, makers=makers
        )
        self._operator = Operator(self.world)
        self._jobs = Jobs(self.cluster, self.calendar, self.settings.batch, ADDRESS)
        self._services = Services(self.cluster, self.calendar, self.settings.service)

    # ------------------------------------------------------------ time

    @property
    def now(self) -> float:
        """Virtual seconds since the start."""
        return self.calendar.seconds(self.world.now_ms)

    def settle(self) -> None:
        """Deliver all that is due now, with what follows from it; time stands still."""
        self.world.settle()

    def advance(self, seconds: float) -> None:
        """Let virtual time pass, rounded to ms; periodic passes run; settles at each moment on the way and at the end."""
        self.world.advance(milliseconds("seconds", seconds))

    # ------------------------------------------------------------ who is there

    def add_agent(
        self,
        name: str,
        resources: Resources | str,
        attributes: str = "",
        *,
        region: str = "",
        zone: str = "",
        revocable: Resources | str = "",
        disks: Iterable[DiskRow] = (),
    ) -> Agent:
        """An agent on a host of its own, whose hostname is its name; it registers at the next `settle`. Raises Conflict for a taken name.

        `disks` come on top of `resources`: `{"type": "MOUNT", "root": "/mnt/d1", "size_mb": 100}`. `revocable` is its first estimate of what it can lend out.
        """
        self._free_name(name)
        info = AgentInfo(
            name,
            name,
            Resources.of(resources) + disks_of(disks),
            attributes_of(attributes),
            node_id=name,
            region=text_of("region", region),
            zone=text_of("zone", zone),
            revocable=estimate_of(revocable),
        )
        self.cluster.add_agent(info)
        self.audit.agent_added(info)
        return Agent(self, name)

    def update_agent(
        self,
        name: str,
        total: Resources | str | None = None,
        attributes: str | None = None,
        revocable: Resources | str | None = None,
        region: str | None = None,
        zone: str | None = None,
    ) -> None:
        """The agent is so from now on, over restarts too; None leaves a thing as it is. `total` is all of its own resources, disks included, without what it
        lends out. Raises UnknownId."""
        now = self.cluster.info(name)
        info = replace(
            now,
            resources=now.resources if total is None else Resources.of(total),
            attributes=now.attributes if attributes is None else attributes_of(attributes),
            revocable=now.revocable if revocable is None else estimate_of(revocable),
            region=now.region if region is None else text_of("region", region),
            zone=now.zone if zone is None else text_of("zone", zone),
        )
        self.audit.agent_updated(info)
        self.cluster.update_agent(info)

    def add_framework(
        self,
        name: str,
        roles: Iterable[str],
        capabilities: Iterable[str] | None = None,
        failover_timeout: float = 0.0,
        acknowledge: bool = True,
        reregister: bool = True,
        demand: DemandRows | None = None,
        *,
        min_allocatable: Mapping[str, Iterable[str]] | None = None,
        offer_constraints: Mapping[str, Any] | str | None = None,
        framework_id: str = "",
        principal: str | None = None,
    ) -> Framework:
        """A scripted framework; it subscribes at the next `settle`. `capabilities` None stands for all. A refusal of the master comes as an ERROR event.

        `demand` is exactly what it wants: its offers are cut to that. `min_allocatable` by role replaces what the allocator thinks worth an offer; an empty list: anything.
        """
        self._free_name(name)
        info = framework_info(
            name,
            roles,
            id=framework_id,
            capabilities=capabilities,
            failover_timeout=failover_timeout,
            principal=self._principal(name, framework_id) if principal is None else principal,
            min_allocatable=min_allocatable,
        )
        wanted = demand_of(demand)
        framework = Framework(self.world, self.calendar, info, acknowledge=acknowledge, reregister=reregister)
        framework.demand = wanted
        framework.offer_constraints = constraints_text(offer_constraints)
        self._frameworks[name] = framework
        lives = iter([True])
        self.cluster.adopt(framework.address, lambda: ScriptedMachine(framework, first=next(lives, False)))
        return framework

    def remove_agent(self, name: str) -> None:
        """The agent unregisters, and its host is gone with all that ran on it. Raises UnknownId."""
        self.cluster.remove_agent(name)
        self.audit.agent_removed(name)

    @overload
    def submit(self, job: BatchJob) -> SubmittedJob: ...
    @overload
    def submit(self, job: ServiceJob) -> SubmittedService: ...
    def submit(self, job: BatchJob | ServiceJob) -> SubmittedJob | SubmittedService:
        """Hand a job to the built-in framework of its kind, which starts with the first one. Its tasks wait for `start`; a function is never called.

        Raises Conflict if a job of that name has not finished; raises what the framework refuses at the next `settle`.
        """
        return self._services.submit(job) if isinstance(job, ServiceJob) else self._jobs.submit(job)

    # ------------------------------------------------------------ user work

    def start(self, task: OnAgent) -> None:
        """The task's work starts. Raises UnknownId if no agent has it."""
        self._work.tell(on_agent(task), Begin(task.id))

    def finish(self, task: OnAgent, exit_code: int = 0) -> None:
        """The task's work ends with `exit_code`, started first if it was not."""
        self._work.tell(on_agent(task), Begin(task.id), Finish(task.id, whole("exit_code", exit_code)))

    def fail(self, task: OnAgent, reason: str | None = None, by: Literal["user", "system"] = "user") -> None:
        """The task's work fails: by the `user` with exit code 1, by the `system` without one. `reason` is a v1 name."""
        why = reason_of(reason)
        if by not in ("user", "system"):
            raise InvalidValue("by", by, "must be user or system")
        if by == "system" and why is Reason.NONE:
            why = Reason.EXECUTOR_TERMINATED  # What users bring about themselves has other reasons.
        self._work.tell(
            on_agent(task),
            Begin(task.id),
            Finish(task.id, 1 if by == "user" else None, reason=why, message=f"failed by the {by}"),
        )

    def executor(self, agent: str, framework: Framework, executor_id: str) -> Program:
        """A custom executor of the framework on the agent: what it received, what it sends, its end. Raises UnknownId for the agent."""
        self.cluster.info(agent)
        return Program(self.world, agent, framework.id, executor_id)

    # ------------------------------------------------------------ faults

    def disconnect(self, name: str) -> None:
        """Cut every link of an agent's or a framework's host; what runs there runs on."""
        self.world.isolate(self.address(name))

    def reconnect(self, name: str) -> None:
        self.world.rejoin(self.address(name))

    def crash(self, name: str) -> None:
        """Kill the process and its memory. An agent's executors and their work live on. Raises UnknownId if it is not running."""
        address = self.address(name)
        self.cluster.crash(address)
        framework = self._frameworks.get(name)
        if framework is not None:
            framework.parted()
        self.audit.died(self.world.now_ms, address)

    def restart(self, name: str) -> None:
        """Begin a new life from what the journal holds. Raises Conflict if it is running."""
        self.cluster.start(self.address(name))

    def address(self, name: str) -> str:
        """The address of what is called so: `master`, `allocator`, `batch`, `service`, an agent, a framework. Raises UnknownId."""
        if name in (MASTER, ALLOCATOR):
            return name
        if name in ("batch", "service"):
            return BATCH if name == "batch" else SERVICE
        if name in self._frameworks:
            return self._frameworks[name].address
        if name in self.cluster.agent_names():
            return f"agent/{name}"
        raise UnknownId("machine", name)

    # ------------------------------------------------------------ what there is to see

    def shares(self) -> dict[str, Fraction]:
        """The dominant share of each role, weight not applied, of what is offered and used. Raises Conflict while the allocator is down."""
        return dict(self._running(ALLOCATOR).shares())

    def metrics(self) -> dict[str, float]:
        """By the names of Mesos' /metrics/snapshot, of the machines that run."""
        found: dict[str, float] = {}
        for address in (MASTER, ALLOCATOR):
            machine = self.cluster.kernel(address)
            if machine is not None:
                found.update(machine.metrics(self.world.now_ms) if address == MASTER else machine.metrics())
        return dict(sorted(found.items()))

    def view(self, name: str, **arguments: Any) -> Any:
        """A view of the observer, as `Cluster.view` gives it. Raises UnknownId."""
        return self._observing.view(name, **arguments)

    def explain(self, subject: Framework | SubmittedJob | SubmittedService | str) -> dict[str, Any]:
        """Why a framework, a role or a job has no offer now: {subject, kind, role, verdict, reasons, data}. Raises UnknownId."""
        return self._observing.explain(subject)

    @property
    def frameworks(self) -> list[Framework]:
        """The scripted frameworks, in the order in which they were added."""
        return list(self._frameworks.values())

    @property
    def violations(self) -> list[Violation]:
        """What the auditor found so far."""
        return self.audit.violations

    def check(self) -> None:
        """Every machine's books agree with themselves, and the auditor found nothing. Raises InvariantBroken."""
        self.cluster.check()
        if self.violations:
            raise InvariantBroken("sim.audit", "; ".join(str(v) for v in self.violations[:5]))

    # ------------------------------------------------------------ inside

    def _saw(self, now_ms: int, address: str, sender: str, message: Any, sends: list[tuple[str, Any]]) -> None:
        if type(message) is AgentRegistered:
            self.calendar.learn(message.agent_id, address.removeprefix("agent/"))
        self.audit.saw(now_ms, address, sender, message, sends)

    def _running(self, address: str) -> Any:
        machine = self.cluster.kernel(address)
        if machine is None:
            raise Conflict(f"{address} is not running")
        return machine

    def _principal(self, name: str, framework_id: str) -> str:
        """A framework's principal is its name, or the one that it has under its id already."""
        known = [f.info.principal for f in self._frameworks.values() if framework_id and f.id == framework_id]
        return known[0] if known else name

    def _free_name(self, name: str) -> None:
        if (
            name_of(name) in (MASTER, ALLOCATOR, "batch", "service")
            or name in self._frameworks
            or name in self.cluster.agent_names()
        ):
            raise Conflict(f"the name {name!r} is taken")


class Agent:
    """The handle of an agent."""

    def __init__(self, sim: Simulation, name: str) -> None:
        self.name = name
        self._sim = sim

    @property
    def resources(self) -> Resources:
        """Its own resources, without what it lends out. Raises UnknownId once it was removed."""
        return self._sim.cluster.info(self.name).resources

    @property
    def id(self) -> str:
        """The id that it last registered under; empty before the first time."""
        return self._sim.calendar.registered_id(self.name)

    @property
    def state(self) -> str:
        """As `Simulation.agent_state`."""
        return self._sim.agent_state(self.name)

    def __repr__(self) -> str:
        return f"Agent({self.name!r})"
