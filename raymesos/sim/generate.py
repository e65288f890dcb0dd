"""Generated clusters: agents of drawn sizes, and frameworks with a number of tasks each that they want run to their end, whatever happens.

A `Workload` is what a framework keeps for good (its database): what waits, what is live, what is done. A `WorkloadMachine` is one life of the framework. A task that the
system lost is launched again under a new id; one that failed or was killed on purpose is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from raymesos.machine import MASTER, LinkUp, Outbox, Wake
from raymesos.model.resources import EMPTY, Resources
from raymesos.model.revocable import as_revocable
from raymesos.model.tasks import ALL_CAPABILITIES, Capability, Reason, TaskState, is_terminal
from raymesos.sim.converting import Conversions
from raymesos.wire.messages import (
    Accept,
    AcceptInverse,
    Acknowledge,
    AcknowledgeOperation,
    Check,
    Decline,
    ExecutorInfo,
    FrameworkError,
    FrameworkInfo,
    InverseOffers,
    Kill,
    Launch,
    LaunchGroup,
    Offer,
    Offers,
    Operation,
    OperationStatus,
    OperationUpdate,
    Reconcile,
    ReconcileOperations,
    Revive,
    ShutdownExecutor,
    Subscribe,
    Subscribed,
    Suppress,
    TaskInfo,
    TaskRef,
    TaskStatus,
    Update,
)
from raymesos.wire.work import CommandWork

AGENT_SIZES = (
    "cpus:4;mem:8192;disk:1024",
    "cpus:8;mem:16384;disk:1024",
    "cpus:8;mem:32768;disk:2048",
    "cpus:16;mem:32768",
)
SHAPES = ("cpus:1;mem:1024", "cpus:1;mem:2048", "cpus:0.5;mem:1024", "cpus:2;mem:2048")
WORK = CommandWork(("generated",))
# Frameworks live through any crash and cut that faults bring about.
FAILOVER_MS = 7 * 24 * 3600 * 1000
# What is not wanted now is refused for so long; a revive clears it.
REFUSE_MS = 5_000
# A task that nothing was heard of is asked for, after a reconnection soon and otherwise seldom; Mesos' advice: back off.
RECONCILE_SOON_MS = 10_000
RECONCILE_SELDOM_MS = 300_000
# One task in so many is killed by its framework once it runs.
KILL_EVERY = 97
# One accept in so many launches a group of at most so many tasks.
GROUP_EVERY = 3
GROUP_SIZE = 3
# One accept in so many runs its first tasks in a program of the framework's own, if there is room for that; it is shut down when nothing of the framework runs any more.
PROGRAM_EVERY = 2
PROGRAM = Resources.parse("cpus:0.1;mem:32")
# One task in so many is checked, if any is.
CHECK_EVERY = 3
HEALTH = Check("http", delay_ms=500, interval_ms=500, timeout_ms=500, grace_ms=1_000, failures=3)
READINESS = Check("tcp", delay_ms=0, interval_ms=100, timeout_ms=500, deadline_ms=30_000)


# What fails a task of users' code.
_USERS_OWN = (Reason.NONE, Reason.TASK_HEALTH_CHECK_STATUS_UPDATED, Reason.TASK_CHECK_STATUS_UPDATED)


@dataclass(frozen=True, slots=True)
class AgentPlan:
    name: str
    resources: Resources
    attributes: str


@dataclass(frozen=True, slots=True)
class FrameworkPlan:
    name: str
    role: str
    wanted: tuple[tuple[Resources, int], ...]
    """(shape, how many tasks of it)"""
    partition_aware: bool


@dataclass(slots=True)
class Live:
    """A task that may run: which of the wanted shapes it has, and when something was last heard of it."""

    shape: int
    agent_id: str
    heard_ms: int
    to_kill: bool = False
    program: str = ""
    """The executor of its own that it was launched with."""


@dataclass(slots=True)
class Workload:
    """What a framework wants and has. `waiting` counts the tasks to launch by shape."""

    plan: FrameworkPlan
    waiting: list[int]
    framework_id: str = ""
    live: dict[str, Live] = field(default_factory=dict)
    programs: bool = False
    """Some of its tasks run in a program of its own."""
    checks: bool = False
    """Some of its tasks have checks."""
    launched: int = 0
    accepts: int = 0
    conversions: Conversions = field(default_factory=Conversions)
    done: int = 0
    lost: int = 0
    """Tasks that the system lost and that were launched again."""
    refused: str = ""
    """The text of the ERROR that ended the subscription; none should."""

    @staticmethod
    def of(plan: FrameworkPlan) -> Workload:
        return Workload(plan, [count for _, count in plan.wanted])

    @property
    def address(self) -> str:
        return f"framework/{self.plan.name}"

    @property
    def complete(self) -> bool:
        return not self.live and not any(self.waiting)


class WorkloadMachine:
    """One life of the framework of a workload."""

    def __init__(self, workload: Workload) -> None:
        self._load = workload
        self._suppressed = False
        self._retry_ms = RECONCILE_SELDOM_MS

    def handle(self, now_ms: int, sender: str, message: Any, out: Outbox) -> None:
        match message:
            case Update(status):
                self._updated(now_ms, status, out)
            case Offers(offers):
                for offer in offers:
                    self._offered(now_ms, offer, out)
                self._rest_if_idle(out)
            case OperationUpdate(status):
                self._operation_told(status, out)
            case InverseOffers(offers):
                asked = tuple([offer.id for offer in offers])
                out.send(MASTER, AcceptInverse(self._load.framework_id, asked, REFUSE_MS))
            case Subscribed(framework_id):
                self._subscribed(now_ms, framework_id, out)
            case Wake("reconcile"):
                self._reconcile_silent(now_ms, out)
            case Wake("start"):
                self._subscribe(out)
            case LinkUp(peer) if peer == MASTER:
                self._subscribe(out)
            case FrameworkError(text):
                self._load.refused = text
            case _:
                return

    def check(self) -> None:
        return

    # ------------------------------------------------------------ subscription

    def _subscribe(self, out: Outbox) -> None:
        plan = self._load.plan
        capabilities = ALL_CAPABILITIES
        if not plan.partition_aware:
            capabilities = tuple(c for c in capabilities if c != Capability.PARTITION_AWARE)
        info = FrameworkInfo(
            plan.name, (plan.role,), self._load.framework_id, "sim", "", capabilities, FAILOVER_MS, hostname=plan.name
        )
        out.send(MASTER, Subscribe(info, (plan.role,) if self._suppressed else ()))

    def _subscribed(self, now_ms: int, framework_id: str, out: Outbox) -> None:
        load = self._load
        load.framework_id = framework_id
        self._retry_ms = RECONCILE_SELDOM_MS
        if load.live:
            self._ask_for(load.live, out)
            self._retry_ms = RECONCILE_SOON_MS
        self._reconcile_operations(out)
        out.wake("reconcile", self._retry_ms)

    def _reconcile_operations(self, out: Outbox) -> None:
        """Ask for the operations whose outcome is not known, soon again until it is."""
        load = self._load
        if load.conversions.open:
            out.send(MASTER, ReconcileOperations(load.framework_id, load.conversions.refs()))
            self._retry_ms = RECONCILE_SOON_MS

    def _operation_told(self, status: OperationStatus, out: Outbox) -> None:
        load = self._load
        load.conversions.told(status)
        if status.uuid:
            answer = AcknowledgeOperation(load.framework_id, status.agent_id, status.operation_id, status.uuid)
            out.send(MASTER, answer)

    def _reconcile_silent(self, now_ms: int, out: Outbox) -> None:
        """Ask again for tasks of which nothing was heard since the last time, ever more seldom."""
        silent = [t for t, live in self._load.live.items() if live.heard_ms < now_ms - self._retry_ms]
        if silent:
            self._ask_for(silent, out)
        self._retry_ms = min(2 * self._retry_ms, RECONCILE_SELDOM_MS)
        self._reconcile_operations(out)
        out.wake("reconcile", self._retry_ms)

    def _ask_for(self, task_ids: Iterable[str], out: Outbox) -> None:
        live = self._load.live
        out.send(MASTER, Reconcile(self._load.framework_id, tuple([TaskRef(t, live[t].agent_id) for t in task_ids])))

    # ------------------------------------------------------------ offers

    def _offered(self, now_ms: int, offer: Offer, out: Outbox) -> None:
        load = self._load
        tasks = self._pack(now_ms, offer)
        if tasks:
            out.send(MASTER, Accept(load.framework_id, (offer.id,), self._operations(tasks, offer), REFUSE_MS))
        else:
            out.send(MASTER, Decline(load.framework_id, (offer.id,), REFUSE_MS))

    def _operations(self, tasks: list[TaskInfo], offer: Offer) -> tuple[Operation, ...]:
        load = self._load
        load.accepts += 1
        launches = self._launches(self._in_program(tasks, offer))
        return load.conversions.added(launches, offer, load.accepts)

    def _in_program(self, tasks: list[TaskInfo], offer: Offer) -> list[TaskInfo]:
        """The same tasks; every so often, if it fits beside them, all are of a custom executor."""
        load = self._load
        taken = sum((task.resources for task in tasks), EMPTY)
        executor_id = f"program-{load.plan.name}"
        if not load.programs or load.accepts % PROGRAM_EVERY or not offer.resources.contains(taken + PROGRAM):
            return tasks
        for task in tasks:
            load.live[task.task_id].program = executor_id
        program = ExecutorInfo(executor_id, CommandWork(("program",)), PROGRAM)
        return [replace(task, work=None, executor=program) for task in tasks]

    def _launches(self, tasks: list[TaskInfo]) -> tuple[Operation, ...]:
        """Every so often the first of the tasks are a group, in an executor of its own or in that of the framework."""
        load = self._load
        if load.accepts % GROUP_EVERY or len(tasks) < 2:
            return (Launch(tuple(tasks)),)
        executor_id = f"pod-{load.plan.name}" if load.accepts % (2 * GROUP_EVERY) else ""
        if tasks[0].executor is not None:
            return (Launch(tuple(tasks)),)
        group = LaunchGroup(tuple(tasks[:GROUP_SIZE]), executor_id)
        rest = tuple(tasks[GROUP_SIZE:])
        return (group, Launch(rest)) if rest else (group,)

    def _pack(self, now_ms: int, offer: Offer) -> list[TaskInfo]:
        """As many waiting tasks as fit, first on the regular resources, then on those that are lent."""
        regular, lent = offer.resources.non_revocable(), offer.resources.revocable()
        tasks = self._pack_on(now_ms, offer, regular, as_is)
        return tasks + self._pack_on(now_ms, offer, lent, as_revocable) if lent else tasks

    def _pack_on(
        self, now_ms: int, offer: Offer, resources: Resources, become: Callable[[Resources], Resources]
    ) -> list[TaskInfo]:
        """As many as fit on `resources`, shapes in the order of the plan, of what `become` makes of them."""
        load = self._load
        left = dict(resources.quantities())
        tasks = []
        for shape, waiting in enumerate(load.waiting):
            if not waiting:
                continue
            wanted = load.plan.wanted[shape][0]
            need = wanted.quantities()
            fitting = min(waiting, min([left.get(name, 0) // value for name, value in need.items()]))
            if fitting <= 0:
                continue
            for name, value in need.items():
                left[name] -= fitting * value
            load.waiting[shape] -= fitting
            tasks.extend([self._new_task(now_ms, shape, become(wanted), offer) for _ in range(fitting)])
        return tasks

    def _new_task(self, now_ms: int, shape: int, resources: Resources, offer: Offer) -> TaskInfo:
        load = self._load
        load.launched += 1
        task_id = f"{load.plan.name}-{load.launched}"
        load.live[task_id] = Live(shape, offer.agent_id, now_ms, load.launched % KILL_EVERY == 0)
        if load.checks and load.launched % CHECK_EVERY == 0:
            return TaskInfo(task_id, task_id, resources, WORK, health=HEALTH, readiness=READINESS)
        return TaskInfo(task_id, task_id, resources, WORK)

    def _rest_if_idle(self, out: Outbox) -> None:
        if not self._suppressed and not any(self._load.waiting):
            self._suppressed = True
            out.send(MASTER, Suppress(self._load.framework_id))

    # ------------------------------------------------------------ updates

    def _updated(self, now_ms: int, status: TaskStatus, out: Outbox) -> None:
        load = self._load
        if status.uuid:
            out.send(MASTER, Acknowledge(load.framework_id, status.agent_id, status.task_id, status.uuid))
        live = load.live.get(status.task_id)
        if live is None:
            if status.state is TaskState.RUNNING:
                # Given up as lost and launched anew under another id: it must not run beside its successor.
                out.send(MASTER, Kill(load.framework_id, status.task_id, status.agent_id))
            return
        live.heard_ms = now_ms
        if is_terminal(status.state) or status.state is TaskState.UNKNOWN:
            self._ended(status, live, out)
        elif live.to_kill and status.state is TaskState.RUNNING:
            live.to_kill = False
            out.send(MASTER, Kill(load.framework_id, status.task_id, status.agent_id))

    def _end_program(self, ended: Live, out: Outbox) -> None:
        """A program of which no task is left on its agent is not needed any more."""
        load, where = self._load, (ended.program, ended.agent_id)
        if ended.program and not any((live.program, live.agent_id) == where for live in load.live.values()):
            out.send(MASTER, ShutdownExecutor(load.framework_id, ended.agent_id, ended.program))

    def _ended(self, status: TaskStatus, live: Live, out: Outbox) -> None:
        load = self._load
        del load.live[status.task_id]
        self._end_program(live, out)
        by_user = (
            status.state is TaskState.FINISHED
            or (status.state is TaskState.KILLED and status.reason is not Reason.AGENT_DRAINING)
            or (status.state is TaskState.FAILED and status.reason in _USERS_OWN)
        )
        if by_user:
            load.done += 1
            return
        load.lost += 1
        load.waiting[live.shape] += 1
        if self._suppressed:
            self._suppressed = False
            out.send(MASTER, Revive(load.framework_id))


def as_is(resources: Resources) -> Resources:
    return resources


def plan_agents(count: int, rng: Random) -> list[AgentPlan]:
    """`count` agents named a0001 and on, on racks of forty."""
    sizes = [Resources.parse(text) for text in AGENT_SIZES]
    width = len(str(count))
    return [AgentPlan(f"a{i + 1:0{width}}", sizes[rng.randrange(len(sizes))], f"rack:r{i // 40}") for i in range(count)]


def plan_frameworks(count: int, tasks: int, rng: Random) -> list[FrameworkPlan]:
    """`count` frameworks that want `tasks` tasks together, in a tree of roles: some share a role, some have a role below another's team."""
    shapes = [Resources.parse(text) for text in SHAPES]
    shares = _split(tasks, count, rng)
    plans = []
    for i, wanted in enumerate(shares):
        team = f"team{i % max(1, (count + 1) // 2)}"
        role = team if rng.random() < 0.5 else f"{team}/{'batch' if rng.random() < 0.5 else 'web'}"
        chosen = rng.sample(shapes, k=min(2, len(shapes)))
        counts = _split(wanted, len(chosen), rng)
        plans.append(
            FrameworkPlan(
                name=f"f{i + 1:0{len(str(count))}}",
                role=role,
                wanted=tuple(zip(chosen, counts, strict=True)),
                partition_aware=i % 5 != 4,
            )
        )
    return plans


def _split(total: int, parts: int, rng: Random) -> list[int]:
    """`total` in `parts` of random size, none of them more than about three times the mean."""
    weights = [rng.uniform(0.5, 1.5) for _ in range(parts)]
    whole = sum(weights)
    counts = [int(total * w / whole) for w in weights]
    for i in range(total - sum(counts)):
        counts[i % parts] += 1
    return counts
