"""Who is offered what is reserved, and how it counts in quotas: S27 of the published cases, and what follows from the same rules."""

from __future__ import annotations

import pytest

from raymesos.errors import QuotaRefused
from raymesos.model.resources import Resources
from raymesos.model.tasks import ALL_CAPABILITIES
from raymesos.sim import Simulation
from raymesos.sim.scripted import Framework

UNREFINED = [name for name in ALL_CAPABILITIES if name != "RESERVATION_REFINEMENT"]


def held(framework: Framework) -> list[tuple[str, str]]:
    """(agent, resources as text) of the outstanding offers, by agent."""
    return sorted((o.agent, str(o.resources)) for o in framework.offers)


def total(*frameworks: Framework) -> dict[str, int]:
    """Quantities of all that is offered to them, in thousandths."""
    found = Resources()
    for framework in frameworks:
        for offer in framework.offers:
            found = found + offer.resources
    return dict(found.quantities())


# ---------------------------------------------------------------- S27


def test_s27_i_what_is_reserved_goes_to_its_role_and_what_is_free_to_whoever_comes(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus(role1):2;mem(role1):1024")
    sim.add_agent("A2", "cpus(role2):2;mem(role2):1024;cpus:1;mem:1024")
    sim.add_agent("A3", "cpus(role3):1;mem(role3):1024")
    f1 = sim.add_framework("F1", roles=["role1"])
    sim.settle()
    assert held(f1) == [("A1", "cpus(role1):2;mem(role1):1024"), ("A2", "cpus:1;mem:1024")]
    f2 = sim.add_framework("F2", roles=["role2"])
    sim.settle()
    assert held(f2) == [("A2", "cpus(role2):2;mem(role2):1024")]
    for framework in (f1, f2):
        framework.decline_all(refuse_seconds=0)
    sim.advance(3.0)
    assert {o.agent for f in (f1, f2) for o in f.offers} == {"A1", "A2"}


def test_s27_ii_what_is_reserved_to_a_role_is_offered_below_it(sim: Simulation) -> None:
    f = sim.add_framework("F", roles=["a/b/c"])
    sim.add_agent("A1", "cpus(a):1;mem(a):512")
    sim.settle()
    assert held(f) == [("A1", "cpus(a):1;mem(a):512")]
    sim.add_agent("A2", "cpus:2;mem:1024;cpus(a/b):4;mem(a/b):2048")
    sim.settle()
    assert held(f)[1:] == [("A2", "cpus:2;cpus(a/b):4;mem:1024;mem(a/b):2048")]


def test_s27_iii_a_part_that_comes_back_is_offered_again_as_it_was(sim: Simulation) -> None:
    reserved, free = "cpus(role1):1;mem(role1):200", "cpus:1;mem:200"
    sim.add_agent("A", f"{reserved};{free}")
    f = sim.add_framework("F", roles=["role1"])
    sim.settle()
    on_reserved, on_free = f.accept([f.offers[0]], [f.launch_op(reserved), f.launch_op(free)], refuse_seconds=0)
    sim.settle()
    assert held(f) == []
    sim.finish(on_reserved)
    sim.settle()
    assert held(f) == [("A", reserved)]
    sim.finish(on_free)
    sim.settle()
    assert held(f) == [("A", reserved), ("A", free)]


def test_neither_a_sibling_nor_the_role_above_is_offered_what_is_reserved_below(sim: Simulation) -> None:
    sim.add_agent("A", "cpus(a/b):4;mem(a/b):2048;cpus:1;mem:512")
    above, sibling, like = (
        sim.add_framework(name, roles=[role]) for name, role in (("Up", "a"), ("Sib", "a/c"), ("Like", "a/bb"))
    )
    sim.settle()
    assert sorted(str(o.resources) for f in (above, sibling, like) for o in f.offers) == ["cpus:1;mem:512"]


# ---------------------------------------------------------------- refinement


def test_what_is_refined_is_seen_only_by_those_who_know_refinement(sim: Simulation) -> None:
    sim.add_agent("A", "cpus:4;mem:1024")
    sim.settle()
    sim.reserve("A", "cpus(a):3")
    owner = sim.add_framework("Owner", roles=["a/b"])
    sim.settle()
    owner.accept([owner.offers[0]], [owner.reserve("cpus(a):2", role="a/b")], refuse_seconds=1000)
    sim.settle()
    plain = sim.add_framework("Plain", roles=["a/b"], capabilities=UNREFINED)
    sim.settle()
    assert [str(o.resources) for o in plain.offers] == ["cpus:1;cpus(a):1;mem:1024"]
    knows = sim.add_framework("Knows", roles=["a/b"])
    sim.settle()
    (offer,) = knows.offers
    ((key, quantity),) = list(offer.resources)
    assert ([r.role for r in key.reservations], quantity) == (["a", "a/b"], 2000)


# ---------------------------------------------------------------- in quotas


def test_an_unallocated_reservation_is_consumption_and_so_within_the_limit(sim: Simulation) -> None:
    sim.set_quota("q", limit="cpus:3;mem:1024")
    sim.add_agent("A1", "cpus(q):2;mem(q):512")
    sim.add_agent("A2", "cpus:4;mem:2048")
    f = sim.add_framework("F", roles=["q"], min_allocatable={"q": []})
    sim.settle()
    assert held(f) == [("A1", "cpus(q):2;mem(q):512"), ("A2", "cpus:1;mem:512")]


def test_a_reservation_beyond_the_limit_is_still_its_roles_and_leaves_no_room(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus(q):4;mem(q):2048;cpus:1;mem:512")
    sim.settle()
    with pytest.raises(QuotaRefused, match="q and its sub-roles consume cpus:4;mem:2048"):
        sim.set_quota("q", limit="cpus:2;mem:1024")
    sim.set_quota("q", limit="cpus:2;mem:1024", force=True)
    f = sim.add_framework("F", roles=["q"])
    other = sim.add_framework("G", roles=["n"])
    sim.settle()
    assert held(f) == [("A1", "cpus(q):4;mem(q):2048")]
    assert held(other) == [("A1", "cpus:1;mem:512")]


def test_an_unallocated_reservation_meets_a_guarantee_so_that_nothing_more_is_held_back(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus(q):2;mem(q):1024")
    sim.add_agent("A2", "cpus:2;mem:1024")
    sim.settle()
    sim.set_quota("q", guarantee="cpus:3;mem:1024")
    f = sim.add_framework("F", roles=["n"])
    sim.settle()
    assert held(f) == [("A2", "cpus:1;mem:1024")]


def test_to_reserve_what_a_role_holds_does_not_count_twice_and_to_unreserve_it_gives_nothing_back(
    sim: Simulation,
) -> None:
    sim.set_quota("q", limit="cpus:2;mem:1024")
    sim.add_agent("A1", "cpus:2;mem:1024")
    f = sim.add_framework("F", roles=["q"])
    sim.settle()
    f.accept([f.offers[0]], [f.reserve("cpus:1;mem:512"), f.launch_op("cpus:1;mem:512")], refuse_seconds=0)
    sim.advance(1.0)
    assert total(f) == {"cpus": 1000, "mem": 512_000}
    sim.add_agent("A2", "cpus:2;mem:1024")
    sim.advance(1.0)
    assert {o.agent for o in f.offers} == {"A1"}
    f.accept([f.offers[0]], [f.unreserve("cpus(q):1;mem(q):512")] if _reserved(f) else [], refuse_seconds=0)
    sim.advance(1.0)
    assert total(f) == {"cpus": 1000, "mem": 512_000}


def _reserved(framework: Framework) -> bool:
    return any(key.reservations for key, _ in framework.offers[0].resources)


@pytest.mark.parametrize("how", ["unreserved", "removed"])
def test_room_under_a_limit_that_a_reservation_took_comes_back_when_it_goes(sim: Simulation, how: str) -> None:
    sim.set_quota("q", limit="cpus:2;mem:1024")
    sim.add_agent("A1", "cpus:2;mem:1024")
    sim.add_agent("A2", "cpus:2;mem:1024")
    sim.settle()
    sim.reserve("A1", "cpus(q):2;mem(q):1024")
    f = sim.add_framework("F", roles=["q"])
    sim.settle()
    assert held(f) == [("A1", "cpus(q):2;mem(q):1024")]
    f.decline_all(refuse_seconds=1000)
    sim.advance(2.0)
    assert held(f) == []
    if how == "unreserved":
        sim.unreserve("A1", "cpus(q):2;mem(q):1024")
    else:
        sim.remove_agent("A1")
    sim.advance(1.0)
    assert [str(o.resources) for o in f.offers] == ["cpus:2;mem:1024"]


def test_reservations_of_sub_roles_count_for_the_role_above(sim: Simulation) -> None:
    sim.set_quota("a", limit="cpus:3")
    sim.add_agent("A1", "cpus(a/b):2;mem(a/b):512")
    sim.add_agent("A2", "cpus:4;mem:2048")
    f = sim.add_framework("F", roles=["a/c"])
    sim.settle()
    assert held(f) == [("A2", "cpus:1;mem:2048")]


# ---------------------------------------------------------------- stage by stage


def test_what_meets_a_guarantee_brings_the_roles_own_reservation_and_all_else_of_the_agent_along(
    sim: Simulation,
) -> None:
    sim.add_agent("A", "cpus(a):1;mem(a):64;cpus(a/b):2;mem(a/b):128;cpus:4;mem:1024;ports:[1-9]")
    sim.settle()
    sim.set_quota({"a": ("cpus:8;mem:512", None), "a/b": ("cpus:3;mem:256", None)}, force=True)
    f = sim.add_framework("F", roles=["a/b"])
    sim.settle()
    (offer,) = f.offers
    assert str(offer.resources) == "cpus:4;cpus(a):1;cpus(a/b):2;mem:1024;mem(a):64;mem(a/b):128;ports:[1-9]"


def test_a_guarantee_makes_no_offer_of_reservations_alone(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus(q):2;mem(q):512")
    sim.settle()
    sim.set_quota("q", guarantee="cpus:4;mem:1024", force=True)
    rich = sim.add_framework("Rich", roles=["q"])
    poor = sim.add_framework("Poor", roles=["n"])
    sim.settle()
    assert (held(rich), held(poor)) == ([("A1", "cpus(q):2;mem(q):512")], [])  # By fair share, in the second stage.


def test_held_back_headroom_leaves_what_is_reserved_to_others(sim: Simulation) -> None:
    sim.set_quota("q", guarantee="cpus:4;mem:1024", force=True)
    sim.add_agent("A1", "cpus(n):2;mem(n):256;cpus:4;mem:1024")
    f = sim.add_framework("F", roles=["n"])
    sim.settle()
    assert held(f) == [("A1", "cpus(n):2;mem(n):256")]


def test_headroom_that_an_agent_brings_frees_what_was_held_back_elsewhere(sim: Simulation) -> None:
    sim.set_quota("q", guarantee="cpus:2;mem:1024", force=True)
    f = sim.add_framework("F", roles=["n"], capabilities=[])
    sim.add_agent("A1", "cpus:2;mem:1024")
    sim.advance(2.0)
    assert held(f) == []
    sim.add_agent("A2", "cpus:2;mem:1024;gpus:1")  # Not for F; but q may have it.
    sim.advance(1.0)
    assert held(f) == [("A1", "cpus:2;mem:1024")]


# ---------------------------------------------------------------- worth an offer


def test_what_is_worth_an_offer_is_summed_over_reserved_and_free_pieces(sim: Simulation) -> None:
    sim.add_agent("A", "cpus(role1):0.006;cpus:0.006;mem(role1):16;mem:15")
    other = sim.add_framework("F2", roles=["role2"])
    sim.settle()
    assert held(other) == []
    f = sim.add_framework("F1", roles=["role1"])
    sim.settle()
    assert held(f) == [("A", "cpus:0.006;cpus(role1):0.006;mem:15;mem(role1):16")]


# ---------------------------------------------------------------- shares


def test_reserved_resources_count_in_a_share_only_while_somebody_has_them(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:1;mem:512;cpus(role1):100;mem(role1):1024")
    f1 = sim.add_framework("F1", roles=["role1"])
    sim.settle()
    f2 = sim.add_framework("F2", roles=["role2"])
    sim.add_agent("A2", "cpus:2;mem:512")
    sim.settle()
    assert [o.agent for o in f2.offers] == ["A2"]
    sim.add_agent("A3", "cpus:2;mem:512")
    sim.settle()
    assert [o.agent for o in f2.offers] == ["A2", "A3"]  # role1 has more, all of it reserved.
    f1.decline_all(refuse_seconds=1000)
    sim.add_agent("A4", "cpus:2;mem:512")
    sim.settle()
    assert [o.agent for o in f1.offers] == ["A4"]
    assert sim.shares()["role1"] < sim.shares()["role2"]
