"""Why a framework has no offer: each reason that a pass can have, right after the pass that had it and as long as nothing changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from raymesos.model.tasks import ALL_CAPABILITIES
from raymesos.sim import Simulation
from raymesos.sim.scripted import Framework

# What says how a role stands is said beside every reason.
BESIDE = ("share", "quota", "inactive")


def reasons(sim: Simulation, framework: Framework) -> list[dict[str, Any]]:
    """The reasons of the pass, as data."""
    rows = [row for row in sim.explain(framework)["data"] if row["kind"] not in BESIDE]
    return [{name: value for name, value in row.items() if name != "in_role"} for row in rows]


def first_and_later(sim: Simulation, framework: Framework) -> list[dict[str, Any]]:
    """The reasons now, which are the same after more passes and after one over a single agent that is of no use to it."""
    now = reasons(sim, framework)
    for _ in range(3):
        sim.advance(1.0)
        assert reasons(sim, framework) == now
    return now


def without(capability: str) -> list[str]:
    return [name for name in ALL_CAPABILITIES if name != capability]


def text(sim: Simulation, framework: Framework) -> str:
    return str(sim.explain(framework)["reasons"][0])


def test_a_limit_is_named_with_its_role_and_the_room_that_it_leaves(sim: Simulation) -> None:
    sim.set_quota("a", limit="cpus:1.005;mem:100")
    sim.add_agent("A1", "cpus:4;mem:512")
    sim.add_agent("A2", "cpus:4;mem:512")
    f = sim.add_framework("F", roles=["a/b"])
    sim.settle()
    for offer in f.offers:
        f.launch(offer, "cpus:1;mem:90")
    sim.advance(1.0)
    assert f.offers == []
    (why,) = first_and_later(sim, f)
    assert (why["kind"], why["role"], why["quantities"]) == ("limit", "a", {"cpus": 0.005, "mem": 10.0})
    assert why["agents"] == 2
    assert "the limit of role a leaves room for only cpus:0.005;mem:10 on 2 agents" in text(sim, f)


def test_a_limit_that_is_reached_is_said_to_be(sim: Simulation) -> None:
    sim.set_quota("q", limit="cpus:0;mem:0")
    f = sim.add_framework("F", roles=["q"])
    sim.settle()
    sim.add_agent("A1", "cpus:4;mem:512")
    sim.settle()
    (why,) = first_and_later(sim, f)
    assert (why["kind"], why["role"]) == ("limit", "q")
    assert "the limit of role q is reached" in text(sim, f)


def test_headroom_is_named_with_whom_it_is_kept_for_and_how_much(sim: Simulation) -> None:
    sim.set_quota("q", guarantee="cpus:4;mem:512", force=True)
    sim.add_agent("A1", "cpus:4;mem:512")
    f = sim.add_framework("F", roles=["n"])
    sim.settle()
    (why,) = first_and_later(sim, f)
    assert (why["kind"], why["role"]) == ("headroom", "q")
    assert (why["quantities"], why["agents"]) == ({"cpus": 4.0, "mem": 512.0}, 1)
    assert "cpus:4;mem:512 is held back as headroom for the guarantee of role q on 1 agent" in text(sim, f)


def test_a_constraint_is_named_with_the_number_of_agents_that_it_leaves_out(sim: Simulation) -> None:
    wanted = {"selector": {"attribute_name": "rack"}, "predicate": {"exists": {}}}
    constraints = {"role_constraints": {"r": {"groups": [{"attribute_constraints": [wanted]}]}}}
    for n in range(3):
        sim.add_agent(f"A{n}", "cpus:1;mem:64")
    f = sim.add_framework("F", roles=["r"], offer_constraints=constraints)
    sim.settle()
    assert first_and_later(sim, f) == [{"kind": "constraint", "agents": 3}]
    assert sim.explain(f)["verdict"] == "blocked"
    assert text(sim, f) == "its offer constraints leave out 3 agents"


def test_a_constraint_on_a_role_that_is_owed_a_guarantee_counts_each_agent_once(sim: Simulation) -> None:
    wanted = {"selector": {"attribute_name": "rack"}, "predicate": {"exists": {}}}
    constraints = {"role_constraints": {"r": {"groups": [{"attribute_constraints": [wanted]}]}}}
    sim.add_agent("A1", "cpus:1;mem:64")
    sim.settle()
    sim.set_quota("r", guarantee="cpus:1;mem:64")
    f = sim.add_framework("F", roles=["r"], offer_constraints=constraints)
    sim.settle()
    assert first_and_later(sim, f) == [{"kind": "constraint", "agents": 1}]


def test_a_capability_that_is_lacking_is_named(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:1;mem:64;gpus:1")
    f = sim.add_framework("F", roles=["r"], capabilities=without("GPU_RESOURCES"))
    sim.settle()
    (why,) = first_and_later(sim, f)
    assert (why["kind"], why["agents"]) == ("capability", 1)
    assert "GPUs" in text(sim, f)


def test_another_region_is_named(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:1;mem:64", region="home")
    sim.settle()
    sim.add_agent("A2", "cpus:1;mem:64", region="away")
    taker = sim.add_framework("T", roles=["t"])
    sim.settle()
    taker.launch(next(o for o in taker.offers if o.agent == "A1"), "cpus:1;mem:64")
    taker.decline_all(refuse_seconds=1000)
    sim.settle()
    f = sim.add_framework("F", roles=["r"], capabilities=without("REGION_AWARE"))
    sim.settle()
    (why,) = first_and_later(sim, f)
    assert (why["kind"], why["role"], why["agents"]) == ("domain", "away", 1)


def test_less_than_it_thinks_worth_an_offer_is_named(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:1;mem:64")
    f = sim.add_framework("F", roles=["r"], min_allocatable={"r": ["cpus:2"]})
    sim.settle()
    assert first_and_later(sim, f) == [{"kind": "minimum", "agents": 1}]
    assert "less than the minimum" in text(sim, f)


def test_crumbs_are_nothing_that_is_free(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:1;mem:64")
    f = sim.add_framework("F", roles=["r"])
    sim.settle()
    f.launch(f.offers[0], "cpus:0.995;mem:50")
    sim.advance(1.0)
    assert first_and_later(sim, f) == [{"kind": "nothing_free"}]


def test_a_filter_is_named_with_its_end_and_the_soonest_of_several_counts(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:1;mem:64")
    sim.add_agent("A2", "cpus:1;mem:64")
    f = sim.add_framework("F", roles=["r"])
    sim.settle()
    for offer, seconds in zip(f.offers, (300, 100), strict=True):
        f.decline(offer, refuse_seconds=seconds)
    sim.advance(1.0)
    (why,) = reasons(sim, f)
    assert (why["kind"], why["for_s"]) == ("filtered", 99.0)
    sim.advance(10.0)
    (why,) = reasons(sim, f)
    assert (why["kind"], why["for_s"]) == ("filtered", 89.0)
    f.revive()
    sim.settle()
    assert [row["kind"] for row in reasons(sim, f)] == ["offered"]


def test_a_shape_that_no_agent_could_hold_is_told_with_what_the_nearest_lacks(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:8;mem:512")
    sim.add_agent("A2", "cpus:3;mem:2048")
    f = sim.add_framework("F", roles=["r"], demand=[("cpus:4;mem:2000", 1)])
    sim.settle()
    (why,) = first_and_later(sim, f)
    assert (why["kind"], why["quantities"]) == ("no_agent_fits", {"cpus": 1.0})
    sim.update_agent("A2", total="cpus:4;mem:2048")
    sim.settle()
    assert [row["kind"] for row in reasons(sim, f)] == ["offered"]


def test_when_all_is_in_use_nothing_is_free(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:1;mem:64")
    f = sim.add_framework("F", roles=["r"])
    sim.settle()
    g = sim.add_framework("G", roles=["s"])
    sim.settle()
    assert first_and_later(sim, g) == [{"kind": "nothing_free"}]
    f.launch(f.offers[0], "cpus:1;mem:64")
    sim.settle()
    assert first_and_later(sim, g) == [{"kind": "nothing_free"}]


def test_who_comes_after_a_poorer_role_is_told_so(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:1;mem:64")
    rich = sim.add_framework("Rich", roles=["r"])
    sim.settle()
    rich.launch(rich.offers[0], "cpus:1;mem:64")
    poor = sim.add_framework("Poor", roles=["s"])
    sim.add_agent("A2", "cpus:1;mem:64")
    sim.settle()
    for _ in range(3):
        poor.decline_all(refuse_seconds=0)
        sim.advance(1.0)
        assert (len(poor.offers), reasons(sim, rich)) == (1, [{"kind": "role_behind"}])


def test_an_agent_that_is_held_for_another_is_told_with_whom_and_until_when(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:2;mem:512")
    small = sim.add_framework("Small", roles=["small"], demand=[("cpus:1;mem:64", 2)])
    sim.settle()
    tasks = [t for o in small.offers for t in _fill(small, o)]
    sim.settle()
    big = sim.add_framework("Big", roles=["big"], demand=[("cpus:2;mem:64", 1)])
    small.revive(demand=[("cpus:1;mem:64", 4)])
    sim.advance(1.0)
    sim.finish(tasks[0])
    sim.advance(1.0)
    assert (small.offers, big.offers) == ([], [])
    (why,) = reasons(sim, small)
    assert (why["kind"], why["role"]) == ("held", "big")
    assert why["for_s"] > 0
    assert [row["kind"] for row in reasons(sim, big)] == ["nothing_free"]
    sim.finish(tasks[1])
    sim.advance(1.0)
    assert len(big.offers) == 1


def _fill(framework: Framework, offer: Any) -> list[Any]:
    count = offer.resources.scalar("cpus") // 1000
    ops = [framework.launch_op("cpus:1;mem:64") for _ in range(count)]
    return framework.accept([offer], ops, refuse_seconds=0)


def test_a_suppressed_role_is_said_to_be_and_no_longer_after_a_revive(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:1;mem:64")
    f = sim.add_framework("F", roles=["r"])
    f.suppress()
    sim.settle()
    assert first_and_later(sim, f) == [{"kind": "suppressed"}]
    f.revive()
    sim.settle()
    assert [row["kind"] for row in reasons(sim, f)] == ["offered"]


def test_agents_that_are_not_offered_are_named_beside_there_being_none(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:1;mem:64")
    sim.settle()
    sim.deactivate("A1")
    f = sim.add_framework("F", roles=["r"])
    sim.settle()
    assert first_and_later(sim, f) == [{"kind": "no_agents"}]
    assert [row for row in sim.explain(f)["data"] if row["kind"] == "inactive"] == [
        {"kind": "inactive", "agents": 1, "states": {"deactivated": 1}}
    ]


def test_several_reasons_are_all_told_the_heaviest_first(sim: Simulation) -> None:
    sim.set_quota("q", guarantee="cpus:1;mem:64", force=True)
    sim.add_agent("A1", "cpus:1;mem:64")
    sim.add_agent("A2", "cpus:1;mem:64;gpus:1")
    f = sim.add_framework("F", roles=["n"], capabilities=without("GPU_RESOURCES"), min_allocatable={"n": ["cpus:2"]})
    sim.settle()
    assert [row["kind"] for row in first_and_later(sim, f)] == ["capability", "minimum"]


@pytest.mark.parametrize("scoring", ["shuffle", "pack", "spread"])
def test_a_reason_of_a_pass_over_one_agent_is_told_at_once(make_sim: Callable[..., Simulation], scoring: str) -> None:
    sim = make_sim(scoring=scoring)
    f = sim.add_framework("F", roles=["r"], capabilities=without("GPU_RESOURCES"))
    sim.settle()
    assert [row["kind"] for row in reasons(sim, f)] == ["no_agents"]
    sim.add_agent("A1", "cpus:1;mem:64;gpus:1")
    sim.settle()
    assert [row["kind"] for row in first_and_later(sim, f)] == ["capability"]


def test_a_reason_that_still_stands_is_not_forgotten_for_one_that_comes(sim: Simulation) -> None:
    f = sim.add_framework("F", roles=["r"], capabilities=without("GPU_RESOURCES"), min_allocatable={"r": ["cpus:2"]})
    sim.add_agent("A1", "cpus:4;mem:64;gpus:1")
    sim.settle()
    sim.advance(1.0)
    sim.add_agent("A2", "cpus:1;mem:64")
    sim.settle()
    assert [row["kind"] for row in first_and_later(sim, f)] == ["capability", "minimum"]
    sim.remove_agent("A1")
    sim.advance(1.0)
    assert [row["kind"] for row in first_and_later(sim, f)] == ["minimum"]
