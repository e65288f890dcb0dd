"""Which framework is offered which agent: what is worth an offer, capabilities, regions, roles that change, filters, suppressing, weights in the tree, chance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from fractions import Fraction

import pytest

from raymesos.model.tasks import ALL_CAPABILITIES
from raymesos.sim import Simulation
from raymesos.sim.scripted import Framework

NOT_REMOTE = [name for name in ALL_CAPABILITIES if name != "REGION_AWARE"]
NO_GPUS = [name for name in ALL_CAPABILITIES if name != "GPU_RESOURCES"]


def agents(framework: Framework, role: str | None = None) -> list[str]:
    return sorted(offer.agent for offer in framework.offers if role in (None, offer.role))


def held(framework: Framework) -> list[tuple[str, str]]:
    """(agent, resources as text) of the outstanding offers, by agent."""
    return sorted((o.agent, str(o.resources)) for o in framework.offers)


def rescinds(framework: Framework) -> int:
    return sum(event.type == "RESCIND" for event in framework.events)


def give_back(sim: Simulation, *frameworks: Framework) -> None:
    for framework in frameworks:
        framework.decline_all(refuse_seconds=0)
    sim.settle()


# ---------------------------------------------------------------- what is worth an offer


@pytest.mark.parametrize(
    ("agent", "offered"),
    [
        ("cpus:0.01;mem:31", True),
        ("cpus:0.009;mem:32", True),
        ("cpus:0.009;mem:31;disk:1000", False),
        ("cpus:0.005;mem:16", False),
        ("cpus:0.01;mem:32;disk:128", True),
    ],
)
def test_by_default_an_offer_holds_a_hundredth_of_a_cpu_or_32_mb(sim: Simulation, agent: str, offered: bool) -> None:
    f = sim.add_framework("F", roles=["r"])
    sim.add_agent("A", agent)
    sim.advance(1.0)
    assert len(f.offers) == offered


def test_what_an_operator_thinks_worth_an_offer_is_any_one_of_a_list(make_sim: Callable[..., Simulation]) -> None:
    sim = make_sim(min_allocatable=["cpus:1;mem:64", "disk:128"])
    f = sim.add_framework("F", roles=["r"])
    for name, text in (("A1", "cpus:8;mem:63"), ("A2", "cpus:1;mem:64"), ("A3", "cpus:0.1;disk:128"), ("A4", "mem:99")):
        sim.add_agent(name, text)
    sim.advance(1.0)
    assert agents(f) == ["A2", "A3"]


def test_a_framework_thinks_otherwise_of_it_in_a_role_and_only_there_and_alone(sim: Simulation) -> None:
    f = sim.add_framework("F", roles=["r", "s"], min_allocatable={"r": ["cpus:0.001;mem:3", "disk:64"]})
    g = sim.add_framework("G", roles=["r"])
    for name, text in (
        ("A1", "cpus:0.001;mem:3"),
        ("A2", "cpus:0.001;mem:2"),
        ("A3", "cpus:0.002;disk:64"),
    ):
        sim.add_agent(name, text)
    sim.advance(2.0)
    assert (agents(f, "r"), agents(f, "s"), agents(g)) == (["A1", "A3"], [], [])


def test_a_framework_that_wants_more_than_the_rest_is_left_out_of_small_offers(sim: Simulation) -> None:
    picky = sim.add_framework("Picky", roles=["r"], min_allocatable={"r": ["cpus:4;mem:1024"]})
    sim.add_agent("A1", "cpus:2;mem:2048")
    sim.add_agent("A2", "cpus:4;mem:1024")
    sim.advance(1.0)
    assert agents(picky) == ["A2"]
    other = sim.add_framework("Other", roles=["s"])
    sim.settle()
    assert agents(other) == ["A1"]


def test_with_an_empty_list_anything_is_worth_an_offer(sim: Simulation) -> None:
    f = sim.add_framework("F", roles=["r"], min_allocatable={"r": []})
    sim.add_agent("A1", "cpus:0.001")
    sim.add_agent("A2", "cpus:1;mem:64;ports:[1-5]")
    sim.settle()
    assert held(f) == [("A1", "cpus:0.001"), ("A2", "cpus:1;mem:64;ports:[1-5]")]
    f.launch(next(o for o in f.offers if o.agent == "A2"), "cpus:1;mem:64")
    sim.advance(1.0)
    assert held(f) == [("A1", "cpus:0.001"), ("A2", "ports:[1-5]")]


def test_what_it_thinks_worth_an_offer_can_be_changed_and_counts_from_the_next_pass_on(sim: Simulation) -> None:
    f = sim.add_framework("F", roles=["r"])
    sim.add_agent("A", "cpus:0.005;mem:16")
    sim.advance(1.0)
    assert f.offers == []
    f.update(min_allocatable={"r": ["mem:16"]})
    sim.settle()
    assert f.offers == []
    sim.advance(1.0)
    assert agents(f) == ["A"]
    f.update(min_allocatable={})
    give_back(sim, f)
    sim.advance(2.0)
    assert f.offers == []


def test_a_rest_that_is_too_small_for_all_but_one_goes_to_that_one(sim: Simulation) -> None:
    f = sim.add_framework("F", roles=["r"])
    sim.add_agent("A", "cpus:1;mem:64")
    sim.settle()
    f.launch(f.offers[0], "cpus:0.995;mem:50")
    sim.advance(2.0)
    assert f.offers == []
    crumbs = sim.add_framework("Crumbs", roles=["s"], min_allocatable={"s": ["cpus:0.001"]})
    sim.settle()
    assert held(crumbs) == [("A", "cpus:0.005;mem:14")]


# ---------------------------------------------------------------- capabilities, regions


def test_an_agent_with_gpus_waits_for_a_framework_that_takes_them(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:1;mem:512;gpus:2")
    sim.add_agent("A2", "cpus:1;mem:512")
    plain = sim.add_framework("Plain", roles=["r"], capabilities=NO_GPUS)
    sim.advance(1.0)
    assert agents(plain) == ["A2"]
    takes = sim.add_framework("Takes", roles=["r"])
    sim.settle()
    assert agents(takes) == ["A1"]
    give_back(sim, takes)
    takes.suppress()
    sim.advance(2.0)
    assert agents(plain) == ["A2"]


def test_a_framework_that_does_not_know_regions_sees_its_own_and_agents_without_one(sim: Simulation) -> None:
    sim.add_agent("A0", "cpus:1;mem:64")
    sim.settle()
    sim.add_agent("A1", "cpus:1;mem:64", region="home", zone="home-1")
    sim.settle()
    sim.add_agent("A2", "cpus:1;mem:64", region="away", zone="away-1")
    sim.add_agent("A3", "cpus:1;mem:64", region="home", zone="home-2")
    local = sim.add_framework("Local", roles=["r"], capabilities=NOT_REMOTE)
    sim.advance(2.0)
    assert agents(local) == ["A0", "A1", "A3"]
    aware = sim.add_framework("Aware", roles=["r"])
    sim.settle()
    assert agents(aware) == ["A2"]


# ---------------------------------------------------------------- roles that change


def test_offers_of_a_dropped_role_are_rescinded_and_what_is_free_goes_to_the_roles_that_stay(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:1;mem:64")
    sim.add_agent("A2", "cpus:1;mem:64")
    f = sim.add_framework("F", roles=["r", "s"])
    sim.settle()
    assert Counter(o.role for o in f.offers) == {"r": 1, "s": 1}
    f.update(roles=["s", "t"])
    sim.settle()
    assert ([o.role for o in f.offers], rescinds(f)) == (["s"], 1)
    sim.advance(1.0)
    assert sorted(o.role for o in f.offers) == ["s", "t"]
    assert sim.shares() == {"s": Fraction(1, 2), "t": Fraction(1, 2)}


def test_a_task_in_a_dropped_role_runs_on_and_counts_for_it_until_it_ends(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:2;mem:64")
    f = sim.add_framework("F", roles=["r"])
    sim.settle()
    task = f.launch(f.offers[0], "cpus:1;mem:32")
    sim.settle()
    f.update(roles=["s"])
    sim.advance(1.0)
    assert (task.state, [o.role for o in f.offers]) == ("TASK_RUNNING", ["s"])
    assert sim.shares() == {"r": Fraction(1, 2), "s": Fraction(1, 2)}
    sim.finish(task)
    sim.settle()
    assert sim.shares() == {"s": Fraction(1)}


def test_a_role_that_is_newly_suppressed_keeps_its_offers_and_gets_no_others(sim: Simulation) -> None:
    f = sim.add_framework("F", roles=["r", "s"])
    sim.add_agent("A1", "cpus:1;mem:64")
    sim.add_agent("A2", "cpus:1;mem:64")
    sim.settle()
    f.update(suppressed_roles=["r"])
    sim.settle()
    assert (Counter(o.role for o in f.offers), rescinds(f)) == ({"r": 1, "s": 1}, 0)
    give_back(sim, f)
    sim.advance(1.0)
    assert Counter(o.role for o in f.offers) == {"s": 2}


def test_a_role_that_is_suppressed_no_more_has_no_filters_from_the_next_pass_on(sim: Simulation) -> None:
    f = sim.add_framework("F", roles=["r", "s"])
    sim.add_agent("A", "cpus:1;mem:64")
    for _ in range(2):
        sim.settle()
        f.decline(f.offers[0], refuse_seconds=1000)
        sim.advance(1.0)
    assert f.offers == []
    f.update(suppressed_roles=["r"])
    sim.advance(2.0)
    assert f.offers == []
    f.update(suppressed_roles=[])
    sim.settle()
    assert f.offers == []
    sim.advance(1.0)
    assert [o.role for o in f.offers] == ["r"]


def test_a_framework_may_subscribe_with_roles_suppressed_and_is_offered_to_when_it_revives(sim: Simulation) -> None:
    f = sim.add_framework("F", roles=["r", "s"])
    f.suppress()
    sim.add_agent("A", "cpus:1;mem:64")
    sim.advance(2.0)
    assert f.offers == []
    f.revive(["s"])
    sim.settle()
    assert [o.role for o in f.offers] == ["s"]
    give_back(sim, f)
    sim.advance(1.0)
    assert [o.role for o in f.offers] == ["s"]


def test_each_role_of_a_framework_competes_for_itself(sim: Simulation) -> None:
    both = sim.add_framework("Both", roles=["r", "s"])
    one = sim.add_framework("One", roles=["r"])
    for n in range(4):
        sim.add_agent(f"A{n}", "cpus:1;mem:64")
        sim.settle()
    assert Counter(o.role for o in (*both.offers, *one.offers)) == {"r": 2, "s": 2}
    assert (len(both.offers), len(one.offers)) == (3, 1)


# ---------------------------------------------------------------- filters, suppress, revive


def test_a_filter_is_of_one_role_one_agent_and_one_framework(sim: Simulation) -> None:
    f = sim.add_framework("F", roles=["r", "s"])
    sim.add_agent("A", "cpus:1;mem:64")
    sim.settle()
    (first,) = f.offers
    f.decline(first, refuse_seconds=1000)
    sim.advance(1.0)
    (second,) = f.offers
    assert {first.role, second.role} == {"r", "s"}
    f.decline(second, refuse_seconds=1000)
    sim.advance(2.0)
    assert f.offers == []
    sim.add_agent("B", "cpus:1;mem:64")
    sim.settle()
    assert agents(f) == ["B"]
    g = sim.add_framework("G", roles=["r"])
    sim.settle()
    assert agents(g) == ["A"]


def test_a_larger_offer_passes_a_filter_and_a_smaller_does_not(sim: Simulation) -> None:
    f = sim.add_framework("F", roles=["r"])
    sim.add_agent("A", "cpus:4;mem:256")
    sim.settle()
    task = f.launch(f.offers[0], "cpus:2;mem:128", refuse_seconds=1000)
    sim.advance(2.0)
    assert f.offers == []
    sim.finish(task)
    sim.settle()
    assert held(f) == [("A", "cpus:4;mem:256")]
    f.decline_all(refuse_seconds=1000)
    g = sim.add_framework("G", roles=["s"])
    sim.settle()
    g.launch(g.offers[0], "cpus:1;mem:64", refuse_seconds=1000)
    sim.advance(2.0)
    assert f.offers == []


def test_a_negative_refusal_is_five_seconds(sim: Simulation) -> None:
    f = sim.add_framework("F", roles=["r"])
    sim.add_agent("A", "cpus:1;mem:64")
    sim.settle()
    f.decline(f.offers[0], refuse_seconds=-1)
    sim.advance(4.0)
    assert f.offers == []
    sim.advance(1.0)
    assert agents(f) == ["A"]


@pytest.mark.parametrize("how", ["attributes", "removed", "reconnected"])
def test_filters_end_when_the_agent_is_another_or_its_framework_is(sim: Simulation, how: str) -> None:
    f = sim.add_framework("F", roles=["r"], failover_timeout=100.0)
    sim.add_agent("A", "cpus:1;mem:64", attributes="rack:r1")
    sim.settle()
    f.decline(f.offers[0], refuse_seconds=1000)
    sim.advance(2.0)
    assert f.offers == []
    if how == "attributes":
        sim.update_agent("A", attributes="rack:r2")
    elif how == "removed":
        sim.remove_agent("A")
        sim.settle()
        sim.add_agent("A2", "cpus:1;mem:64", attributes="rack:r1")
    else:
        sim.disconnect("F")
        sim.advance(1.0)
        sim.reconnect("F")
    sim.advance(0.5)
    assert len(f.offers) == 1


def test_suppressing_one_role_leaves_the_other_and_a_revive_of_it_brings_its_agent_at_once(sim: Simulation) -> None:
    f = sim.add_framework("F", roles=["r", "s"])
    f.suppress(["r"])
    sim.settle()
    for n in range(2):
        sim.add_agent(f"A{n}", "cpus:1;mem:64")
    sim.advance(1.0)
    assert Counter(o.role for o in f.offers) == {"s": 2}
    f.suppress(["s"])
    give_back(sim, f)
    sim.advance(3.0)
    assert f.offers == []
    f.revive(["r"])
    sim.settle()
    assert Counter(o.role for o in f.offers) == {"r": 2}


def test_what_a_suppressed_framework_holds_still_counts_for_its_role(sim: Simulation) -> None:
    f1 = sim.add_framework("F1", roles=["r"])
    sim.add_agent("A1", "cpus:1;mem:64")
    sim.settle()
    f1.suppress()
    f2, f3 = sim.add_framework("F2", roles=["r"]), sim.add_framework("F3", roles=["s"])
    sim.settle()
    sim.add_agent("A2", "cpus:1;mem:64")
    sim.settle()
    assert (agents(f1), agents(f2), agents(f3)) == (["A1"], [], ["A2"])


def test_a_revive_of_one_role_clears_the_filters_of_no_other(sim: Simulation) -> None:
    f = sim.add_framework("F", roles=["r", "s"])
    sim.add_agent("A", "cpus:1;mem:64")
    for _ in range(2):
        sim.settle()
        f.decline(f.offers[0], refuse_seconds=1000)
        sim.advance(1.0)
    f.revive(["s"])
    sim.settle()
    assert [o.role for o in f.offers] == ["s"]
    f.decline(f.offers[0], refuse_seconds=1000)
    sim.advance(3.0)
    assert f.offers == []


# ---------------------------------------------------------------- agents that go and come


def test_a_deactivated_agent_is_not_offered_and_waits_for_the_next_pass_when_it_is_back(sim: Simulation) -> None:
    f = sim.add_framework("F", roles=["r"])
    sim.add_agent("A1", "cpus:1;mem:64")
    sim.add_agent("A2", "cpus:1;mem:64")
    sim.settle()
    sim.deactivate("A1")
    sim.settle()
    assert (agents(f), rescinds(f)) == (["A2"], 1)
    sim.advance(2.0)
    assert agents(f) == ["A2"]
    sim.reactivate("A1")
    sim.advance(1.0)
    assert agents(f) == ["A1", "A2"]


def test_a_disconnected_agent_loses_its_offers_and_has_others_when_it_is_back(sim: Simulation) -> None:
    f = sim.add_framework("F", roles=["r"])
    sim.add_agent("A1", "cpus:1;mem:64")
    sim.settle()
    sim.disconnect("A1")
    sim.advance(2.0)
    assert (f.offers, rescinds(f)) == ([], 1)
    sim.reconnect("A1")
    sim.advance(3.0)
    assert agents(f) == ["A1"]


def test_a_framework_that_disconnects_is_offered_nothing_and_others_are(sim: Simulation) -> None:
    f1 = sim.add_framework("F1", roles=["r"], failover_timeout=100.0)
    f2 = sim.add_framework("F2", roles=["s"])
    sim.add_agent("A1", "cpus:1;mem:64")
    sim.add_agent("A2", "cpus:1;mem:64")
    sim.settle()
    sim.disconnect("F1")
    sim.advance(2.0)
    assert agents(f2) == ["A1", "A2"]
    give_back(sim, f2)
    sim.reconnect("F1")
    sim.advance(1.0)
    assert (len(f1.offers), len(f2.offers)) == (1, 1)


# ---------------------------------------------------------------- whole agents


def test_an_agent_is_offered_whole_with_its_ports(sim: Simulation) -> None:
    f = sim.add_framework("F", roles=["r"])
    sim.add_agent("A", "cpus:4;mem:1024;disk:100;ports:[31000-31009]")
    sim.settle()
    assert held(f) == [("A", "cpus:4;disk:100;mem:1024;ports:[31000-31009]")]
    f.launch(f.offers[0], "cpus:1;mem:24;ports:[31002-31003]")
    sim.advance(1.0)
    assert held(f) == [("A", "cpus:3;disk:100;mem:1000;ports:[31000-31001,31004-31009]")]


def test_under_a_limit_ports_come_whole_and_scalars_cut(sim: Simulation) -> None:
    sim.set_quota("r", limit="cpus:1;mem:100")
    f = sim.add_framework("F", roles=["r"])
    sim.add_agent("A", "cpus:4;mem:1024;disk:100;ports:[31000-31009]")
    sim.settle()
    assert held(f) == [("A", "cpus:1;disk:100;mem:100;ports:[31000-31009]")]


@pytest.mark.parametrize(("limit", "offered"), [("disk:150", "cpus:1;disk:100;mem:64"), ("disk:99", "cpus:1;mem:64")])
def test_s21_a_mount_disk_is_taken_whole_or_not_at_all(sim: Simulation, limit: str, offered: str) -> None:
    sim.set_quota("r", limit=limit)
    sim.add_agent("A", "cpus:1;mem:64", disks=[{"type": "MOUNT", "root": "/mnt/d1", "size_mb": 100}])
    f = sim.add_framework("F", roles=["r"])
    sim.settle()
    (offer,) = f.offers
    assert dict(offer.resources.quantities()) == _quantities(offered)
    assert [key.disk.source for key, _ in offer.resources if key.disk is not None] == ["MOUNT"] * ("disk" in offered)


def test_s21_a_guarantee_takes_a_mount_disk_whole_or_not_and_the_root_disk_in_part(sim: Simulation) -> None:
    disks = [{"type": "MOUNT", "root": f"/mnt/d{n}", "size_mb": 100} for n in range(2)]
    sim.add_agent("A", "cpus:4;mem:64;disk:50", disks=disks)
    sim.settle()
    sim.set_quota("r", guarantee="cpus:1;disk:130", limit="cpus:1;disk:130;mem:0")
    f = sim.add_framework("F", roles=["r"])
    sim.settle()
    (offer,) = f.offers
    amounts = sorted(amount for key, amount in offer.resources if key.name == "disk")
    assert (offer.resources.scalar("cpus"), offer.resources.scalar("mem")) == (1000, 0)
    assert amounts == [30_000, 100_000]


def _quantities(text: str) -> dict[str, int]:
    return {name: int(amount) * 1000 for name, _, amount in (piece.partition(":") for piece in text.split(";"))}


# ---------------------------------------------------------------- weights in the tree


def test_the_weight_of_an_inner_role_acts_among_its_siblings_only(sim: Simulation) -> None:
    frameworks = {role: sim.add_framework(f"F{n}", roles=[role]) for n, role in enumerate(("a", "a/c", "b"))}
    sim.settle()
    sim.set_weight("a", 3)
    for n in range(16):
        sim.add_agent(f"A{n}", "cpus:1;mem:64")
        sim.settle()
    # a : b = 3 : 1; below a its own frameworks and those of a/c are equals.
    assert {role: len(f.offers) for role, f in frameworks.items()} == {"a": 6, "a/c": 6, "b": 4}


def test_a_weight_may_be_set_before_the_role_is_used_and_a_change_moves_what_is_offered(sim: Simulation) -> None:
    sim.set_weight("s", 2)
    f, g = sim.add_framework("F", roles=["r"]), sim.add_framework("G", roles=["s"])
    for n in range(6):
        sim.add_agent(f"A{n}", "cpus:1;mem:64")
        sim.settle()
    assert (len(f.offers), len(g.offers)) == (2, 4)
    sim.set_weight("s", 5)
    sim.settle()
    assert (f.offers, g.offers, rescinds(f), rescinds(g)) == ([], [], 2, 4)
    sim.advance(1.0)
    assert (len(f.offers), len(g.offers)) == (1, 5)


def test_the_weight_of_a_role_that_nobody_uses_rescinds_nothing(sim: Simulation) -> None:
    f = sim.add_framework("F", roles=["r"])
    sim.add_agent("A", "cpus:1;mem:64")
    sim.settle()
    sim.set_weight("unused", 5)
    sim.advance(1.0)
    assert (agents(f), rescinds(f)) == (["A"], 0)


# ---------------------------------------------------------------- chance


def test_random_sorters_offer_by_weight_and_look_at_no_share(make_sim: Callable[..., Simulation]) -> None:
    sim = make_sim(seed=5, role_sorter="random", framework_sorter="random")
    sim.set_weight("s", 3)
    f = sim.add_framework("F", roles=["r"])
    g = [sim.add_framework(f"G{n}", roles=["s"]) for n in range(2)]
    for n in range(400):
        sim.add_agent(f"A{n}", "cpus:1;mem:64")
    sim.settle()
    got = [len(framework.offers) / 400 for framework in (f, *g)]
    assert got == pytest.approx([0.25, 0.375, 0.375], abs=0.07)


# ---------------------------------------------------------------- shares without some names


def test_an_excluded_resource_counts_in_no_share_of_roles_or_frameworks(make_sim: Callable[..., Simulation]) -> None:
    sim = make_sim(fairness_excluded=["gpus"])
    f1, f2 = (sim.add_framework(name, roles=["r"]) for name in ("F1", "F2"))
    f2.suppress()
    sim.add_agent("A1", "cpus:1;mem:64;gpus:1")
    sim.settle()
    f2.revive()
    sim.add_agent("A2", "cpus:2;mem:128")
    sim.settle()
    sim.add_agent("A3", "cpus:1;mem:64")
    sim.settle()
    # Without the exclusion F1, with all the GPUs, would have the larger share.
    assert (agents(f1), agents(f2)) == (["A1", "A3"], ["A2"])
