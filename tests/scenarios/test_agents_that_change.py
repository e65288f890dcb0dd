"""Agents that have another total, other attributes or another fault domain from one moment to the next."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from raymesos.errors import Conflict, InvalidValue, UnknownId
from raymesos.model.attributes import Attributes
from raymesos.model.resources import Resources
from raymesos.sim import Simulation
from raymesos.sim.scripted import Framework


def held(framework: Framework) -> list[tuple[str, str]]:
    """(agent, resources as text) of the outstanding offers, oldest first."""
    return [(o.agent, str(o.resources)) for o in framework.offers]


def rescinds(framework: Framework) -> int:
    return [e.type for e in framework.events].count("RESCIND")


def test_what_an_agent_has_more_is_offered_at_once(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:2;mem:1024")
    f = sim.add_framework("F", roles=["role1"])
    sim.settle()
    sim.update_agent("A1", total="cpus:3;mem:1024")
    sim.settle()
    assert held(f) == [("A1", "cpus:2;mem:1024"), ("A1", "cpus:1")]
    assert rescinds(f) == 0


def test_of_what_an_agent_has_no_more_the_offers_are_rescinded_and_the_tasks_run_on(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:4;mem:1024")
    f = sim.add_framework("F", roles=["role1"])
    sim.settle()
    task = f.launch(f.offers[0], "cpus:3;mem:512")
    sim.settle()
    sim.advance(1)
    assert held(f) == [("A1", "cpus:1;mem:512")]
    sim.update_agent("A1", total="cpus:2;mem:1024")
    sim.settle()
    assert rescinds(f) == 1
    assert held(f) == [("A1", "mem:512")]
    assert task.state == "TASK_RUNNING"
    sim.finish(task)
    sim.settle()
    assert held(f) == [("A1", "mem:512"), ("A1", "cpus:2;mem:512")]


def test_other_attributes_end_refusals_and_are_what_the_next_offer_says(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:2;mem:1024", attributes="rack:r1")
    f = sim.add_framework("F", roles=["role1"])
    sim.settle()
    f.decline(f.offers[0], refuse_seconds=3600)
    sim.advance(60)
    assert held(f) == []
    sim.update_agent("A1", attributes="rack:r2")
    sim.settle()
    [offer] = f.offers
    assert offer.attributes == Attributes.parse("rack:r2")
    sim.update_agent("A1", attributes="rack:r3")
    sim.settle()
    [offer] = f.offers
    assert offer.attributes == Attributes.parse("rack:r3")
    assert rescinds(f) == 1


def test_what_is_not_named_stays_as_it_was(sim: Simulation) -> None:
    agent = sim.add_agent("A1", "cpus:2", attributes="rack:r1", region="eu", zone="a", revocable="cpus:1")
    sim.settle()
    before = sim.cluster.info("A1")
    sim.update_agent("A1")
    assert sim.cluster.info("A1") == before
    sim.update_agent("A1", zone="b")
    after = sim.cluster.info("A1")
    assert (after.region, after.zone) == ("eu", "b")
    assert (after.resources, after.attributes, after.revocable) == (
        before.resources,
        before.attributes,
        before.revocable,
    )
    assert agent.resources == Resources.parse("cpus:2")


@pytest.mark.parametrize("who", ["A1", "master", "allocator"])
def test_what_an_agent_has_become_it_stays_over_restarts(make_sim: Callable[..., Simulation], who: str) -> None:
    sim = make_sim()
    sim.add_agent("A1", "cpus:4;mem:1024", attributes="rack:r1")
    f = sim.add_framework("F", roles=["role1"])
    sim.settle()
    task = f.launch(f.offers[0], "cpus:3;mem:512")
    sim.settle()
    sim.update_agent("A1", total="cpus:2;mem:2048", attributes="rack:r2")
    sim.settle()
    sim.crash(who)
    sim.advance(1)
    sim.restart(who)
    sim.advance(30)
    assert task.state == "TASK_RUNNING"
    assert sum(o.resources.scalar("mem") for o in f.offers) == 1_536_000
    assert sum(o.resources.scalar("cpus") for o in f.offers) == 0
    assert f.offers[-1].attributes == Attributes.parse("rack:r2")
    sim.audit.settle_accounts(sim.world.now_ms)


def test_what_changes_while_the_agent_is_down_or_cut_off_counts_when_it_is_back(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:4;mem:1024")
    f = sim.add_framework("F", roles=["role1"])
    sim.settle()
    sim.disconnect("A1")
    sim.update_agent("A1", total="cpus:1;mem:64")
    sim.advance(5)
    assert held(f) == []
    sim.reconnect("A1")
    sim.advance(5)
    assert held(f) == [("A1", "cpus:1;mem:64")]
    sim.crash("A1")
    sim.update_agent("A1", total="cpus:2;mem:64")
    sim.advance(5)
    sim.restart("A1")
    sim.advance(5)
    assert held(f) == [("A1", "cpus:2;mem:64")]


def test_a_launch_on_what_has_just_gone_is_dropped_and_given_back(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:4;mem:1024")
    f = sim.add_framework("F", roles=["role1"])
    sim.settle()
    task = f.launch(f.offers[0], "cpus:4;mem:64")
    sim.update_agent("A1", total="cpus:1;mem:1024")
    sim.advance(5)
    assert task.state == "TASK_DROPPED"
    assert sum(o.resources.scalar("cpus") for o in f.offers) == 1_000
    sim.audit.settle_accounts(sim.world.now_ms)


def test_what_no_agent_can_be_is_refused_and_changes_nothing(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:2")
    f = sim.add_framework("F", roles=["role1"])
    sim.settle()
    before = sim.cluster.info("A1")
    for bad in ({"total": "cpus:x"}, {"attributes": 7}, {"revocable": "ports:[1-2]"}, {"region": 1}, {"zone": 1}):
        with pytest.raises(InvalidValue):
            sim.update_agent("A1", **bad)  # type: ignore[arg-type]
    with pytest.raises(UnknownId):
        sim.update_agent("A2", total="cpus:1")
    with pytest.raises(Conflict):
        sim.add_agent("A1", "cpus:1")
    sim.settle()
    assert sim.cluster.info("A1") == before
    assert held(f) == [("A1", "cpus:2")]


# ---------------------------------------------------------------- disks


def test_disks_come_on_top_each_of_its_own_kind(sim: Simulation) -> None:
    disks = [
        {"type": "ROOT", "size_mb": 50},
        {"type": "PATH", "root": "/mnt/p", "size_mb": 200},
        {"type": "MOUNT", "root": "/mnt/d1", "size_mb": 100},
        {"type": "BLOCK", "size_mb": 10},
        {"type": "RAW", "size_mb": 20.5, "profile": "fast"},
    ]
    sim.add_agent("A1", "cpus:2;disk:1000", disks=disks)
    f = sim.add_framework("F", roles=["role1"])
    sim.settle()
    [offer] = f.offers
    found = {
        (key.disk.source, key.disk.root, key.disk.profile) if key.disk else None: quantity
        for key, quantity in offer.resources
        if key.name == "disk"
    }
    assert found == {
        None: 1_050_000,
        ("PATH", "/mnt/p", ""): 200_000,
        ("MOUNT", "/mnt/d1", ""): 100_000,
        ("BLOCK", "", ""): 10_000,
        ("RAW", "", "fast"): 20_500,
    }
    assert offer.resources.scalar("disk") == 1_380_500


@pytest.mark.parametrize(
    "row",
    [
        {"type": "MOUNT"},
        {"size_mb": 1},
        {"type": "TAPE", "size_mb": 1},
        {"type": "MOUNT", "size_mb": 0},
        {"type": "MOUNT", "size_mb": "1"},
        {"type": "MOUNT", "size_mb": 1, "root": 3},
        {"type": "MOUNT", "size_mb": 1, "colour": "red"},
        "MOUNT",
    ],
)
def test_a_disk_that_is_none_is_refused(sim: Simulation, row: object) -> None:
    with pytest.raises(InvalidValue):
        sim.add_agent("A1", "cpus:2", disks=[row])  # type: ignore[list-item]
    sim.add_agent("A1", "cpus:2")
