"""Disks of agents: a MOUNT disk is taken whole or not at all, a PATH disk may be divided."""

from __future__ import annotations

import pytest

from raymesos.model.resources import Disk, Key, Resources, build
from raymesos.sim import Simulation
from raymesos.sim.scripted import Framework


def disk(source: str, root: str, mb: int) -> Resources:
    return build([(Key("disk", disk=Disk(source, root)), mb * 1000)])


def with_disks(sim: Simulation) -> Framework:
    """F, which is offered an agent with two MOUNT disks of one size, a PATH disk and a root disk."""
    disks = [
        {"type": "MOUNT", "root": "/mnt/d1", "size_mb": 100},
        {"type": "MOUNT", "root": "/mnt/d2", "size_mb": 100},
        {"type": "PATH", "root": "/mnt/p", "size_mb": 100},
    ]
    sim.add_agent("A1", "cpus:4;mem:1024;disk:50", disks=disks)
    f = sim.add_framework("F", roles=["role1"])
    sim.settle()
    return f


def test_a_task_may_not_take_part_of_a_mount_disk(sim: Simulation) -> None:
    f = with_disks(sim)
    whole = f.offers[0].resources
    task = f.launch(f.offers[0], Resources.parse("cpus:1") + disk("MOUNT", "/mnt/d1", 50))
    sim.advance(1)
    assert (task.state, task.reason) == ("TASK_ERROR", "REASON_TASK_INVALID")
    assert "/mnt/d1" in task.message
    assert "100" in task.message
    assert "50" in task.message
    assert [o.resources for o in f.offers] == [whole]


def test_a_task_takes_one_mount_disk_whole_and_the_other_is_offered_on(sim: Simulation) -> None:
    f = with_disks(sim)
    task = f.launch(f.offers[0], Resources.parse("cpus:1") + disk("MOUNT", "/mnt/d1", 100))
    sim.advance(1)
    assert task.state == "TASK_RUNNING"
    [offer] = f.offers
    assert offer.resources.contains(disk("MOUNT", "/mnt/d2", 100))
    assert not offer.resources.contains(disk("MOUNT", "/mnt/d1", 1))
    sim.finish(task)
    sim.advance(1)
    assert f.offers[-1].resources.contains(disk("MOUNT", "/mnt/d1", 100))


@pytest.mark.parametrize("part", [disk("PATH", "/mnt/p", 50), Resources.parse("disk:20")])
def test_path_and_root_disks_may_be_divided(sim: Simulation, part: Resources) -> None:
    f = with_disks(sim)
    tasks = [f.launch_op(Resources.parse("cpus:1") + part) for _ in range(2)]
    f.accept(f.offers, tasks)
    sim.settle()
    assert [t.state for t in tasks] == ["TASK_RUNNING"] * 2


def test_two_tasks_of_one_accept_do_not_share_a_mount_disk(sim: Simulation) -> None:
    f = with_disks(sim)
    one, other = (f.launch_op(Resources.parse("cpus:1") + disk("MOUNT", "/mnt/d1", 100)) for _ in range(2))
    f.accept(f.offers, [one, other])
    sim.settle()
    assert [t.state for t in (one, other)] == ["TASK_RUNNING", "TASK_ERROR"]
