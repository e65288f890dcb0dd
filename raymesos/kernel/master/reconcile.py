"""Reconciliation: what the master knows of tasks, on demand. Answers have no uuid. (reference: Mesos' decision table, in its order)"""

from __future__ import annotations

from dataclasses import replace

from raymesos.kernel.master.state import Framework, State, Task, count, subscriber
from raymesos.machine import Outbox
from raymesos.model.tasks import Reason, Source, TaskState, for_framework, is_terminal
from raymesos.wire.messages import Reconcile, TaskStatus, Update


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


def answer_one(state: State, framework: Framework, task_id: str, agent_id: str, out: Outbox, now_ms: int) -> None:
    """The decision table. No answer while an agent that may have the task has not come back since the master's start."""
    task = framework.tasks.get(task_id)
    if task is not None:
        _answer_known(framework, task, out, now_ms)
        return
    if agent_id in state.recovering or (not agent_id and state.recovering):
        return
    since = state.unreachable.get(agent_id)
    if agent_id in state.agents:
        new, text = TaskState.GONE, "Reconciliation: Task is unknown to the agent"
    elif since is not None:
        new, text = TaskState.UNREACHABLE, "Reconciliation: Task is unreachable"
    elif agent_id in state.gone:
        new, text = TaskState.GONE_BY_OPERATOR, "Reconciliation: Task is gone"
    else:
        new, text = TaskState.UNKNOWN, "Reconciliation: Task is unknown"
    told = for_framework(new, partition_aware=framework.partition_aware)
    status = TaskStatus(
        task_id, told, agent_id, "", Source.MASTER, Reason.RECONCILIATION, text, now_ms, unreachable_ms=since
    )
    out.send(str(framework.address), Update(status))


def _answer_known(framework: Framework, task: Task, out: Outbox, now_ms: int) -> None:
    told = for_framework(task.state, partition_aware=framework.partition_aware)
    if task.status is not None and task.status.state is task.state:
        status = replace(task.status, state=told, uuid="", data=b"", timestamp_ms=now_ms)
    else:
        status = TaskStatus(task.info.task_id, told, task.agent_id, task.info.executor_id, timestamp_ms=now_ms)
    status = replace(
        status,
        agent_id=task.agent_id,
        source=Source.MASTER,
        reason=Reason.RECONCILIATION,
        message="Reconciliation: Latest task state",
    )
    out.send(str(framework.address), Update(status))
