"""Tasks on their way in and out: run, kill, and the answer for tasks that the master believes to be here."""

from __future__ import annotations

from dataclasses import replace

from raymesos.kernel.agent import executors, gpus, groups, limits, updates
from raymesos.kernel.agent.state import (
    Fate,
    Framework,
    Leaving,
    Recovering,
    State,
    Stopped,
    Stopping,
    Task,
    add_task,
    event,
    executor_id_of,
    framework_of,
    record_of,
    status_of,
)
from raymesos.machine import Outbox
from raymesos.model.portions import unshared_part
from raymesos.model.tasks import Reason, TaskState, is_terminal
from raymesos.wire.messages import ExecutorInfo, KillTask, RunTasks, TaskInfo

PART_IS_HERE = Fate(TaskState.DROPPED, Reason.TASK_INVALID, "another task of its group is here already")
NOT_HERE = Fate(TaskState.DROPPED, Reason.EXECUTOR_TERMINATED, "cannot find its executor")
EXECUTOR_OVER = Fate(TaskState.DROPPED, Reason.EXECUTOR_TERMINATED, "its executor has ended")
UNKNOWN_HERE = Fate(TaskState.DROPPED, Reason.RECONCILIATION, "reconciliation: the agent does not know the task")


def run(state: State, message: RunTasks, out: Outbox, now_ms: int) -> None:
    """Hand tasks to their executors, which are started if need be. A task that is here already is left alone; one that cannot run is answered, and its group with it.

    Before the agent has an id, and while it recovers, nothing is taken: the master finds out when the agent registers.
    """
    if not state.agent_id or isinstance(state.phase, Recovering | Stopped):
        return
    framework = framework_of(state, message.framework.id)
    _learn(framework, message, out)
    described = {info.executor_id: info for info in message.executors}
    ready: dict[str, list[Task]] = {}
    for infos in groups.together(message.tasks):
        new = [i for i in infos if i.task_id not in framework.tasks and i.task_id not in framework.streams]
        for info in new:
            state.ended.pop((framework.id, info.task_id), None)
        if new:
            fate = PART_IS_HERE if len(new) < len(infos) else None
            executor_id = executor_id_of(framework.id, infos[0])
            executor = described.get(executor_id)
            if executor is not None and executor_id not in framework.executors and executor_id not in message.new:
                fate = fate or EXECUTOR_OVER
            for task in _admit(state, framework, new, executor, fate, out, now_ms):
                ready.setdefault(task.executor_id, []).append(task)
    for executor_id, tasks in ready.items():
        executors.hand_over(framework.executors[executor_id], tasks, out)
        limits.tell(framework.executors[executor_id], state.info.name, out)
    executors.answer_unknown(state, [(framework.id, executor_id) for executor_id in message.new], out)


def kill(state: State, message: KillTask, out: Outbox, now_ms: int) -> None:
    """Kill the task, with the grace of the call, else the task's own, else the agent's. A task that is not here is DROPPED.

    While the agent recovers it cannot tell; the master asks again when the agent has registered.
    """
    if isinstance(state.phase, Recovering | Stopped):
        return
    framework = state.frameworks.get(message.framework_id)
    if framework is None or (framework.id, message.task_id) in state.ended:
        # As Mesos: without the framework there is nobody to ask; an ended task's end is told already.
        event(out, now_ms, "kill ignored", message.task_id, f"framework {message.framework_id}")
        return
    task = framework.tasks.get(message.task_id)
    if task is None:
        if message.task_id not in framework.streams:
            updates.book(state, framework, status_of(state, now_ms, message.task_id, "", NOT_HERE), out)
    elif not is_terminal(task.state):
        task.preempted_for = task.preempted_for or message.preempted_for
        end(state, framework, task, message.grace_ms, out, now_ms)


def drain(state: State, grace_ms: int | None, out: Outbox, now_ms: int) -> None:
    """Kill everything, each task with its own grace but at most `grace_ms`; take nothing new until it is over."""
    if isinstance(state.phase, Recovering | Leaving | Stopped):
        return
    state.draining = True
    for framework in list(state.frameworks.values()):
        for task in list(framework.tasks.values()):
            if not is_terminal(task.state):
                own_ms = _grace(state, task, None)
                end(state, framework, task, own_ms if grace_ms is None else min(own_ms, grace_ms), out, now_ms)


def answer_unknown(state: State, pairs: tuple[tuple[str, str], ...], out: Outbox, now_ms: int) -> None:
    """The master believes these (framework id, task id) to be here: those that are not are DROPPED."""
    for framework_id, task_id in pairs:
        framework = framework_of(state, framework_id)
        if task_id not in framework.tasks and task_id not in framework.streams:
            updates.book(state, framework, status_of(state, now_ms, task_id, "", UNKNOWN_HERE), out)


def _learn(framework: Framework, message: RunTasks, out: Outbox) -> None:
    if framework.info == message.framework:
        return
    framework.info = message.framework
    for executor in framework.executors.values():
        out.persist(record_of(framework, executor))


def _admit(
    state: State,
    framework: Framework,
    infos: list[TaskInfo],
    described: ExecutorInfo | None,
    fate: Fate | None,
    out: Outbox,
    now_ms: int,
) -> list[Task]:
    """A task, or all of a group, booked with the executor there; or none, and each has a status that says why: `fate` if there is one before."""
    executor_id = executor_id_of(framework.id, infos[0])
    executor = framework.executors.get(executor_id)
    fate = fate or _refusal(state, framework, executor_id, described)
    fate = fate or _no_room(state, infos, described if executor is None else None)
    if fate is not None:
        if fate.reason is Reason.TASK_INVALID and infos[0].group_id:
            fate = replace(fate, reason=Reason.TASK_GROUP_INVALID)
        for info in infos:
            updates.book(state, framework, status_of(state, now_ms, info.task_id, executor_id, fate), out)
        return []
    if executor is None:
        for_groups = groups.is_for_groups(framework, executor_id, infos[0], described)
        executors.start(state, framework, executor_id, out, info=described, for_groups=for_groups)
    elif executor.for_groups and not infos[0].group_id:
        groups.serves_alone(framework, executor, out)
    return [add_task(state, framework, executor_id, gpus.assigned(state, info), TaskState.STAGING) for info in infos]


def _no_room(state: State, infos: list[TaskInfo], begins: ExecutorInfo | None) -> Fate | None:
    free = state.free
    if begins is not None and not free.contains(begins.resources):
        text = f"its executor needs {begins.resources}, the agent has {free} free"
        return Fate(TaskState.DROPPED, Reason.RESOURCES_UNKNOWN, text)
    if begins is not None:
        free = free - begins.resources
    for info in infos:
        if not free.contains(info.resources):
            text = f"needs {info.resources}, the agent has {free} free"
            return Fate(TaskState.DROPPED, Reason.RESOURCES_UNKNOWN, text)
        free = free - unshared_part(info.resources)
    return None


def _refusal(state: State, framework: Framework, executor_id: str, described: ExecutorInfo | None) -> Fate | None:
    if isinstance(state.phase, Leaving):
        return Fate(TaskState.DROPPED, Reason.AGENT_DRAINING, "the agent leaves the cluster")
    if state.draining:
        return Fate(TaskState.DROPPED, Reason.AGENT_DRAINING, "the agent is being drained")
    if framework.ending:
        return Fate(TaskState.KILLED, Reason.FRAMEWORK_REMOVED, "its framework was removed")
    executor = framework.executors.get(executor_id)
    if executor is not None:
        if isinstance(executor.phase, Stopping):
            return Fate(TaskState.DROPPED, Reason.EXECUTOR_TERMINATED, "its executor is terminating")
        if executor.info == described:
            return None
        return Fate(TaskState.ERROR, Reason.TASK_INVALID, f"executor {executor_id!r} is here, and described otherwise")
    holder = executors.holder_of(state, executor_id) if described is None else None
    if holder is not None:
        return Fate(
            TaskState.ERROR, Reason.TASK_INVALID, f"executor id {executor_id!r} is in use by framework {holder}"
        )
    return None


def end(state: State, framework: Framework, task: Task, grace_ms: int | None, out: Outbox, now_ms: int) -> None:
    """Kill it: at once if its executor does not have it yet."""
    executor = framework.executors[task.executor_id]
    if not task.handed_over:
        fate = task.fate or groups.KILLED_EARLY
        status = status_of(state, now_ms, task.info.task_id, task.executor_id, fate)
        updates.book(state, framework, status, out)
        groups.end_others(state, framework, task, out, now_ms)
        groups.leave_if_done(state, executor, out, now_ms)
        return
    task.kill_grace_ms, task.kill_overrides = _grace(state, task, grace_ms), grace_ms is not None
    executors.tell_of_kill(executor, task, out)


def _grace(state: State, task: Task, grace_ms: int | None) -> int:
    if grace_ms is not None:
        return grace_ms
    return state.settings.kill_grace_ms if task.info.kill_grace_ms is None else task.info.kill_grace_ms
