"""How an executor ends: asked to leave, made to, or lost; and what becomes of its tasks.

Asked (`ShutdownExecutorNow`), it kills its tasks and reports them; when the last has ended, or its time is over, the launcher ends the process. Tasks that
had not ended by themselves get the executor's `Fate` when the process is known to be gone.
"""

from __future__ import annotations

from dataclasses import replace

from raymesos.kernel.agent import operations, updates
from raymesos.kernel.agent.state import (
    Executor,
    Fate,
    Framework,
    Joined,
    Leaving,
    Starting,
    State,
    Stopped,
    Stopping,
    Task,
    drop_executor,
    event,
    executor_of,
    executors,
    forget_if_idle,
    is_connected,
    status_of,
    tasks_of,
    wake_key,
)
from raymesos.kernel.names import executor_address, launcher_address
from raymesos.machine import MASTER, Outbox
from raymesos.model.resources import EMPTY
from raymesos.model.tasks import Reason, TaskState
from raymesos.wire.messages import (
    ExecutorDropped,
    ExecutorExited,
    ExecutorLost,
    ExecutorRefused,
    ShutdownExecutorNow,
    ShutdownFramework,
    ShutdownOneExecutor,
    StopExecutor,
    UnregisterAgent,
)

FRAMEWORK_REMOVED = Fate(TaskState.KILLED, Reason.FRAMEWORK_REMOVED, "its framework was removed")
AGENT_LEAVES = Fate(TaskState.KILLED, Reason.AGENT_DRAINING, "its agent leaves the cluster")
EXECUTOR_SHUT_DOWN = Fate(TaskState.FAILED, Reason.EXECUTOR_TERMINATED, "its executor was shut down")


def shutdown_framework(state: State, message: ShutdownFramework, out: Outbox, now_ms: int) -> None:
    """Kill everything of the framework. Said again when nothing runs any more, it also drops updates that nobody acknowledged."""
    operations.drop_framework(state, message.framework_id, out)
    framework = state.frameworks.get(message.framework_id)
    if framework is None:
        return
    if framework.ending and not framework.executors:
        updates.drop_framework(state, framework, out)
        return
    framework.ending = True
    _ask_all(state, framework, FRAMEWORK_REMOVED, _grace(state, None), out, now_ms)
    forget_if_idle(state, framework)


def shutdown_executor(state: State, message: ShutdownOneExecutor, out: Outbox, now_ms: int) -> None:
    executor = executor_of(state, message.framework_id, message.executor_id)
    if executor is not None and not isinstance(executor.phase, Stopping):
        ask(state, executor, EXECUTOR_SHUT_DOWN, _grace(state, None), out, now_ms)


def leave(state: State, grace_ms: int | None, out: Outbox, now_ms: int) -> None:
    """Kill everything; `finish_leaving` unregisters when nothing is left, the wake `leave` when time is over."""
    if isinstance(state.phase, Leaving | Stopped):
        return
    heard = isinstance(state.phase, Joined)
    state.phase = Leaving()
    out.sleep("register")
    out.sleep("ping")
    grace_ms = _grace(state, grace_ms)
    event(out, now_ms, "agent leaving", state.agent_id or state.info.name, f"tasks have {grace_ms} ms to end")
    for framework in list(state.frameworks.values()):
        _ask_all(state, framework, AGENT_LEAVES, grace_ms, out, now_ms)
    if not heard:
        updates.resend_all(state, out)
    # Twice: once for executors to end their tasks, once for the launcher to end executors.
    grace_ms = max([grace_ms, *[shutdown_grace(state, e) for e in executors(state) if e.is_custom]])
    out.wake("leave", grace_ms + 2 * state.settings.executor_shutdown_ms)


def finish_leaving(state: State, out: Outbox, now_ms: int, *, in_time: bool) -> None:
    """Unregister once nothing runs and nothing is unacknowledged, or at once when time is over."""
    if not isinstance(state.phase, Leaving):
        return
    if in_time and (executors(state) or any(s.pending for f in state.frameworks.values() for s in f.streams.values())):
        return
    if state.agent_id:
        out.send(MASTER, UnregisterAgent(state.agent_id))
    stop_everything(state, "left", out, now_ms)


def stop_everything(state: State, reason: str, out: Outbox, now_ms: int) -> None:
    """End all executors at once, forget everything and never act again."""
    end_everything(state, out)
    state.phase = Stopped(reason)
    event(out, now_ms, "agent stopped", state.agent_id or state.info.name, reason)


def end_everything(state: State, out: Outbox) -> None:
    """End all executors at once, and forget everything that ran here."""
    for executor in executors(state):
        out.send(launcher_address(state.info.name), StopExecutor(executor.framework_id, executor.id))
        _drop(state, executor, out)
    for framework in state.frameworks.values():
        for task_id in framework.streams:
            out.sleep(wake_key("update", framework.id, task_id))
    state.frameworks.clear()
    state.used = EMPTY
    for key in ("register", "ping", "leave"):
        out.sleep(key)


def ask(state: State, executor: Executor, fate: Fate, grace_ms: int, out: Outbox, now_ms: int) -> None:
    """The executor is to kill its tasks, each with `grace_ms`, and leave. Queued tasks meet their fate now."""
    was_up = not isinstance(executor.phase, Starting)
    executor.phase = Stopping(fate)
    out.sleep(wake_key("ask", executor.framework_id, executor.id))
    _end_tasks(state, executor, fate, out, now_ms, queued_only=True)
    if was_up and executor.is_custom:  # It has its own grace, and leaves by itself.
        grace_ms = shutdown_grace(state, executor)
        out.send(executor.address, ShutdownExecutorNow(grace_ms))
        out.wake(wake_key("executor", executor.framework_id, executor.id), grace_ms)
    elif was_up and tasks_of(state, executor):
        out.send(executor.address, ShutdownExecutorNow(grace_ms))
        margin_ms = max(0, state.settings.executor_shutdown_ms - state.settings.kill_grace_ms)
        out.wake(wake_key("executor", executor.framework_id, executor.id), grace_ms + margin_ms)
    else:
        force(state, executor, fate, out, now_ms)


def force(state: State, executor: Executor, fate: Fate, out: Outbox, now_ms: int) -> None:
    """The launcher is to end the process; its word, or time, ends the executor. Queued tasks meet their fate now."""
    executor.phase = Stopping(fate, forced=True)
    out.sleep(wake_key("ask", executor.framework_id, executor.id))
    _end_tasks(state, executor, fate, out, now_ms, queued_only=True)
    out.send(launcher_address(state.info.name), StopExecutor(executor.framework_id, executor.id))
    out.wake(wake_key("executor", executor.framework_id, executor.id), state.settings.executor_shutdown_ms)


def force_if_empty(state: State, executor: Executor, out: Outbox, now_ms: int) -> None:
    """An executor that was asked to leave and has no task left is ended."""
    if executor.is_custom or not isinstance(executor.phase, Stopping) or executor.phase.forced:
        return
    if not tasks_of(state, executor):
        force(state, executor, executor.phase.fate, out, now_ms)


def lost(state: State, message: ExecutorLost, out: Outbox, now_ms: int) -> None:
    """The launcher says that the process ended, or never began."""
    executor = executor_of(state, message.framework_id, message.executor_id)
    if executor is None:
        return
    if isinstance(executor.phase, Stopping):
        fate = executor.phase.fate
    elif isinstance(executor.phase, Starting):
        fate = Fate(
            TaskState.FAILED, Reason.EXECUTOR_REGISTRATION_TIMEOUT, f"executor never came up: {message.message}"
        )
    else:
        fate = Fate(TaskState.FAILED, Reason.EXECUTOR_TERMINATED, f"executor terminated: {message.message}")
    if message.reason is not Reason.NONE and not isinstance(executor.phase, Stopping):
        fate = Fate(TaskState.FAILED, message.reason, message.message)
    if not isinstance(executor.phase, Stopping):
        event(out, now_ms, "executor lost", executor.id, message.message)
    end(state, executor, fate, message.exit_status, out, now_ms)


def end(state: State, executor: Executor, fate: Fate, exit_status: int | None, out: Outbox, now_ms: int) -> None:
    """The executor is no more: its tasks meet `fate`, the master is told."""
    _end_tasks(state, executor, fate, out, now_ms, queued_only=False)
    framework = state.frameworks[executor.framework_id]
    _drop(state, executor, out)
    # Of one that is on the master's books it hears while we ask to be registered, too: what we said then may be older than this end.
    if is_connected(state) or executor.info is not None:
        out.send(MASTER, ExecutorExited(executor.framework_id, executor.id, exit_status))
    forget_if_idle(state, framework)


def _ask_all(state: State, framework: Framework, fate: Fate, grace_ms: int, out: Outbox, now_ms: int) -> None:
    for executor in list(framework.executors.values()):
        if not isinstance(executor.phase, Stopping):
            ask(state, executor, fate, grace_ms, out, now_ms)
        elif not executor.phase.forced:
            executor.phase = Stopping(fate)


def _end_tasks(state: State, executor: Executor, fate: Fate, out: Outbox, now_ms: int, *, queued_only: bool) -> None:
    framework = state.frameworks[executor.framework_id]
    for task in tasks_of(state, executor):
        if not (queued_only and task.handed_over):
            told = status_of(state, now_ms, task.info.task_id, executor.id, fate_of(task, fate))
            updates.book(state, framework, told, out)


def fate_of(task: Task, fate: Fate) -> Fate:
    """What is reported of the task when its executor ends so. One that was being killed is killed: why, says who asked for it."""
    if task.fate is not None:
        return task.fate
    killed = task.kill_grace_ms is not None and fate.state is TaskState.FAILED
    return replace(fate, state=TaskState.KILLED, reason=Reason.NONE) if killed else fate


def _drop(state: State, executor: Executor, out: Outbox) -> None:
    drop_executor(state, executor)
    out.sleep(wake_key("executor", executor.framework_id, executor.id))
    out.sleep(wake_key("ask", executor.framework_id, executor.id))
    out.sleep(wake_key("limit", executor.framework_id, executor.id))
    out.persist(ExecutorDropped(executor.framework_id, executor.id))
    if executor.is_custom and executor.address != executor_address(state.info.name, executor.id, executor.framework_id):
        out.send(executor.address, ExecutorRefused("Executor has ended"))  # Who spoke for it need not any more.


def shutdown_grace(state: State, executor: Executor) -> int:
    """How long a custom executor has between being told to leave and being made to, in ms."""
    own_ms = executor.info.shutdown_grace_ms if executor.info is not None else None
    return state.settings.executor_shutdown_ms if own_ms is None else own_ms


def _grace(state: State, grace_ms: int | None) -> int:
    return state.settings.kill_grace_ms if grace_ms is None else grace_ms
