"""Revocable resources (S30): lent out by an agent for as long as its owner does not want them, to frameworks that can do without."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from scenario_rig import types

import raymesos as rm
from raymesos.errors import InvalidValue, UnknownId
from raymesos.model.resources import Resources
from raymesos.model.revocable import as_revocable
from raymesos.model.tasks import ALL_CAPABILITIES, Capability
from raymesos.sim import Simulation
from raymesos.sim.scripted import Framework

WHOLE = "cpus:100;mem:100;disk:100"
REGULAR_ONLY = [c for c in ALL_CAPABILITIES if c != Capability.REVOCABLE_RESOURCES]


def lent(text: str) -> Resources:
    return as_revocable(Resources.parse(text))


def offered(framework: Framework) -> list[Resources]:
    return [o.resources for o in framework.offers]


def with_revocable_offer(sim: Simulation, revocable: str) -> Framework:
    """F, which holds all of A's own in one task and all that it lends out in an offer."""
    sim.add_agent("A", WHOLE, revocable=revocable)
    f = sim.add_framework("F", roles=["role1"])
    sim.settle()
    [offer] = f.offers
    f.launch(offer, WHOLE)
    sim.settle()
    sim.advance(1.0)
    assert offered(f) == [lent(revocable)]
    return f


def test_s30_what_an_agent_lends_out_is_offered_when_it_says_so(sim: Simulation) -> None:
    sim.add_agent("A", WHOLE)
    f = sim.add_framework("F", roles=["role1"])
    sim.settle()
    assert offered(f) == [Resources.parse(WHOLE)]
    sim.update_agent("A", revocable="cpus:10")
    sim.settle()
    assert offered(f) == [Resources.parse(WHOLE), lent("cpus:10")]
    assert types(f) == ["SUBSCRIBED", "OFFERS", "OFFERS"]


def test_s30_of_a_larger_estimate_only_what_is_not_in_use_is_offered(sim: Simulation) -> None:
    f = with_revocable_offer(sim, "cpus:10")
    task = f.launch(f.offers[0], lent("cpus:10"))
    sim.settle()
    sim.update_agent("A", revocable="cpus:12")
    sim.settle()
    assert offered(f) == [lent("cpus:2")]
    assert task.state == "TASK_RUNNING"


@pytest.mark.parametrize(("before", "after"), [("cpus:1", "cpus:3"), ("cpus:3", "cpus:1")])
def test_s30_a_new_estimate_rescinds_what_was_offered_by_the_old_one(
    make_sim: Callable[..., Simulation], before: str, after: str
) -> None:
    sim = make_sim()
    f = with_revocable_offer(sim, before)
    old = f.offers[0].id
    sim.update_agent("A", revocable=after)
    sim.settle()
    assert [e.offer_id for e in f.events if e.type == "RESCIND"] == [old]
    assert offered(f) == [lent(after)]
    sim.advance(60)
    assert offered(f) == [lent(after)]


def test_s30_a_new_estimate_leaves_offers_without_revocable_resources_alone(sim: Simulation) -> None:
    sim.add_agent("A", WHOLE)
    f = sim.add_framework("F", roles=["role1"])
    sim.settle()
    [offer] = f.offers
    for estimate in ("cpus:10", "cpus:12", "cpus:5"):
        sim.update_agent("A", revocable=estimate)
        sim.settle()
        assert f.offers[0] is offer
        assert offered(f) == [Resources.parse(WHOLE), lent(estimate)]


def test_s30_the_same_estimate_again_rescinds_nothing(sim: Simulation) -> None:
    f = with_revocable_offer(sim, "cpus:3")
    sim.update_agent("A", revocable="cpus:3")
    sim.settle()
    assert "RESCIND" not in types(f)


def test_s30_nothing_more_is_offered_once_nothing_is_lent_out(sim: Simulation) -> None:
    f = with_revocable_offer(sim, "cpus:3")
    sim.update_agent("A", revocable="")
    sim.settle()
    sim.advance(60)
    assert offered(f) == []
    assert types(f).count("RESCIND") == 1


def test_s30_a_framework_without_the_capability_never_sees_revocable_resources(sim: Simulation) -> None:
    sim.add_agent("A", WHOLE, revocable="cpus:10")
    plain = sim.add_framework("plain", roles=["role1"], capabilities=REGULAR_ONLY)
    sim.settle()
    assert offered(plain) == [Resources.parse(WHOLE)]
    sim.update_agent("A", revocable="cpus:12")
    sim.advance(60)
    assert offered(plain) == [Resources.parse(WHOLE)]
    takes = sim.add_framework("takes", roles=["role2"])
    sim.settle()
    assert offered(takes) == [lent("cpus:12")]


def test_a_task_may_not_mix_revocable_and_regular_resources_of_one_name(sim: Simulation) -> None:
    sim.add_agent("A", WHOLE, revocable="cpus:10")
    f = sim.add_framework("F", roles=["role1"])
    sim.settle()
    [offer] = f.offers
    mixed = f.launch_op(Resources.parse("cpus:1;mem:10") + lent("cpus:1"))
    pure = f.launch_op(Resources.parse("mem:10") + lent("cpus:1"))
    f.accept([offer], [mixed, pure])
    sim.settle()
    assert (mixed.state, mixed.reason) == ("TASK_ERROR", "REASON_TASK_INVALID")
    assert pure.state == "TASK_RUNNING"


# ---------------------------------------------------------------- the owner wants it back


def test_the_owner_gets_back_what_it_wants_and_no_more(sim: Simulation) -> None:
    f = with_revocable_offer(sim, "cpus:10")
    low_old, low_young, high = (f.launch_op(lent("cpus:3"), priority=p) for p in (0, 0, 5))
    f.accept(f.offers, [low_old, low_young, high])
    sim.settle()
    sim.update_agent("A", revocable="cpus:6")
    sim.settle()
    assert [t.state for t in (low_old, low_young, high)] == ["TASK_RUNNING", "TASK_GONE", "TASK_RUNNING"]
    assert low_young.reason == "REASON_CONTAINER_PREEMPTED"
    last = f.updates(low_young.id)[-1]
    assert last.source == "SOURCE_AGENT"
    assert last.message == "Container preempted: its agent lends out cpus:6 now"
    sim.update_agent("A", revocable="cpus:5")
    sim.settle()
    assert [t.state for t in (low_old, high)] == ["TASK_GONE", "TASK_RUNNING"]
    sim.update_agent("A", revocable="")
    sim.settle()
    assert high.state == "TASK_GONE"
    sim.advance(5)
    assert offered(f) == []


def test_a_task_whose_end_would_not_be_needed_after_all_runs_on(sim: Simulation) -> None:
    f = with_revocable_offer(sim, "cpus:4")
    large, small = f.launch_op(lent("cpus:3")), f.launch_op(lent("cpus:1"))
    f.accept(f.offers, [large, small])
    sim.settle()
    sim.update_agent("A", revocable="cpus:1")
    sim.settle()
    assert (large.state, small.state) == ("TASK_GONE", "TASK_RUNNING")


def test_regular_tasks_and_other_resources_are_left_alone(sim: Simulation) -> None:
    f = with_revocable_offer(sim, "cpus:4;mem:64")
    memory, cpus = f.launch_op(lent("mem:64")), f.launch_op(lent("cpus:4"))
    f.accept(f.offers, [cpus, memory])
    sim.settle()
    sim.update_agent("A", revocable="cpus:1;mem:64")
    sim.settle()
    assert (memory.state, cpus.state) == ("TASK_RUNNING", "TASK_GONE")
    assert [t.state for t in f.tasks.values()].count("TASK_RUNNING") == 2
    assert offered(f) == [lent("cpus:1")]


def test_a_framework_that_is_not_partition_aware_hears_that_the_task_is_lost(sim: Simulation) -> None:
    sim.add_agent("A", WHOLE, revocable="cpus:4")
    unaware = [c for c in ALL_CAPABILITIES if c != Capability.PARTITION_AWARE]
    f = sim.add_framework("F", roles=["role1"], capabilities=unaware)
    sim.settle()
    task = f.launch(f.offers[0], lent("cpus:4"))
    sim.settle()
    sim.update_agent("A", revocable="cpus:3")
    sim.settle()
    assert (task.state, task.reason) == ("TASK_LOST", "REASON_CONTAINER_PREEMPTED")


def test_a_launch_on_what_has_just_been_taken_back_does_not_start(sim: Simulation) -> None:
    f = with_revocable_offer(sim, "cpus:4")
    sim.update_agent("A", revocable="cpus:1")
    task = f.launch(f.offers[0], lent("cpus:4"))
    sim.settle()
    assert task.state in ("TASK_DROPPED", "TASK_GONE")
    sim.advance(5)
    assert offered(f) == [lent("cpus:1")]


@pytest.mark.parametrize("who", ["A", "master", "allocator"])
def test_the_estimate_outlives_restarts(make_sim: Callable[..., Simulation], who: str) -> None:
    sim = make_sim()
    f = with_revocable_offer(sim, "cpus:4")
    task = f.launch(f.offers[0], lent("cpus:2"))
    sim.settle()
    sim.update_agent("A", revocable="cpus:5")
    sim.settle()
    sim.crash(who)
    sim.advance(1)
    sim.restart(who)
    sim.advance(30)
    assert task.state == "TASK_RUNNING"
    assert offered(f) == [lent("cpus:3")]


def test_what_is_wanted_back_while_the_agent_is_down_is_taken_back_when_it_is_up(sim: Simulation) -> None:
    f = with_revocable_offer(sim, "cpus:4")
    old, young = (f.launch_op(lent("cpus:2")) for _ in range(2))
    f.accept(f.offers, [old, young])
    sim.settle()
    sim.crash("A")
    sim.update_agent("A", revocable="cpus:2")
    sim.advance(1)
    assert young.state == "TASK_RUNNING"
    sim.restart("A")
    sim.advance(10)
    assert (old.state, young.state) == ("TASK_RUNNING", "TASK_GONE")
    assert young.reason == "REASON_CONTAINER_PREEMPTED"


def test_bad_estimates_are_refused_and_change_nothing(sim: Simulation) -> None:
    f = with_revocable_offer(sim, "cpus:4")
    for bad in ("ports:[1-2]", "cpus(role1):2", "cpus:-1", "cpus"):
        with pytest.raises(InvalidValue):
            sim.update_agent("A", revocable=bad)
    with pytest.raises(UnknownId):
        sim.update_agent("B", revocable="cpus:1")
    sim.advance(5)
    assert offered(f) == [lent("cpus:4")]
    assert "RESCIND" not in types(f)


def test_batch_jobs_run_on_what_stays_theirs(sim: Simulation) -> None:
    sim.add_agent("A", "cpus:1;mem:1024", revocable="cpus:3;mem:1024")
    job = sim.submit(rm.BatchJob("job", command="x", mem=128, size=3))
    sim.advance(2)
    for finished in range(3):
        [task] = [t for t in job.tasks if t.reason is None]
        sim.start(task)
        sim.settle()
        assert sim.metrics()["master/cpus_revocable_used"] == 0
        sim.finish(task)
        sim.advance(2)
        assert len([t for t in job.tasks if t.state == "TASK_FINISHED"]) == finished + 1
    assert job.state == "Finished"
