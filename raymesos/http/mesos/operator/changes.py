"""From notes to the operator's events: what is new about tasks, agents and frameworks. (Mesos: master.proto, Event)"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from raymesos.http.mesos.infos import framework_info_json, task_status_json
from raymesos.http.mesos.operator.places import place_of
from raymesos.http.mesos.operator.tally import REGISTERED
from raymesos.http.mesos.operator.v1_rows import agent_json, framework_head, info_of, task_json
from raymesos.http.mesos.values import Row, id_json, nanoseconds_json
from raymesos.http.security.scoping import Lens
from raymesos.model.tasks import TERMINAL
from raymesos.observe.state import TaskKey, View
from raymesos.wire.notes import AgentNote, FrameworkNote, TaskNote

Note = AgentNote | FrameworkNote | TaskNote


@dataclass(frozen=True, slots=True)
class Change:
    """An event as it is sent, and the note that it is made of."""

    record: bytes
    note: Note
    make: Callable[[Any], Row]

    def seen(self, lens: Lens) -> bytes | None:
        """As it is sent to who sees the cluster through the lens; None if not at all."""
        note = lens.sees(self.note)
        return self.record if note is self.note else None if note is None else orjson.dumps(self.make(note))


class Changes:
    """Begins with what is in the view: who reads from now on has been shown that."""

    def __init__(self, view: View) -> None:
        self._agents = {id: None for id, note in view.agents.items() if note.state in REGISTERED}
        self._frameworks = {id: _said(note) for id, note in view.frameworks.items() if note.state != "completed"}
        self._tasks: dict[TaskKey, str] = {key: note.state for key, note in view.tasks.items()}

    def of(self, message: Any) -> Change | None:
        """The event that the message of the relay is; None if it is none."""
        match message:
            case TaskNote():
                make: Callable[[Any], Row] | None = self._task(message)
            case AgentNote():
                make = self._agent(message)
            case FrameworkNote():
                make = self._framework(message)
            case _:
                return None
        return None if make is None else Change(orjson.dumps(make(message)), message, make)

    def _task(self, note: TaskNote) -> Callable[[TaskNote], Row] | None:
        key, ended = (note.framework_id, note.task_id), note.state in TERMINAL
        before = self._tasks.get(key)
        if ended:
            self._tasks.pop(key, None)
        else:
            self._tasks[key] = note.state
        if before is None:
            return None if ended else _task_added
        return None if before == note.state or not note.statuses else _task_updated

    def _agent(self, note: AgentNote) -> Callable[[AgentNote], Row] | None:
        known = note.agent_id in self._agents
        if note.state in REGISTERED:
            self._agents[note.agent_id] = None
            return None if known else _agent_added
        self._agents.pop(note.agent_id, None)
        return _agent_removed if known else None

    def _framework(self, note: FrameworkNote) -> Callable[[FrameworkNote], Row] | None:
        before, now = self._frameworks.get(note.framework_id), _said(note)
        if note.state == "completed":
            return None if self._frameworks.pop(note.framework_id, None) is None else _framework_removed
        self._frameworks[note.framework_id] = now
        if before == now:
            return None
        return _framework_added if before is None else _framework_updated


# ---------------------------------------------------------------- what each event says


def _task_added(note: TaskNote) -> Row:
    return {"type": "TASK_ADDED", "task_added": {"task": task_json(note)}}


def _task_updated(note: TaskNote) -> Row:
    said = {
        "framework_id": id_json(note.framework_id),
        "status": task_status_json(note.statuses[-1]),
        "state": note.state,
    }
    return {"type": "TASK_UPDATED", "task_updated": said}


def _agent_added(note: AgentNote) -> Row:
    row = agent_json(note, place_of(note), {}, {})
    del row["agent_info"]["checkpoint"]
    return {"type": "AGENT_ADDED", "agent_added": {"agent": row}}


def _agent_removed(note: AgentNote) -> Row:
    return {"type": "AGENT_REMOVED", "agent_removed": {"agent_id": id_json(note.agent_id)}}


def _framework_added(note: FrameworkNote) -> Row:
    return {"type": "FRAMEWORK_ADDED", "framework_added": {"framework": _framework_now(note)}}


def _framework_updated(note: FrameworkNote) -> Row:
    return {"type": "FRAMEWORK_UPDATED", "framework_updated": {"framework": _framework_now(note)}}


def _framework_removed(note: FrameworkNote) -> Row:
    return {"type": "FRAMEWORK_REMOVED", "framework_removed": {"framework_info": framework_info_json(info_of(note))}}


def _framework_now(note: FrameworkNote) -> Row:
    return framework_head(note) | {"unregistered_time": nanoseconds_json(note.unregistered_ms)}


def _said(note: FrameworkNote) -> tuple[Any, ...]:
    """What of it is worth an event when it changes."""
    return note.state, note.info, note.reregistered_ms
