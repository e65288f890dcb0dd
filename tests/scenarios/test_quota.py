"""Quota: guarantees, limits and what is held back, in Mesos' published numbers (S18, S19, S20, S23, S26), and below top roles too (E6)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from raymesos.errors import InvalidValue, QuotaRefused
from raymesos.sim import Simulation
from raymesos.sim.scripted import Framework


def held(framework: Framework) -> list[tuple[str, str]]:
    """(agent, resources as text) of the outstanding offers, oldest first."""
    return [(o.agent, str(o.resources)) for o in framework.offers]


def test_s18_an_unmet_guarantee_is_held_back(sim: Simulation) -> None:
    sim.set_quota("q", guarantee="cpus:2;mem:1024", limit="cpus:2;mem:1024", force=True)
    f1 = sim.add_framework("F1", roles=["q"])
    f2 = sim.add_framework("F2", roles=["n"])
    for name in ("A1", "A2"):
        sim.add_agent(name, "cpus:1;mem:512")
        sim.settle()
    assert held(f1) == [("A1", "cpus:1;mem:512"), ("A2", "cpus:1;mem:512")]
    f1.decline(f1.offers[1], refuse_seconds=2.0)
    sim.settle()
    sim.advance(1.0)
    assert (held(f1), held(f2)) == ([("A1", "cpus:1;mem:512")], [])
    sim.advance(1.0)
    assert (held(f1), held(f2)) == ([("A1", "cpus:1;mem:512"), ("A2", "cpus:1;mem:512")], [])


def test_s19_a_limit_of_nothing_and_then_of_something(sim: Simulation) -> None:
    sim.set_quota("*", limit="cpus:0;mem:0;disk:0")
    f1 = sim.add_framework("F1", roles=["*"])
    sim.add_agent("A1", "cpus:2;mem:1024;disk:1024")
    sim.settle()
    assert held(f1) == []
    f2 = sim.add_framework("F2", roles=["n"])
    sim.settle()
    assert held(f2) == [("A1", "cpus:2;disk:1024;mem:1024")]
    sim.set_quota("*", limit="cpus:1;mem:512;disk:512")
    sim.add_agent("A2", "cpus:2;mem:1024;disk:1024")
    sim.settle()
    assert held(f1) == [("A2", "cpus:1;disk:512;mem:512")]
    assert held(f2)[1:] == [("A2", "cpus:1;disk:512;mem:512")]


def test_s20_a_quota_is_handed_out_in_slices(sim: Simulation) -> None:
    sim.set_quota("q", guarantee="cpus:0.5;mem:200", limit="cpus:0.5;mem:200", force=True)
    f1 = sim.add_framework("F1", roles=["q"])
    sim.add_agent("A", "cpus:1;mem:512")
    sim.settle()
    assert held(f1) == [("A", "cpus:0.5;mem:200")]
    f2 = sim.add_framework("F2", roles=["n"])
    sim.settle()
    assert held(f2) == [("A", "cpus:0.5;mem:312")]


def test_s23_fair_share_of_what_is_left(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:1;mem:512")
    f1 = sim.add_framework("F1", roles=["q"])
    sim.settle()
    f1.launch(f1.offers[0], "cpus:0.25;mem:128", refuse_seconds=1000)
    sim.settle()
    sim.set_quota("q", guarantee="cpus:0.25;mem:128", limit="cpus:0.25;mem:128")
    f2 = sim.add_framework("F2", roles=["n"])
    sim.settle()
    assert held(f2) == [("A1", "cpus:0.75;mem:384")]
    sim.add_agent("A2", "cpus:1;mem:512")
    sim.settle()
    assert held(f2)[1:] == [("A2", "cpus:1;mem:512")]
    assert held(f1) == []
    head = "allocator/mesos/quota/roles/q/resources/"
    told = {k.removeprefix(head): v for k, v in sim.metrics().items() if k.startswith(head)}
    assert told == {
        "cpus/guarantee": 0.25,
        "cpus/limit": 0.25,
        "cpus/offered_or_allocated": 0.25,
        "mem/guarantee": 128,
        "mem/limit": 128,
        "mem/offered_or_allocated": 128,
    }


def test_s23_a_guarantee_holds_a_whole_agent_back_for_a_role_without_frameworks(sim: Simulation) -> None:
    sim.set_quota("q", guarantee="cpus:2;mem:1024", limit="cpus:2;mem:1024", force=True)
    f = sim.add_framework("F", roles=["n"])
    sim.add_agent("A1", "cpus:2;mem:1024")
    sim.settle()
    assert held(f) == []
    sim.add_agent("A2", "cpus:2;mem:1024")
    sim.settle()
    sim.advance(1.0)
    assert [text for _, text in held(f)] == ["cpus:2;mem:1024"]


def test_s26_a_lop_sided_quota_takes_only_what_it_is_owed(sim: Simulation) -> None:
    sim.set_quota("q", guarantee="cpus:4;mem:1024", limit="cpus:4;mem:1024", force=True)
    f = sim.add_framework("F", roles=["q"])
    for name in ("A1", "A2"):
        sim.add_agent(name, "cpus:2;mem:1024")
        sim.settle()
    assert held(f) == [("A1", "cpus:2;mem:1024"), ("A2", "cpus:2")]


def test_s26_a_guarantee_rescues_from_starvation(sim: Simulation) -> None:
    f1 = sim.add_framework("F1", roles=["q"])
    sim.add_agent("A1", "cpus:1;mem:512")
    sim.settle()
    f1.launch(f1.offers[0], "cpus:1;mem:512")
    f2 = sim.add_framework("F2", roles=["n"])
    sim.add_agent("A2", "cpus:1;mem:512")
    for _ in range(2):
        sim.settle()
        assert held(f2) == [("A2", "cpus:1;mem:512")]
        f2.decline_all(refuse_seconds=0)
        sim.settle()
        sim.advance(1.0)
    f2.decline_all(refuse_seconds=0)
    sim.set_quota("q", guarantee="cpus:2;mem:1024", limit="cpus:2;mem:1024")
    sim.advance(1.0)
    assert (held(f1), held(f2)) == ([("A2", "cpus:1;mem:512")], [])


def test_a_guarantee_without_a_limit_is_exceeded_by_what_nobody_else_is_owed(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:4;mem:4096")
    sim.settle()
    sim.set_quota({"q": ("cpus:1;mem:1024", None), "other": ("cpus:2;mem:512", None)})
    f = sim.add_framework("F", roles=["q"])
    sim.settle()
    assert held(f) == [("A1", "cpus:2;mem:3584")]


def test_a_new_limit_takes_back_offers_until_it_holds_and_no_more(sim: Simulation) -> None:
    for name in ("A1", "A2", "A3"):
        sim.add_agent(name, "cpus:2;mem:1024")
    f = sim.add_framework("F", roles=["q"])
    sim.settle()
    assert len(f.offers) == 3
    sim.set_quota("q", limit="cpus:5")
    sim.settle()
    assert len(f.offers) == 2
    sim.advance(1.0)
    assert sorted(text for _, text in held(f)) == ["cpus:1;mem:1024", "cpus:2;mem:1024", "cpus:2;mem:1024"]


def test_a_new_guarantee_takes_back_the_offers_of_others(sim: Simulation) -> None:
    for name in ("A1", "A2", "A3"):
        sim.add_agent(name, "cpus:2;mem:1024")
    others = sim.add_framework("F1", roles=["n"])
    sim.settle()
    f = sim.add_framework("F2", roles=["q"])
    sim.settle()
    assert (len(others.offers), f.offers) == (3, [])
    sim.set_quota("q", guarantee="cpus:4;mem:2048")
    sim.advance(1.0)
    assert (len(others.offers), len(f.offers)) == (1, 2)


def test_the_old_quota_call_takes_back_offers_of_as_many_agents_as_there_are_frameworks(sim: Simulation) -> None:
    for name in ("A1", "A2", "A3"):
        sim.add_agent(name, "cpus:1;mem:512")
    others = sim.add_framework("F1", roles=["n"])
    sim.settle()
    for name in ("F2", "F3"):
        sim.add_framework(name, roles=["q"])
    sim.settle()
    sim.legacy_quota("q", "cpus:1;mem:512")
    sim.settle()
    assert len([e for e in others.events if e.type == "RESCIND"]) == 2


# ---------------------------------------------------------------- E6: every level of the tree


def two_levels(sim: Simulation) -> None:
    sim.set_quota({"a": ("cpus:2;mem:1024", None), "a/c": ("cpus:1;mem:512", None)}, force=True)


def test_e6_what_a_parent_is_owed_goes_to_any_role_below_it(sim: Simulation) -> None:
    two_levels(sim)
    f1 = sim.add_framework("F1", roles=["a/c"])
    sim.add_agent("A1", "cpus:1;mem:512")
    sim.settle()
    assert held(f1) == [("A1", "cpus:1;mem:512")]
    f3 = sim.add_framework("F3", roles=["n"])
    f2 = sim.add_framework("F2", roles=["a/d"])
    sim.settle()
    sim.add_agent("A2", "cpus:1;mem:512")
    sim.settle()
    assert len(f1.offers) + len(f2.offers) == 2
    assert f3.offers == []
    sim.add_agent("A3", "cpus:1;mem:512")
    sim.settle()
    assert held(f3) == [("A3", "cpus:1;mem:512")]


def test_e6_a_parent_leaves_what_its_child_is_owed(sim: Simulation) -> None:
    two_levels(sim)
    f = sim.add_framework("F", roles=["a"])
    sim.add_agent("A1", "cpus:1;mem:512")
    sim.settle()
    assert held(f) == [("A1", "cpus:1;mem:512")]
    sim.add_agent("A2", "cpus:1;mem:512")
    sim.settle()
    assert held(f) == [("A1", "cpus:1;mem:512")]
    child = sim.add_framework("C", roles=["a/c"])
    sim.settle()
    assert held(child) == [("A2", "cpus:1;mem:512")]


def test_e6_a_child_is_limited_by_all_roles_above_it(sim: Simulation) -> None:
    sim.set_quota({"a": (None, "cpus:3"), "a/b/c": (None, "cpus:10")})
    f = sim.add_framework("F", roles=["a/b/c"])
    g = sim.add_framework("G", roles=["a/d"])
    sim.add_agent("A1", "cpus:2;mem:512")
    sim.add_agent("A2", "cpus:2;mem:512")
    sim.settle()
    assert sum(o.resources.scalar("cpus") for o in (*f.offers, *g.offers)) == 3000


def test_e6_within_a_limit_a_guaranteed_child_is_not_crowded_out(sim: Simulation) -> None:
    sim.set_quota({"a": ("cpus:1", "cpus:3"), "a/b": ("cpus:1", None)}, force=True)
    greedy = sim.add_framework("G", roles=["a/d"])
    sim.add_agent("A1", "cpus:8;mem:512")
    sim.settle()
    assert [o.resources.scalar("cpus") for o in greedy.offers] == [2000]
    owed = sim.add_framework("B", roles=["a/b"])
    sim.settle()
    assert [o.resources.scalar("cpus") for o in owed.offers] == [1000]


def test_e6_what_a_parent_is_owed_does_not_take_a_child_over_its_own_limit(sim: Simulation) -> None:
    sim.set_quota({"a": ("cpus:4;mem:256", None), "a/b": (None, "cpus:1;mem:64")}, force=True)
    limited = sim.add_framework("B", roles=["a/b"])
    sim.add_agent("A1", "cpus:6;mem:512")
    sim.settle()
    assert held(limited) == [("A1", "cpus:1;mem:64")]
    other = sim.add_framework("C", roles=["a/c"])
    sim.settle()
    assert held(other) == [("A1", "cpus:5;mem:448")]


# ---------------------------------------------------------------- refusals: with numbers, and nothing changed


def agents_of(sim: Simulation, count: int) -> None:
    for n in range(count):
        sim.add_agent(f"A{n}", "cpus:2;mem:1024")
    sim.settle()


def test_more_than_the_cluster_has_is_refused_unless_forced(sim: Simulation) -> None:
    agents_of(sim, 2)
    sim.set_quota("a", guarantee="cpus:3")
    with pytest.raises(QuotaRefused, match=r"would be cpus:5, the cluster has cpus:4"):
        sim.set_quota("b", guarantee="cpus:2")
    with pytest.raises(QuotaRefused, match="would be cpus:5"):
        sim.set_quota({"c": (None, "cpus:1"), "b": ("cpus:2", None)})  # All of a request or none.
    f = sim.add_framework("F", roles=["c"])
    sim.settle()
    assert sum(o.resources.scalar("cpus") for o in f.offers) == 1000  # Headroom of a; c has no limit of its own.
    sim.set_quota("b", guarantee="cpus:2", force=True)
    sim.set_quota("b", guarantee="cpus:1.5", force=False)  # Less over-committed than before: never refused.


def test_a_nested_guarantee_fits_into_the_one_above(sim: Simulation) -> None:
    agents_of(sim, 4)
    with pytest.raises(QuotaRefused, match=r"below a \(a/b\) are cpus:1 together, a is guaranteed nothing"):
        sim.set_quota("a/b", guarantee="cpus:1")
    sim.set_quota({"a": ("cpus:3", None), "a/b": ("cpus:2", None)})
    with pytest.raises(QuotaRefused, match=r"below a \(a/b, a/c\) are cpus:4 together, a is guaranteed cpus:3"):
        sim.set_quota("a/c", guarantee="cpus:2")
    with pytest.raises(QuotaRefused, match=r"a is guaranteed cpus:1"):
        sim.set_quota("a", guarantee="cpus:1")
    with pytest.raises(QuotaRefused, match=r"a is guaranteed nothing"):
        sim.set_quota("a")
    sim.set_quota({"a": (None, None), "a/b": (None, None)})
    sim.set_quota("z", guarantee="cpus:8")  # Nothing of a is left that would stand in its way.


def test_a_limit_below_the_guarantee_or_below_what_is_used_is_refused(sim: Simulation) -> None:
    with pytest.raises(QuotaRefused, match=r"cpus:2, is more than its limit, cpus:1"):
        sim.set_quota("a", guarantee="cpus:2", limit="cpus:1", force=True)
    agents_of(sim, 1)
    f = sim.add_framework("F", roles=["a/b"])
    sim.settle()
    f.launch(f.offers[0], "cpus:2;mem:64")
    sim.settle()
    with pytest.raises(QuotaRefused, match=r"a and its sub-roles consume cpus:2 now, more than the limit cpus:1"):
        sim.set_quota("a", limit="cpus:1")
    sim.set_quota("a", limit="cpus:1", force=True)
    assert sim.metrics()["allocator/mesos/quota/roles/a/resources/cpus/limit"] == 1


@pytest.mark.parametrize(
    ("role", "guarantee", "said"),
    [
        ("a b", "cpus:1", "backspace or whitespace"),
        ("a", "cpus:-1", "must not be negative"),
        ("a", "cpus:nan", "must be a finite number"),
        ("a", "cpus(b):1", "unreserved"),
        ("a", "cpus:1;cpus:2", "names cpus twice"),
        ("a", "ports:[1-2]", "must be a number"),
    ],
)
def test_what_is_no_quota_is_refused_by_field_and_reason(sim: Simulation, role: str, guarantee: str, said: str) -> None:
    with pytest.raises(InvalidValue, match=said):
        sim.set_quota(role, guarantee=guarantee)


def test_quotas_outlive_the_master_and_nothing_is_allocated_before_most_agents_are_back(
    make_sim: Callable[..., Simulation],
) -> None:
    sim = make_sim()
    agents_of(sim, 5)
    sim.set_quota("q", limit="cpus:3")
    f = sim.add_framework("F", roles=["q"], failover_timeout=60.0)
    sim.settle()
    for offer in f.offers:
        f.launch(offer, offer.resources)
    sim.settle()
    for n in range(1, 5):
        sim.disconnect(f"A{n}")
    sim.crash("master")
    sim.restart("master")
    sim.advance(5.0)
    assert f.offers == []
    for n in range(1, 5):
        sim.reconnect(f"A{n}")
    sim.advance(3.0)
    used = sum(t.resources.scalar("cpus") for t in f.tasks.values())
    assert used == 3000
    assert sum(o.resources.scalar("cpus") for o in f.offers) == 0
