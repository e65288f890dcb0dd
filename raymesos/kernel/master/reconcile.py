"""Reconciliation: what the master knows of tasks, on demand; and kills, which may turn into it. Answers have no uuid. (reference: Mesos' decision table, in its order)"""

from __future__ import annotations

from dataclasses import replace

from raymesos.kernel.master.state import Framework, State, Task, count, subscriber
from raymesos.kernel.master.tasks import told_as
from raymesos.machine import Outbox
from raymesos.model.tasks import Reason, Source, TaskState, is_terminal
from raymesos.wire.messages import Gone, Kill, KillTask, Reconcile, TaskStatus, Update


def reconcile(state: State, sender: str, message: Reconcile, out: Outbox, now_ms: int) -> None:
    """Answer for each task asked for; with none named, for all that have not ended."""
    framework = subscriber(state, sender, message.framework_id)
    if framework is None:
        return
    count(state, "messages_reconcile_tasks")
    if not message.tasks:
        for task in framework.tasks.values():
            if not is_terminal(task.state):
                _answer_known(framework, task, out, now_ms)
        return
    for ref in message.tasks:
        answer_one(state, framework, ref.task_id, ref.agent_id, out, now_ms)


def kill(state: State, sender: str, message: Kill, out: Outbox, now_ms: int) -> None:
    """Have the task killed; while its agent is away the kill waits for its return. An unknown task is answered as by reconciliation.

    As in Mesos, a kill that names another agent than the task's is ignored.
    """
    framework = subscriber(state, sender, message.framework_id)
    if framework is None:
        return
    count(state, "messages_kill_task")
    task = framework.tasks.get(message.task_id)
    if task is None:
        answer_one(state, framework, message.task_id, message.agent_id, out, now_ms)
        return
    if message.agent_id not in ("", task.agent_id):
        count(state, "dropped_messages")
        return
    agent = state.agents[task.agent_id]
    task.kill_asked, task.kill_grace_ms = True, message.grace_ms
    if agent.connected:
        out.send(agent.address, KillTask(framework.id, task.info.task_id, message.grace_ms))


def answer_one(state: State, framework: Framework, task_id: str, agent_id: str, out: Outbox, now_ms: int) -> None:
    """The decision table. No answer while an agent that may have the task has not come back since the master's start."""
    task = framework.tasks.get(task_id)
    if task is not None:
        _answer_known(framework, task, out, now_ms)
        return
    lost = framework.unreachable.get(task_id)
    if lost is not None:
        agent_id = lost.agent_id  # Better than Mesos, which forgets where the task was and may call it gone.
    elif agent_id in state.recovering or (not agent_id and state.recovering):
        return
    since = state.unreachable.get(agent_id)
    # An agent that left, or came anew without memory, is as unknown as its tasks.
    new, text = TaskState.UNKNOWN, "Reconciliation: Task is unknown"
    if agent_id in state.agents:
        new, text = TaskState.GONE, "Reconciliation: Task is unknown to the agent"
    elif since is not None:
        new, text = TaskState.UNREACHABLE, "Reconciliation: Task is unreachable"
    elif state.gone.get(agent_id) is Gone.MARKED:
        new, text = TaskState.GONE_BY_OPERATOR, "Reconciliation: Task is gone"
    status = TaskStatus(task_id, told_as(framework, new), agent_id, message=text, unreachable_ms=since)
    _send(framework, status, out, now_ms)


def _answer_known(framework: Framework, task: Task, out: Outbox, now_ms: int) -> None:
    status = task.status
    if status is None or status.state is not task.state:
        status = TaskStatus(task.info.task_id, task.state, executor_id=task.info.executor_id)
    told = told_as(framework, task.state)
    text = "Reconciliation: Latest task state"
    _send(framework, replace(status, state=told, agent_id=task.agent_id, message=text), out, now_ms)


def _send(framework: Framework, status: TaskStatus, out: Outbox, now_ms: int) -> None:
    answer = replace(
        status, source=Source.MASTER, reason=Reason.RECONCILIATION, uuid="", data=b"", usage=(), timestamp_ms=now_ms
    )
    out.send(str(framework.address), Update(answer))
