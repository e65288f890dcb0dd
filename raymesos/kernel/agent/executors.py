"""Executors while they are wanted: started, subscribed, asked to subscribe again; tasks are handed over to those that are up."""

from __future__ import annotations

from collections.abc import Iterable

from raymesos.kernel.agent import groups, limits, stopping, updates
from raymesos.kernel.agent.state import (
    Executor,
    Fate,
    Framework,
    Reconnecting,
    Recovering,
    Running,
    Starting,
    State,
    Stopped,
    Stopping,
    Task,
    add_executor,
    add_task,
    event,
    executor_of,
    executors,
    framework_of,
    record_of,
    status_of,
    tasks_of,
    wake_key,
)
from raymesos.kernel.names import executor_address, launcher_address
from raymesos.machine import MASTER, Outbox
from raymesos.model.tasks import Reason, TaskState, is_terminal
from raymesos.wire.messages import (
    NOT_CHECKED,
    ExecutorExited,
    ExecutorInfo,
    ExecutorMessage,
    ExecutorReconnect,
    ExecutorRefused,
    ExecutorSubscribe,
    ExecutorSubscribed,
    ExecutorUpdate,
    KillLaunched,
    LaunchTasks,
    ShutdownExecutorNow,
    StartExecutor,
)


def start(
    state: State,
    framework: Framework,
    executor_id: str,
    out: Outbox,
    *,
    info: ExecutorInfo | None = None,
    for_groups: bool = False,
) -> Executor:
    """Ask the launcher for an executor, as its framework describes it if it does."""
    address = executor_address(state.info.name, executor_id, framework.id if info is not None else "")
    executor = Executor(framework.id, executor_id, address, Starting(), for_groups, info)
    add_executor(state, framework, executor)
    out.persist(record_of(framework, executor, address=""))
    out.send(launcher_address(state.info.name), StartExecutor(framework.id, executor_id, state.agent_id, info))
    out.wake(wake_key("executor", framework.id, executor_id), state.settings.executor_registration_ms)
    return executor


def hand_over(executor: Executor, tasks: list[Task], out: Outbox) -> None:
    """Give `tasks` to the executor if it is up; else they stay queued until it is."""
    if not tasks or not isinstance(executor.phase, Running):
        return
    for task in tasks:
        task.handed_over = True
    out.send(executor.address, LaunchTasks(tuple([t.info for t in tasks])))


def holder_of(state: State, executor_id: str) -> str | None:
    """The framework whose executor, which it did not describe, has this id here: the id is the executor's address, so that two frameworks cannot share it."""
    return next((e.framework_id for e in executors(state) if e.id == executor_id and e.info is None), None)


def refusal_of(state: State, message: ExecutorSubscribe) -> str | None:
    """Why who says that it is this executor cannot be it; None if it can.

    An executor that nobody asked for is kept: the host may start executors ahead of their first task. A custom one was asked for.
    """
    if isinstance(state.phase, Stopped):
        return "Agent is terminating"
    if message.custom:
        if message.framework_id not in state.frameworks:
            return "Framework cannot be found"
        executor = executor_of(state, message.framework_id, message.executor_id)
        return None if executor is not None and executor.is_custom else "Executor cannot be found"
    known = executor_of(state, message.framework_id, message.executor_id)
    if known is not None and known.info is not None:
        return None
    holder = holder_of(state, message.executor_id)
    return None if holder in (None, message.framework_id) else f"it is of framework {holder}"


def subscribed(state: State, sender: str, message: ExecutorSubscribe, out: Outbox, now_ms: int) -> None:
    """An executor is up, new or again: level what it holds with what we know, and hand over what waits for it."""
    why = refusal_of(state, message)
    if why is not None:
        out.send(sender, ExecutorRefused(why) if message.custom else ShutdownExecutorNow(0))
        event(out, now_ms, "executor refused", message.executor_id, f"framework {message.framework_id}: {why}")
        return
    executor = _present(state, sender, message, out)
    if isinstance(executor.phase, Stopping):
        out.send(sender, ShutdownExecutorNow(0))
        _take_updates(state, message, out, now_ms)
        stopping.force_if_empty(state, executor, out, now_ms)
        return
    out.sleep(wake_key("executor", executor.framework_id, executor.id))
    out.sleep(wake_key("ask", executor.framework_id, executor.id))
    executor.phase = Running()
    out.send(sender, _welcome(state, executor, message))
    _level(state, executor, message, out, now_ms)
    limits.tell(executor, state.info.name, out)
    framework = state.frameworks[message.framework_id]
    if framework.ending:
        stopping.ask(state, executor, stopping.FRAMEWORK_REMOVED, state.settings.kill_grace_ms, out, now_ms)
    else:
        groups.leave_if_done(state, executor, out, now_ms)


def updated(state: State, sender: str, message: ExecutorUpdate, out: Outbox, now_ms: int) -> None:
    """A status from an executor. One that is not subscribed with us must subscribe first, or its updates could pass each other."""
    executor = executor_of(state, message.framework_id, message.executor_id)
    if executor is None or not isinstance(executor.phase, Running | Stopping):
        out.send(sender, ExecutorReconnect())
        return
    updates.from_executor(state, message, out, now_ms)
    stopping.force_if_empty(state, executor, out, now_ms)
    groups.leave_if_done(state, executor, out, now_ms)


def reconnect(state: State, executor: Executor, within_ms: int, out: Outbox) -> None:
    """Messages may have been lost both ways: it is to subscribe again, or is lost after `within_ms`."""
    executor.phase = Reconnecting(state.settings.register_retry_ms)
    out.send(executor.address, ExecutorReconnect())
    out.wake(wake_key("ask", executor.framework_id, executor.id), state.settings.register_retry_ms)
    out.wake(wake_key("executor", executor.framework_id, executor.id), within_ms)


def link_changed(state: State, peer: str, out: Outbox, *, is_up: bool) -> None:
    """The link to an executor broke, or is new. One that we wait for already gets no more time."""
    for executor in executors(state):
        if executor.address != peer:
            continue
        if isinstance(executor.phase, Running):
            reconnect(state, executor, state.settings.executor_registration_ms, out)
        elif is_up and isinstance(executor.phase, Reconnecting):
            out.send(peer, ExecutorReconnect())


def ask_again(state: State, framework_id: str, executor_id: str, out: Outbox) -> None:
    executor = executor_of(state, framework_id, executor_id)
    if executor is None or not isinstance(executor.phase, Reconnecting):
        return
    executor.phase.retry_ms = min(2 * executor.phase.retry_ms, state.settings.register_retry_max_ms)
    out.send(executor.address, ExecutorReconnect())
    out.wake(wake_key("ask", framework_id, executor_id), executor.phase.retry_ms)


def overdue(state: State, framework_id: str, executor_id: str, out: Outbox, now_ms: int) -> None:
    """The executor did not do in time what its phase waits for."""
    executor = executor_of(state, framework_id, executor_id)
    match executor:
        case None | Executor(phase=Running()):
            return  # It came up in the very moment in which its time was over.
        case Executor(phase=Starting()):
            text = f"executor did not register within {state.settings.executor_registration_ms} ms"
            event(out, now_ms, "executor lost", executor_id, text)
            fate = Fate(TaskState.FAILED, Reason.EXECUTOR_REGISTRATION_TIMEOUT, text)
            stopping.force(state, executor, fate, out, now_ms)
        case Executor(phase=Reconnecting()):
            text = "executor did not subscribe again in time"
            event(out, now_ms, "executor lost", executor_id, text)
            fate = Fate(TaskState.FAILED, Reason.EXECUTOR_REREGISTRATION_TIMEOUT, text)
            stopping.force(state, executor, fate, out, now_ms)
        case Executor(phase=Stopping(fate=fate, forced=forced)):
            if forced:
                stopping.end(state, executor, fate, None, out, now_ms)
            else:
                stopping.force(state, executor, fate, out, now_ms)


def answer_unknown(state: State, pairs: Iterable[tuple[str, str]], out: Outbox) -> None:
    """The master believes these (framework id, executor id) to be here, as their frameworks described them: those that are not have ended."""
    for framework_id, executor_id in pairs:
        executor = executor_of(state, framework_id, executor_id)
        if executor is None or executor.info is None:
            out.send(MASTER, ExecutorExited(framework_id, executor_id, None))


def tell_who_we_are(state: State, out: Outbox) -> None:
    """Executors that are up learn who their agent is now."""
    for executor in executors(state):
        if isinstance(executor.phase, Running):
            framework = state.frameworks[executor.framework_id].info if executor.is_custom else None
            described = executor.info if executor.is_custom else None
            out.send(executor.address, ExecutorSubscribed(state.agent_id, state.info, described, framework))


def tell_of_kill(executor: Executor, task: Task, out: Outbox) -> None:
    """One whose link is broken is told when it has subscribed again."""
    if task.kill_grace_ms is not None and isinstance(executor.phase, Running | Stopping):
        overrides = task.kill_overrides and executor.is_custom  # Ours has no policy of its own.
        out.send(executor.address, KillLaunched(task.info.task_id, task.kill_grace_ms, overrides))


def relay(state: State, message: ExecutorMessage, out: Outbox) -> None:
    """Framework data on its way through, best effort."""
    executor = executor_of(state, message.framework_id, message.executor_id)
    if not message.down:
        out.send(MASTER, message)
    elif executor is not None and isinstance(executor.phase, Running):
        out.send(executor.address, message)


def _present(state: State, sender: str, message: ExecutorSubscribe, out: Outbox) -> Executor:
    framework = framework_of(state, message.framework_id)
    executor = framework.executors.get(message.executor_id)
    if executor is None:
        executor = Executor(framework.id, message.executor_id, sender, Running())
        add_executor(state, framework, executor)
        out.persist(record_of(framework, executor))
    elif executor.address != sender:
        executor.address = sender
        out.persist(record_of(framework, executor))
    return executor


def _welcome(state: State, executor: Executor, message: ExecutorSubscribe) -> ExecutorSubscribed:
    """What the executor is told. To who speaks for a custom one and has forgotten, the tasks that it goes on to have."""
    if not executor.is_custom:
        return ExecutorSubscribed(state.agent_id, state.info)
    kept = [t for t in tasks_of(state, executor) if t.state is not TaskState.STAGING] if message.partial else []
    framework = state.frameworks[executor.framework_id].info
    infos, states = tuple([t.info for t in kept]), tuple([t.state for t in kept])
    return ExecutorSubscribed(state.agent_id, state.info, executor.info, framework, infos, states)


def _level(state: State, executor: Executor, message: ExecutorSubscribe, out: Outbox, now_ms: int) -> None:
    """Afterwards each task is known on both sides, or on none."""
    framework = state.frameworks[executor.framework_id]
    held = {t.task_id: None for t in message.tasks}
    _adopt_or_kill(state, executor, message, out, now_ms)
    _take_updates(state, message, out, now_ms)
    again: list[Task] = []
    lost: list[Task] = []
    for task in tasks_of(state, executor):
        if task.info.task_id in held:
            tell_of_kill(executor, task, out)
        elif task.state is TaskState.STAGING:
            again.append(task)  # Queued, or lost on the way, or still on it: a second launch changes nothing.
        elif message.partial:
            tell_of_kill(executor, task, out)
        else:
            fate = Fate(TaskState.FAILED, Reason.EXECUTOR_TERMINATED, "executor restarted and has lost the task")
            told = status_of(state, now_ms, task.info.task_id, executor.id, stopping.fate_of(task, fate))
            updates.book(state, framework, told, out)
            lost.append(task)
    for task in again:
        task.handed_over = False
    for task in lost:
        groups.end_others(state, framework, task, out, now_ms)
    again = [task for task in again if not is_terminal(task.state)]
    hand_over(executor, again, out)
    for task in again:
        tell_of_kill(executor, task, out)


def _adopt_or_kill(state: State, executor: Executor, message: ExecutorSubscribe, out: Outbox, now_ms: int) -> None:
    """A restarted agent takes over what its executors run; later, a task that we do not know was given up and must not run."""
    framework = state.frameworks[executor.framework_id]
    reported = {u.task_id: None for u in message.updates}
    states = message.states or (TaskState.STAGING,) * len(message.tasks)
    conditions = message.conditions or (NOT_CHECKED,) * len(message.tasks)
    for info, task_state, condition in zip(message.tasks, states, conditions, strict=True):
        known = info.task_id in framework.tasks or (framework.id, info.task_id) in state.ended
        if known or (is_terminal(task_state) and info.task_id not in reported):
            continue
        if not isinstance(state.phase, Recovering):
            out.send(executor.address, KillLaunched(info.task_id, 0))
            continue
        # With updates to come, its state is what they make of it.
        now = TaskState.STAGING if info.task_id in reported else task_state
        if not state.free.contains(info.resources):  # The agent has less than before. It runs, so it is kept.
            event(out, now_ms, "agent overcommitted", info.task_id, f"{info.resources} of {state.free} free")
        task = add_task(state, framework, executor.id, info, now)
        task.handed_over, task.condition = True, condition


def _take_updates(state: State, message: ExecutorSubscribe, out: Outbox, now_ms: int) -> None:
    for status in message.updates:
        update = ExecutorUpdate(message.framework_id, message.executor_id, status)
        updates.from_executor(state, update, out, now_ms)
