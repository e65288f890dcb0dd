"""Services in scenarios: one agent that has room for all, tasks that start when the test says."""

from __future__ import annotations

from typing import Any

import raymesos as rm
from raymesos.sim import Simulation
from raymesos.sim.services import ServiceTask, SubmittedService

ON_THEIR_WAY = ("TASK_STAGING", "TASK_STARTING")


def service(sim: Simulation, desired: int, *, name: str = "web", **fields: object) -> SubmittedService:
    """A service taken by the framework, from 0 to 1000 instances."""
    if not sim.cluster.agent_names():
        sim.add_agent("A1", "cpus:1000;mem:1000000;ports:[31000-39999]")
    given = {"command": "x", "cpus": 1, "mem": 10, "capacity": rm.Capacity(0, desired, 1000)} | fields
    svc = sim.submit(rm.ServiceJob(name, **given))  # type: ignore[arg-type]
    sim.settle()
    return svc


def live(svc: SubmittedService) -> list[ServiceTask]:
    """Its tasks that have not ended, by index."""
    return sorted([t for t in svc.tasks if t.reason is None], key=lambda t: (t.index, t.epoch))


def states(svc: SubmittedService) -> dict[str, int]:
    """How many live tasks are in each state."""
    found = [t.state for t in live(svc)]
    return {state: found.count(state) for state in dict.fromkeys(found)}


def start(sim: Simulation, svc: SubmittedService) -> None:
    """Start what has not started, until all that the service wants runs."""
    while waiting := [t for t in live(svc) if t.state in ON_THEIR_WAY]:
        for task in waiting:
            sim.start(task)
        sim.settle()


def started(sim: Simulation, desired: int, **fields: object) -> SubmittedService:
    """A service of which all instances run."""
    svc = service(sim, desired, **fields)
    start(sim, svc)
    assert states(svc) == ({"TASK_RUNNING": desired} if desired else {})
    return svc


def events(sim: Simulation) -> list[dict[str, Any]]:
    """What an operator reads."""
    return list(sim.view("events")["events"])
