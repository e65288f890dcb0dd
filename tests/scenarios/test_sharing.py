"""Who is offered what, in Mesos' published numbers (S09, S11, S12, S13, S15, E1), through the whole kernel."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest

from raymesos.model.resources import Resources
from raymesos.sim import Simulation
from raymesos.sim.scripted import Framework


def held(framework: Framework) -> list[tuple[str, str]]:
    """(agent, resources as text) of the outstanding offers, oldest first."""
    return [(o.agent, str(o.resources)) for o in framework.offers]


def agents(framework: Framework) -> list[str]:
    return [o.agent for o in framework.offers]


@pytest.mark.parametrize("excluded", [(), ("gpus",)])
def test_s09_agents_go_to_the_poorest_role_and_in_it_to_the_poorest_framework(
    make_sim: Callable[..., Simulation], excluded: tuple[str, ...]
) -> None:
    sim = make_sim(fairness_excluded=excluded)
    sim.add_agent("A1", "cpus:2;mem:1024" + (";gpus:1" if excluded else ""))
    f1 = sim.add_framework("F1", roles=["role1"])
    sim.settle()
    assert agents(f1) == ["A1"]
    f2 = sim.add_framework("F2", roles=["role2"])
    sim.settle()
    assert agents(f2) == []
    sim.add_agent("A2", "cpus:1;mem:512")
    sim.settle()
    assert held(f2) == [("A2", "cpus:1;mem:512")]
    sim.add_agent("A3", "cpus:3;mem:2048")
    sim.settle()
    assert held(f2) == [("A2", "cpus:1;mem:512"), ("A3", "cpus:3;mem:2048")]
    f3 = sim.add_framework("F3", roles=["role1"])
    sim.settle()
    sim.add_agent("A4", "cpus:4;mem:4096")
    sim.settle()
    assert held(f3) == [("A4", "cpus:4;mem:4096")]
    f4 = sim.add_framework("F4", roles=["role1"])
    sim.settle()
    sim.add_agent("A5", "cpus:1;mem:512")
    sim.settle()
    assert [agents(f) for f in (f1, f2, f3, f4)] == [["A1"], ["A2", "A3", "A5"], ["A4"], []]
    assert sim.shares() == {"role1": Fraction(5, 8), "role2": Fraction(5, 11)}


def test_s09_without_the_exclusion_the_gpu_makes_role1_the_richest(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:2;mem:1024;gpus:1")
    sim.add_framework("F1", roles=["role1"])
    sim.settle()
    assert sim.shares() == {"role1": Fraction(1)}


def test_s11_a_subtree_competes_as_one_before_its_roles_do(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:2;mem:1024")
    f1 = sim.add_framework("F1", roles=["a/b"])
    sim.settle()
    f2 = sim.add_framework("F2", roles=["a/c"])
    f3 = sim.add_framework("F3", roles=["d/e"])
    sim.settle()
    sim.add_agent("A2", "cpus:1;mem:512")
    sim.settle()
    assert [agents(f) for f in (f1, f2, f3)] == [["A1"], [], ["A2"]]
    f4 = sim.add_framework("F4", roles=["d/f"])
    sim.settle()
    sim.add_agent("A3", "cpus:2;mem:1024")
    sim.settle()
    assert [agents(f) for f in (f1, f2, f3, f4)] == [["A1"], [], ["A2"], ["A3"]]
    shares = sim.shares()
    assert (shares["a"], shares["d"]) == (Fraction(2, 5), Fraction(3, 5))


def test_s12_agents_are_offered_whole_and_two_frameworks_get_one_each(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:2;mem:1024")
    sim.add_agent("A2", "cpus:2;mem:1024")
    f1 = sim.add_framework("F1", roles=["role1"])
    sim.settle()
    assert sorted(agents(f1)) == ["A1", "A2"]
    f1.decline_all(refuse_seconds=0)
    sim.settle()
    f2 = sim.add_framework("F2", roles=["role2"])
    sim.settle()
    assert [len(f.offers) for f in (f1, f2)] == [1, 1]
    assert sorted(agents(f1) + agents(f2)) == ["A1", "A2"]
    assert {str(o.resources) for f in (f1, f2) for o in f.offers} == {"cpus:2;mem:1024"}


def test_s12_frameworks_with_the_same_share_take_turns(sim: Simulation) -> None:
    f1 = sim.add_framework("F1", roles=["*"])
    f2 = sim.add_framework("F2", roles=["*"])
    sim.add_agent("A1", "cpus:2;mem:1024")
    sim.settle()
    rounds = {"F1": 0, "F2": 0}
    for _ in range(10):
        (holder,) = [f for f in (f1, f2) if f.offers]
        assert held(holder) == [("A1", "cpus:2;mem:1024")]
        rounds[holder.name] += 1
        holder.decline_all(refuse_seconds=0)
        sim.advance(1.0)
    assert rounds == {"F1": 5, "F2": 5}


def test_s13_a_filter_of_two_intervals_holds_for_one_tick_and_is_gone_at_the_second(sim: Simulation) -> None:
    f = sim.add_framework("F", roles=["role"])
    sim.add_agent("A", "cpus:1;mem:512")
    sim.settle()
    f.decline(f.offers[0], refuse_seconds=2.0)
    sim.settle()
    active = "allocator/mesos/offer_filters/roles/role/active"
    assert sim.metrics()[active] == 1
    sim.advance(1.0)
    assert held(f) == []
    assert sim.metrics()[active] == 1
    sim.advance(1.0)
    assert held(f) == [("A", "cpus:1;mem:512")]
    assert sim.metrics()[active] == 0


def test_s13_a_filter_shorter_than_the_interval_still_blocks_one_run(make_sim: Callable[..., Simulation]) -> None:
    sim = make_sim(allocation_interval=60.0)
    sim.add_agent("A1", "cpus:1;mem:512")
    f1 = sim.add_framework("F1", roles=["role"])
    sim.settle()
    f2 = sim.add_framework("F2", roles=["role"])
    sim.settle()
    sim.add_agent("A2", "cpus:1;mem:512")
    sim.settle()
    assert [agents(f) for f in (f1, f2)] == [["A1"], ["A2"]]
    f2.decline_all(refuse_seconds=1.0)
    sim.advance(1.0)
    assert [agents(f) for f in (f1, f2)] == [["A1"], []]
    sim.advance(60.0)
    assert [agents(f) for f in (f1, f2)] == [["A1", "A2"], []]
    f1.decline(f1.offers[1], refuse_seconds=0)
    sim.settle()
    sim.advance(60.0)
    assert [agents(f) for f in (f1, f2)] == [["A1"], ["A2"]]


def test_a_revive_clears_the_filters_and_offers_at_once(sim: Simulation) -> None:
    f = sim.add_framework("F", roles=["role"])
    sim.add_agent("A", "cpus:1;mem:512")
    sim.settle()
    f.decline_all(refuse_seconds=1000)
    sim.advance(10)
    assert held(f) == []
    f.revive()
    sim.settle()
    assert held(f) == [("A", "cpus:1;mem:512")]


def test_a_suppressed_framework_keeps_its_offers_and_gets_no_new_ones_until_it_revives(sim: Simulation) -> None:
    f = sim.add_framework("F", roles=["role"])
    sim.add_agent("A1", "cpus:1;mem:512")
    sim.settle()
    f.suppress()
    sim.add_agent("A2", "cpus:1;mem:512")
    sim.advance(5)
    assert agents(f) == ["A1"]
    f.revive()
    sim.settle()
    assert agents(f) == ["A1", "A2"]


def test_s15_weights_1_to_2_to_3_come_out_in_agents(sim: Simulation) -> None:
    f1 = sim.add_framework("F1", roles=["role1"])
    f2 = sim.add_framework("F2", roles=["role2"])
    for n in range(6):
        sim.add_agent(f"A{n + 1}", "cpus:2;mem:1024")
    sim.settle()
    for f in (f1, f2):
        f.decline_all(refuse_seconds=0)
    sim.settle()
    deliveries = [_deliveries(f) for f in (f1, f2)]
    sim.advance(1.0)
    assert [len(f.offers) for f in (f1, f2)] == [3, 3]
    assert [_deliveries(f) - before for f, before in zip((f1, f2), deliveries, strict=True)] == [1, 1]
    assert _total(f1, f2) == Resources.parse("cpus:12;mem:6144")
    sim.set_weight("role2", 2.0)
    sim.settle()
    assert [len(f.offers) for f in (f1, f2)] == [0, 0]
    assert [sum(e.type == "RESCIND" for e in f.events) for f in (f1, f2)] == [3, 3]
    sim.advance(1.0)
    assert [len(f.offers) for f in (f1, f2)] == [2, 4]
    sim.set_weight("role3", 3.0)
    sim.settle()
    assert [len(f.offers) for f in (f1, f2)] == [2, 4]
    for f in (f1, f2):
        f.decline_all(refuse_seconds=0)
    sim.settle()
    f3 = sim.add_framework("F3", roles=["role3"])
    sim.settle()
    assert [str(_total(f)) for f in (f1, f2, f3)] == ["cpus:2;mem:1024", "cpus:4;mem:2048", "cpus:6;mem:3072"]


def test_e1_task_sized_grants_follow_the_paper(sim: Simulation) -> None:
    """9 CPU and 18 GB; A wants <1, 4>, B wants <3, 1>: A, B, A, B, A, and both end with two thirds. (DRF, NSDI 2011, section 4.1)"""
    sim.add_agent("A1", "cpus:9;mem:18432")
    a = sim.add_framework("A", roles=["A"])
    b = sim.add_framework("B", roles=["B"])
    sim.settle()
    shapes = {"A": Resources.parse("cpus:1;mem:4096"), "B": Resources.parse("cpus:3;mem:1024")}
    order = []
    while True:
        (holder,) = [f for f in (a, b) if f.offers]
        offer = holder.offers[0]
        if not offer.resources.contains(shapes[holder.name]):
            break
        order.append(holder.name)
        holder.launch(offer, shapes[holder.name])
        sim.advance(1.0)
    assert order == ["A", "B", "A", "B", "A"]
    assert [len(f.tasks) for f in (a, b)] == [3, 2]
    (last,) = [f for f in (a, b) if f.offers]
    last.decline_all(refuse_seconds=5)
    sim.settle()
    assert sim.shares() == {"A": Fraction(2, 3), "B": Fraction(2, 3)}


def test_the_end_of_a_task_is_offered_at_once_and_a_decline_waits_for_the_tick(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:2;mem:1024")
    f1 = sim.add_framework("F1", roles=["role1"])
    sim.settle()
    task = f1.launch(f1.offers[0], "cpus:2;mem:1024")
    f2 = sim.add_framework("F2", roles=["role2"])
    sim.settle()
    assert (task.state, agents(f2)) == ("TASK_RUNNING", [])
    sim.finish(task)
    sim.settle()
    assert task.state == "TASK_FINISHED"
    (holder,) = [f for f in (f1, f2) if f.offers]
    assert holder is f2
    f2.decline_all(refuse_seconds=0)
    sim.settle()
    assert agents(f1) == agents(f2) == []
    sim.advance(1.0)
    assert len(f1.offers) + len(f2.offers) == 1


def _deliveries(framework: Framework) -> int:
    return sum(e.type == "OFFERS" for e in framework.events)


def _total(*frameworks: Framework) -> Resources:
    total = Resources()
    for framework in frameworks:
        for offer in framework.offers:
            total = total + offer.resources
    return total
