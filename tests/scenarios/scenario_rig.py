"""What scenarios begin with, and how they look at what a framework was told."""

from __future__ import annotations

from raymesos.sim import Simulation
from raymesos.sim.events import Task
from raymesos.sim.scripted import Framework

WHOLE = "cpus:2;mem:1024"
"""An agent of which a task of `running` uses half of the CPUs."""


def running(
    sim: Simulation, *, agent: str = WHOLE, task: str = "cpus:1;mem:128", **framework: object
) -> tuple[Framework, Task]:
    """F1 with a running task on A1, of which the rest is not offered again."""
    sim.add_agent("A1", agent)
    f1 = sim.add_framework("F1", roles=["role1"], **framework)  # type: ignore[arg-type]
    sim.settle()
    launched = f1.launch(f1.offers[0], task, refuse_seconds=10_000)
    sim.settle()
    assert launched.state == "TASK_RUNNING"
    return f1, launched


def types(framework: Framework, since: int = 0) -> list[str]:
    """Of its events, from number `since` on."""
    return [e.type for e in framework.events[since:]]
