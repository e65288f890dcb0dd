"""The executor and its agent: subscribed, and again whenever messages between the two may have been lost; updates kept until acknowledged."""

from __future__ import annotations

from raymesos.kernel.executor.state import State, Subscribed, Subscribing, Task, forget_if_done
from raymesos.machine import Outbox
from raymesos.model.tasks import Reason, Source, TaskState, is_terminal
from raymesos.wire.messages import (
    NOT_CHECKED,
    ExecutorAcknowledged,
    ExecutorSubscribe,
    ExecutorSubscribed,
    ExecutorUpdate,
    TaskStatus,
)


def subscribe(state: State, out: Outbox) -> None:
    """Tell the agent all that is held, at once and then with doubling pauses until it answers. Meanwhile no update leaves: they stay in order."""
    state.phase = Subscribing(state.settings.subscribe_retry_ms)
    _ask(state, out)
    out.wake("subscribe", state.phase.retry_ms)


def ask_again(state: State, out: Outbox) -> None:
    if isinstance(state.phase, Subscribing):
        state.phase.retry_ms = min(2 * state.phase.retry_ms, state.settings.subscribe_retry_max_ms)
        _ask(state, out)
        out.wake("subscribe", state.phase.retry_ms)


def wait(state: State, out: Outbox) -> None:
    """The link to the agent broke: hold everything and ask again after a while."""
    state.phase = Subscribing(state.settings.subscribe_retry_ms)
    out.wake("subscribe", state.phase.retry_ms)


def subscribed(state: State, message: ExecutorSubscribed, out: Outbox) -> None:
    """The agent has what we held; what came up since follows."""
    state.phase = Subscribed()
    state.agent_id, state.agent = message.agent_id, message.agent
    out.sleep("subscribe")
    for status in state.unsent:
        out.send(state.agent_address, ExecutorUpdate(state.framework_id, state.executor_id, status))
    state.unsent.clear()


def acknowledged(state: State, message: ExecutorAcknowledged) -> None:
    task = state.tasks.get(message.task_id)
    if task is not None:
        task.updates.pop(message.uuid, None)
        forget_if_done(state, task)


def report(
    state: State,
    now_ms: int,
    task: Task,
    new: TaskState,
    out: Outbox,
    *,
    reason: Reason = Reason.NONE,
    message: str = "",
    usage: tuple[tuple[str, int], ...] = (),
) -> None:
    """Put the task in state `new` and tell the agent, now or when it has answered."""
    condition = task.condition
    status = TaskStatus(
        task_id=task.info.task_id,
        state=new,
        agent_id=state.agent_id,
        executor_id=state.executor_id,
        source=Source.EXECUTOR,
        reason=reason,
        message=message,
        timestamp_ms=now_ms,
        uuid=state.uuids.next(),
        usage=usage,
        healthy=condition.healthy,
        ready=condition.ready,
        checked=condition.checked,
    )
    task.state = new
    task.updates[status.uuid] = status
    if isinstance(state.phase, Subscribed):
        out.send(state.agent_address, ExecutorUpdate(state.framework_id, state.executor_id, status))
    else:
        state.unsent.append(status)


def _ask(state: State, out: Outbox) -> None:
    held = [t for t in state.tasks.values() if t.updates or not is_terminal(t.state)]
    state.unsent.clear()
    conditions = tuple([t.condition for t in held])
    out.send(
        state.agent_address,
        ExecutorSubscribe(
            state.framework_id,
            state.executor_id,
            tuple([t.info for t in held]),
            tuple([u for t in held for u in t.updates.values()]),
            tuple([t.state for t in held]),
            conditions=conditions if any(c is not NOT_CHECKED for c in conditions) else (),
        ),
    )
