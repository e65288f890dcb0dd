"""The batch framework: one for the cluster, in every role in use. It takes jobs, turns offers into tasks, and delivers each result once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, assert_never

from raymesos.errors import InvariantBroken
from raymesos.frameworks import base
from raymesos.frameworks.batch import (
    attempts,
    audit,
    changes,
    gangs,
    jobs,
    journal,
    notes,
    placing,
    readers,
    sizing,
    timing,
    wishes,
)
from raymesos.frameworks.batch.state import FINISHED, Part, Row, State
from raymesos.frameworks.finding import find
from raymesos.machine import MASTER, OBSERVER, LinkDown, LinkUp, Outbox, Wake
from raymesos.model.settings import MAX_REFUSE_MS, BatchSettings
from raymesos.wire.jobs import (
    CancelJob,
    ChangeAttributes,
    EndTask,
    ForgetJobs,
    LifeBegan,
    SetBudget,
    Submit,
    SubscriptionKept,
)
from raymesos.wire.messages import (
    AcceptInverse,
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
    TaskStatus,
    Update,
)
from raymesos.wire.work import WorkReport

BatchInbox = (
    Submit
    | CancelJob
    | ForgetJobs
    | ChangeAttributes
    | SetBudget
    | EndTask
    | WorkReport
    | Subscribed
    | Offers
    | Rescind
    | InverseOffers
    | RescindInverse
    | Update
    | Failure
    | FromExecutor
    | FrameworkError
    | FrameworkUpdated
    | Wake
    | LinkDown
    | LinkUp
)

_NOTES = Wake("notes")


class BatchMachine:
    """`address` is where executors report to."""

    def __init__(self, settings: BatchSettings, address: str = "framework/batch") -> None:
        info = FrameworkInfo(
            name="batch",
            roles=("*",),
            user="raymesos",
            capabilities=base.CAPABILITIES,
            failover_timeout_ms=base.FAILOVER_MS,
        )
        self.state = State(settings, address, base.Subscription(info))

    def restore(self, records: Iterable[Any]) -> None:
        """Take back the journal of former lives."""
        journal.restore(self.state, records)

    def snapshot(self) -> list[Any]:
        return journal.snapshot(self.state)

    def check(self) -> None:
        audit.check(self.state)

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
            case InverseOffers(inverse):
                # Its tasks there are tried again at the system's cost when the agent goes; once is often enough to say so.
                asked = tuple([offer.id for offer in inverse])
                out.send(MASTER, AcceptInverse(state.subscription.framework_id, asked, MAX_REFUSE_MS))
            case RescindInverse():
                pass
            case Rescind(offer_id):
                gangs.forget_offer(state, offer_id)
            case Submit():
                jobs.submit(state, sender, inbox, out, now_ms)
            case CancelJob():
                jobs.cancel(state, sender, inbox, out, now_ms)
                wishes.silence(state, out)
            case ForgetJobs():
                jobs.forget(state, sender, inbox, out)
            case ChangeAttributes():
                changes.change_attributes(state, sender, inbox, out)
            case SetBudget():
                changes.set_budget(state, sender, inbox, out)
            case EndTask():
                changes.end_task(state, sender, inbox, out, now_ms)
            case Subscribed():
                self._subscribed(inbox, out, now_ms)
            case FrameworkUpdated(error):
                if error:
                    raise InvariantBroken("batch.roles", f"the master refused them: {error}")
            case FrameworkError(text):
                raise InvariantBroken("batch.subscription", f"the master ended it: {text}")
            case Wake(key):
                self._wake(key, out, now_ms)
            case LinkDown(peer):
                if peer == MASTER:
                    base.lost(state.subscription)
                    state.hold = None
            case LinkUp(peer, restarted):
                if peer == MASTER:
                    base.subscribe(state.subscription, out)
                elif peer == OBSERVER and restarted:
                    notes.forget_told(state)
            case Failure(agent_id, executor_id):
                # Of its tasks their own updates tell.
                if not executor_id:
                    sizing.forgotten(state, agent_id)
            case FromExecutor():
                pass  # Executors report results, not messages.
            case _:
                assert_never(inbox)
        if inbox != _NOTES:
            notes.ask(state, out)

    # ------------------------------------------------------------ for the host's readers

    def progress(self, job_id: str) -> tuple[int, int]:
        """(version of the status, number of results parts): what a waiting client compares. Raises UnknownId."""
        job = readers.job_of(self.state, job_id)
        return job.version, len(job.parts)

    def results_after(self, job_id: str, cursor: int) -> list[Part]:
        """The parts of results from number `cursor` on. Raises UnknownId."""
        return readers.job_of(self.state, job_id).parts[cursor:]

    def status(self, job_id: str) -> dict[str, Any]:
        """The job now, as plain data. Raises UnknownId."""
        return readers.status(self.state, job_id)

    def tasks(self, job_id: str) -> list[Row]:
        """Attempts in the order in which they were made, the last `rows_kept` of this life. Raises UnknownId."""
        return list(readers.job_of(self.state, job_id).rows.values())

    def where_ran(self, job_id: str, index: int) -> tuple[str, str, bool]:
        """(agent id, task id, whether each index has a sandbox of its own) of the input's last attempt. Raises UnknownId."""
        return readers.where_ran(self.state, job_id, index)

    def find(self, name_or_id: str) -> str:
        """The id of a job by its id, or of the newest of that name. Raises UnknownId."""
        return find(self.state.jobs, name_or_id, "job")

    # ------------------------------------------------------------ branches

    def _updated(self, status: TaskStatus, out: Outbox, now_ms: int) -> None:
        state = self.state
        if status.task_id == base.SENTINEL:
            self._reconciled(out, now_ms)
            return
        job = attempts.job_of_task(state, status.task_id)
        known = job is not None and status.task_id in job.chunks
        if not known and not state.subscription.reconciled and base.lives(status.state):
            self._again(status, out, now_ms)
        attempts.updated(state, status, out, now_ms)
        if job is not None:
            self._after_change(job.id, out, now_ms)

    def _again(self, status: TaskStatus, out: Outbox, now_ms: int) -> None:
        """A task of a former life lives. If that one wanted it killed, nobody may have heard."""
        if journal.running_again(self.state, status, now_ms):
            job = attempts.job_of_task(self.state, status.task_id)
            chunk = job.chunks[status.task_id] if job is not None else None
            if chunk is not None and chunk.kill is not None:
                timing.kill_again(self.state, chunk, chunk.kill, out, now_ms)

    def _after_change(self, job_id: str, out: Outbox, now_ms: int) -> None:
        state = self.state
        job = state.open.get(job_id)
        if job is None:
            return
        jobs.finish_if_done(state, job, out, now_ms)
        if state.subscription.settled:
            if job.state == FINISHED:
                wishes.wish_all(state, out, now_ms)  # Others may have come after it.
            else:
                wishes.after_change(state, job, out, now_ms)

    def _subscribed(self, message: Subscribed, out: Outbox, now_ms: int) -> None:
        state = self.state
        if base.subscribed(state.subscription, message, self._live_tasks(), out):
            out.persist(SubscriptionKept(state.subscription.framework_id, state.subscription.info.roles))
        timing.restart_clocks(state, out, now_ms)
        if state.subscription.settled:
            wishes.wish_all(state, out, now_ms)

    def _live_tasks(self) -> list[TaskRef]:
        return [
            TaskRef(c.row.id, c.row.agent_id)
            for j in self.state.open.values()
            for c in j.chunks.values()
            if not c.ended
        ]

    def _reconciled(self, out: Outbox, now_ms: int) -> None:
        settled = self.state.subscription.settled
        base.reconciled(self.state.subscription, out)
        if not settled:
            self._begin(out, now_ms)

    def _begin(self, out: Outbox, now_ms: int) -> None:
        """What former lives have left running is known, or was waited for long enough: what waits may start."""
        state = self.state
        state.subscription.settled = True
        journal.wait_again(state, out, now_ms)
        jobs.end_left_followers(state, out, now_ms)
        jobs.cycle(state, out, now_ms)

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
                    self._begin(out, now_ms)
            case "cycle":
                state.cycle_asked = False
                jobs.cycle(state, out, now_ms)
            case "retries":
                wishes.wish_all(state, out, now_ms)
            case "gang":
                placing.release_gang(state, out, now_ms)
            case "notes":
                notes.tell(state, out, now_ms)
            case _ if key.startswith(timing.LIMIT):
                jobs.enforce_limit(state, key.removeprefix(timing.LIMIT), out, now_ms)
            case _:
                raise InvariantBroken("batch.wake", f"woken for {key!r}")
