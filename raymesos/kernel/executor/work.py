"""Tasks and the shim that runs them: begun, ended, killed, out of time, and what is reported of each.

A task whose work reports parts waits while `kept_report_bytes` of reports lie here untaken, and every task waits while the shim is away; it stays STAGING, and
starts, first come first, when there is room again.
"""

from __future__ import annotations

from signal import Signals

from raymesos.kernel.executor import checks, groups, reports
from raymesos.kernel.executor.environment import environment, mem_limit_kb, work_of
from raymesos.kernel.executor.state import Begun, Ended, Killing, Running, State, Task, Waiting, reply_to
from raymesos.kernel.executor.subscription import report
from raymesos.kernel.volumes import volumes_of
from raymesos.machine import Outbox
from raymesos.model.tasks import Reason, TaskState
from raymesos.wire.messages import ForgetWork, KillLaunched, StartWork, StopWork, TaskInfo, WorkEnded, WorkStarted
from raymesos.wire.notes import EventNote

SHIM_LOST = "the shim that ran it was lost"


def launch(state: State, info: TaskInfo, out: Outbox, now_ms: int) -> None:
    """Start the task, or let it wait. One that is here already is left alone."""
    if info.task_id in state.tasks:
        return
    task = state.tasks[info.task_id] = Task(info, Waiting(), TaskState.STAGING)
    state.waiting[info.task_id] = None
    groups.joined(state, task)
    if state.leaving:
        _end_unstarted(state, now_ms, task, out)
        return
    if info.max_completion_ms is not None:
        out.wake(f"limit {info.task_id}", info.max_completion_ms)
    if _may_start(state, task):
        _start(state, now_ms, task, out)


def start_waiting(state: State, out: Outbox, now_ms: int) -> None:
    """Start what waits and may start now."""
    for task_id in list(state.waiting):
        task = state.tasks[task_id]
        if _may_start(state, task):
            _start(state, now_ms, task, out)


def started(state: State, message: WorkStarted, out: Outbox, now_ms: int) -> None:
    task = state.tasks.get(message.task_id)
    if task is None:
        out.send(state.shim_address, StopWork(message.task_id, 0))  # Of a former life: nobody waits for it.
    elif isinstance(task.phase, Begun):
        task.phase = Running()
        checks.begin(task, out, now_ms)
        _progress(state, now_ms, task, TaskState.RUNNING, out)


def ended(state: State, message: WorkEnded, out: Outbox, now_ms: int) -> None:
    """Report how the work ended. All its reports were forwarded before: the shim sends them first."""
    task = state.tasks.get(message.task_id)
    if task is None or (isinstance(task.phase, Ended) and task.phase.forgotten):
        out.send(state.shim_address, ForgetWork(message.task_id))
    elif not isinstance(task.phase, Ended):
        new, reason, text = _verdict(task.phase, message)
        _end(state, now_ms, task, new, out, reason=reason, message=text, usage=message.usage)


def kill(state: State, message: KillLaunched, out: Outbox, now_ms: int) -> None:
    """Stop the task within `grace_ms`; said again, perhaps with less grace, the shim hears it again. An ended or unknown task is left alone."""
    task = state.tasks.get(message.task_id)
    if task is not None:
        _stop(state, now_ms, task, message.grace_ms, Reason.NONE, out)


def out_of_time(state: State, task_id: str, out: Outbox, now_ms: int) -> None:
    """The task took longer than its `max_completion_ms`: stop it, with the grace that it names, else at once. (Mesos: at once)"""
    task = state.tasks.get(task_id)
    if task is not None and not isinstance(task.phase, Killing):
        _stop(state, now_ms, task, task.info.kill_grace_ms or 0, Reason.MAX_COMPLETION_TIME_REACHED, out)


def end_unfit(state: State, unfit: checks.Unfit | None, out: Outbox, now_ms: int) -> None:
    """Stop the task, with its grace, whose checks have failed once too often."""
    if unfit is not None:
        _stop(state, now_ms, unfit.task, _grace_ms(state, unfit.task), unfit.reason, out, because=unfit.text)


def end_broken_groups(state: State, out: Outbox, now_ms: int) -> None:
    """Stop, each with its grace, what is left of the groups of which a task failed or was killed. What is being stopped already keeps its time."""
    while state.broken:
        group_id, because = state.broken.popitem()
        for task_id in list(state.groups.get(group_id, ())):
            task = state.tasks[task_id]
            if not isinstance(task.phase, Killing):
                _stop(state, now_ms, task, _grace_ms(state, task), Reason.NONE, out, because=because)


def shut_down(state: State, grace_ms: int, out: Outbox, now_ms: int) -> None:
    """Stop everything; nothing starts any more."""
    if not state.leaving:
        state.leaving = True
        out.note(EventNote(now_ms, "executor leaving", state.executor_id, f"{len(state.tasks)} tasks"))
    for task in list(state.tasks.values()):
        _stop(state, now_ms, task, grace_ms, Reason.NONE, out)


def shim_down(state: State, out: Outbox, now_ms: int) -> None:
    """What ran in the shim is lost; what waits goes on waiting."""
    state.shim_is_up = False
    for task in list(state.tasks.values()):
        if isinstance(task.phase, Begun | Running | Killing):
            state.orphans[task.info.task_id] = None
            new, reason, text = TaskState.FAILED, Reason.EXECUTOR_TERMINATED, SHIM_LOST
            if isinstance(task.phase, Killing) and task.phase.why is Reason.NONE:
                new, reason = TaskState.KILLED, Reason.NONE
            _end(state, now_ms, task, new, out, reason=reason, message=text)


def shim_up(state: State, out: Outbox, now_ms: int) -> None:
    """The shim is there (again): end what it runs of the tasks that were given up, and start what waits.

    A new shim, too, may have heard of them: what was sent just before we learned that the former one is lost may have reached the new one.
    """
    for task_id in state.orphans:
        out.send(state.shim_address, StopWork(task_id, 0))
    state.orphans.clear()
    state.shim_is_up = True
    start_waiting(state, out, now_ms)


def _grace_ms(state: State, task: Task) -> int:
    """Of one that is ended without anybody asking for it."""
    return state.settings.kill_grace_ms if task.info.kill_grace_ms is None else task.info.kill_grace_ms


def _may_start(state: State, task: Task) -> bool:
    return state.shim_is_up and (not reply_to(task) or state.kept_bytes < state.settings.kept_report_bytes)


def _start(state: State, now_ms: int, task: Task, out: Outbox) -> None:
    info, work = task.info, work_of(task.info)
    del state.waiting[info.task_id]
    if work is None:
        text = "there is nothing to run: its executor is not its framework's own program"
        _end(state, now_ms, task, TaskState.ERROR, out, reason=Reason.TASK_INVALID, message=text)
        return
    task.phase = Begun()
    out.send(
        state.shim_address,
        StartWork(
            info.task_id,
            work,
            info.role,
            mem_limit_kb(info),
            environment(state, info),
            volumes_of(info.resources),
        ),
    )
    _progress(state, now_ms, task, TaskState.STARTING, out)


def _progress(state: State, now_ms: int, task: Task, new: TaskState, out: Outbox) -> None:
    """Report it, or soon: an update and its acknowledgement cross six hosts, which a task of a millisecond is not worth twice.

    Who launches single commands counts those that ran, so of these it is always told.
    """
    if state.settings.untold_ms == 0 or (new is TaskState.RUNNING and not reply_to(task)):
        state.untold.pop(task.info.task_id, None)
        report(state, now_ms, task, new, out)
        return
    if not state.untold:
        out.wake("tell", state.settings.untold_ms)
    state.untold[task.info.task_id] = new


def tell(state: State, out: Outbox, now_ms: int) -> None:
    """Report what was not worth it at once, and still is so."""
    untold, state.untold = state.untold, {}
    for task_id, new in untold.items():
        report(state, now_ms, state.tasks[task_id], new, out)


def _stop(state: State, now_ms: int, task: Task, grace_ms: int, why: Reason, out: Outbox, *, because: str = "") -> None:
    match task.phase:
        case Waiting():
            _end_unstarted(state, now_ms, task, out, why=why, because=because)
        case Begun() | Running():
            checks.stop(task, out)
            task.phase = Killing(why, because)
            state.untold.pop(task.info.task_id, None)
            out.send(state.shim_address, StopWork(task.info.task_id, grace_ms))
            report(state, now_ms, task, TaskState.KILLING, out, reason=why, message=because)
        case Killing():
            out.send(state.shim_address, StopWork(task.info.task_id, grace_ms))
        case Ended():
            pass


def _end_unstarted(
    state: State, now_ms: int, task: Task, out: Outbox, *, why: Reason = Reason.NONE, because: str = ""
) -> None:
    del state.waiting[task.info.task_id]
    if why is Reason.NONE:
        new, reason = TaskState.KILLED, Reason.TASK_KILLED_DURING_LAUNCH
        text = _joined(because, "killed before it was started")
    else:
        new, reason, text = TaskState.FAILED, why, "out of time before it was started"
    _end(state, now_ms, task, new, out, reason=reason, message=text)


def _end(
    state: State,
    now_ms: int,
    task: Task,
    new: TaskState,
    out: Outbox,
    *,
    reason: Reason,
    message: str,
    usage: tuple[tuple[str, int], ...] = (),
) -> None:
    task.phase = Ended()
    checks.ended(task, out, reason)
    state.untold.pop(task.info.task_id, None)
    if task.info.max_completion_ms is not None:
        out.sleep(f"limit {task.info.task_id}")
    report(state, now_ms, task, new, out, reason=reason, message=message, usage=usage)
    groups.left(state, task)
    reports.forget_work_if_done(state, task, out)


def _verdict(phase: Begun | Running | Killing | Waiting, ending: WorkEnded) -> tuple[TaskState, Reason, str]:
    """(state, reason, message) of work that ended so. Once a kill was asked for it is killed, whatever it died of: who was first cannot be told.

    Of one that is out of time, what the shim did of itself (a memory limit) says more: both are the user's to pay for.
    """
    text = ending.message or _how(ending)
    if isinstance(phase, Killing):
        if phase.why is Reason.NONE:
            return TaskState.KILLED, Reason.NONE, _joined(phase.because, text)
        if ending.reason in (Reason.NONE, Reason.EXECUTOR_TERMINATED):
            return TaskState.FAILED, phase.why, phase.because or f"out of time: {text}"
    if ending.reason is not Reason.NONE:
        return TaskState.FAILED, ending.reason, text
    if ending.signal is None and ending.exit_code is None:
        return TaskState.FAILED, Reason.CONTAINER_LAUNCH_FAILED, text
    if ending.exit_code == 0 and ending.signal is None:
        return TaskState.FINISHED, Reason.NONE, ending.message
    return TaskState.FAILED, Reason.NONE, text


def _joined(because: str, text: str) -> str:
    return f"{because}: {text}" if because else text


def _how(ending: WorkEnded) -> str:
    """`exit 3`, `killed by SIGSEGV (11)`."""
    if ending.signal is not None:
        return f"killed by {_signal_name(ending.signal)} ({ending.signal})"
    return "it never ran" if ending.exit_code is None else f"exit {ending.exit_code}"


def _signal_name(number: int) -> str:
    try:
        return Signals(number).name
    except ValueError:
        return "signal"
