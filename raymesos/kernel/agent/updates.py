"""Status updates on their way to the master: in order for each task, one at a time, resent until acknowledged.

An acknowledgement of the master is passed on to the executor that made the update; then both have forgotten it.
"""

from __future__ import annotations

from dataclasses import replace

from raymesos.kernel.agent import limits
from raymesos.kernel.agent.state import (
    Fate,
    Framework,
    Joining,
    Leaving,
    State,
    Stopping,
    Stream,
    event,
    executor_of,
    forget_if_idle,
    is_connected,
    set_state,
    wake_key,
)
from raymesos.machine import MASTER, Outbox
from raymesos.model.tasks import Reason, Source, TaskState, is_terminal, may_follow
from raymesos.wire.messages import (
    ExecutorAcknowledged,
    ExecutorUpdate,
    StatusAcknowledged,
    StatusUpdate,
    TaskStatus,
)


def from_executor(state: State, message: ExecutorUpdate, out: Outbox, now_ms: int) -> None:
    """Book an update of a subscribed executor. One that is known or comes too late is acknowledged to the executor if it may drop it."""
    status = message.status
    framework = state.frameworks[message.framework_id]
    task = framework.tasks.get(status.task_id)
    stream = framework.streams.get(status.task_id)
    if stream is not None and status.uuid in stream.pending:
        return
    if task is None or (stream is not None and status.uuid in stream.acknowledged):
        _to_executor(state, framework, message.executor_id, status, out)
        return
    if not may_follow(task.state, status.state):
        text = f"{task.state} to {status.state} of {message.executor_id}"
        event(out, now_ms, "update ignored", status.task_id, text)
        _to_executor(state, framework, message.executor_id, status, out)
        return
    if status.reason is Reason.CONTAINER_LIMITATION_MEMORY:
        event(out, now_ms, "task over memory", status.task_id, status.message)
    book(state, framework, _completed(state, framework, message.executor_id, status), out)


def book(state: State, framework: Framework, status: TaskStatus, out: Outbox) -> None:
    """Put `status` behind what the master has not acknowledged of its task, and the task in its state; the first in line is sent at once."""
    task = framework.tasks.get(status.task_id)
    if task is not None:
        set_state(state, task, status.state)
        task.condition = status.condition
        if is_terminal(status.state):
            limits.ended(framework.executors[task.executor_id], out)
    stream = framework.streams.get(status.task_id)
    if stream is None:
        stream = framework.streams[status.task_id] = Stream(retry_ms=state.settings.update_retry_ms)
    stream.pending[status.uuid] = status
    if len(stream.pending) == 1:
        _send_first(state, framework.id, stream, out)
    elif len(stream.pending) > state.settings.pending_updates_per_task:
        _drop_one(state, framework, stream, out)


def resend(state: State, framework_id: str, task_id: str, out: Outbox) -> None:
    """The master has not acknowledged in time."""
    framework = state.frameworks.get(framework_id)
    stream = framework.streams.get(task_id) if framework is not None else None
    if stream is not None and stream.pending:
        _send_first(state, framework_id, stream, out)


def resend_all(state: State, out: Outbox) -> None:
    """The master listens again: the first of each stream goes out now, with the shortest wait before the next time."""
    for framework in state.frameworks.values():
        for stream in framework.streams.values():
            if stream.pending:
                stream.retry_ms = state.settings.update_retry_ms
                _send_first(state, framework.id, stream, out)


def acknowledged(state: State, message: StatusAcknowledged, out: Outbox) -> None:
    """The framework has the update: tell its executor, send the next one; with the last one the task is forgotten."""
    framework = state.frameworks.get(message.framework_id)
    stream = framework.streams.get(message.task_id) if framework is not None else None
    if framework is None or stream is None or next(iter(stream.pending), "") != message.uuid:
        return  # Acknowledged twice: the update was resent while the first acknowledgement was on its way.
    if isinstance(state.phase, Joining) and is_terminal(stream.pending[message.uuid].state):
        # It met our registration, which lists the task: forgotten here it would stay on the master's books. It is sent again.
        return
    status = stream.pending.pop(message.uuid)
    _remember(stream, message.uuid, state.settings.pending_updates_per_task)
    stream.retry_ms = state.settings.update_retry_ms
    out.sleep(wake_key("update", framework.id, message.task_id))
    _to_executor(state, framework, status.executor_id, status, out)
    if is_terminal(status.state):
        _forget(state, framework, message.task_id)
    elif stream.pending:
        _send_first(state, framework.id, stream, out)


def drop_framework(state: State, framework: Framework, out: Outbox) -> None:
    """Nobody waits for the updates of a framework of which nothing runs: forget them, and the framework."""
    for task_id in list(framework.streams):
        out.sleep(wake_key("update", framework.id, task_id))
        _forget(state, framework, task_id)


def _send_first(state: State, framework_id: str, stream: Stream, out: Outbox) -> None:
    if not is_connected(state):
        return  # `resend_all` sends it when the agent is registered again.
    status = next(iter(stream.pending.values()))
    latest = next(reversed(stream.pending.values())).state
    out.send(MASTER, StatusUpdate(framework_id, status, latest))
    out.wake(wake_key("update", framework_id, status.task_id), stream.retry_ms)
    stream.retry_ms = min(stream.retry_ms * 2, state.settings.update_retry_max_ms)


def _drop_one(state: State, framework: Framework, stream: Stream, out: Outbox) -> None:
    """Give up the oldest update that is not with the master. It is not an end: nothing follows an end."""
    uuids = iter(stream.pending)
    next(uuids)
    status = stream.pending.pop(next(uuids))
    _remember(stream, status.uuid, state.settings.pending_updates_per_task)
    _to_executor(state, framework, status.executor_id, status, out)


def _remember(stream: Stream, uuid: str, bound: int) -> None:
    stream.acknowledged[uuid] = None
    if len(stream.acknowledged) > bound:
        del stream.acknowledged[next(iter(stream.acknowledged))]


def _forget(state: State, framework: Framework, task_id: str) -> None:
    framework.tasks.pop(task_id, None)
    del framework.streams[task_id]
    state.ended[framework.id, task_id] = None
    if len(state.ended) > state.settings.ended_tasks:
        del state.ended[next(iter(state.ended))]
    forget_if_idle(state, framework)


def _to_executor(state: State, framework: Framework, executor_id: str, status: TaskStatus, out: Outbox) -> None:
    executor = framework.executors.get(executor_id)
    if executor is not None:
        out.send(executor.address, ExecutorAcknowledged(status.task_id, status.uuid))


def _completed(state: State, framework: Framework, executor_id: str, status: TaskStatus) -> TaskStatus:
    """The update with what only the agent knows: its own id, and why it had the task killed."""
    reason = status.reason
    task = framework.tasks.get(status.task_id)
    if task is not None and task.fate is not None and status.state in (TaskState.KILLING, TaskState.KILLED):
        return _fated(state, executor_id, status, task.fate)
    if reason is Reason.NONE and status.state in (TaskState.KILLING, TaskState.KILLED):
        reason = _why_killed(state, framework.id, executor_id)
    if status.agent_id == state.agent_id and status.executor_id == executor_id and reason is status.reason:
        return status
    return replace(status, agent_id=state.agent_id, executor_id=executor_id, reason=reason)


def _fated(state: State, executor_id: str, status: TaskStatus, fate: Fate) -> TaskStatus:
    """On its way there it is only being killed; then it is what the agent has made of it."""
    new = status.state if status.state is TaskState.KILLING else fate.state
    told = replace(status, agent_id=state.agent_id, executor_id=executor_id, source=Source.AGENT)
    return replace(told, state=new, reason=fate.reason, message=fate.message)


def _why_killed(state: State, framework_id: str, executor_id: str) -> Reason:
    if isinstance(state.phase, Leaving):
        return Reason.AGENT_DRAINING
    executor = executor_of(state, framework_id, executor_id)
    if executor is not None and isinstance(executor.phase, Stopping) and executor.phase.fate.state is TaskState.KILLED:
        return executor.phase.fate.reason
    return Reason.NONE
