"""The batch framework: one for the cluster, in every role in use. It takes jobs, turns offers into tasks, and delivers each result once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, assert_never

from raymesos.errors import InvariantBroken, UnknownId
from raymesos.frameworks import base
from raymesos.frameworks.batch import attempts, jobs, journal, notes, placing
from raymesos.frameworks.batch.state import FINISHED, Job, Part, Row, State, check
from raymesos.machine import MASTER, LinkDown, LinkUp, Outbox, Wake
from raymesos.model.settings import BatchSettings
from raymesos.model.tasks import ALL_CAPABILITIES, TaskState, is_terminal
from raymesos.wire.jobs import CancelJob, ForgetJobs, Submit, SubscriptionKept
from raymesos.wire.messages import (
    Failure,
    FrameworkError,
    FrameworkInfo,
    FromExecutor,
    Offers,
    Rescind,
    Subscribed,
    TaskRef,
    Update,
)
from raymesos.wire.work import WorkReport

BatchInbox = (
    Submit
    | CancelJob
    | ForgetJobs
    | WorkReport
    | Subscribed
    | Offers
    | Rescind
    | Update
    | Failure
    | FromExecutor
    | FrameworkError
    | Wake
    | LinkDown
    | LinkUp
)

# It outlives its actor: Ray restarts it within seconds, and a week is longer than anybody's outage.
FAILOVER_MS = 7 * 24 * 3600 * 1000


class BatchMachine:
    """`address` is where executors report to."""

    def __init__(self, settings: BatchSettings, address: str = "framework/batch") -> None:
        info = FrameworkInfo(
            name="batch", roles=("*",), user="raymesos", capabilities=ALL_CAPABILITIES, failover_timeout_ms=FAILOVER_MS
        )
        self.state = State(settings, address, base.Subscription(info))

    def restore(self, records: Iterable[Any]) -> None:
        """Take back the journal of former lives."""
        journal.restore(self.state, records)

    def snapshot(self) -> list[Any]:
        return journal.snapshot(self.state)

    def check(self) -> None:
        check(self.state)

    def handle(self, now_ms: int, sender: str, message: Any, out: Outbox) -> None:
        inbox: BatchInbox = message
        state = self.state
        match inbox:
            case WorkReport():
                attempts.reported(state, sender, inbox, out, now_ms)
                self._after_change(inbox.job_id, out, now_ms)
            case Update(status):
                self._updated(status, out, now_ms)
            case Offers(offers):
                placing.offered(state, offers, out, now_ms)
                notes.ask(state, out)
            case Rescind(offer_id):
                placing.forget_offer(state, offer_id)
            case Submit():
                jobs.submit(state, sender, inbox, out, now_ms)
                notes.ask(state, out)
            case CancelJob():
                jobs.cancel(state, sender, inbox, out, now_ms)
                notes.ask(state, out)
            case ForgetJobs():
                jobs.forget(state, sender, inbox, out)
            case Subscribed():
                self._subscribed(inbox, out)
            case FrameworkError(text):
                raise InvariantBroken("batch.subscription", f"the master ended it: {text}")
            case Wake(key):
                self._wake(key, out, now_ms)
            case LinkDown(peer):
                if peer == MASTER:
                    base.lost(state.subscription)
                    state.hold = None
            case LinkUp(peer):
                if peer == MASTER:
                    base.subscribe(state.subscription, out)
            case Failure() | FromExecutor():
                pass  # What matters of it comes with the tasks' own updates.
            case _:
                assert_never(inbox)

    # ------------------------------------------------------------ for the host's readers

    def progress(self, job_id: str) -> tuple[int, int]:
        """(version of the status, number of results parts): what a waiting client compares. Raises UnknownId."""
        job = self._job(job_id)
        return job.version, len(job.parts)

    def results_after(self, job_id: str, cursor: int) -> list[Part]:
        """The parts of results from number `cursor` on. Raises UnknownId."""
        return self._job(job_id).parts[cursor:]

    def status(self, job_id: str) -> dict[str, Any]:
        """The job now, as plain data. Raises UnknownId."""
        job = self._job(job_id)
        return {
            "id": job.id,
            "name": job.spec.name,
            "role": job.spec.role,
            "state": job.state,
            "why": job.why,
            "total": job.spec.total,
            "waiting": job.waiting_count,
            "running": job.running_count,
            "succeeded": job.succeeded,
            "failed": job.failed,
            "retried": job.retried,
            "version": job.version,
        }

    def tasks(self, job_id: str) -> list[Row]:
        """Attempts in the order in which they were made. Raises UnknownId."""
        return list(self._job(job_id).rows.values())

    def where_ran(self, job_id: str, index: int) -> tuple[str, str, bool]:
        """(agent id, task id, whether each index has a sandbox of its own) of the input's last attempt. Raises UnknownId."""
        job = self._job(job_id)
        row = job.lineage.get(index) or next((r for r in reversed(job.rows.values()) if r.index <= index < r.hi), None)
        if row is None:
            raise UnknownId("attempt", f"{job_id} {index}")
        return row.agent_id, row.id, bool(job.spec.argv)

    def find(self, name_or_id: str) -> str:
        """The id of a job by its id, or of the newest of that name. Raises UnknownId."""
        if name_or_id in self.state.jobs:
            return name_or_id
        named = [job.id for job in self.state.jobs.values() if job.spec.name == name_or_id]
        if not named:
            raise UnknownId("job", name_or_id)
        return named[-1]

    # ------------------------------------------------------------ branches

    def _updated(self, status: Any, out: Outbox, now_ms: int) -> None:
        state = self.state
        if status.task_id == base.SENTINEL:
            self._reconciled(out, now_ms)
            return
        job = attempts.job_of_task(state, status.task_id)
        known = job is not None and status.task_id in job.chunks
        if not known and not state.subscription.reconciled and _lives(status.state):
            journal.running_again(state, status, now_ms)
        attempts.updated(state, status, out, now_ms)
        if job is not None:
            self._after_change(job.id, out, now_ms)

    def _after_change(self, job_id: str, out: Outbox, now_ms: int) -> None:
        state = self.state
        job = state.jobs.get(job_id)
        if job is None or job.state == FINISHED:
            return
        jobs.finish_if_done(state, job, out, now_ms)
        if job.state != FINISHED and not job.waiting and not job.retries:
            placing.settle_wishes(state, out)
        elif (
            job.state == FINISHED
            or job.retries
            or job.spec.role not in state.subscription.awake
            or _throttled(state, job)
        ):
            if _throttled(state, job):
                state.subscription.awake.pop(job.spec.role, None)
            jobs.wish_all(state, out, now_ms)
        notes.ask(state, out)

    def _subscribed(self, message: Subscribed, out: Outbox) -> None:
        state = self.state
        tasks = [
            TaskRef(c.row.id, c.row.agent_id) for j in state.jobs.values() for c in j.chunks.values() if not c.ended
        ]
        if base.subscribed(state.subscription, message, tasks, out):
            out.persist(SubscriptionKept(state.subscription.framework_id, state.subscription.info.roles))

    def _reconciled(self, out: Outbox, now_ms: int) -> None:
        """All that runs is known: now ask for what waits."""
        state = self.state
        out.sleep("reconcile")
        if not state.subscription.reconciled:
            state.subscription.reconciled = True
            state.subscription.awake.clear()
            jobs.cycle(state, out, now_ms)
            notes.ask(state, out)

    def _wake(self, key: str, out: Outbox, now_ms: int) -> None:
        state = self.state
        match key:
            case "start" | "subscribe":
                base.subscribe(state.subscription, out)
            case "reconcile":
                if state.subscription.connected and not state.subscription.reconciled:
                    base.ask(state.subscription, [], out)
            case "cycle":
                jobs.cycle(state, out, now_ms)
                notes.ask(state, out)
            case "retries":
                jobs.wish_all(state, out, now_ms)
            case "gang":
                placing.release_gang(state, out)
            case "notes":
                notes.tell(state, out, now_ms)
            case _:
                raise InvariantBroken("batch.wake", f"woken for {key!r}")

    def _job(self, job_id: str) -> Job:
        job = self.state.jobs.get(job_id)
        if job is None:
            raise UnknownId("job", job_id)
        return job


def _lives(state: TaskState) -> bool:
    return not is_terminal(state) and state not in (TaskState.UNREACHABLE, TaskState.UNKNOWN)


def _throttled(state: State, job: Job) -> bool:
    """Whether the throttle had been in the way until now: there was work and no task could be added but for what has just happened."""
    limit = job.spec.max_parallel
    near = job.not_started + 1 >= state.settings.not_started_per_job
    return bool(job.waiting) and (near or (limit is not None and len(job.chunks) + 1 >= limit))
