"""The answers of the endpoints from before the v1 API, each made of a Picture."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from raymesos.http.mesos.operator import older_rows
from raymesos.http.mesos.operator.about import flags, leader
from raymesos.http.mesos.operator.picture import NOTHING, Picture
from raymesos.http.mesos.operator.places import place_of
from raymesos.http.mesos.values import Row
from raymesos.http.site import Site
from raymesos.wire.notes import TaskNote

# Of `/tasks`. (Mesos: TASK_LIMIT)
TASKS_SHOWN = 100


def state(site: Site, picture: Picture) -> Row:
    tally = picture.tally
    active = sum(1 for agent in tally.agents.values() if agent.state == "active")
    head = {
        **leader(site, tally.master),
        "activated_slaves": float(active),
        "deactivated_slaves": float(len(tally.agents) - active),
        "unreachable_slaves": float(len(tally.unreachable_agents)),
        "flags": flags(site),
    }
    return head | slaves(picture, in_full=False) | frameworks(picture) | {"orphan_tasks": []}


def slaves(picture: Picture, slave_id: str | None = None, *, in_full: bool = True) -> Row:
    row = picture.older_agent_in_full if in_full else picture.older_agent
    tally = picture.tally
    return {
        "slaves": [row(a) for a in tally.agents.values() if slave_id in (None, a.agent_id)],
        "recovered_slaves": [
            older_rows.agent_head(a, place_of(a)) | {"resources": older_rows.model(a.total)}
            for a in tally.recovered
            if slave_id in (None, a.agent_id)
        ],
    }


def frameworks(picture: Picture, framework_id: str | None = None) -> Row:
    def rows(ended: bool) -> list[Row]:
        notes = picture.tally.completed_frameworks if ended else picture.tally.frameworks
        return [picture.older_framework(note) for id, note in notes.items() if framework_id in (None, id)]

    return {"frameworks": rows(False), "completed_frameworks": rows(True), "unregistered_frameworks": []}


def summary(site: Site, picture: Picture) -> Row:
    """Agents and frameworks with how many of their tasks are in which state."""
    tally = picture.tally
    by_agent: dict[str, list[TaskNote]] = {}
    agents_of: dict[str, dict[str, None]] = {}
    frameworks_of: dict[str, dict[str, None]] = {}
    for tasks in (tally.tasks, tally.unreachable_tasks, tally.completed_tasks):
        for id, notes in tasks.items():
            for note in notes:
                by_agent.setdefault(note.agent_id, []).append(note)
                agents_of.setdefault(id, {})[note.agent_id] = None
                frameworks_of.setdefault(note.agent_id, {})[id] = None
    slaves = [
        picture.older_agent(agent)
        | older_rows.counts(by_agent.get(id, ()))
        | {"framework_ids": list(frameworks_of.get(id, ()))}
        for id, agent in tally.agents.items()
    ]
    frameworks = [
        older_rows.framework_head(
            note, picture.used_of_frameworks.get(id, NOTHING), picture.offered_of_frameworks.get(id, NOTHING)
        )
        | older_rows.counts(*[t.get(id, ()) for t in (tally.tasks, tally.unreachable_tasks, tally.completed_tasks)])
        | {"slave_ids": list(agents_of.get(id, ()))}
        for id, note in tally.frameworks.items()
    ]
    return {"hostname": leader(site, tally.master)["hostname"], "cluster": site.name} | {
        "slaves": slaves,
        "frameworks": frameworks,
    }


@dataclass(frozen=True, slots=True)
class Asked:
    """Which tasks; None where all are."""

    limit: int = TASKS_SHOWN
    offset: int = 0
    ascending: bool = False
    framework_id: str | None = None
    task_id: str | None = None


def tasks(picture: Picture, asked: Asked) -> Row:
    """Tasks of all frameworks, by when their first status came, the latest first."""
    found = [
        note
        for note in _all_tasks(picture)
        if asked.framework_id in (None, note.framework_id) and asked.task_id in (None, note.task_id)
    ]
    found.sort(key=_began, reverse=not asked.ascending)
    return {"tasks": picture.older_tasks(found[asked.offset : asked.offset + asked.limit])}


def _all_tasks(picture: Picture) -> Iterable[TaskNote]:
    tally = picture.tally
    for tasks in (tally.tasks, tally.unreachable_tasks):
        for notes in tasks.values():
            yield from notes
    yield from tally.all_completed_tasks()


def _began(note: TaskNote) -> int:
    """A task of which nothing was heard yet is the oldest, as in Mesos."""
    return note.statuses[0].timestamp_ms if note.statuses else 0
