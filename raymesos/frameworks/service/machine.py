"""The service framework: one for the cluster, in every role in use. Handlers book, and a pass brings each service to what it is to be."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, assert_never

from raymesos.errors import InvariantBroken
from raymesos.frameworks import base
from raymesos.frameworks.finding import find
from raymesos.frameworks.service import (
    attempts,
    audit,
    budgets,
    jobs,
    journal,
    moving,
    notes,
    passing,
    placing,
    readers,
    relocation,
    routes,
    scaling,
    stops,
    updating,
)
from raymesos.frameworks.service.state import Bucket, Instance, Job, Plan, State, Version, touch
from raymesos.machine import MASTER, OBSERVER, SERVICE, LinkDown, LinkUp, Outbox, Wake
from raymesos.model.settings import ServiceSettings
from raymesos.wire.jobs import LifeBegan, SubscriptionKept
from raymesos.wire.messages import (
    Failure,
    FrameworkError,
    FrameworkInfo,
    FrameworkUpdated,
    FromExecutor,
    InverseOffers,
    Offers,
    Rescind,
    RescindInverse,
    Subscribed,
    TaskRef,
    Update,
)
from raymesos.wire.routes import Drained, RoutesSet, TrafficSeen, WatchRoutes
from raymesos.wire.services import (
    ChangeServiceAttributes,
    EnableService,
    EvictInstance,
    ForgetServices,
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
    ServiceSpec,
    SetProcesses,
    SetScaling,
    SetServiceBudget,
    StopService,
    SubmitService,
    UpdateService,
)

OfJob = (
    ScaleService
    | UpdateService
    | RollbackService
    | PauseUpdate
    | ResumeUpdate
    | EnableService
    | SetProcesses
    | ChangeServiceAttributes
    | SetServiceBudget
    | SetScaling
)
OfInstance = KillInstance | EvictInstance | MoveInstance
Call = SubmitService | StopService | LeaveAgent | OfJob | OfInstance
FromMaster = (
    Subscribed
    | Offers
    | Rescind
    | InverseOffers
    | RescindInverse
    | Update
    | Failure
    | FromExecutor
    | FrameworkError
    | FrameworkUpdated
)
FromGateway = WatchRoutes | RoutesSet | Drained | TrafficSeen
ServiceInbox = Call | ForgetServices | MetricSeen | HealthSeen | FromMaster | FromGateway | Wake | LinkDown | LinkUp


class ServiceMachine:
    """`address` is its own."""

    def __init__(self, settings: ServiceSettings, address: str = SERVICE) -> None:
        info = FrameworkInfo(
            name="service",
            roles=("*",),
            user="raymesos",
            capabilities=base.CAPABILITIES,
            failover_timeout_ms=base.FAILOVER_MS,
        )
        bucket = Bucket(settings.evictions_burst * 1000)
        self.state = State(settings, address, base.Subscription(info), bucket)

    def restore(self, records: Iterable[Any]) -> None:
        """Take back the journal of former lives."""
        journal.restore(self.state, records)

    def snapshot(self) -> list[Any]:
        return journal.snapshot(self.state)

    def check(self) -> None:
        audit.check(self.state)

    def handle(self, now_ms: int, sender: str, message: Any, out: Outbox) -> None:
        inbox: ServiceInbox = message
        state = self.state
        match inbox:
            case MetricSeen():
                scaling.measured(state, inbox, now_ms)
            case HealthSeen():
                attempts.judged(state, inbox, out, now_ms)
            case WatchRoutes():
                routes.watch(state, sender, out)
            case RoutesSet():
                pass  # What drains is told of by itself; links are not lossy while they are up.
            case Drained(task_ids):
                stops.drained(state, sender, task_ids, out, now_ms)
            case TrafficSeen():
                scaling.seen(state, sender, inbox, out, now_ms)
            case ForgetServices():
                out.send(sender, jobs.forget(state, inbox, out))
            case Wake(key):
                self._wake(key, out, now_ms)
            case LinkDown(peer):
                if peer == MASTER:
                    base.lost(state.subscription)
                elif peer in state.gateways:
                    del state.gateways[peer]
                    stops.gateway_lost(state, peer, out, now_ms)
            case LinkUp(peer, restarted):
                if peer == MASTER:
                    base.subscribe(state.subscription, out)
                elif peer == OBSERVER and restarted:
                    notes.forget_told(state)
                    notes.ask(state, out)
            case (
                Subscribed()
                | Offers()
                | Rescind()
                | InverseOffers()
                | RescindInverse()
                | Update()
                | Failure()
                | FromExecutor()
                | FrameworkError()
                | FrameworkUpdated()
            ):
                self._from_master(inbox, out, now_ms)
            case _:
                out.send(sender, self._call(inbox, out, now_ms))
        passing.ask(state, out)

    # ------------------------------------------------------------ for the host's readers

    def progress(self, job_id: str) -> int:
        """The revision of the status: what a waiting client compares. Raises UnknownId."""
        return readers.job_of(self.state, job_id).revision

    def status(self, job_id: str, now_ms: int) -> dict[str, Any]:
        """The service now, as plain data. Raises UnknownId."""
        return readers.status(self.state, job_id, now_ms)

    def tasks(self, job_id: str) -> list[Instance]:
        """Attempts in the order in which they were made. Raises UnknownId."""
        return list(readers.job_of(self.state, job_id).rows.values())

    def instances(self, job_id: str, now_ms: int) -> list[dict[str, Any]]:
        """A row for each index. Raises UnknownId."""
        return readers.instances(self.state, job_id, now_ms)

    def endpoints(self, job_id: str) -> list[tuple[str, str, int]]:
        """(task id, host, port) of those in service. Raises UnknownId."""
        return readers.endpoints(self.state, job_id)

    def versions(self, job_id: str) -> list[Version]:
        """Those that it could go back to, and the newest, oldest first. Raises UnknownId."""
        job = readers.job_of(self.state, job_id)
        return [job.versions[number] for number in sorted(job.versions)]

    def version_rows(self, job_id: str) -> list[dict[str, Any]]:
        """The same as plain data. Raises UnknownId."""
        return readers.version_rows(self.state, job_id)

    def spec(self, job_id: str) -> ServiceSpec:
        """What it is now. Raises UnknownId."""
        return readers.job_of(self.state, job_id).spec

    def where_ran(self, job_id: str, index: int) -> tuple[str, str, bool]:
        """(agent id, task id, False: it has one sandbox) of the index's last attempt. Raises UnknownId."""
        return readers.where_ran(self.state, job_id, index)

    def eviction_quota(self, job_id: str, now_ms: int) -> tuple[int, str]:
        """(instances that may be evicted now, the part of the budgets that limits them). Raises UnknownId."""
        return budgets.quota(self.state, readers.job_of(self.state, job_id), now_ms)

    def plans(self) -> list[Plan]:
        """Relocations that are to come, or that the budgets do not allow yet."""
        return list(self.state.plans.values())

    def find(self, name_or_id: str) -> str:
        """The id of a service by its id, or of the newest of that name. Raises UnknownId."""
        return find(self.state.jobs, name_or_id, "service")

    # ------------------------------------------------------------ branches

    def _call(self, call: Call, out: Outbox, now_ms: int) -> ServiceAnswer:
        state = self.state
        match call:
            case SubmitService():
                return jobs.submit(state, call, out, now_ms)
            case StopService(job_id):
                return jobs.end(state, job_id, out, now_ms)
            case LeaveAgent():
                return relocation.leave(state, call, out)
            case KillInstance(task_id) | EvictInstance(task_id) | MoveInstance(task_id):
                found = jobs.job_of_task(state, task_id)
                return found if isinstance(found, ServiceAnswer) else self._call_instance(found, call, out, now_ms)
            case _:
                found = jobs.open_job(state, call.spec.job_id if isinstance(call, UpdateService) else call.job_id)
                return found if isinstance(found, ServiceAnswer) else self._call_job(found, call, out, now_ms)

    def _call_job(self, job: Job, call: OfJob, out: Outbox, now_ms: int) -> ServiceAnswer:
        state = self.state
        match call:
            case ScaleService():
                return jobs.scale(state, job, call, out, now_ms)
            case UpdateService():
                return updating.update(state, job, call, out, now_ms)
            case RollbackService():
                return updating.roll_back(state, job, call, out, now_ms)
            case PauseUpdate():
                return updating.pause(state, job, out, now_ms)
            case ResumeUpdate():
                return updating.resume(state, job, out, now_ms)
            case EnableService():
                return jobs.enable(state, job, call, out, now_ms)
            case SetProcesses():
                return jobs.set_processes(state, job, call, out)
            case ChangeServiceAttributes():
                return jobs.change_attributes(state, job, call, out)
            case SetServiceBudget():
                return jobs.set_budget(state, job, call, out)
            case SetScaling():
                return jobs.set_scaling(state, job, call, out)
            case _:
                assert_never(call)

    def _call_instance(self, job: Job, call: OfInstance, out: Outbox, now_ms: int) -> ServiceAnswer:
        state, instance = self.state, job.instances[call.task_id]
        match call:
            case KillInstance():
                return jobs.kill_instance(state, job, call, out, now_ms)
            case EvictInstance(_, reason):
                return relocation.evict(state, job, instance, reason, out, now_ms)
            case MoveInstance(_, to_job_id, job_id):
                if job_id not in ("", job.id):
                    return ServiceAnswer(job_id, "UnknownId", "task", f"{call.task_id} is not of {job_id}")
                target = jobs.open_job(state, to_job_id)
                if isinstance(target, ServiceAnswer):
                    return target
                return moving.move(state, job, instance, target, out, now_ms)
            case _:
                assert_never(call)

    def _from_master(self, message: FromMaster, out: Outbox, now_ms: int) -> None:
        state = self.state
        match message:
            case Update(status):
                if status.task_id == base.SENTINEL:
                    self._reconciled(out)
                else:
                    attempts.updated(state, status, out, now_ms)
            case Offers(offers):
                placing.offered(state, offers, out, now_ms)
            case Subscribed():
                self._subscribed(message, out, now_ms)
            case InverseOffers(inverse):
                relocation.asked(state, inverse, out)
            case RescindInverse(offer_id):
                relocation.rescinded(state, offer_id, out)
            case FrameworkUpdated(error):
                if error:
                    raise InvariantBroken("service.roles", f"the master refused them: {error}")
            case FrameworkError(text):
                raise InvariantBroken("service.subscription", f"the master ended it: {text}")
            case Rescind() | Failure() | FromExecutor():
                pass  # No offer is kept; of tasks their own updates tell.
            case _:
                assert_never(message)

    def _subscribed(self, message: Subscribed, out: Outbox, now_ms: int) -> None:
        state = self.state
        if base.subscribed(state.subscription, message, self._live_tasks(), out):
            out.persist(SubscriptionKept(state.subscription.framework_id, state.subscription.info.roles))
        stops.restart_clocks(state, out, now_ms)
        state.asked_for.clear()
        self._look_at_all()

    def _live_tasks(self) -> list[TaskRef]:
        return [TaskRef(i.id, i.agent_id) for job in self.state.open.values() for i in job.instances.values()]

    def _reconciled(self, out: Outbox) -> None:
        base.reconciled(self.state.subscription, out)
        self._look_at_all()

    def _look_at_all(self) -> None:
        for job in self.state.open.values():
            touch(self.state, job)

    def _wake(self, key: str, out: Outbox, now_ms: int) -> None:
        state = self.state
        match key:
            case "start":
                out.persist(LifeBegan(state.life))
                base.subscribe(state.subscription, out)
            case "subscribe":
                base.subscribe(state.subscription, out)
            case "reconcile":
                base.ask_again(state.subscription, self._live_tasks(), out)
            case "settle":
                if state.subscription.connected and not state.subscription.settled:
                    state.subscription.settled = True
                    self._look_at_all()
            case "pass":
                passing.run(state, out, now_ms)
            case "due":
                passing.due(state, now_ms)
                passing.run(state, out, now_ms)
            case "cycle":
                passing.cycle(state, out, now_ms)
                passing.run(state, out, now_ms)
            case "notes":
                notes.tell(state, out, now_ms)
            case _:
                raise InvariantBroken("service.wake", f"woken for {key!r}")
