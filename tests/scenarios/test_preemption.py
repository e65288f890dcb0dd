"""Preemption: a role gets back what it is owed, from whom is furthest over its share, no more than is needed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import raymesos as rm
from raymesos.sim import Simulation
from raymesos.sim.events import Task
from raymesos.sim.scripted import Framework

Make = Callable[..., Simulation]


def full(sim: Simulation, name: str, role: str, count: int, *, cpus: int = 1, priority: int = 0) -> list[Task]:
    """A framework that runs `count` tasks in the role, one after another, and wants no more."""
    f = sim.add_framework(name, roles=[role], demand=[(f"cpus:{cpus};mem:64", count)])
    sim.settle()
    tasks = []
    while len(tasks) < count:
        for offer in f.offers:
            ops = [
                f.launch_op(f"cpus:{cpus};mem:64", priority=priority)
                for _ in range(offer.resources.scalar("cpus") // (1000 * cpus))
            ]
            tasks += f.accept([offer], ops, refuse_seconds=0)
        sim.settle()
    return tasks


def states(tasks: list[Task]) -> list[str]:
    return [t.state.removeprefix("TASK_") for t in tasks]


def cpus(framework: Framework) -> int:
    return sum(o.resources.scalar("cpus") for o in framework.offers) // 1000


@pytest.mark.parametrize("preemption", ["off", "guarantee", "fair"])
def test_a_guarantee_takes_back_what_it_lacks_and_no_more(make_sim: Make, preemption: str) -> None:
    sim = make_sim(preemption=preemption)
    sim.add_agent("A1", "cpus:4;mem:4096")
    tasks = full(sim, "F1", "greedy", 4)
    sim.set_quota("owed", guarantee="cpus:2;mem:128")
    f2 = sim.add_framework("F2", roles=["owed"], demand=[("cpus:1;mem:64", 3)])
    sim.settle()
    sim.advance(0.5)
    if preemption == "off":
        assert (states(tasks), cpus(f2)) == (["RUNNING"] * 4, 0)
        return
    assert states(tasks) == ["RUNNING", "RUNNING", "KILLED", "KILLED"]  # The youngest.
    assert {(t.reason, t.message) for t in tasks[2:]} == {
        ("REASON_PREEMPTED", f"preempted for role owed ({f2.id}), which is below its guarantee")
    }
    assert cpus(f2) == 2
    sim.advance(10.0)
    # With `fair` its fair share is 2 of 4 too.
    assert (states(tasks)[:2], cpus(f2)) == (["RUNNING", "RUNNING"], 2)


def test_the_lowest_priority_goes_first_then_the_youngest(make_sim: Make) -> None:
    sim = make_sim(preemption="guarantee")
    sim.add_agent("A1", "cpus:4;mem:4096")
    f1 = sim.add_framework("F1", roles=["greedy"])
    sim.settle()
    (offer,) = f1.offers
    tasks = f1.accept([offer], [f1.launch_op("cpus:1;mem:64", priority=p) for p in (5, 0, 9, 5)], refuse_seconds=1000)
    sim.set_quota("owed", guarantee="cpus:2;mem:128")
    f2 = sim.add_framework("F2", roles=["owed"], demand=[("cpus:1;mem:64", 2)])
    sim.settle()
    assert states(tasks) == ["RUNNING", "KILLED", "RUNNING", "KILLED"]
    assert cpus(f2) == 2


def test_who_is_furthest_over_its_share_pays_and_nobody_under_a_guarantee(make_sim: Make) -> None:
    sim = make_sim(preemption="guarantee")
    sim.add_agent("A1", "cpus:8;mem:4096")
    sim.settle()
    sim.set_quota({"safe": ("cpus:3;mem:192", None), "owed": ("cpus:2;mem:128", None)}, force=True)
    safe = full(sim, "F1", "safe", 3)
    little = full(sim, "F2", "little", 1)
    sim.set_quota("owed")  # So that others may fill the cluster first.
    much = full(sim, "F3", "much", 4)
    sim.set_quota("owed", guarantee="cpus:2;mem:128")
    f = sim.add_framework("F4", roles=["owed"], demand=[("cpus:1;mem:64", 9)])
    sim.settle()
    assert states(much) == ["RUNNING", "RUNNING", "KILLED", "KILLED"]
    assert states(safe + little) == ["RUNNING"] * 4
    assert cpus(f) == 2


def test_a_task_that_needs_two_places_gets_them_on_one_agent(make_sim: Make) -> None:
    sim = make_sim(preemption="guarantee")
    sim.add_agent("A1", "cpus:2;mem:4096")
    sim.add_agent("A2", "cpus:2;mem:4096")
    tasks = full(sim, "F1", "greedy", 4)
    sim.set_quota("owed", guarantee="cpus:2;mem:64")
    f = sim.add_framework("F2", roles=["owed"], demand=[("cpus:2;mem:64", 1)])
    sim.settle()
    assert cpus(f) == 2
    killed = [t for t in tasks if t.state == "TASK_KILLED"]
    assert [t.agent for t in killed] == [f.offers[0].agent] * 2


def test_nothing_is_taken_while_enough_is_free_or_only_lies_about_in_offers(make_sim: Make) -> None:
    sim = make_sim(preemption="guarantee")
    sim.add_agent("A1", "cpus:2;mem:1024")
    sim.add_agent("A2", "cpus:2;mem:1024")
    tasks = full(sim, "F1", "greedy", 2)
    hoarder = sim.add_framework("F2", roles=["hoarder"])
    sim.settle()
    assert cpus(hoarder) == 2
    sim.set_quota("owed", guarantee="cpus:2;mem:128", force=True)
    f = sim.add_framework("F3", roles=["owed"], demand=[("cpus:1;mem:64", 2)])
    sim.advance(1.0)
    assert (cpus(f), cpus(hoarder), states(tasks)) == (2, 0, ["RUNNING", "RUNNING"])


def test_a_framework_that_wants_nothing_more_or_refuses_takes_nothing(make_sim: Make) -> None:
    sim = make_sim(preemption="guarantee")
    sim.add_agent("A1", "cpus:4;mem:4096")
    tasks = full(sim, "F1", "greedy", 4)
    sim.set_quota("owed", guarantee="cpus:4;mem:256")
    f = sim.add_framework("F2", roles=["owed"], demand=[])
    sim.advance(3.0)
    assert states(tasks) == ["RUNNING"] * 4
    f.revive(demand=[("cpus:1;mem:64", 1)])
    sim.settle()
    assert states(tasks) == ["RUNNING", "RUNNING", "RUNNING", "KILLED"]


def test_fairness_takes_only_after_a_while_and_only_down_to_the_share(make_sim: Make) -> None:
    sim = make_sim(preemption="fair")
    sim.add_agent("A1", "cpus:6;mem:6000")
    tasks = full(sim, "F1", "first", 6)
    sim.set_weight("second", 2)
    f = sim.add_framework("F2", roles=["second"], demand=[("cpus:1;mem:64", 9)])
    sim.advance(0.9)
    assert states(tasks) == ["RUNNING"] * 6
    sim.advance(1.2)
    assert states(tasks) == ["RUNNING"] * 2 + ["KILLED"] * 4
    assert cpus(f) == 4
    sim.advance(20.0)
    assert states(tasks) == ["RUNNING"] * 2 + ["KILLED"] * 4


def test_a_framework_that_did_not_say_what_it_wants_gets_its_guarantee_back_too(make_sim: Make) -> None:
    sim = make_sim(preemption="guarantee")
    sim.add_agent("A1", "cpus:4;mem:4096")
    tasks = full(sim, "F1", "greedy", 4)
    sim.set_quota("owed", guarantee="cpus:2;mem:64")
    f = sim.add_framework("F2", roles=["owed"])
    sim.advance(1.0)
    assert states(tasks) == ["RUNNING", "RUNNING", "KILLED", "KILLED"]
    assert cpus(f) == 2


def test_of_a_group_all_go_and_a_victim_has_its_grace(make_sim: Make) -> None:
    sim = make_sim(preemption="guarantee")
    sim.add_agent("A1", "cpus:4;mem:4096")
    f1 = sim.add_framework("F1", roles=["greedy"])
    sim.settle()
    (offer,) = f1.offers
    alone = f1.launch_op("cpus:2;mem:64", priority=1)
    group = f1.launch_group_op([f1.launch_op("cpus:1;mem:64"), f1.launch_op("cpus:1;mem:64")])
    f1.accept([offer], [alone, group], refuse_seconds=1000)
    sim.settle()
    sim.set_quota("owed", guarantee="cpus:1;mem:64")
    sim.add_framework("F2", roles=["owed"], demand=[("cpus:1;mem:64", 1)])
    sim.settle()
    assert alone.state == "TASK_RUNNING"
    assert [t.state for t in group.tasks] == ["TASK_KILLED"] * 2


def test_a_batch_job_pays_nothing_for_what_was_taken_from_it(make_sim: Make) -> None:
    sim = make_sim(preemption="guarantee")
    sim.add_agent("A1", "cpus:2;mem:4096")
    job = sim.submit(rm.BatchJob("victim", command="sleep 1", size=2, role="greedy", cpus=1, retries=0))
    sim.advance(1.0)
    for task in job.tasks:
        sim.start(task)
    sim.settle()
    sim.set_quota("owed", guarantee="cpus:1;mem:128")
    f = sim.add_framework("F", roles=["owed"], demand=[("cpus:1;mem:64", 1)])
    sim.advance(2.0)
    assert cpus(f) == 1
    lost = [t for t in job.tasks if t.reason is not None]
    assert [(t.state, t.reason) for t in lost] == [("TASK_KILLED", "lost")]
    sim.set_quota("owed")  # What is guaranteed would be kept for it.
    f.suppress()
    f.decline_all()
    sim.advance(2.0)
    (again,) = [t for t in job.tasks if t.resubmit_of == lost[0].id]
    assert (again.resubmit_number, again.system_resubmit_number) == (1, 1)
    assert job.state != "Finished"


def test_the_wish_of_a_job_that_has_nothing_left_to_start_preempts_nobody(make_sim: Make) -> None:
    """Another job keeps the role awake, and fits nowhere."""
    sim = make_sim(preemption="guarantee")
    for name in ("A1", "A2", "A3"):
        sim.add_agent(name, "cpus:2;mem:4096")
    sim.settle()
    sim.set_quota("owed", guarantee="cpus:1")
    greedy = sim.submit(rm.BatchJob("greedy", command="x", role="greedy", size=300, mem=64))
    small = sim.submit(rm.BatchJob("small", command="x", role="owed", size=1, mem=64))
    sim.submit(rm.BatchJob("too-big", command="x", role="owed", cpus=64, mem=64))
    sim.settle()
    for _ in range(60):
        for task in [*greedy.tasks, *small.tasks]:
            if task.state == "TASK_STARTING":
                sim.start(task)
            elif task.state == "TASK_RUNNING":
                sim.finish(task)
        sim.advance(1)
    assert small.state == "Finished"
    assert "TASK_KILLED" not in [t.state for t in greedy.tasks]


def test_a_guarantee_takes_back_what_an_executor_without_tasks_holds(make_sim: Make) -> None:
    sim = make_sim(preemption="guarantee")
    sim.add_agent("A1", "cpus:2;mem:1024")
    f1 = sim.add_framework("F1", roles=["greedy"])
    sim.settle()
    (offer,) = f1.offers
    executor = {"executor_id": "e", "resources": "cpus:1;mem:64"}
    (task,) = f1.accept([offer], [f1.launch_op("cpus:1;mem:64", executor=executor)], refuse_seconds=1000)
    sim.set_quota("owed", guarantee="cpus:2;mem:128")
    f2 = sim.add_framework("F2", roles=["owed"], demand=[("cpus:1;mem:64", 1)])
    sim.settle()
    assert (task.state, cpus(f2)) == ("TASK_KILLED", 1)
    f2.accept(f2.offers, [f2.launch_op("cpus:1;mem:64")], refuse_seconds=0)
    f2.revive(demand=[("cpus:1;mem:64", 1)])
    sim.advance(5.0)
    assert cpus(f2) == 1
