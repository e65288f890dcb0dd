"""E5 of the published cases: 554 frameworks of three kinds place 19,500 tasks on 80 large agents."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from raymesos.model.resources import Resources
from raymesos.sim import Simulation
from raymesos.sim.scripted import Framework

AGENT = Resources.parse("cpus:64;mem:488000")
KINDS = ((4, 4_000, "cpus:0.07;mem:400", 100), (500, 5, "cpus:0.1;mem:4000", 1), (50, 20, "cpus:1;mem:1000", 5))
"""(frameworks, tasks of each, shape of a task, tasks on one offer at most)"""


@dataclass(slots=True)
class Tenant:
    framework: Framework
    shape: Resources
    on_one_offer: int
    left: int

    def use_offers(self) -> None:
        for offer in self.framework.offers:
            fits = min(offer.resources.scalar(name) // size for name, size in self.shape.quantities().items())
            count = min(fits, self.on_one_offer, self.left)
            ops = [self.framework.launch_op(self.shape) for _ in range(count)]
            self.framework.accept([offer], ops, refuse_seconds=0)
            self.left -= count


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_e5_all_tasks_of_many_frameworks_run_within_30_seconds(sim: Simulation) -> None:
    for number in range(80):
        sim.add_agent(f"A{number}", AGENT)
    tenants = []
    for kind, (count, tasks, shape, on_one_offer) in enumerate(KINDS):
        for number in range(count):
            name = f"F{kind}-{number}"
            framework = sim.add_framework(name, roles=[name.lower()], demand=[(shape, tasks)])
            tenants.append(Tenant(framework, Resources.parse(shape), on_one_offer, tasks))
    sim.settle()
    while any(tenant.left for tenant in tenants) and sim.now < 30:
        for tenant in tenants:
            tenant.use_offers()
        sim.settle()
        sim.advance(1.0)
    states = [task.state for tenant in tenants for task in tenant.framework.tasks.values()]
    assert states == ["TASK_RUNNING"] * 19_500
    assert sim.now < 30
    assert not any(tenant.framework.offers for tenant in tenants)
