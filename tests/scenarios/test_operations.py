"""Reservations as operations of an accept and of the operator, with their outcome told (S34), through the whole kernel."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from raymesos.errors import Conflict, RaymesosError, UnknownId
from raymesos.model.resources import Reservation, Resources, build
from raymesos.sim import Simulation
from raymesos.sim.scripted import Framework

YEAR = 365 * 86400.0


def parse(text: str) -> Resources:
    return Resources.parse(text)


def reserved(text: str, *stack: tuple[str, str], labels: tuple[tuple[str, str], ...] = ()) -> Resources:
    """`text`, each of it reserved dynamically to the (role, principal) pairs of `stack`, outermost first."""
    made = tuple(Reservation(role, True, principal, labels) for role, principal in stack)
    return build([(key._replace(reservations=made), quantity) for key, quantity in parse(text)])


def offered(sim: Simulation, framework: Framework) -> Resources:
    """What the next pass offers to the framework: one offer."""
    sim.advance(1.0)
    (offer,) = framework.offers
    return offer.resources


def alone(sim: Simulation, resources: str = "cpus:1;mem:512", **framework: object) -> Framework:
    """A1 with these resources, offered whole to F1 in role1."""
    sim.add_agent("A1", resources)
    f1 = sim.add_framework("F1", roles=["role1"], **framework)  # type: ignore[arg-type]
    sim.settle()
    assert [o.resources for o in f1.offers] == [parse(resources)]
    return f1


# ---------------------------------------------------------------- S34


def test_what_is_reserved_is_offered_reserved_with_its_principal_and_free_again_when_it_is_not(sim: Simulation) -> None:
    f1 = alone(sim)
    f1.accept(f1.offers, operations=[f1.reserve("cpus:1;mem:512")], refuse_seconds=0)
    assert offered(sim, f1) == reserved("cpus:1;mem:512", ("role1", "F1"))
    f1.accept(f1.offers, operations=[f1.unreserve("cpus:1;mem:512")], refuse_seconds=0)
    assert offered(sim, f1) == parse("cpus:1;mem:512")
    assert sim.metrics()["master/cpus_total"] == 1


def test_what_is_reserved_in_two_steps_adds_up_to_the_last_decimal(sim: Simulation) -> None:
    f1 = alone(sim, "cpus:24;mem:4096")
    f1.accept(f1.offers, operations=[f1.reserve("cpus:0.1;mem:512")], refuse_seconds=0)
    assert offered(sim, f1) == parse("cpus:23.9;mem:3584") + reserved("cpus:0.1;mem:512", ("role1", "F1"))
    f1.accept(f1.offers, operations=[f1.reserve("cpus:0.1")], refuse_seconds=0)
    assert offered(sim, f1) == parse("cpus:23.8;mem:3584") + reserved("cpus:0.2;mem:512", ("role1", "F1"))


def test_more_than_is_there_is_not_reserved(sim: Simulation) -> None:
    f1 = alone(sim)
    f1.accept(f1.offers, operations=[f1.reserve("cpus:1;mem:1024", operation_id="much")], refuse_seconds=0)
    assert offered(sim, f1) == parse("cpus:1;mem:512")
    (answer,) = f1.operation_updates()
    assert (answer.operation_id, answer.state, answer.uuid) == ("much", "OPERATION_ERROR", None)
    assert answer.message == "cpus:1;mem:1024 is needed, cpus:1;mem:512 is available"


def test_what_one_framework_reserves_its_role_is_offered(sim: Simulation) -> None:
    f1 = alone(sim)
    f2 = sim.add_framework("F2", roles=["role1"])
    sim.settle()
    f1.accept(f1.offers, operations=[f1.reserve("cpus:1;mem:512")], refuse_seconds=YEAR)
    assert offered(sim, f2) == reserved("cpus:1;mem:512", ("role1", "F1"))
    assert f1.offers == []


def test_another_role_is_not_offered_what_is_reserved_and_cannot_take_it(sim: Simulation) -> None:
    f1 = alone(sim)
    f1.accept(f1.offers, operations=[f1.reserve("mem:256")], refuse_seconds=0)
    sim.advance(1.0)
    f1.decline_all(refuse_seconds=YEAR)
    f2 = sim.add_framework("F2", roles=["role2"])
    sim.settle()
    assert offered(sim, f2) == parse("cpus:1;mem:256")
    f2.accept(f2.offers, operations=[f2.unreserve("mem(role1):256", operation_id="alien")], refuse_seconds=0)
    assert offered(sim, f2) == parse("cpus:1;mem:256")
    assert [e.state for e in f2.operation_updates("alien")] == ["OPERATION_ERROR"]
    f1.revive()
    f2.suppress()
    f2.decline_all()
    assert offered(sim, f1) == parse("cpus:1;mem:256") + reserved("mem:256", ("role1", "F1"))


def test_a_task_runs_on_what_was_reserved_in_the_same_accept_and_leaves_it_reserved(sim: Simulation) -> None:
    f1 = alone(sim)
    both = [f1.reserve("cpus:1;mem:512"), f1.launch_op("cpus:1;mem:512")]
    (task,) = f1.accept(f1.offers, operations=both, refuse_seconds=0)
    sim.settle()
    assert (task.state, task.resources) == ("TASK_RUNNING", reserved("cpus:1;mem:512", ("role1", "F1")))
    sim.advance(5)
    assert f1.offers == []
    sim.finish(task)
    sim.settle()
    assert offered(sim, f1) == reserved("cpus:1;mem:512", ("role1", "F1"))


# ---------------------------------------------------------------- more of the same kind


def test_operations_act_in_their_order_and_a_bad_one_leaves_the_others_alone(sim: Simulation) -> None:
    f1 = alone(sim, "cpus:4;mem:512")
    ops = [
        f1.launch_op("cpus:1"),
        f1.reserve("cpus:9"),
        f1.reserve("cpus:2"),
        f1.unreserve("cpus:1"),
        f1.launch_op("cpus:3"),
        f1.launch_op("cpus:1"),
    ]
    first, second, third = f1.accept(f1.offers, operations=ops, refuse_seconds=0)
    sim.settle()
    assert (first.state, second.state, third.state) == ("TASK_RUNNING", "TASK_RUNNING", "TASK_ERROR")
    assert second.resources == parse("cpus:2") + reserved("cpus:1", ("role1", "F1"))
    assert offered(sim, f1) == parse("mem:512")


def test_operations_on_offers_that_do_not_go_together_are_dropped(sim: Simulation) -> None:
    f1 = alone(sim)
    sim.add_agent("A2", "cpus:1;mem:512")
    sim.settle()
    f1.accept(f1.offers, operations=[f1.reserve("cpus:1", operation_id="r")], refuse_seconds=0)
    sim.advance(1)
    assert [o.resources for o in f1.offers] == [parse("cpus:1;mem:512")] * 2
    (told,) = f1.operation_updates("r")
    assert told.state == "OPERATION_ERROR"
    assert "must belong to one single agent" in (told.message or "")


@pytest.mark.parametrize("bad", ["cpus(role2):1", "cpus(*):9"])
def test_a_reservation_for_another_role_is_dropped(sim: Simulation, bad: str) -> None:
    f1 = alone(sim)
    f1.accept(f1.offers, operations=[f1.reserve(bad, operation_id="x")], refuse_seconds=0)
    assert offered(sim, f1) == parse("cpus:1;mem:512")
    assert [e.state for e in f1.operation_updates("x")] == ["OPERATION_ERROR"]


def test_a_static_reservation_stays_as_it_is(sim: Simulation) -> None:
    f1 = alone(sim, "cpus(role1):1;mem:512")
    f1.accept(f1.offers, operations=[f1.unreserve("cpus(role1):1", operation_id="x")], refuse_seconds=0)
    assert offered(sim, f1) == parse("cpus(role1):1;mem:512")
    assert [e.state for e in f1.operation_updates("x")] == ["OPERATION_ERROR"]


def test_a_refinement_holds_both_reservations_and_leaves_the_outer_one(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:2;mem:512")
    eng = sim.add_framework("E", roles=["eng"])
    prod = sim.add_framework("P", roles=["eng/prod"])
    sim.settle()
    for each in (eng, prod):
        each.suppress()
        each.decline_all()
    eng.revive()
    sim.advance(1)
    eng.accept(eng.offers, operations=[eng.reserve("cpus:2")], refuse_seconds=0)
    eng.suppress()
    prod.revive()
    assert offered(sim, prod) == parse("mem:512") + reserved("cpus:2", ("eng", "E"))
    prod.accept(prod.offers, operations=[prod.reserve("cpus(eng):1", labels={"why": "tests"})], refuse_seconds=0)
    refined = build([(k._replace(reservations=(k.reservations[0], Reservation("eng/prod", True, "P", (("why", "tests"),)))), q)
                     for k, q in reserved("cpus:1", ("eng", "E"))])  # fmt: skip
    assert offered(sim, prod) == parse("mem:512") + reserved("cpus:1", ("eng", "E")) + refined
    eng.revive()
    prod.suppress()
    prod.decline_all()
    assert offered(sim, eng) == parse("mem:512") + reserved("cpus:1", ("eng", "E"))
    eng.suppress()
    eng.decline_all()
    prod.revive()
    sim.advance(1)
    prod.accept(prod.offers, operations=[prod.unreserve("cpus(eng/prod):1")], refuse_seconds=0)
    assert offered(sim, prod) == parse("mem:512") + reserved("cpus:2", ("eng", "E"))


def test_a_framework_that_knows_no_refinement_cannot_refine(sim: Simulation) -> None:
    f1 = alone(sim, capabilities=["PARTITION_AWARE"])
    ops = [f1.reserve("cpus:1"), f1.reserve("cpus:1", role="role1/x", operation_id="x")]
    f1.accept(f1.offers, operations=ops, refuse_seconds=0)
    assert offered(sim, f1) == parse("mem:512") + reserved("cpus:1", ("role1", "F1"))
    assert [e.state for e in f1.operation_updates("x")] == ["OPERATION_ERROR"]


# ---------------------------------------------------------------- the outcome


def test_an_operation_with_an_id_is_told_finished_once_it_is_acknowledged(sim: Simulation) -> None:
    f1 = alone(sim)
    f1.accept(f1.offers, operations=[f1.reserve("cpus:1", operation_id="r")], refuse_seconds=0)
    sim.settle()
    sim.advance(700)
    (told,) = f1.operation_updates()
    assert (told.operation_id, told.state, told.agent) == ("r", "OPERATION_FINISHED", "A1")
    assert told.uuid


def test_an_outcome_is_told_again_until_it_is_acknowledged(sim: Simulation) -> None:
    f1 = alone(sim, acknowledge=False)
    f1.accept(f1.offers, operations=[f1.reserve("cpus:1", operation_id="r")], refuse_seconds=0)
    sim.settle()
    sim.advance(35)
    told = f1.operation_updates("r")
    assert [e.at for e in told] == [0, 10, 30]
    assert len({e.uuid for e in told}) == 1
    f1.acknowledge(told[0])
    sim.advance(1000)
    assert len(f1.operation_updates("r")) == 3


def test_an_operation_without_an_id_is_not_told(sim: Simulation) -> None:
    f1 = alone(sim)
    f1.accept(f1.offers, operations=[f1.reserve("cpus:1"), f1.reserve("cpus:7")], refuse_seconds=0)
    sim.advance(60)
    assert f1.operation_updates() == []


def test_reconciling_says_what_is_known_of_operations(sim: Simulation) -> None:
    f1 = alone(sim, acknowledge=False)
    f1.accept(f1.offers, operations=[f1.reserve("cpus:1", operation_id="r")], refuse_seconds=0)
    sim.settle()
    f1.reconcile_operations([("r", "A1"), ("nobody", "A1"), ("nowhere", None)])
    sim.settle()
    answers = [(e.operation_id, e.state, e.uuid) for e in f1.operation_updates()[1:]]
    assert answers == [
        ("r", "OPERATION_FINISHED", None),
        ("nobody", "OPERATION_UNKNOWN", None),
        ("nowhere", "OPERATION_UNKNOWN", None),
    ]
    f1.acknowledge(f1.operation_updates("r")[0])
    f1.reconcile_operations()
    sim.settle()
    assert len(f1.operation_updates()) == 4


def test_reconciling_knows_agents_that_are_away(sim: Simulation) -> None:
    f1 = alone(sim)
    sim.crash("A1")
    sim.crash("master")
    sim.restart("master")
    sim.settle()
    f1.reconcile_operations([("r", "A1")])
    sim.settle()
    sim.advance(700)
    f1.reconcile_operations([("r", "A1")])
    sim.settle()
    assert [e.state for e in f1.operation_updates("r")] == ["OPERATION_RECOVERING", "OPERATION_UNREACHABLE"]


def test_an_operation_that_its_agent_never_heard_of_is_dropped_and_nothing_is_reserved(sim: Simulation) -> None:
    f1 = alone(sim)
    f1.accept(f1.offers, operations=[f1.reserve("cpus:1", operation_id="r"), f1.launch_op("cpus:1")], refuse_seconds=0)
    sim.disconnect("A1")
    sim.settle()
    sim.reconnect("A1")
    sim.advance(20)
    assert [e.state for e in f1.operation_updates("r")] == ["OPERATION_DROPPED"]
    assert [o.resources for o in f1.offers] == [parse("cpus:1;mem:512")]


# ---------------------------------------------------------------- what outlives what


@pytest.mark.parametrize("name", ["A1", "master", "allocator"])
def test_a_reservation_outlives_a_crash_of(sim: Simulation, name: str) -> None:
    f1 = alone(sim)
    f1.accept(f1.offers, operations=[f1.reserve("cpus:1", labels={"a": "b"})], refuse_seconds=0)
    sim.settle()
    sim.crash(name)
    sim.advance(2)
    sim.restart(name)
    sim.advance(20)
    kept = reserved("cpus:1", ("role1", "F1"), labels=(("a", "b"),))
    assert [o.resources for o in f1.offers] == [parse("mem:512") + kept]


def test_a_reservation_and_its_task_outlive_both_agent_and_master(sim: Simulation) -> None:
    f1 = alone(sim, failover_timeout=1000.0)
    (task,) = f1.accept(f1.offers, [f1.reserve("cpus:1"), f1.launch_op("cpus:1")], refuse_seconds=YEAR)
    sim.settle()
    for name in ("A1", "master"):
        sim.crash(name)
    for name in ("master", "A1"):
        sim.restart(name)
    sim.advance(20)
    assert task.state == "TASK_RUNNING"
    sim.finish(task)
    sim.settle()
    f1.decline_all()
    assert offered(sim, f1) == parse("mem:512") + reserved("cpus:1", ("role1", "F1"))


def test_an_unreachable_agent_comes_back_with_its_reservation(sim: Simulation) -> None:
    f1 = alone(sim)
    f1.accept(f1.offers, operations=[f1.reserve("cpus:1")], refuse_seconds=0)
    sim.settle()
    sim.disconnect("A1")
    sim.advance(120)
    assert f1.offers == []
    sim.reconnect("A1")
    sim.advance(60)
    assert [o.resources for o in f1.offers] == [parse("mem:512") + reserved("cpus:1", ("role1", "F1"))]


def test_an_agent_that_is_removed_takes_its_reservations_with_it(sim: Simulation) -> None:
    f1 = alone(sim)
    f1.accept(f1.offers, operations=[f1.reserve("cpus:1")], refuse_seconds=0)
    sim.settle()
    sim.remove_agent("A1")
    sim.settle()
    sim.add_agent("A1", "cpus:1;mem:512")
    sim.settle()
    assert [o.resources for o in f1.offers] == [parse("cpus:1;mem:512")]


def test_an_agent_that_becomes_smaller_keeps_what_fits_and_grows_back_unreserved(sim: Simulation) -> None:
    f1 = alone(sim, "cpus:4;mem:512")
    f1.accept(f1.offers, operations=[f1.reserve("cpus:3")], refuse_seconds=0)
    sim.settle()
    sim.update_agent("A1", total="cpus:2;mem:512")
    sim.advance(2)
    assert [o.resources for o in f1.offers] == [parse("mem:512") + reserved("cpus:2", ("role1", "F1"))]
    sim.crash("A1")
    sim.update_agent("A1", total="cpus:5;mem:512")
    sim.restart("A1")
    sim.advance(20)
    assert [o.resources for o in f1.offers] == [parse("cpus:3;mem:512") + reserved("cpus:2", ("role1", "F1"))]


# ---------------------------------------------------------------- the operator


def test_the_operator_reserves_what_is_offered_by_rescinding_no_more_than_needed(sim: Simulation) -> None:
    f1 = alone(sim)
    sim.add_agent("A2", "cpus:1;mem:512")
    sim.settle()
    sim.reserve("A1", "cpus(ads):1")
    assert [o.agent for o in f1.offers] == ["A2"]
    assert [e.type for e in f1.events if e.type == "RESCIND"] == ["RESCIND"]
    sim.advance(1)
    assert [(o.agent, o.resources) for o in f1.offers] == [
        ("A2", parse("cpus:1;mem:512")),
        ("A1", parse("mem:512")),
    ]
    ads = sim.add_framework("Ads", roles=["ads"])
    assert offered(sim, ads) == reserved("cpus:1", ("ads", ""))
    sim.unreserve("A1", "cpus(ads):1")
    assert ads.offers == []
    sim.advance(1)
    assert parse("cpus:1") in [o.resources for o in [*f1.offers, *ads.offers]]


def test_the_operator_is_refused_with_numbers_and_nothing_has_changed(sim: Simulation) -> None:
    f1 = alone(sim)
    f1.launch(f1.offers[0], "cpus:0.5;mem:128", refuse_seconds=YEAR)
    sim.settle()
    with pytest.raises(Conflict, match=r"agent A1: cpus:1 is needed, cpus:0.5 is available"):
        sim.reserve("A1", "cpus(ads):1")
    with pytest.raises(Conflict, match=r"cpus\(ads\):1 is needed"):
        sim.unreserve("A1", "cpus(ads):1")
    with pytest.raises(UnknownId, match="A9"):
        sim.reserve("A9", "cpus(ads):1")
    with pytest.raises(RaymesosError, match="cpus is not reserved"):
        sim.reserve("A1", "cpus:0.1")
    sim.disconnect("A1")
    sim.settle()
    with pytest.raises(Conflict, match="agent A1 is disconnected"):
        sim.reserve("A1", "cpus(ads):0.1")
    sim.reconnect("A1")
    sim.advance(20)
    f1.revive()
    assert offered(sim, f1) == parse("cpus:0.5;mem:384")


def test_what_the_operator_reserves_while_a_pass_is_under_way_is_reserved_all_the_same(
    make_sim: Callable[..., Simulation],
) -> None:
    sim = make_sim()
    f1 = alone(sim)
    f1.decline_all(refuse_seconds=0)
    sim.advance(1.0)
    f1.decline_all(refuse_seconds=0)
    sim.reserve("A1", "cpus(ads):1;mem(ads):512")
    sim.advance(3)
    assert f1.offers == []


def test_an_operator_that_asks_while_the_allocator_is_away_is_answered_when_it_is_back(sim: Simulation) -> None:
    f1 = alone(sim)
    sim.crash("allocator")
    sim.reserve("A1", "cpus(ads):1")
    sim.restart("allocator")
    sim.advance(5)
    assert [o.resources for o in f1.offers] == [parse("mem:512")]


def test_an_agent_that_was_just_added_can_be_reserved_of(sim: Simulation) -> None:
    a1 = sim.add_agent("A1", "cpus:2;mem:512")
    sim.reserve(a1, "cpus(ads):2")
    f1 = sim.add_framework("F1", roles=["role1"])
    sim.settle()
    assert [o.resources for o in f1.offers] == [parse("mem:512")]


def test_what_a_framework_reserved_stays_when_it_is_gone(sim: Simulation) -> None:
    f1 = alone(sim)
    f1.accept(f1.offers, operations=[f1.reserve("cpus:1")], refuse_seconds=0)
    sim.settle()
    f1.teardown()
    f2 = sim.add_framework("F2", roles=["role2"])
    sim.settle()
    assert offered(sim, f2) == parse("mem:512")
    sim.unreserve("A1", "cpus(role1):1")
    f2.decline_all()
    assert offered(sim, f2) == parse("cpus:1;mem:512")
