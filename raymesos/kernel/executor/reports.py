"""Reports of work with many parts, on their way to the framework that waits for them: kept until taken, bounded by making new work wait."""

from __future__ import annotations

from dataclasses import replace

from raymesos.kernel.executor.state import Ended, Kept, Killing, Receiver, State, Task, forget_if_done, reply_to
from raymesos.machine import Outbox
from raymesos.wire.messages import ForgetWork
from raymesos.wire.work import WorkReport, WorkReportTaken

# What a report costs here beside its results and errors, about.
REPORT_BYTES = 500


def forward(state: State, report: WorkReport, out: Outbox, now_ms: int) -> None:
    """Send a report of the shim to the framework of its task and keep it. One that is kept already, or of an unknown task, changes nothing.

    Of a task that is being killed it lays the death to no input, as the task's own end does not.
    """
    task = state.tasks.get(report.task_id)
    address = reply_to(task) if task is not None else ""
    if task is None or not address or (isinstance(task.phase, Ended) and task.phase.forgotten):
        return
    receiver = state.receivers.get(address)
    if receiver is None:
        receiver = state.receivers[address] = Receiver(address, retry_ms=state.settings.report_retry_ms)
    if isinstance(task.phase, Killing):
        report = replace(report, culprit=None, culprit_error="")
    key = (report.task_id, report.part)
    if key in receiver.kept:
        return
    if not receiver.kept:
        out.wake(f"reports {address}", receiver.retry_ms)
    kept = receiver.kept[key] = Kept(report, _size(report), now_ms)
    state.kept_bytes += kept.size
    task.reports += 1
    if receiver.is_up:
        out.send(address, report)


def taken(state: State, message: WorkReportTaken, out: Outbox) -> None:
    """The framework has the part: drop it; with the last part of an ended task the shim drops the task."""
    task = state.tasks.get(message.task_id)
    receiver = state.receivers.get(reply_to(task)) if task is not None else None
    kept = receiver.kept.pop((message.task_id, message.part), None) if receiver is not None else None
    if task is None or receiver is None or kept is None:
        return
    state.kept_bytes -= kept.size
    receiver.retry_ms = state.settings.report_retry_ms
    if not receiver.kept:
        out.sleep(f"reports {receiver.address}")
        del state.receivers[receiver.address]
    task.reports -= 1
    forget_work_if_done(state, task, out)


def resend(state: State, address: str, out: Outbox, now_ms: int) -> None:
    """Send again what was sent so long ago that it may be lost, oldest first and not too much at once."""
    receiver = state.receivers.get(address)
    if receiver is None:
        return
    # To a framework whose link is down one is enough: a link shows that it is up again only when something is sent.
    limit = state.settings.reports_per_resend if receiver.is_up else 1
    old = [k for k in receiver.kept.values() if k.sent_ms <= now_ms - receiver.retry_ms]
    for kept in old[:limit]:
        kept.sent_ms = now_ms
        out.send(address, kept.report)
    receiver.retry_ms = min(2 * receiver.retry_ms, state.settings.report_retry_max_ms)
    out.wake(f"reports {address}", receiver.retry_ms)


def link_down(state: State, address: str) -> None:
    receiver = state.receivers.get(address)
    if receiver is not None:
        receiver.is_up = False


def link_up(state: State, address: str, out: Outbox, now_ms: int) -> None:
    """The framework is there again, perhaps without memory: it gets all that it has not taken."""
    receiver = state.receivers.get(address)
    if receiver is None:
        return
    receiver.is_up = True
    receiver.retry_ms = state.settings.report_retry_ms
    for kept in receiver.kept.values():
        kept.sent_ms = now_ms
        out.send(address, kept.report)
    out.wake(f"reports {address}", receiver.retry_ms)


def forget_work_if_done(state: State, task: Task, out: Outbox) -> None:
    """The shim may drop what it has of a task that ended and of which all reports are taken."""
    if isinstance(task.phase, Ended) and not task.phase.forgotten and task.reports == 0:
        task.phase.forgotten = True
        out.send(state.shim_address, ForgetWork(task.info.task_id))
        forget_if_done(state, task)


def _size(report: WorkReport) -> int:
    return REPORT_BYTES + len(report.results.inline) + sum(100 + len(f.error) for f in report.failed)
