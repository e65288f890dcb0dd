"""Checks of health and readiness of running tasks: when they are due, what their answers count for, and when a task has to end for them.

A task that runs is probed after the delay of its check and then again and again, an interval after each answer; one probe of a check is under way at a time.
(Mesos: checks/health_checker.cpp, checks/checker.cpp)
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from raymesos.kernel.executor.state import Checking, Running, State, Task
from raymesos.kernel.executor.subscription import report
from raymesos.kernel.names import prober_address
from raymesos.machine import Outbox
from raymesos.model.tasks import Reason, TaskState
from raymesos.wire.messages import Check, Checked, Probe, Probed, TaskInfo

HEALTH = "health"
READINESS = "readiness"
DEADLINE = "deadline"


@dataclass(frozen=True, slots=True)
class Unfit:
    """The task has to end for its checks."""

    task: Task
    reason: Reason
    text: str


def begin(task: Task, out: Outbox, now_ms: int) -> None:
    """The task runs: its checks begin after their delays."""
    info = task.info
    if info.health is not None:
        task.health = Checking(info.health, now_ms)
        out.wake(f"{HEALTH} {info.task_id}", info.health.delay_ms)
    if info.readiness is not None:
        task.readiness = Checking(info.readiness, now_ms, seen=Checked(info.readiness.kind))
        out.wake(f"{READINESS} {info.task_id}", info.readiness.delay_ms)
        if info.readiness.deadline_ms is not None:
            out.wake(f"{DEADLINE} {info.task_id}", info.readiness.deadline_ms)


def stop(task: Task, out: Outbox) -> None:
    """Nothing is asked any more; what was said last stays."""
    for kind, checking in ((HEALTH, task.health), (READINESS, task.readiness)):
        if checking is not None:
            checking.awaited = 0
            out.sleep(f"{kind} {task.info.task_id}")
    if task.readiness is not None:
        out.sleep(f"{DEADLINE} {task.info.task_id}")


def ended(task: Task, out: Outbox, reason: Reason) -> None:
    """The task is over: of its condition is told only that it was not healthy, and only if it ended for that. (Mesos: executor.cpp, reaped)"""
    stop(task, out)
    task.readiness = None
    if reason is not Reason.TASK_HEALTH_CHECK_STATUS_UPDATED:
        task.health = None


def due(state: State, kind: str, task_id: str, out: Outbox, now_ms: int) -> Unfit | None:
    """A check is due: probe. If a probe is still under way, its prober is lost, and it has failed."""
    task, checking = _running(state, kind, task_id)
    if task is None or checking is None:
        return None
    if checking.awaited:
        silent = Probed(task_id, checking.awaited, ok=False, text="the prober did not answer")
        return _take(state, kind, task, checking, silent, out, now_ms)
    state.probed += 1
    checking.awaited = state.probed
    check = _with_port(checking.check, task.info)
    out.send(prober_address(state.shim_address), Probe(task_id, state.probed, check, kind))
    out.wake(f"{kind} {task_id}", checking.check.timeout_ms + state.settings.probe_slack_ms)
    return None


def probed(state: State, answer: Probed, out: Outbox, now_ms: int) -> Unfit | None:
    """Book the answer of a probe that is awaited; another comes too late and changes nothing."""
    for kind in (HEALTH, READINESS):
        task, checking = _running(state, kind, answer.task_id)
        if task is not None and checking is not None and checking.awaited == answer.number:
            return _take(state, kind, task, checking, answer, out, now_ms)
    return None


def not_ready_in_time(state: State, task_id: str) -> Unfit | None:
    """The deadline of the task's readiness is over."""
    task, checking = _running(state, READINESS, task_id)
    if task is None or checking is None or checking.passed or checking.check.deadline_ms is None:
        return None
    text = f"not ready within {checking.check.deadline_ms / 1000:g} s"
    return Unfit(task, Reason.TASK_CHECK_STATUS_UPDATED, f"{text}: {checking.text or 'no answer yet'}")


def _running(state: State, kind: str, task_id: str) -> tuple[Task | None, Checking | None]:
    task = state.tasks.get(task_id)
    if task is None or not isinstance(task.phase, Running):
        return None, None
    return task, task.health if kind == HEALTH else task.readiness


def _take(
    state: State, kind: str, task: Task, checking: Checking, answer: Probed, out: Outbox, now_ms: int
) -> Unfit | None:
    checking.awaited, checking.text = 0, answer.text
    checking.passed = checking.passed or answer.ok
    out.wake(f"{kind} {task.info.task_id}", _pause_ms(state, kind, checking, ok=answer.ok))
    if kind == HEALTH:
        return _health(state, task, checking, answer, out, now_ms)
    _readiness(state, task, checking, answer, out, now_ms)
    return None


def _pause_ms(state: State, kind: str, checking: Checking, *, ok: bool) -> int:
    interval_ms = checking.check.interval_ms
    if kind == READINESS and ok and not checking.check.tells_values:
        return max(interval_ms, state.settings.ready_interval_ms)
    return interval_ms


def _health(state: State, task: Task, checking: Checking, answer: Probed, out: Outbox, now_ms: int) -> Unfit | None:
    """Told when it changes, and each time that it is bad. (Mesos: so too)"""
    if answer.ok:
        checking.failures = 0
        if checking.well is not True:
            checking.well = True
            _tell(state, task, Reason.TASK_HEALTH_CHECK_STATUS_UPDATED, "", out, now_ms)
        return None
    if not checking.passed and now_ms - checking.since_ms <= checking.check.grace_ms:
        return None
    checking.failures += 1
    checking.well = False
    if checking.failures < checking.check.failures:
        _tell(state, task, Reason.TASK_HEALTH_CHECK_STATUS_UPDATED, answer.text, out, now_ms)
        return None
    times = f" {checking.failures} times in a row" if checking.failures > 1 else ""
    return Unfit(task, Reason.TASK_HEALTH_CHECK_STATUS_UPDATED, f"failed its health check{times}: {answer.text}")


def _readiness(state: State, task: Task, checking: Checking, answer: Probed, out: Outbox, now_ms: int) -> None:
    """Told when it changes."""
    before = (checking.well, checking.seen)
    checking.well, checking.seen = answer.ok, Checked(checking.check.kind, answer.value)
    if answer.ok:
        out.sleep(f"{DEADLINE} {task.info.task_id}")
    now = (checking.well, checking.seen)
    if now != before if checking.check.tells_values else now[0] is not before[0]:
        text = "" if answer.ok else answer.text
        _tell(state, task, Reason.TASK_CHECK_STATUS_UPDATED, text, out, now_ms)


def _tell(state: State, task: Task, reason: Reason, text: str, out: Outbox, now_ms: int) -> None:
    state.untold.pop(task.info.task_id, None)
    report(state, now_ms, task, TaskState.RUNNING, out, reason=reason, message=text)


def _with_port(check: Check, info: TaskInfo) -> Check:
    """Without a port of its own it is the task's first one."""
    ports = info.resources.ranges("ports")
    return replace(check, port=ports[0][0]) if not check.port and ports else check
