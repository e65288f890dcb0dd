"""What user work does in a scripted simulation: a scripted framework's runs until told to end, a built-in framework's waits to be told to start."""

from __future__ import annotations

from dataclasses import dataclass

from raymesos.errors import UnknownId
from raymesos.sim.audit import Auditor
from raymesos.sim.jobs import report_of
from raymesos.sim.reading import OnAgent
from raymesos.sim.shim import SCRIPTED, Fate, Finish
from raymesos.sim.world import World
from raymesos.wire.messages import ExecutorInfo, Probe, StartWork
from raymesos.wire.work import WorkReport

AT_ONCE = Fate(start_ms=0)
WHEN_TOLD = Fate(start_ms=None)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a task's work is: on which agent, in which shim."""

    agent: str
    shim: str


class ByHand:
    """The script of `Simulation`: it knows where each task's work is, and passes on what the test says of it."""

    def __init__(self, world: World, audit: Auditor) -> None:
        self._world = world
        self._audit = audit
        self._places: dict[str, list[Place]] = {}
        self._unwell: dict[tuple[str, str], None] = {}
        """(task id, health or readiness) of those whose probes fail."""

    def fate(self, agent: str, work: StartWork) -> Fate:
        return AT_ONCE if work.work == SCRIPTED else WHEN_TOLD

    def report(self, work: StartWork, end: Finish) -> WorkReport | None:
        return report_of(work, end)

    def is_well(self, agent: str, probe: Probe) -> bool:
        return (probe.task_id, probe.purpose) not in self._unwell

    def set_well(self, task_id: str, purpose: str, *, ok: bool) -> None:
        """What probes of the task find from now on."""
        if ok:
            self._unwell.pop((task_id, purpose), None)
        else:
            self._unwell[task_id, purpose] = None

    def began(self, at_ms: int, agent: str, work: StartWork, shim: str) -> None:
        self._audit.work_began(at_ms, agent, work)
        self._places.setdefault(work.task_id, []).append(Place(agent, shim))

    def ended(self, at_ms: int, agent: str, task_id: str) -> None:
        self._audit.work_ended(at_ms, agent, task_id)
        left = [p for p in self._places.get(task_id, []) if p.agent != agent]
        if left:
            self._places[task_id] = left
        else:
            self._places.pop(task_id, None)

    def executor_began(self, agent: str, info: ExecutorInfo) -> None:
        self._audit.executor_began(agent, info)

    def executor_ended(self, agent: str, info: ExecutorInfo) -> None:
        self._audit.executor_ended(agent, info)

    def tell(self, task: OnAgent, *orders: object) -> None:
        """Pass `orders` to the shim that has the task's work. Raises UnknownId if none has."""
        place = next((p for p in self._places.get(task.id, []) if task.agent in (None, "", p.agent)), None)
        if place is None:
            raise UnknownId("task at work on an agent", task.id)
        for order in orders:
            self._world.post(place.shim, place.shim, order)
