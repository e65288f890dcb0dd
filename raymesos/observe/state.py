"""What the observer knows: the latest note of each subject, and bounded stories."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import TypeVar

from raymesos.model.tasks import TERMINAL
from raymesos.observe.attempts import Attempts
from raymesos.observe.history import History, remember
from raymesos.wire.jobs import JobSpec
from raymesos.wire.notes import (
    AgentNote,
    AttemptNote,
    CallsNote,
    EventNote,
    ExecutorNote,
    FrameworkNote,
    InstanceNote,
    JobNote,
    JobSpecNote,
    MaintenanceNote,
    MasterNote,
    OffersNote,
    OutstandingNote,
    PassNote,
    ServiceNote,
    ShareNote,
    TaskNote,
    WaitNote,
)
from raymesos.wire.values import TaskStatus

# What a person scrolls through; older events are in the logs.
EVENTS_KEPT = 2_000
# Ended tasks, jobs, frameworks and agents that can still be looked at; the oldest leave first.
TASKS_KEPT = 20_000
ENDED_KEPT = 1_000
# Of one service, besides those that live.
INSTANCES_KEPT = 1_000
# Statuses of one task: it may be lost and found again for ever.
STATUSES_KEPT = 16
# Roles come with whoever names them; more than this are not looked at.
ROLES_KEPT = 10_000

T = TypeVar("T")

TaskKey = tuple[str, str]
"""(framework id, task id): frameworks name their tasks as they like."""


@dataclass(slots=True)
class View:
    """The fold of all notes so far."""

    agents: dict[str, AgentNote] = field(default_factory=dict)
    frameworks: dict[str, FrameworkNote] = field(default_factory=dict)
    offers: dict[str, OffersNote] = field(default_factory=dict)
    outstanding: dict[str, OutstandingNote] = field(default_factory=dict)
    """By framework id; none for those without offers."""
    calls: dict[str, CallsNote] = field(default_factory=dict)
    tasks: dict[TaskKey, TaskNote] = field(default_factory=dict)
    """Live tasks, unreachable ones among them."""
    executors: dict[tuple[str, str, str], ExecutorNote] = field(default_factory=dict)
    """Those that live and were described by their frameworks, by (framework id, agent id, executor id)."""
    ended_tasks: dict[TaskKey, TaskNote] = field(default_factory=dict)
    roles: dict[str, ShareNote] = field(default_factory=dict)
    history: History = field(default_factory=History)
    waits: dict[tuple[str, str], WaitNote] = field(default_factory=dict)
    """By (framework id, role)."""
    jobs: dict[str, JobNote] = field(default_factory=dict)
    specs: dict[str, JobSpec] = field(default_factory=dict)
    """What each of these jobs is, its function and inputs aside."""
    services: dict[str, ServiceNote] = field(default_factory=dict)
    instances: dict[str, dict[str, InstanceNote]] = field(default_factory=dict)
    """Of each of these services: its instances by task id, those that ended last of them."""
    attempts: Attempts = field(default_factory=Attempts)
    events: deque[EventNote] = field(default_factory=lambda: deque(maxlen=EVENTS_KEPT))
    events_seen: int = 0
    last_pass: PassNote | None = None
    master: MasterNote | None = None
    maintenance: MaintenanceNote | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    task_ends: dict[str, int] = field(default_factory=dict)
    """How many tasks ended in each state."""


def fold(view: View, note: object) -> None:
    """Take one note into the view. A note of another kind is not ours and changes nothing."""
    match note:
        case AgentNote():
            _put(view.agents, note.agent_id, note, ended=note.state == "gone")
        case FrameworkNote():
            gone = _put(view.frameworks, note.framework_id, note, ended=note.state == "completed")
            for counted in (view.offers, view.calls):
                counted.pop(gone, None)
        case TaskNote():
            _task(view, note)
        case ExecutorNote():
            _executor(view, note)
        case OffersNote():
            view.offers[note.framework_id] = note
        case CallsNote():
            view.calls[note.framework_id] = note
        case OutstandingNote():
            view.outstanding.pop(note.framework_id, None)
            if note.offers:
                view.outstanding[note.framework_id] = note
        case MasterNote():
            view.master = note
        case ShareNote():
            _share(view, note)
        case WaitNote():
            _wait(view, note)
        case PassNote():
            view.last_pass = note
        case MaintenanceNote():
            view.maintenance = note
        case JobNote():
            _job(view, note)
        case JobSpecNote():
            view.specs[note.spec.job_id] = note.spec
        case ServiceNote():
            gone = _put(view.services, note.job_id, note, ended=note.state == "Finished")
            view.instances.pop(gone, None)
        case InstanceNote():
            _instance(view, note)
        case AttemptNote():
            view.attempts.take(note)
        case EventNote():
            view.events.append(note)
            view.events_seen += 1
        case _:
            values = getattr(note, "values", None)
            if isinstance(values, tuple):
                view.metrics.update(values)


def _job(view: View, note: JobNote) -> None:
    """What is known of a job goes with it."""
    gone = _put(view.jobs, note.job_id, note, ended=note.state == "Finished")
    if note.state == "Finished":
        view.attempts.end(note.job_id, note.ended_ms or note.at_ms)
    if gone:
        view.specs.pop(gone, None)
        view.attempts.forget(gone)


def _instance(view: View, note: InstanceNote) -> None:
    known = view.instances.setdefault(note.job_id, {})
    known.pop(note.task_id, None)
    known[note.task_id] = note
    if note.ended and sum(each.ended for each in known.values()) > INSTANCES_KEPT:
        del known[next(id for id, each in known.items() if each.ended)]


def _put(notes: dict[str, T], id: str, note: T, *, ended: bool) -> str:
    """Keep the note; returns the id of the one that had to leave for it."""
    if ended:
        notes.pop(id, None)  # Ended ones stand at the end, in the order in which they ended.
    notes[id] = note
    if ended and len(notes) > ENDED_KEPT:
        for old in [k for k, n in notes.items() if getattr(n, "state", "") in ("gone", "completed", "Finished")][:1]:
            del notes[old]
            return old
    return ""


def _task(view: View, note: TaskNote) -> None:
    key, ended = (note.framework_id, note.task_id), note.state in TERMINAL
    before = view.tasks.pop(key, None) or view.ended_tasks.get(key) if ended else view.tasks.get(key)
    if before is not None and before.statuses:
        note = replace(note, statuses=_joined(before.statuses, note.statuses))
    if not ended:
        view.ended_tasks.pop(key, None)  # An id may be used again.
        view.tasks[key] = note
        return
    if key not in view.ended_tasks:
        view.task_ends[note.state] = view.task_ends.get(note.state, 0) + 1
    view.ended_tasks[key] = note
    if len(view.ended_tasks) > TASKS_KEPT:
        del view.ended_tasks[next(iter(view.ended_tasks))]


def _joined(before: tuple[TaskStatus, ...], new: tuple[TaskStatus, ...]) -> tuple[TaskStatus, ...]:
    """One after another; of several in a row in the same state the last. (Mesos: Master::updateTask)"""
    for status in new:
        kept = before[:-1] if before[-1].state == status.state else before
        before = (*kept, status)[-STATUSES_KEPT:]
    return before


def _executor(view: View, note: ExecutorNote) -> None:
    key = (note.framework_id, note.agent_id, note.info.executor_id)
    if note.state == "ended":
        view.executors.pop(key, None)
    else:
        view.executors[key] = note


def _share(view: View, note: ShareNote) -> None:
    """Roles that are idle and nobody set up leave first when there are too many."""
    view.roles.pop(note.role, None)
    view.roles[note.role] = note
    remember(view.history, note)
    if len(view.roles) > ROLES_KEPT:
        idle = (r for r, n in view.roles.items() if not n.held and not n.guarantee and not n.limit and n.weight == "1")
        view.roles.pop(next(idle, ""), None)


def _wait(view: View, note: WaitNote) -> None:
    key = (note.framework_id, note.role)
    if note.why:
        view.waits[key] = note
    else:
        view.waits.pop(key, None)
