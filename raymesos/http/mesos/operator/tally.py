"""One look at a View: who has which tasks, and who holds and is offered what, where. It does not change when the view does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from raymesos.model.resources import EMPTY, Resources
from raymesos.model.tasks import TaskState
from raymesos.observe.state import View
from raymesos.wire.notes import (
    AgentNote,
    ExecutorNote,
    FrameworkNote,
    MaintenanceNote,
    MasterNote,
    OffersNote,
    TaskNote,
)
from raymesos.wire.values import Offer

# As many as Mesos keeps. (max_completed_tasks_per_framework, max_completed_frameworks)
COMPLETED_TASKS = 1_000
COMPLETED_FRAMEWORKS = 50

REGISTERED = ("active", "draining", "drained", "deactivated", "disconnected")
"""The states of agents that the master has on its books."""

Holder = tuple[str, str, str]
"""(agent id, framework id, role)"""
K = TypeVar("K")
ByRole = dict[str, Resources]


class Tally:
    """Agents and frameworks are those of the view at its making, by id."""

    def __init__(self, view: View) -> None:
        self.agents: dict[str, AgentNote] = {a.agent_id: a for a in view.agents.values() if a.state in REGISTERED}
        self.recovered = [a for a in view.agents.values() if a.state == "recovering"]
        self.unreachable_agents = [a for a in view.agents.values() if a.state == "unreachable"]
        self.frameworks: dict[str, FrameworkNote] = {}
        self.completed_frameworks: dict[str, FrameworkNote] = {}
        for framework in view.frameworks.values():
            ended = framework.state == "completed"
            (self.completed_frameworks if ended else self.frameworks)[framework.framework_id] = framework
        for old in list(self.completed_frameworks)[:-COMPLETED_FRAMEWORKS]:
            del self.completed_frameworks[old]
        live = list(view.tasks.values())
        self.tasks = _by_framework(t for t in live if t.state != TaskState.UNREACHABLE)
        self.unreachable_tasks = _by_framework(t for t in live if t.state == TaskState.UNREACHABLE)
        self.completed_tasks = {
            id: tasks[-COMPLETED_TASKS:] for id, tasks in _by_framework(view.ended_tasks.values()).items()
        }
        self.executors = list(view.executors.values())
        self.offers: dict[str, tuple[Offer, ...]] = {id: note.offers for id, note in view.outstanding.items()}
        self.used = _used(self.tasks, self.executors)
        self.offered = _offered(self.offers)
        self.master: MasterNote | None = view.master
        self.maintenance: MaintenanceNote | None = view.maintenance
        self.metrics: dict[str, float] = dict(view.metrics)
        self.offer_counts: dict[str, OffersNote] = dict(view.offers)
        self.call_counts = {id: dict(note.counts) for id, note in view.calls.items()}

    def knows_agent(self, agent_id: str) -> bool:
        """Whether it is, or is expected back."""
        away = (*self.recovered, *self.unreachable_agents)
        return agent_id in self.agents or any(agent_id == note.agent_id for note in away)

    @property
    def size(self) -> int:
        """How much there is to show, in tasks, agents and offers."""
        rows = (self.tasks, self.unreachable_tasks, self.completed_tasks, self.offers)
        return len(self.agents) + sum(len(each) for row in rows for each in row.values())

    def all_completed_tasks(self) -> list[TaskNote]:
        """Those of frameworks that are still shown."""
        return [t for id, tasks in self.completed_tasks.items() if self._shown(id) for t in tasks]

    def _shown(self, framework_id: str) -> bool:
        return framework_id in self.frameworks or framework_id in self.completed_frameworks


def of_agents(held: dict[Holder, Resources]) -> dict[str, dict[str, Resources]]:
    """By agent, and there by role."""
    found: dict[str, dict[str, Resources]] = {}
    for (agent_id, _, role), resources in held.items():
        _add(found.setdefault(agent_id, {}), role, resources)
    return found


def of_frameworks(held: dict[Holder, Resources]) -> dict[str, dict[str, Resources]]:
    """By framework, and there by role."""
    found: dict[str, dict[str, Resources]] = {}
    for (_, framework_id, role), resources in held.items():
        _add(found.setdefault(framework_id, {}), role, resources)
    return found


def of_roles(held: dict[Holder, Resources]) -> dict[str, Resources]:
    found: dict[str, Resources] = {}
    for (_, _, role), resources in held.items():
        _add(found, role, resources)
    return found


def total(by_role: dict[str, Resources]) -> Resources:
    found = EMPTY
    for resources in by_role.values():
        found = found + resources
    return found


def _by_framework(tasks: Iterable[TaskNote]) -> dict[str, list[TaskNote]]:
    found: dict[str, list[TaskNote]] = {}
    for task in tasks:
        found.setdefault(task.framework_id, []).append(task)
    return found


def _used(tasks: dict[str, list[TaskNote]], executors: list[ExecutorNote]) -> dict[Holder, Resources]:
    """By tasks, and by executors themselves."""
    found: dict[Holder, Resources] = {}
    for executor in executors:
        _add(found, (executor.agent_id, executor.framework_id, executor.info.role), executor.info.resources)
    for framework_id, rows in tasks.items():
        for task in rows:
            _add(found, (task.agent_id, framework_id, task.role), task.resources)
    return found


def _offered(offers: dict[str, tuple[Offer, ...]]) -> dict[Holder, Resources]:
    found: dict[Holder, Resources] = {}
    for framework_id, rows in offers.items():
        for offer in rows:
            _add(found, (offer.agent_id, framework_id, offer.role), offer.resources)
    return found


def _add(sums: dict[K, Resources], key: K, resources: Resources) -> None:
    before = sums.get(key)
    sums[key] = resources if before is None else before + resources
