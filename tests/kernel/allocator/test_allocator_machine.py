"""When passes run, what they leave out, and what the allocator tells the master and the observer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from allocator_driver import NO_ATTRIBUTES, Driver, brief
from allocator_driver import cpus_mem as r
from hypothesis import given, settings
from hypothesis import strategies as st

from raymesos.errors import InvariantBroken
from raymesos.machine import OBSERVER, LinkDown, LinkUp, Wake
from raymesos.model.attributes import Attributes
from raymesos.model.quota import Quota
from raymesos.model.resources import EMPTY, Disk, Key, Reservation, Resources, Shared, build
from raymesos.model.tasks import ALL_CAPABILITIES
from raymesos.wire.messages import (
    AgentActivated,
    AgentChanged,
    AgentDeactivated,
    AgentRemoved,
    Allocations,
    AllocatorReset,
    Demand,
    FrameworkActivated,
    FrameworkAdded,
    FrameworkChanged,
    FrameworkDeactivated,
    FrameworkRemoved,
    Preempt,
    QuotasChanged,
    Recover,
    ReviveRoles,
    SuppressRoles,
    WeightsChanged,
)
from raymesos.wire.notes import PassNote, ShareNote, WaitNote


def without(*capabilities: str) -> tuple[str, ...]:
    return tuple(c for c in ALL_CAPABILITIES if c not in capabilities)


def waits(d: Driver) -> list[tuple[str, str]]:
    """(framework, why) of the WaitNotes since the last call."""
    notes = [(n.framework_id, n.why) for n in d.notes_of(WaitNote)]
    d.notes.clear()
    return notes


# ---------------------------------------------------------------- when


def test_one_message_a_pass_and_none_without_grants() -> None:
    d = Driver()
    d.agent("A1", r(1, 512))
    d.agent("A2", r(1, 512))
    d.framework("F", "x")
    d.tick()
    sent = [m for m in d.messages if isinstance(m, Allocations)]
    assert [len(m.grants) for m in sent] == [2]
    assert [m.epoch for m in sent] == [1]


def test_requests_that_are_delivered_together_make_one_pass() -> None:
    d = Driver()
    runs = d.machine.metrics()["allocator/mesos/allocation_runs"]
    d.send(
        *(d.agent_message(f"A{n}", r(1, 512)) for n in range(5)),
        FrameworkAdded("F1", ("x",), (), ALL_CAPABILITIES),
        FrameworkAdded("F2", ("y",), (), ALL_CAPABILITIES),
    )
    assert d.machine.metrics()["allocator/mesos/allocation_runs"] == runs + 1
    assert sorted(len([g for g in d.held if g.framework_id == f]) for f in ("F1", "F2")) == [2, 3]


def test_a_triggered_pass_looks_only_at_the_agent_that_was_named() -> None:
    d = Driver()
    d.framework("F", "x")
    (grant,) = d.agent("A1", r(1, 512))
    d.give_back(grant)
    assert [g.agent_id for g in d.agent("A2", r(1, 512))] == ["A2"]
    assert [g.agent_id for g in d.tick()] == ["A1"]


def test_what_is_declined_waits_for_the_periodic_pass_and_what_a_task_held_does_not() -> None:
    d = Driver()
    d.framework("F", "x")
    (grant,) = d.agent("A", r(1, 512))
    assert d.give_back(grant) == []
    (grant,) = d.tick()
    assert brief(d.give_back(grant, ended=True)) == [("F", "A", "cpus:1;mem:512")]


def test_periodic_passes_happen_at_multiples_of_the_interval_from_the_start() -> None:
    d = Driver()
    d.framework("F", "x")
    (grant,) = d.agent("A", r(1, 512))
    d.advance(300)
    d.give_back(grant)
    assert d.advance(699) == []
    assert len(d.advance(1)) == 1
    assert d.now_ms == 1_000


def test_while_paused_passes_do_nothing() -> None:
    d = Driver()
    d.send(AllocatorReset(2, paused=True))
    d.framework("F", "x")
    assert d.agent("A", r(1, 512)) == []
    assert d.tick() == []
    d.send(AllocatorReset(3))
    d.framework("F", "x")
    assert len(d.agent("A", r(1, 512))) == 1


def test_weights_deactivations_and_changed_roles_wait_for_the_periodic_pass() -> None:
    d = Driver()
    d.agent("A", r(1, 512))
    d.framework("F", "x", suppressed=("x",))
    d.send(FrameworkChanged("F", ("x",), (), ALL_CAPABILITIES))
    assert d.weight("x", "2") == []
    d.send(AgentDeactivated("A"), AgentActivated("A"))
    assert d.new() == []
    assert len(d.tick()) == 1


# ---------------------------------------------------------------- the books


def test_before_the_first_reset_it_asks_and_ignores_what_it_is_told() -> None:
    d = Driver()
    d.send(LinkDown("master"))
    d.framework("F", "x")
    assert d.agent("A", r(1, 512)) == []
    asked = d.ready_count()
    d.tick()
    assert d.ready_count() == asked + 1
    d.send(LinkUp("master", restarted=True))
    assert d.ready_count() == asked + 2
    d.send(AllocatorReset(2), FrameworkAdded("F", ("x",), (), ALL_CAPABILITIES), d.agent_message("A", r(1, 512)))
    assert [m.epoch for m in d.messages if isinstance(m, Allocations)] == [2]
    d.tick()
    assert d.ready_count() == asked + 2


def test_a_link_to_somebody_else_and_a_strange_wake_change_nothing() -> None:
    d = Driver()
    d.framework("F", "x")
    asked = d.ready_count()
    d.send(LinkDown("observer"), LinkUp("observer", restarted=True), Wake("other"))
    assert d.ready_count() == asked
    assert len(d.agent("A", r(1, 512))) == 1


def test_a_reset_forgets_everything_and_what_is_told_with_it_counts() -> None:
    d = Driver()
    d.framework("F1", "x")
    d.framework("F2", "y")
    d.agent("A1", r(1, 512))
    d.send(
        AllocatorReset(2),
        d.agent_message("A1", r(1, 512), held=(("F1", "x", r(1, 512)),)),
        d.agent_message("A2", r(1, 512)),
        FrameworkAdded("F1", ("x",), (), ALL_CAPABILITIES),
        FrameworkAdded("F2", ("y",), (), ALL_CAPABILITIES),
    )
    assert brief(d.new()[-1:]) == [("F2", "A2", "cpus:1;mem:512")]


def test_what_is_recovered_of_a_former_life_of_an_agent_is_ignored() -> None:
    d = Driver()
    d.framework("F", "x")
    (old,) = d.agent("A", r(1, 512))
    (new,) = d.agent("A", r(2, 512))
    d.send(Recover("F", "x", "A", old.incarnation, old.resources))
    assert d.tick() == []
    d.send(Recover("F", "x", "gone", 1, old.resources))
    d.give_back(new)
    assert brief(d.tick()) == [("F", "A", "cpus:2;mem:512")]


def test_more_recovered_than_was_held_is_a_bug_that_stops_the_machine() -> None:
    d = Driver()
    d.framework("F", "x")
    (grant,) = d.agent("A", r(1, 512))
    with pytest.raises(InvariantBroken):
        d.send(Recover("F", "x", "A", grant.incarnation, Resources.parse(r(2, 512))))
    with pytest.raises(InvariantBroken):
        d.send(Recover("F", "y", "A", grant.incarnation, grant.resources))


def test_a_removed_framework_still_holds_what_is_not_recovered() -> None:
    d = Driver()
    d.framework("F1", "x")
    (grant,) = d.agent("A", r(1, 512))
    d.send(FrameworkRemoved("F1"))
    d.framework("F2", "y")
    assert d.tick() == []
    assert set(d.machine.shares()) == {"x", "y"}
    d.give_back(grant, refuse_ms=5_000)
    assert brief(d.tick()) == [("F2", "A", "cpus:1;mem:512")]
    assert set(d.machine.shares()) == {"y"}


def test_what_an_unknown_framework_holds_counts_for_its_role_and_is_its_own_when_it_comes() -> None:
    d = Driver()
    d.agent("A1", r(1, 512), held=(("F1", "x", r(1, 512)),))
    d.agent("A2", r(1, 512))
    assert d.framework("F2", "x", suppressed=("x",)) == []
    d.send(FrameworkAdded("F1", ("x",), (), ALL_CAPABILITIES), FrameworkAdded("F3", ("y",), (), ALL_CAPABILITIES))
    assert brief(d.new()) == [("F3", "A2", "cpus:1;mem:512")]


def test_an_agent_that_shrinks_below_what_is_held_has_nothing_free_until_enough_returns() -> None:
    d = Driver()
    d.framework("F", "x")
    d.agent("A", r(4, 4096), held=(("F", "x", r(3, 1024)),))
    (rest,) = d.held
    d.give_back(rest)
    d.send(AgentChanged("A", Resources.parse(r(2, 2048)), NO_ATTRIBUTES))
    assert brief(d.new()) == [("F", "A", "mem:1024")]
    d.send(Recover("F", "x", "A", rest.incarnation, Resources.parse("cpus:2;mem:1024")))
    assert brief(d.tick()) == [("F", "A", "cpus:1;mem:1024")]


def test_an_agent_that_grows_is_offered_at_once_and_one_that_is_told_the_same_is_not() -> None:
    d = Driver()
    d.framework("F", "x")
    (grant,) = d.agent("A", r(1, 512))
    d.give_back(grant)
    d.send(AgentChanged("A", Resources.parse(r(1, 512)), NO_ATTRIBUTES))
    assert d.new() == []
    d.send(AgentChanged("A", Resources.parse(r(2, 512)), NO_ATTRIBUTES))
    assert brief(d.new()) == [("F", "A", "cpus:2;mem:512")]


def test_nothing_is_offered_of_a_deactivated_or_removed_agent() -> None:
    d = Driver()
    for name in ("A1", "A2"):
        d.agent(name, r(1, 512))
    d.send(AgentDeactivated("A1"), AgentRemoved("A2"))
    assert d.framework("F", "x") == d.tick() == []
    assert d.machine.metrics()["allocator/mesos/resources/cpus/total"] == 1
    d.send(AgentActivated("A1"))
    assert [g.agent_id for g in d.tick()] == ["A1"]


# ---------------------------------------------------------------- who is left out


def test_crumbs_are_not_offered_and_either_of_the_least_quantities_is_enough() -> None:
    d = Driver()
    d.framework("F", "x")
    assert d.agent("A1", "cpus:0.009;mem:31") == []
    assert brief(d.agent("A2", "cpus:0.01;mem:1")) == [("F", "A2", "cpus:0.01;mem:1")]
    assert brief(d.agent("A3", "mem:32")) == [("F", "A3", "mem:32")]
    nothing_least = Driver(min_allocatable=())
    nothing_least.framework("F", "x")
    assert len(nothing_least.agent("A1", "cpus:0.001")) == 1


def test_an_agent_with_gpus_is_offered_only_to_frameworks_that_take_them() -> None:
    d = Driver()
    d.framework("F1", "x", capabilities=without("GPU_RESOURCES"))
    assert d.agent("A", "cpus:1;mem:512;gpus:1") == []
    assert d.tick() == []
    assert waits(d)[-1] == ("F1", "capability")
    assert brief(d.framework("F2", "y")) == [("F2", "A", "cpus:1;gpus:1;mem:512")]


def test_reserved_resources_go_only_to_their_role_and_its_descendants() -> None:
    d = Driver()
    d.framework("F1", "role1")
    assert brief(d.agent("A1", "cpus(role1):2;mem(role1):1024")) == [("F1", "A1", "cpus(role1):2;mem(role1):1024")]
    (grant,) = d.agent("A2", "cpus(role2):2;mem(role2):1024;cpus:1;mem:1024")
    assert brief([grant]) == [("F1", "A2", "cpus:1;mem:1024")]
    assert brief(d.framework("F2", "role2")) == [("F2", "A2", "cpus(role2):2;mem(role2):1024")]
    assert d.agent("A3", "cpus(role3):1;mem(role3):1024") == d.tick() == []
    d.framework("F3", "a/b/c")
    assert brief(d.agent("A4", "cpus(a):1;mem(a):512;ports:[1-9]")) == [
        ("F3", "A4", "cpus(a):1;mem(a):512;ports:[1-9]")
    ]
    assert d.give_back(grant) == []
    assert brief(d.tick())[0][1:] == ("A2", "cpus:1;mem:1024")


def test_two_roles_share_an_agent_that_is_reserved_in_parts_in_one_pass() -> None:
    d = Driver()
    d.framework("F1", "role1")
    d.framework("F2", "role2")
    grants = d.agent("A", "cpus(role1):1;mem(role1):64;cpus(role2):1;mem(role2):64")
    assert brief(grants) == [("F1", "A", "cpus(role1):1;mem(role1):64"), ("F2", "A", "cpus(role2):1;mem(role2):64")]


def test_a_filter_lets_a_larger_offer_pass_and_revive_clears_it() -> None:
    d = Driver()
    d.framework("F", "x")
    d.agent("A", r(2, 1024), held=(("F", "x", r(1, 512)),))
    (grant,) = d.held
    d.give_back(grant, refuse_ms=1_000_000)
    assert d.tick() == []
    d.send(Recover("F", "x", "A", grant.incarnation, Resources.parse(r(1, 512))))
    (grant,) = d.tick()
    assert str(grant.resources) == "cpus:2;mem:1024"
    d.give_back(grant, refuse_ms=1_000_000)
    assert d.tick() == []
    assert len(d.revive("F")) == 1


@pytest.mark.parametrize("how", ["reactivate", "attributes", "unsuppress"])
def test_a_filter_ends_when_its_framework_reconnects_its_agent_changes_or_its_role_wakes(how: str) -> None:
    d = Driver()
    d.framework("F", "x")
    (grant,) = d.agent("A", r(1, 512))
    d.give_back(grant, refuse_ms=1_000_000)
    d.tick()
    if how == "reactivate":
        d.send(FrameworkDeactivated("F"), FrameworkActivated("F"))
    elif how == "attributes":
        d.send(AgentChanged("A", grant.resources, Attributes.parse("rack:2")))
    else:
        d.suppress("F")
        d.send(FrameworkChanged("F", ("x",), (), ALL_CAPABILITIES))
    assert len(d.new() + d.tick()) == 1


def test_a_suppressed_role_is_offered_nothing_until_revived() -> None:
    d = Driver()
    d.framework("F", "x", "y")
    d.suppress("F", "x")
    (grant,) = d.agent("A1", r(1, 512))
    assert grant.role == "y"
    d.suppress("F")
    d.give_back(grant)
    assert d.tick() == []
    (grant,) = d.revive("F", "x")
    assert grant.role == "x"


def test_a_dropped_role_keeps_what_it_holds_until_it_returns() -> None:
    d = Driver()
    d.framework("F", "x", "y")
    d.agent("A1", r(1, 512))
    d.agent("A2", r(1, 512))
    assert sorted(g.role for g in d.held) == ["x", "y"]
    d.send(FrameworkChanged("F", ("y",), (), ALL_CAPABILITIES))
    assert set(d.machine.shares()) == {"x", "y"}
    d.give_back(*[g for g in d.held if g.role == "x"])
    assert set(d.machine.shares()) == {"y"}
    assert [g.role for g in d.tick()] == ["y"]


def test_a_deactivated_framework_is_offered_nothing_and_counts_what_it_holds() -> None:
    d = Driver()
    d.framework("F1", "x")
    d.agent("A1", r(1, 512))
    d.send(FrameworkDeactivated("F1"))
    assert d.agent("A2", r(1, 512)) == d.tick() == []
    assert str(d.machine.shares()["x"]) == "1/2"
    d.send(FrameworkActivated("F1"))
    assert brief(d.new()) == [("F1", "A2", "cpus:1;mem:512")]


def test_random_sorters_offer_everything_and_depend_on_the_seed_alone() -> None:
    def run(seed: int) -> list[tuple[str, str, str]]:
        d = Driver(seed=seed, role_sorter="random", framework_sorter="random")
        for n in range(8):
            d.framework(f"F{n}", f"role{n % 3}")
        for n in range(8):
            d.agent(f"A{n}", r(1, 512))
        d.give_back_all()
        return brief(d.tick())

    assert len(run(1)) == 8
    assert run(1) == run(1)
    assert run(1) != run(2)


# ---------------------------------------------------------------- what the observer is told


def test_why_a_framework_waits_is_told_once_for_each_change() -> None:
    d = Driver()
    d.framework("F1", "x")
    assert waits(d) == [("F1", "no_agents")]
    d.tick()
    assert waits(d) == []
    (grant,) = d.agent("A", r(1, 512))
    assert waits(d) == [("F1", "")]
    d.tick()
    assert waits(d) == [("F1", "nothing_free")]
    d.give_back(grant)
    d.tick()
    assert waits(d) == [("F1", "")]
    d.give_back(*d.held, refuse_ms=3_000)
    d.tick()
    assert waits(d) == [("F1", "filtered")]
    d.tick()
    assert waits(d) == []
    d.framework("F2", "y")
    d.tick()
    assert waits(d) == [("F1", "role_behind"), ("F1", "nothing_free"), ("F2", "nothing_free")]
    d.suppress("F1")
    assert waits(d) == [("F1", "suppressed")]
    d.send(FrameworkRemoved("F1"))
    assert waits(d) == [("F1", "")]


def test_a_role_that_others_were_before_and_a_shape_that_no_agent_has_are_told() -> None:
    d = Driver()
    d.agent("A1", r(2, 1024), held=(("F1", "x", r(2, 1024)),))
    d.framework("F1", "x")
    d.framework("F2", "y")
    waits(d)
    d.send(d.agent_message("A2", r(1, 512)), FrameworkAdded("F3", ("z",), ("z",), ALL_CAPABILITIES))
    assert ("F1", "role_behind") in waits(d)
    d.revive("F1", demand=((r(1, 512), 3), (r(8, 64), 1)))
    (note,) = [n for n in d.notes_of(WaitNote) if n.framework_id == "F1"]
    assert (note.why, note.detail) == ("no_agent_fits", "cpus:8;mem:64")
    d.notes.clear()
    d.agent("A3", r(8, 64))
    d.tick()
    assert ("F1", "nothing_free") in waits(d)
    d.send(ReviveRoles("F1", (), (Demand(Resources.parse(r(9, 64)), 1, role="other"),)))
    assert waits(d) == []
    d.revive("F1", demand=((r(9, 64), 1),))
    assert waits(d) == [("F1", "no_agent_fits")]


def test_demand_is_only_a_hint_and_does_not_cut_offers() -> None:
    d = Driver()
    d.framework("F", "x")
    d.revive("F", demand=((r(1, 64), 0),))
    assert brief(d.agent("A", r(4, 512))) == [("F", "A", "cpus:4;mem:512")]


def test_shares_are_told_when_they_change_with_those_of_the_roles_above() -> None:
    d = Driver()
    d.agent("A1", r(1, 512))
    d.framework("F", "a/b")
    told = {n.role: (n.share, str(n.held), n.weight) for n in d.notes_of(ShareNote)}
    assert {role: part * 10 // whole for role, ((part, whole), _, _) in told.items()} == {"a": 10, "a/b": 10}
    assert told["a/b"][1:] == ("cpus:1;mem:512", "1")
    d.notes.clear()
    d.tick()
    assert d.notes_of(ShareNote) == []
    d.weight("a", "2.5")
    d.tick()
    assert [(n.role, n.weight) for n in d.notes_of(ShareNote)] == [("a", "2.5")]


def test_each_pass_is_told_with_the_filters_in_force() -> None:
    d = Driver()
    d.framework("F", "x")
    (grant,) = d.agent("A", r(1, 512))
    d.give_back(grant, refuse_ms=60_000)
    d.notes.clear()
    d.tick()
    assert d.notes_of(PassNote) == [PassNote(1_000, 1, 0, (("x", 1),))]


def test_metrics_bear_the_names_of_mesos() -> None:
    d = Driver()
    d.framework("F", "x")
    d.agent("A1", r(1, 512))
    d.send(replace(d.agent_message("A2", r(3, 512)), active=False))
    values = d.machine.metrics()
    assert values.pop("allocator/mesos/allocation_runs") == 3
    assert values == {
        "allocator/mesos/resources/cpus/total": 4.0,
        "allocator/mesos/resources/cpus/offered_or_allocated": 1.0,
        "allocator/mesos/resources/mem/total": 1024.0,
        "allocator/mesos/resources/mem/offered_or_allocated": 512.0,
        "allocator/mesos/roles/x/shares/dominant": 0.5,
        "allocator/mesos/offer_filters/roles/x/active": 0,
    }


# ---------------------------------------------------------------- ends of things


def test_a_late_tick_is_followed_by_one_at_the_next_multiple() -> None:
    d = Driver()
    d.framework("F", "x")
    (grant,) = d.agent("A", r(1, 512))
    d.now_ms = 1_300
    d.give_back(grant)
    (grant,) = d.held
    d.give_back(grant)
    assert d.advance(699) == []
    assert len(d.advance(1)) == 1


def test_a_request_that_a_periodic_pass_answers_makes_no_pass_of_its_own() -> None:
    d = Driver()
    d.framework("F", "x")
    runs = d.machine.metrics()["allocator/mesos/allocation_runs"]
    d.advance(999)
    d.now_ms = 1_000
    d.deliver(d.agent_message("A", r(1, 512)))
    assert len(d.advance(0)) == 1
    assert d.machine.metrics()["allocator/mesos/allocation_runs"] == runs + 1


def test_an_inactive_framework_asks_for_no_pass_when_it_is_added() -> None:
    d = Driver()
    runs = d.machine.metrics()["allocator/mesos/allocation_runs"]
    d.send(replace(FrameworkAdded("F", ("x",), (), ALL_CAPABILITIES), active=False))
    assert d.machine.metrics()["allocator/mesos/allocation_runs"] == runs
    assert d.agent("A", r(1, 512)) == []


def test_news_that_come_before_the_reset_are_not_even_looked_at() -> None:
    d = Driver()
    d.framework("F", "x")
    (grant,) = d.agent("A", r(1, 512))
    d.send(LinkUp("master", restarted=False))
    d.send(Recover("F", "unknown", "A", grant.incarnation, grant.resources))
    assert d.agent("B", r(1, 512)) == d.tick() == []


def test_what_died_with_an_agent_ends_the_record_of_who_left_before() -> None:
    d = Driver()
    d.framework("F", "x")
    d.agent("A", r(1, 512))
    d.send(FrameworkRemoved("F"))
    assert set(d.machine.shares()) == {"x"}
    d.send(AgentRemoved("A"))
    assert d.machine.shares() == {}
    assert "allocator/mesos/roles/x/shares/dominant" not in d.machine.metrics()


def test_filters_end_with_the_agent_and_with_the_subscription_that_they_are_of() -> None:
    d = Driver()
    d.framework("F", "x")
    (grant,) = d.agent("A", r(1, 512))
    d.give_back(grant, refuse_ms=1_000_000)
    d.send(AgentRemoved("A"))
    (grant,) = d.agent("A", r(1, 512))
    d.give_back(grant, refuse_ms=1_000_000)
    d.send(FrameworkChanged("F", (), (), ALL_CAPABILITIES))
    d.send(FrameworkChanged("F", ("x",), (), ALL_CAPABILITIES))
    (grant,) = d.tick()
    d.send(FrameworkChanged("F", (), (), ALL_CAPABILITIES))
    d.give_back(grant, refuse_ms=1_000_000)
    d.send(FrameworkChanged("F", ("x",), (), ALL_CAPABILITIES))
    assert len(d.tick()) == 1


def test_agents_are_offered_in_an_order_that_the_seed_decides() -> None:
    def run(seed: int) -> list[tuple[str, str, str]]:
        d = Driver(seed=seed)
        for n in range(6):
            d.agent(f"A{n}", r(1, 512))
        d.framework("F1", "x", suppressed=("x",))
        d.send(ReviveRoles("F1", ()), FrameworkAdded("F2", ("y",), (), ALL_CAPABILITIES))
        return brief(d.new())

    assert len({tuple(run(seed)) for seed in range(5)}) > 1
    assert run(3) == run(3)


@pytest.mark.parametrize(
    ("key", "capability"),
    [
        (Key("cpus", revocable=True), "REVOCABLE_RESOURCES"),
        (Key("cpus", (Reservation("x"), Reservation("x", dynamic=True))), "RESERVATION_REFINEMENT"),
        (Key("disk", (Reservation("x"),), Disk(persistence_id="v"), shared=True), "SHARED_RESOURCES"),
    ],
)
def test_a_framework_is_not_offered_the_kinds_that_it_cannot_take(key: Key, capability: str) -> None:
    special = build([(key, Shared(1_000, 1) if key.shared else 1_000)])
    common = Resources.parse("mem:64")
    d = Driver()
    d.framework("F1", "x", capabilities=without(capability))
    d.send(replace(d.agent_message("A", "mem:64"), total=common + special))
    assert [g.resources for g in d.new()] == [common]
    d.give_back_all()
    d.suppress("F1")
    d.framework("F2", "x")
    assert [(g.framework_id, g.resources) for g in d.held] == [("F2", common + special)]


# ---------------------------------------------------------------- any history


def test_an_agent_that_one_refused_goes_to_another_who_comes() -> None:
    d = Driver()
    d.framework("F1", "x")
    (grant,) = d.agent("A", r(1, 512))
    d.give_back(grant, refuse_ms=1_000_000)
    assert d.tick() == d.tick() == []
    assert [g.framework_id for g in d.framework("F2", "y")] == ["F2"]


def test_an_agent_that_nobody_took_is_not_looked_at_again_until_that_may_have_changed() -> None:
    d = Driver()
    d.framework("F", "x", capabilities=without("GPU_RESOURCES"))
    (grant,) = d.agent("A", r(1, 512))
    d.give_back(grant, refuse_ms=60_000)
    d.agent("G", "cpus:1;mem:512;gpus:1")
    d.notes.clear()
    d.tick()
    d.tick()
    assert [n.agents for n in d.notes_of(PassNote)] == [1, 0]
    d.send(FrameworkChanged("F", ("x",), (), ALL_CAPABILITIES))
    assert [g.agent_id for g in d.tick()] == ["G"]


FRAMEWORKS = st.sampled_from(["F1", "F2", "F3"])
ROLES = st.sampled_from(["x", "x/y", "z"])
TOTALS = st.sampled_from(
    [r(1, 512), r(2, 64), "cpus:4;mem:64;gpus:1", "cpus(x):1;mem(x):64;cpus:1", "cpus(z):2;cpus:0.001"]
)
HISTORY = st.lists(
    st.one_of(
        st.tuples(st.just("agent"), st.sampled_from(["A1", "A2", "A3"]), TOTALS),
        st.tuples(st.just("change"), st.sampled_from(["A1", "A2", "A3"]), TOTALS),
        st.tuples(st.sampled_from(["remove", "on", "off"]), st.sampled_from(["A1", "A2", "A3"]), st.none()),
        st.tuples(st.sampled_from(["framework", "plain framework", "change framework"]), FRAMEWORKS, ROLES),
        st.tuples(st.sampled_from(["suppress", "revive"]), FRAMEWORKS, ROLES),
        st.tuples(st.sampled_from(["leave", "connect", "disconnect"]), FRAMEWORKS, st.none()),
        st.tuples(st.sampled_from(["decline", "end"]), st.integers(0, 20), st.integers(0, 3_000)),
        st.tuples(st.just("weigh"), ROLES, st.sampled_from(["0.5", "2", "1.25"])),
        st.tuples(st.just("tick"), st.none(), st.none()),
    ),
    max_size=40,
)


@given(HISTORY, st.sampled_from(["drf", "random"]))
@settings(max_examples=300, deadline=None)
def test_after_any_history_a_pass_leaves_nothing_that_somebody_may_have(
    history: list[tuple[str, Any, Any]], sorter: str
) -> None:
    d = Driver(role_sorter=sorter, framework_sorter=sorter)
    for what, subject, detail in history:
        _happen(d, what, subject, detail)
    d.tick()
    d.framework("last", "last", suppressed=("last",))  # A pass after the filters that the tick was the last to see.
    ledger, roster, filters = d.machine._state.ledger, d.machine._state.roster, d.machine._state.filters
    for agent in ledger.offerable:
        refusals = filters.of_agent(agent.id) or {}
        for subscription in [s for role in roster.roles.values() for s in role.subscriptions.values() if s.wants]:
            offer = agent.free.available_to(subscription.role.name)
            refused = any(f.resources.contains(offer) for f in refusals.get(subscription.key, []))
            unfit = agent.gpus and not subscription.framework.takes_gpus
            assert refused or unfit or not ledger.worth_offering(offer), (agent.id, subscription.key)
    booked = sorted((a.id, s.key, str(held)) for a in ledger.agents.values() for s, held in a.held.items())
    assert booked == sorted(_sums(d))


def _happen(d: Driver, what: str, subject: Any, detail: Any) -> None:
    match what:
        case "agent":
            d.agent(subject, detail)
            d.held = [g for g in d.held if g.agent_id != subject or g.incarnation == d.incarnation]
        case "change":
            d.send(AgentChanged(subject, Resources.parse(detail), Attributes.parse(f"n:{len(detail)}")))
        case "remove":
            d.send(AgentRemoved(subject))
            d.held = [g for g in d.held if g.agent_id != subject]
        case "on" | "off":
            d.send((AgentActivated if what == "on" else AgentDeactivated)(subject))
        case "framework" | "plain framework":
            d.framework(subject, detail, capabilities=ALL_CAPABILITIES if what == "framework" else ())
        case "change framework":
            d.send(FrameworkChanged(subject, (detail, "z"), (detail,) if detail == "x" else (), ALL_CAPABILITIES))
        case "suppress":
            d.suppress(subject, detail)
        case "revive":
            d.revive(subject, detail)
        case "leave" | "connect" | "disconnect":
            kinds = {"leave": FrameworkRemoved, "connect": FrameworkActivated, "disconnect": FrameworkDeactivated}
            d.send(kinds[what](subject))
        case "decline" | "end":
            if d.held:
                d.give_back(d.held[subject % len(d.held)], refuse_ms=detail, ended=what == "end")
        case "weigh":
            d.weight(subject, detail)
        case _:
            d.tick()


def _sums(d: Driver) -> list[tuple[str, tuple[str, str], str]]:
    """What was granted and not given back, summed by agent, framework and role."""
    sums: dict[tuple[str, tuple[str, str]], Resources] = {}
    for grant in d.held:
        key = grant.agent_id, (grant.framework_id, grant.role)
        sums[key] = sums.get(key, EMPTY) + grant.resources
    return [(agent_id, key, str(held)) for (agent_id, key), held in sums.items()]


def test_an_observer_that_lost_its_memory_is_told_of_roles_and_waits_again() -> None:
    d = Driver()
    d.framework("F1", "x")
    d.framework("F2", "y")
    d.send(WeightsChanged((("z", "3"),)), SuppressRoles("F2", ("y",)))
    d.tick()
    d.notes.clear()
    d.tick()
    assert d.notes_of(ShareNote) == [] and waits(d) == []
    d.send(LinkUp(OBSERVER, restarted=False))
    d.tick()
    assert d.notes_of(ShareNote) == [] and waits(d) == []
    d.send(LinkUp(OBSERVER, restarted=True))
    d.tick()
    assert sorted((n.role, n.weight) for n in d.notes_of(ShareNote)) == [("x", "1"), ("y", "1"), ("z", "3")]
    assert sorted(waits(d)) == [("F1", "no_agents"), ("F2", "suppressed")]


def test_claims_carry_the_last_release_that_was_heard_of_since_the_masters_last_reset() -> None:
    d = Driver(preemption="guarantee")
    owed = Quota("owed", guarantee=(("cpus", 1_000),))

    def seen_by_claims() -> list[int]:
        d.agent("A1", r(1, 512), held=(("F", "dev", r(1, 256)),))
        d.tick()
        claims = [m for m in d.messages if isinstance(m, Preempt)]
        d.messages.clear()
        return list(dict.fromkeys(m.seen for m in claims))

    everything = (FrameworkAdded("F", ("dev", "owed"), (), ALL_CAPABILITIES), QuotasChanged((owed,)))
    d.send(*everything)
    assert seen_by_claims() == [0]
    d.send(Recover("F", "dev", "A1", d.incarnation, Resources.parse("mem:1"), None, release=7))
    d.tick()
    assert [m.seen for m in d.messages if isinstance(m, Preempt)] == [7]
    d.messages.clear()
    d.send(AllocatorReset(2), *everything)
    assert seen_by_claims() == [0]
