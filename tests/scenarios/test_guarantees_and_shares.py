"""Guarantees, limits and shares together: several quotas, frameworks that come and go, reservations within a quota, gauges. Mesos' rules, in exact numbers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from raymesos.errors import QuotaRefused
from raymesos.sim import Simulation
from raymesos.sim.scripted import Framework


def held(framework: Framework) -> list[tuple[str, str]]:
    """(agent, resources as text) of the outstanding offers, by agent."""
    return sorted((o.agent, str(o.resources)) for o in framework.offers)


def amounts(*frameworks: Framework) -> dict[str, int]:
    """Thousandths by name of all that is offered to them."""
    total: dict[str, int] = {}
    for offer in (o for f in frameworks for o in f.offers):
        for name, milli in offer.resources.quantities().items():
            total[name] = total.get(name, 0) + milli
    return total


def joins(sim: Simulation, name: str, resources: str) -> None:
    sim.add_agent(name, resources)
    sim.settle()


# ---------------------------------------------------------------- several quotas


def test_s22_frameworks_of_a_guaranteed_role_share_it_by_what_they_hold(sim: Simulation) -> None:
    sim.set_quota("q", guarantee="cpus:8;mem:4096", limit="cpus:8;mem:4096", force=True)
    f1 = sim.add_framework("F1", roles=["q"])
    sim.settle()
    joins(sim, "A1", "cpus:2;mem:1024")
    f2 = sim.add_framework("F2", roles=["q"])
    other = sim.add_framework("Other", roles=["n"])
    sim.settle()
    joins(sim, "A2", "cpus:1;mem:256")
    joins(sim, "A3", "cpus:3;mem:2048")  # F1 holds 2/1024, F2 1/256.
    joins(sim, "A4", "cpus:1;mem:256")  # F2 holds 4/2304.
    assert [a for a, _ in held(f1)] == ["A1", "A4"]
    assert [a for a, _ in held(f2)] == ["A2", "A3"]
    joins(sim, "A5", "cpus:4;mem:4096")  # One CPU and 512 MB are still owed; the rest is anybody's.
    assert held(f1)[2:] == [("A5", "cpus:1;mem:512")]
    assert held(other) == [("A5", "cpus:3;mem:3584")]


def test_s24_a_role_whose_guarantee_is_unmet_goes_before_a_poorer_one_whose_is_met(sim: Simulation) -> None:
    sim.set_quota({"q1": ("cpus:1;mem:200", "cpus:1;mem:200"), "q2": ("cpus:4;mem:2000", None)}, force=True)
    f1, f2 = sim.add_framework("F1", roles=["q1"]), sim.add_framework("F2", roles=["q2"])
    joins(sim, "A1", "cpus:1;mem:200")
    joins(sim, "A2", "cpus:2;mem:1000")
    assert (held(f1), held(f2)) == ([("A1", "cpus:1;mem:200")], [("A2", "cpus:2;mem:1000")])
    joins(sim, "A3", "cpus:1;mem:1024")
    assert (len(f1.offers), held(f2)[1:]) == (1, [("A3", "cpus:1;mem:1024")])


def test_s24_the_poorer_of_two_roles_that_are_owed_goes_first(sim: Simulation) -> None:
    sim.set_quota({"q1": ("cpus:4;mem:4096", None), "q2": ("cpus:4;mem:4096", None)}, force=True)
    f1, f2 = sim.add_framework("F1", roles=["q1"]), sim.add_framework("F2", roles=["q2"])
    joins(sim, "A1", "cpus:2;mem:512")
    joins(sim, "A2", "cpus:1;mem:512")
    joins(sim, "A3", "cpus:1;mem:128")
    assert [a for a, _ in held(f1)] == ["A1"]
    assert [a for a, _ in held(f2)] == ["A2", "A3"]


def test_s24_guarantees_of_roles_without_frameworks_add_up_and_lock_capacity(sim: Simulation) -> None:
    sim.set_quota({"q1": ("cpus:2;mem:1024", None), "q2": ("cpus:1;mem:2048", None)}, force=True)
    f = sim.add_framework("F", roles=["n"])
    joins(sim, "A1", "cpus:3;mem:3072")
    assert f.offers == []
    joins(sim, "A2", "cpus:3;mem:3072")
    sim.advance(1.0)
    assert amounts(f) == {"cpus": 3000, "mem": 3072_000}


def test_a_guarantee_that_is_removed_keeps_nothing_back_from_the_next_pass_on(sim: Simulation) -> None:
    sim.set_quota("q", guarantee="cpus:2;mem:1024", force=True)
    f = sim.add_framework("F", roles=["n"])
    joins(sim, "A1", "cpus:2;mem:1024")
    sim.advance(1.0)
    assert f.offers == []
    sim.set_quota("q")
    sim.settle()
    assert f.offers == []  # A quota asks for no pass.
    sim.advance(1.0)
    assert held(f) == [("A1", "cpus:2;mem:1024")]
    assert not [name for name in sim.metrics() if name.startswith("allocator/mesos/quota/")]


def test_a_limit_that_is_raised_or_removed_gives_room_from_the_next_pass_on(sim: Simulation) -> None:
    sim.set_quota("q", limit="cpus:1")
    f = sim.add_framework("F", roles=["q"])
    joins(sim, "A1", "cpus:4;mem:1024")
    assert held(f) == [("A1", "cpus:1;mem:1024")]
    sim.set_quota("q", limit="cpus:3")
    sim.advance(1.0)
    assert amounts(f) == {"cpus": 3000, "mem": 1024_000}
    sim.set_quota("q")
    sim.advance(1.0)
    assert amounts(f) == {"cpus": 4000, "mem": 1024_000}


def test_a_name_that_a_limit_does_not_name_has_none(sim: Simulation) -> None:
    sim.set_quota("q", limit="mem:100")
    f = sim.add_framework("F", roles=["q"])
    joins(sim, "A1", "cpus:4;mem:1024;disk:500")
    assert held(f) == [("A1", "cpus:4;disk:500;mem:100")]


def test_limits_are_no_guarantees_and_keep_nothing_back(sim: Simulation) -> None:
    sim.set_quota("q", limit="cpus:2;mem:1024")
    f = sim.add_framework("F", roles=["n"])
    joins(sim, "A1", "cpus:2;mem:1024")
    assert held(f) == [("A1", "cpus:2;mem:1024")]


def test_gpus_can_be_limited_and_guaranteed(sim: Simulation) -> None:
    sim.set_quota({"q": ("gpus:1", None), "n": (None, "gpus:1")}, force=True)
    f = sim.add_framework("F", roles=["n"])
    joins(sim, "A1", "cpus:4;mem:512;gpus:4")
    assert held(f) == [("A1", "cpus:4;gpus:1;mem:512")]
    owner = sim.add_framework("Owner", roles=["q"])
    sim.settle()
    assert held(owner) == []  # GPUs alone are not worth an offer.
    small = sim.add_framework("Small", roles=["q"], min_allocatable={"q": []})
    sim.settle()
    assert held(small) == [("A1", "gpus:3")]


# ---------------------------------------------------------------- who is there


def test_s14_a_guaranteed_role_whose_framework_is_away_still_has_its_headroom(sim: Simulation) -> None:
    sim.set_quota("q", guarantee="cpus:2;mem:1024", force=True)
    f1 = sim.add_framework("F1", roles=["q"], failover_timeout=100.0)
    f2 = sim.add_framework("F2", roles=["n"])
    joins(sim, "A1", "cpus:2;mem:1024")
    assert held(f1) == [("A1", "cpus:2;mem:1024")]
    sim.disconnect("F1")
    sim.advance(3.0)
    assert (f1.offers, f2.offers) == ([], [])
    sim.reconnect("F1")
    sim.advance(1.0)
    assert (held(f1), f2.offers) == ([("A1", "cpus:2;mem:1024")], [])


def test_s14_a_suppressed_role_with_a_guarantee_keeps_it_and_gets_nothing(sim: Simulation) -> None:
    sim.set_quota("q", guarantee="cpus:1;mem:512", force=True)
    f1, f2 = sim.add_framework("F1", roles=["q"]), sim.add_framework("F2", roles=["n"])
    f1.suppress()
    joins(sim, "A1", "cpus:2;mem:1024")
    sim.advance(2.0)
    assert (f1.offers, held(f2)) == ([], [("A1", "cpus:1;mem:512")])
    f1.revive()
    sim.settle()
    assert held(f1) == [("A1", "cpus:1;mem:512")]


def test_a_torn_down_framework_gives_its_guarantee_back_as_headroom(sim: Simulation) -> None:
    sim.set_quota("q", guarantee="cpus:2;mem:1024", force=True)
    f1, f2 = sim.add_framework("F1", roles=["q"]), sim.add_framework("F2", roles=["n"])
    joins(sim, "A1", "cpus:2;mem:1024")
    f1.launch(f1.offers[0], "cpus:2;mem:1024")
    sim.settle()
    f1.teardown()
    sim.advance(2.0)
    assert f2.offers == []
    f3 = sim.add_framework("F3", roles=["q"])
    sim.settle()
    assert held(f3) == [("A1", "cpus:2;mem:1024")]


def test_a_framework_in_two_roles_has_the_guarantee_in_the_one_and_the_limit_in_the_other(sim: Simulation) -> None:
    sim.set_quota({"q": ("cpus:2;mem:512", "cpus:2;mem:512"), "n": (None, "cpus:1;mem:256")}, force=True)
    f = sim.add_framework("F", roles=["n", "q"])
    joins(sim, "A1", "cpus:8;mem:4096")
    assert sorted((o.role, str(o.resources)) for o in f.offers) == [("n", "cpus:1;mem:256"), ("q", "cpus:2;mem:512")]


# ---------------------------------------------------------------- reservations within a quota


def test_s25_what_a_role_has_reserved_is_part_of_its_guarantee(sim: Simulation) -> None:
    joins(sim, "A1", "cpus(q):1;mem(q):512;cpus:1;mem:512")
    joins(sim, "A2", "cpus:3;mem:1536")
    sim.set_quota("q", guarantee="cpus:2;mem:1024", limit="cpus:2;mem:1024")
    f2 = sim.add_framework("F2", roles=["n"])
    sim.settle()
    assert amounts(f2) == {"cpus": 3000, "mem": 1536_000}  # 4/2048 are free, 1/512 are kept.
    f1 = sim.add_framework("F1", roles=["q"])
    sim.settle()
    assert amounts(f1) == {"cpus": 2000, "mem": 1024_000}


def test_s25_reserving_what_is_free_for_a_guaranteed_role_moves_headroom_and_no_more(sim: Simulation) -> None:
    joins(sim, "A1", "cpus:4;mem:2048")
    sim.set_quota("q", guarantee="cpus:2;mem:1024")
    sim.reserve("A1", "cpus(q):2;mem(q):1024")
    f = sim.add_framework("F", roles=["n"])
    sim.settle()
    assert held(f) == [("A1", "cpus:2;mem:1024")]
    sim.unreserve("A1", "cpus(q):2;mem(q):1024")
    sim.advance(2.0)
    assert held(f) == [("A1", "cpus:2;mem:1024")]


def test_s25_a_reservation_for_a_role_with_more_than_its_guarantee_keeps_nothing_back(sim: Simulation) -> None:
    joins(sim, "A1", "cpus(q):4;mem(q):2048;cpus:2;mem:512")
    sim.set_quota("q", guarantee="cpus:2;mem:1024")
    f = sim.add_framework("F", roles=["n"])
    sim.settle()
    assert held(f) == [("A1", "cpus:2;mem:512")]


def test_revocable_resources_are_no_headroom_and_no_consumption(sim: Simulation) -> None:
    sim.set_quota({"q": ("cpus:2", None), "n": (None, "cpus:1")}, force=True)
    sim.add_agent("A1", "cpus:3;mem:512", revocable="cpus:10")
    f = sim.add_framework("F", roles=["n"])
    sim.settle()
    (offer,) = f.offers
    parts = sorted((key.revocable, amount) for key, amount in offer.resources if key.name == "cpus")
    assert parts == [(False, 1000), (True, 10_000)]


# ---------------------------------------------------------------- what is refused, and what goes back


def test_a_guarantee_is_measured_against_all_agents_that_are_there(sim: Simulation) -> None:
    joins(sim, "A1", "cpus:2;mem:1024")
    with pytest.raises(QuotaRefused, match="cpus:3"):
        sim.set_quota("q", guarantee="cpus:3;mem:1024")
    joins(sim, "A2", "cpus:2;mem:1024")
    sim.set_quota("q", guarantee="cpus:3;mem:1024")
    assert sim.metrics()["allocator/mesos/quota/roles/q/resources/cpus/guarantee"] == 3


def test_a_guarantee_may_be_met_with_what_others_only_hold_as_offers(sim: Simulation) -> None:
    others = sim.add_framework("F1", roles=["n"])
    joins(sim, "A1", "cpus:2;mem:1024")
    assert len(others.offers) == 1
    owner = sim.add_framework("F2", roles=["q"])
    sim.settle()
    sim.set_quota("q", guarantee="cpus:1;mem:512")
    sim.settle()
    assert (others.offers, [e.type for e in others.events].count("RESCIND")) == ([], 1)
    sim.advance(1.0)
    assert amounts(owner)["cpus"] >= 1000


def test_a_limit_is_checked_against_tasks_and_not_against_offers(sim: Simulation) -> None:
    f = sim.add_framework("F", roles=["q"])
    joins(sim, "A1", "cpus:4;mem:1024")
    f.launch(f.offers[0], "cpus:2;mem:512")
    sim.advance(1.0)
    assert held(f) == [("A1", "cpus:2;mem:512")]
    with pytest.raises(QuotaRefused, match="consume cpus:2 now"):
        sim.set_quota("q", limit="cpus:1.5;mem:1024")
    sim.set_quota("q", limit="cpus:2;mem:1024")
    sim.settle()
    assert f.offers == []
    sim.advance(1.0)
    assert held(f) == [("A1", "mem:512")]


# ---------------------------------------------------------------- gauges


def test_s33_gauges_follow_what_is_offered_and_used(make_sim: Callable[..., Simulation]) -> None:
    sim = make_sim(fairness_excluded=["gpus"])
    joins(sim, "A1", "cpus:1;mem:1024;gpus:1")
    f1 = sim.add_framework("F1", roles=["roleA"])
    sim.settle()
    share = "allocator/mesos/roles/{}/shares/dominant"
    assert sim.metrics()[share.format("roleA")] == 1
    joins(sim, "A2", "cpus:3;mem:3072")
    sim.add_framework("F2", roles=["roleB"])
    sim.settle()
    assert (sim.metrics()[share.format("roleA")], sim.metrics()[share.format("roleB")]) == (1, 0)
    f1.decline_all(refuse_seconds=100)
    sim.settle()
    now = sim.metrics()
    assert (now[share.format("roleA")], now["allocator/mesos/offer_filters/roles/roleA/active"]) == (0, 2)
    assert now["allocator/mesos/resources/cpus/total"] == 4
    assert now["allocator/mesos/resources/cpus/offered_or_allocated"] == 0
    runs = now["allocator/mesos/allocation_runs"]
    sim.advance(1.0)
    now = sim.metrics()
    assert now["allocator/mesos/allocation_runs"] == runs + 1
    assert (now["allocator/mesos/resources/mem/offered_or_allocated"], now[share.format("roleB")]) == (4096, 1)
    f1.teardown()
    sim.settle()
    assert share.format("roleA") not in sim.metrics()
    assert "allocator/mesos/offer_filters/roles/roleA/active" not in sim.metrics()


@pytest.mark.parametrize("seed", range(6))
def test_headroom_that_leaves_less_than_most_think_worth_an_offer_is_offered_to_who_thinks_otherwise(
    make_sim: Callable[..., Simulation], seed: int
) -> None:
    sim = make_sim(seed=seed)
    sim.set_quota("q", guarantee="cpus:3.995;mem:240", force=True)
    f = sim.add_framework("F", roles=["n"], min_allocatable={"n": []})
    for name in ("A1", "A2"):
        sim.add_agent(name, "cpus:2;mem:128")
    sim.settle()
    (offer,) = f.offers
    assert str(offer.resources) == "cpus:0.005;mem:16"
    f.decline(offer, refuse_seconds=1000)
    sim.advance(1.0)
    (other,) = f.offers
    assert (str(other.resources), other.agent == offer.agent) == ("cpus:0.005;mem:16", False)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("quota", [{"n": (None, "cpus:0;mem:0")}, {"q": ("cpus:6;mem:384", None)}])
def test_neither_limit_nor_headroom_keeps_what_an_agent_lends_out(
    make_sim: Callable[..., Simulation], seed: int, quota: dict[str, tuple[str | None, str | None]]
) -> None:
    sim = make_sim(seed=seed)
    sim.set_quota(quota, force=True)
    for name in ("A1", "A2", "A3"):
        sim.add_agent(name, "cpus:2;mem:128", revocable="cpus:5" if name == "A2" else "")
    sim.settle()
    f = sim.add_framework("F", roles=["n"])
    sim.settle()
    (offer,) = f.offers
    assert offer.agent == "A2"
    assert [(key.revocable, amount) for key, amount in offer.resources] == [(True, 5000)]
