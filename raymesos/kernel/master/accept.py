"""Accepting offers: the one place where launches are verified against what was offered."""

from __future__ import annotations

from dataclasses import replace

from raymesos.kernel.master import notes, offers
from raymesos.kernel.master.state import Agent, Framework, State, Task, add_task, count, subscriber
from raymesos.kernel.master.tasks import count_end, told_as
from raymesos.machine import Outbox
from raymesos.model.resources import EMPTY, Resources, fractional_gpus
from raymesos.model.tasks import Reason, Source, TaskState
from raymesos.wire.messages import Accept, Launch, RunTasks, TaskInfo, TaskStatus, Update

# Mesos' bound for ids; they become file names.
MAX_ID_LENGTH = 255


def accepted(state: State, sender: str, message: Accept, out: Outbox, now_ms: int) -> None:
    """Carry out the operations on the sum of the offers; the rest returns with the filter.

    Offers that do not go together use none of them: every launch is answered DROPPED (LOST), and the valid ones return to the pool.
    """
    framework = subscriber(state, sender, message.framework_id)
    if framework is None:
        return
    count(state, "messages_accept")
    tasks = [task for operation in message.operations if isinstance(operation, Launch) for task in operation.tasks]
    error = _offers_error(state, framework, message.offer_ids)
    if error is not None:
        _refuse(state, framework, message, tasks, f"Task launched with invalid offers: {error}", out, now_ms)
        return
    used = [offers.take(state, offer_id) for offer_id in message.offer_ids]
    if message.operations:
        framework.accepted += len(used)
    else:
        framework.declined += len(used)
    agent, role = state.agents[used[0].agent_id], used[0].role
    left: Resources = EMPTY
    for offer in used:
        left = left + offer.resources
    left = _launch(state, framework, agent, role, tasks, left, out, now_ms)
    offers.recover(out, framework.id, role, agent, left, offers.refuse_of(message.refuse_ms))
    notes.offers_now(out, now_ms, framework)


def _offers_error(state: State, framework: Framework, offer_ids: tuple[str, ...]) -> str | None:
    """Why these offers cannot be used together, in Mesos' words; None if they can."""
    if not offer_ids:
        return "No offers specified"
    seen: dict[str, None] = {}
    for offer_id in offer_ids:
        if offer_id in seen:
            return f"Duplicate offer {offer_id} in offer list"
        seen[offer_id] = None
        found = state.offers.get(offer_id)
        if found is None:
            return f"Offer {offer_id} is no longer valid"
        if found.framework_id != framework.id:
            return f"Offer {offer_id} has invalid framework {found.framework_id} while framework {framework.id} is expected"
    first = state.offers[offer_ids[0]]
    for offer_id in offer_ids[1:]:
        offer = state.offers[offer_id]
        if offer.agent_id != first.agent_id:
            return f"Aggregated offers must belong to one single agent. Offer {offer_id} uses agent {offer.agent_id} and agent {first.agent_id}"
        if offer.role != first.role:
            return f"Aggregated offers must be allocated to the same role. Offer {offer_id} uses role '{offer.role}' but another is being used with role '{first.role}'"
    return None


def _refuse(
    state: State, framework: Framework, message: Accept, tasks: list[TaskInfo], text: str, out: Outbox, now_ms: int
) -> None:
    for offer_id in dict.fromkeys(message.offer_ids):
        if offer_id in framework.offers:
            offers.give_back(state, offer_id, out)
    notes.offers_now(out, now_ms, framework)
    for task in tasks:
        _answer(state, framework, task.task_id, "", TaskState.DROPPED, Reason.INVALID_OFFERS, text, out, now_ms)


def _launch(
    state: State,
    framework: Framework,
    agent: Agent,
    role: str,
    tasks: list[TaskInfo],
    left: Resources,
    out: Outbox,
    now_ms: int,
) -> Resources:
    """Launch what is valid, in order, each against what the ones before have left. Returns the rest."""
    run: list[TaskInfo] = []
    for info in tasks:
        error = _task_error(framework, info, left)
        if error is not None:
            _answer(state, framework, info.task_id, agent.id, TaskState.ERROR, Reason.TASK_INVALID, error, out, now_ms)
            continue
        left = left - info.resources
        launched = replace(info, role=role)
        task = Task(framework.id, launched, agent.id, TaskState.STAGING)
        add_task(state, agent, task)
        notes.task_now(out, now_ms, task)
        run.append(launched)
    if run:
        count(state, "messages_launch_tasks")
        out.send(agent.address, RunTasks(framework.info, tuple(run)))
    return left


def _task_error(framework: Framework, task: TaskInfo, available: Resources) -> str | None:
    """Why the task may not be launched, in Mesos' words. (Mesos: validation.cpp)"""
    if not task.task_id:
        return "ID must not be empty"
    if len(task.task_id) > MAX_ID_LENGTH:
        return f"ID must not be greater than {MAX_ID_LENGTH} characters"
    if task.task_id in (".", "..") or any(c == "/" or c == "\\" or ord(c) < 32 or ord(c) == 127 for c in task.task_id):
        return f"'{task.task_id}' contains invalid characters"
    if task.task_id in framework.tasks:
        return f"Task has duplicate ID: {task.task_id}"
    if task.task_id in framework.unreachable:
        return f"Task reuses the ID of an unreachable task: {task.task_id}"
    if task.kill_grace_ms is not None and task.kill_grace_ms < 0:
        return "Task's 'kill_policy.grace_period' must be non-negative"
    if task.max_completion_ms is not None and task.max_completion_ms < 0:
        return "Task's `max_completion_time` must be non-negative"
    return _resources_error(task, available)


def _resources_error(task: TaskInfo, available: Resources) -> str | None:
    if not task.resources:
        return "Task uses no resources"
    if fractional_gpus(task.resources):
        return "Task uses invalid resources: The 'gpus' resource must be an unsigned integer"
    revocable = task.resources.revocable().quantities()
    if any(name in revocable for name in task.resources.non_revocable().quantities()):
        return "Task mixes revocable and non-revocable resources of the same name"
    if not available.contains(task.resources):
        return f"Total resources {task.resources} required by task and its executor is more than available {available}"
    return None


def _answer(
    state: State,
    framework: Framework,
    task_id: str,
    agent_id: str,
    new: TaskState,
    reason: Reason,
    text: str,
    out: Outbox,
    now_ms: int,
) -> None:
    """An update of the master's own: without uuid, not to be acknowledged."""
    told = told_as(framework, new)
    status = TaskStatus(task_id, told, agent_id, "", Source.MASTER, reason, text, now_ms)
    count_end(state, told, reason, Source.MASTER)
    if framework.address is not None:
        out.send(framework.address, Update(status))
