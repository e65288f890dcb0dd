"""GPUs: whole, offered to those who take them, and given out by id."""

from __future__ import annotations

import pytest

from raymesos.model.resources import Resources
from raymesos.model.tasks import ALL_CAPABILITIES, Capability
from raymesos.sim import Simulation
from raymesos.sim.scripted import Framework
from raymesos.sim.shim import SimulatedShim

WITHOUT = [c for c in ALL_CAPABILITIES if c != Capability.GPU_RESOURCES]


def visible(sim: Simulation, framework: Framework, task_id: str) -> str | None:
    """What the task's processes find in CUDA_VISIBLE_DEVICES."""
    shim = sim.world.machine(f"shim/{framework.tasks[task_id].agent}/default-{framework.id}")
    assert isinstance(shim, SimulatedShim)
    return dict(shim._work[task_id].work.env).get("CUDA_VISIBLE_DEVICES")


def test_an_agent_with_gpus_is_offered_only_to_frameworks_that_take_them(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:4;mem:1024;gpus:2")
    plain = sim.add_framework("plain", roles=["role1"], capabilities=WITHOUT)
    sim.advance(5)
    assert plain.offers == []
    sim.add_agent("A2", "cpus:1;mem:512")
    sim.settle()
    assert [o.agent for o in plain.offers] == ["A2"]
    takes = sim.add_framework("takes", roles=["role2"])
    sim.settle()
    assert [(o.agent, o.resources) for o in takes.offers] == [("A1", Resources.parse("cpus:4;mem:1024;gpus:2"))]


@pytest.mark.parametrize("part", ["0.5", "1.5", "0.001"])
def test_a_part_of_a_gpu_is_an_error_and_what_was_offered_comes_back_whole(sim: Simulation, part: str) -> None:
    sim.add_agent("A1", "cpus:4;mem:1024;gpus:2")
    f = sim.add_framework("F", roles=["role1"])
    sim.settle()
    task = f.launch(f.offers[0], f"cpus:1;gpus:{part}")
    sim.advance(1)
    assert (task.state, task.reason) == ("TASK_ERROR", "REASON_TASK_INVALID")
    assert "gpus" in task.message
    assert [o.resources for o in f.offers] == [Resources.parse("cpus:4;mem:1024;gpus:2")]


def test_each_task_sees_its_own_gpus_also_after_its_agent_began_again(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:4;mem:1024;gpus:3")
    sim.add_agent("A2", "cpus:4;mem:1024")
    f = sim.add_framework("F", roles=["role1"])
    sim.settle()
    first, second, none = (f.launch_op(r) for r in ("cpus:1;gpus:1", "cpus:1;gpus:1", "cpus:1"))
    f.accept([o for o in f.offers if o.agent == "A1"], [first, second, none], 0)
    elsewhere = f.launch(next(o for o in f.offers if o.agent == "A2"), "cpus:1")
    sim.settle()
    assert [visible(sim, f, t.id) for t in (first, second, none, elsewhere)] == ["0", "1", "", None]
    sim.crash("A1")
    sim.advance(1)
    sim.restart("A1")
    sim.advance(10)
    sim.finish(first)
    sim.advance(1)
    third = f.launch_op("cpus:1;gpus:2")
    f.accept([o for o in f.offers if o.agent == "A1"], [third])
    sim.settle()
    assert [t.state for t in (second, third)] == ["TASK_RUNNING"] * 2
    assert visible(sim, f, third.id) == "0,2"
    assert visible(sim, f, second.id) == "1"
