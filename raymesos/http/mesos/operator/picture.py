"""One look at the cluster, from which every answer is made: nothing in it changes, so that a large answer may be made beside the event loop."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from raymesos.http.mesos.operator import older_rows, v1_rows
from raymesos.http.mesos.operator.executor_rows import executor_row
from raymesos.http.mesos.operator.fragments import Fragments
from raymesos.http.mesos.operator.places import place_of
from raymesos.http.mesos.operator.tally import ByRole, Tally, of_agents, of_frameworks
from raymesos.observe.state import View
from raymesos.wire.notes import AgentNote, FrameworkNote, TaskNote

NOTHING: ByRole = {}


@dataclass(slots=True)
class Rows:
    """The rows of tasks in both forms, kept from look to look."""

    v1: Fragments[TaskNote] = field(default_factory=lambda: Fragments(v1_rows.task_json))
    older: Fragments[TaskNote] = field(default_factory=lambda: Fragments(older_rows.task_row))


class Picture:
    """A Tally with the rows that its things are shown with."""

    def __init__(self, view: View, rows: Rows) -> None:
        self.tally = Tally(view)
        self._rows = rows

    # ------------------------------------------------------------ v1

    def tasks(self, notes: Iterable[TaskNote]) -> list[Any]:
        kept = self._rows.v1
        return [kept.of((note.framework_id, note.task_id), note) for note in notes]

    def agents(self) -> list[Any]:
        return [self._agent(note) for note in self.tally.agents.values()]

    def _agent(self, note: AgentNote) -> Any:
        used = self.used_of_agents.get(note.agent_id, NOTHING)
        return v1_rows.agent_json(note, place_of(note), used, self.offered_of_agents.get(note.agent_id, NOTHING))

    def framework(self, note: FrameworkNote) -> Any:
        id = note.framework_id
        agents = self.tally.agents
        offers = [v1_rows.offer_row(offer, agents.get(offer.agent_id)) for offer in self.tally.offers.get(id, ())]
        used = self.used_of_frameworks.get(id, NOTHING)
        return v1_rows.framework_json(note, offers, used, self.offered_of_frameworks.get(id, NOTHING))

    # ------------------------------------------------------------ older

    def older_tasks(self, notes: Iterable[TaskNote]) -> list[Any]:
        kept = self._rows.older
        return [kept.of((note.framework_id, note.task_id), note) for note in notes]

    def older_agent(self, note: AgentNote) -> Any:
        used = self.used_of_agents.get(note.agent_id, NOTHING)
        return older_rows.agent_row(note, place_of(note), used, self.offered_of_agents.get(note.agent_id, NOTHING))

    def older_agent_in_full(self, note: AgentNote) -> Any:
        used = self.used_of_agents.get(note.agent_id, NOTHING)
        full = older_rows.agent_in_full(note, used, self.offered_of_agents.get(note.agent_id, NOTHING))
        return self.older_agent(note) | full

    def older_framework(self, note: FrameworkNote) -> Any:
        """With its tasks and all else."""
        id, tally = note.framework_id, self.tally
        used, offered = (
            self.used_of_frameworks.get(id, NOTHING),
            self.offered_of_frameworks.get(id, NOTHING),
        )
        row = older_rows.framework_row(note, used, offered)
        return row | {
            "tasks": self.older_tasks(tally.tasks.get(id, ())),
            "unreachable_tasks": self.older_tasks(tally.unreachable_tasks.get(id, ())),
            "completed_tasks": self.older_tasks(tally.completed_tasks.get(id, ())),
            "offers": [older_rows.offer_row(offer) for offer in tally.offers.get(id, ())],
            "executors": [executor_row(each) for each in tally.executors if each.framework_id == id],
        }

    # ------------------------------------------------------------ who holds what

    @cached_property
    def used_of_agents(self) -> dict[str, ByRole]:
        return of_agents(self.tally.used)

    @cached_property
    def offered_of_agents(self) -> dict[str, ByRole]:
        return of_agents(self.tally.offered)

    @cached_property
    def used_of_frameworks(self) -> dict[str, ByRole]:
        return of_frameworks(self.tally.used)

    @cached_property
    def offered_of_frameworks(self) -> dict[str, ByRole]:
        return of_frameworks(self.tally.offered)
