"""The observer's memory, kept again elsewhere: a snapshot, then each note as it comes.

Whoever serves many readers folds its own View from these and asks the observer nothing: a thousand readers cost the cluster what one costs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from raymesos.machine import Outbox
from raymesos.observe.history import Point, restore
from raymesos.observe.state import View, fold
from raymesos.wire.notes import HistoryNote, JobSpecNote, MetricsNote, NotesBegin, NotesComplete


def snapshot(view: View, now_ms: int) -> Iterator[Any]:
    """The messages from which `take` makes the same view."""
    yield NotesBegin(view.events_seen - len(view.events))
    for notes in (
        view.agents,
        view.frameworks,
        view.offers,
        view.outstanding,
        view.calls,
        view.executors,
        view.ended_tasks,
        view.tasks,
        view.roles,
    ):
        yield from notes.values()
    yield from view.waits.values()
    yield from (JobSpecNote(now_ms, spec) for spec in view.specs.values())
    yield from view.attempts
    yield from view.jobs.values()
    for instances in view.instances.values():
        yield from instances.values()
    yield from view.services.values()
    yield from view.events
    yield from (note for note in (view.master, view.last_pass, view.maintenance) if note is not None)
    if view.metrics:
        yield MetricsNote(now_ms, tuple(view.metrics.items()))
    for role, points in view.history.points.items():
        yield HistoryNote(role, tuple((p.at_ms, p.share, p.entitled) for p in points))
    yield NotesComplete(tuple(view.task_ends.items()))


def send_snapshot(view: View, to: str, out: Outbox, now_ms: int) -> None:
    for message in snapshot(view, now_ms):
        out.send(to, message)


def take(view: View, message: object) -> View:
    """The view after one message of the relay: a new one where a snapshot begins."""
    match message:
        case NotesBegin(events_before):
            return View(events_seen=events_before)
        case NotesComplete(task_ends):
            # The snapshot's tasks were counted once more, and those that were forgotten not at all.
            view.task_ends = dict(task_ends)
        case HistoryNote(role, points):
            restore(view.history, role, [Point(*point) for point in points])
        case _:
            fold(view, message)
    return view
