"""The names of the scripted harness, each used as its users write it. They hold: behaviour is specified in them, here and elsewhere."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import pytest

import raymesos as rm
from raymesos.errors import Conflict, InvalidJob, InvalidValue, RaymesosError, UnknownId
from raymesos.model.attributes import Attributes
from raymesos.model.resources import Resources
from raymesos.sim import Simulation
from raymesos.sim.scripted import Framework

MONDAY = "2026-01-05T00:00:00Z"
PARAMETERS: list[tuple[Callable[..., object], dict[str, object]]] = [
    (Simulation, {"seed": 0, "allocation_interval": 1.0, "offer_timeout": None, "start": MONDAY}),
    (Simulation.add_agent, {"name": ..., "resources": ..., "attributes": ""}),
    (
        Simulation.add_framework,
        {
            "name": ...,
            "roles": ...,
            "capabilities": None,
            "failover_timeout": 0.0,
            "acknowledge": True,
            "reregister": True,
            "demand": None,
        },
    ),
    (Simulation.advance, {"seconds": ...}),
    (Simulation.finish, {"task": ..., "exit_code": 0}),
    (Simulation.fail, {"task": ..., "reason": None, "by": "user"}),
    (Simulation.start, {"task": ...}),
    (Simulation.set_weight, {"role": ..., "weight": ...}),
    (Framework.decline, {"offer": ..., "refuse_seconds": 5.0}),
    (Framework.decline_all, {"refuse_seconds": 0}),
    (Framework.revive, {"roles": None, "demand": None}),
    (Framework.suppress, {"roles": None}),
    (Framework.launch, {"offer": ..., "resources": ..., "refuse_seconds": 0, "priority": 0}),
    (Framework.launch_op, {"resources": ..., "priority": 0}),
    (Framework.accept, {"offers": ..., "operations": (), "refuse_seconds": 5.0}),
]


@pytest.mark.parametrize(("function", "expected"), PARAMETERS, ids=lambda p: getattr(p, "__qualname__", ""))
def test_parameters_have_these_names_and_defaults_in_this_order(
    function: Callable[..., object], expected: dict[str, object]
) -> None:
    found = [p for p in inspect.signature(function).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    given = {p.name: ... if p.default is p.empty else p.default for p in found if p.name != "self"}
    assert list(given.items()) == list(expected.items())


@dataclass
class Named:
    """Not ours: anything with an id and an agent."""

    id: str
    agent: str


def one_agent(**options: Any) -> tuple[Simulation, Framework]:
    """F1 in role1 holds all of A1."""
    sim = Simulation(**options)
    sim.add_agent("A1", "cpus:2;mem:1024", attributes="rack:r1;n:5")
    f1 = sim.add_framework("F1", roles=["role1"])
    sim.settle()
    return sim, f1


# ---------------------------------------------------------------- who is there, and what is offered


def test_an_agent_has_a_name_and_an_id_and_its_offers_carry_both_with_its_attributes() -> None:
    sim = Simulation()
    a1 = sim.add_agent("A1", "cpus:2;mem:1024", attributes="rack:r1;n:5")
    f1 = sim.add_framework("F1", roles=["role1"])
    assert (a1.name, a1.id, f1.id, f1.offers) == ("A1", "", "", [])
    sim.settle()
    (offer,) = f1.offers
    assert (offer.agent, offer.role) == ("A1", "role1")
    assert offer.resources == Resources.parse("mem:1024;cpus:2")
    assert offer.resources != Resources.parse("mem:1024;cpus:1")
    assert offer.attributes == Attributes.parse("n:5;rack:r1")
    assert a1.id
    assert offer.agent_id == a1.id
    assert f1.id
    sim.check()


def test_the_start_is_virtual_time_0_and_sets_the_calendar() -> None:
    sim, f1 = one_agent(seed=0, allocation_interval=1.0, offer_timeout=None, start=MONDAY)
    assert sim.now == 0.0
    later, _ = one_agent(start="2026-01-05T06:00:00Z")
    assert later.now == 0.0
    assert later.world.now_ms - sim.world.now_ms == 6 * 3600 * 1000
    sim.advance(0.0004)
    assert sim.now == 0.0
    sim.advance(1.5006)
    assert sim.now == 1.501
    assert f1.events[0].at == 0.0


def test_settle_lets_no_time_pass_and_advance_runs_the_passes() -> None:
    sim, f1 = one_agent(allocation_interval=2.0)
    f1.decline_all(refuse_seconds=0)
    sim.settle()
    assert (f1.offers, sim.now) == ([], 0.0)
    sim.advance(1.999)
    assert f1.offers == []
    sim.advance(0.001)
    assert [o.agent for o in f1.offers] == ["A1"]


def test_an_offer_timeout_takes_offers_back() -> None:
    sim, f1 = one_agent(offer_timeout=3.0)
    (offer,) = f1.offers
    sim.advance(3.0)
    assert [(e.type, e.offer_id) for e in f1.events if e.type == "RESCIND"] == [("RESCIND", offer.id)]


def test_offers_are_held_oldest_first_and_everything_received_stays_in_order() -> None:
    sim, f1 = one_agent()
    for name in ("A9", "A0", "A5"):
        sim.add_agent(name, "cpus:1;mem:512")
        sim.settle()
    assert [o.agent for o in f1.offers] == ["A1", "A9", "A0", "A5"]
    assert [e.type for e in f1.events] == ["SUBSCRIBED", "OFFERS", "OFFERS", "OFFERS", "OFFERS"]
    assert [o.agent for e in f1.events for o in e.offers] == ["A1", "A9", "A0", "A5"]
    assert f1.events[0].framework_id == f1.id


# ---------------------------------------------------------------- answers to offers


def test_decline_takes_an_offer_or_its_id_and_a_filter_in_seconds() -> None:
    sim, f1 = one_agent()
    f1.decline(f1.offers[0], refuse_seconds=5.0)
    sim.advance(4.0)
    assert f1.offers == []
    sim.advance(1.0)
    f1.decline(f1.offers[0].id, refuse_seconds=0)
    assert f1.offers == []
    sim.advance(1.0)
    f1.decline_all(refuse_seconds=0)
    sim.settle()
    assert f1.offers == []
    sim.advance(1.0)
    assert [o.agent for o in f1.offers] == ["A1"]


def test_revive_and_suppress_take_roles_and_revive_a_demand() -> None:
    sim = Simulation()
    f1 = sim.add_framework("F1", roles=["r1", "r2"])
    f1.suppress(roles=["r1"])
    sim.settle()
    sim.add_agent("A1", "cpus:2;mem:1024")
    sim.settle()
    assert [o.role for o in f1.offers] == ["r2"]
    f1.decline_all(refuse_seconds=1000)
    f1.suppress()
    sim.advance(5)
    assert f1.offers == []
    f1.revive(roles=["r1"], demand=[("cpus:2;mem:512", 3)])
    sim.settle()
    assert [o.role for o in f1.offers] == ["r1"]
    f1.revive()  # Nothing said of what it wants: the rest of the agent, to the role that has least.
    sim.settle()
    assert [(o.role, str(o.resources)) for o in f1.offers] == [("r1", "cpus:2;mem:512"), ("r2", "mem:512")]


def test_a_demand_is_said_with_the_subscription_and_offers_are_cut_to_it() -> None:
    sim = Simulation()
    f1 = sim.add_framework("F1", roles=["r1"], demand=[("cpus:4;mem:512", 1), (Resources.parse("cpus:0.5;mem:64"), 2)])
    f2 = sim.add_framework("F2", roles=["r2"], demand=[])
    sim.settle()
    assert sim.metrics()["master/messages_revive_offers"] == 2
    sim.add_agent("A1", "cpus:2;mem:1024")
    sim.settle()
    assert [(o.agent, str(o.resources)) for o in f1.offers] == [("A1", "cpus:1;mem:128")]
    assert f2.offers == []  # It wants nothing.


def test_a_launch_returns_a_task_that_runs_after_settling_and_gives_the_rest_back() -> None:
    sim, f1 = one_agent()
    task = f1.launch(f1.offers[0], "cpus:1;mem:128", refuse_seconds=0, priority=0)
    assert (task.id != "", task.state, task.agent, task.reason) == (True, "TASK_STAGING", "A1", None)
    sim.settle()
    assert (task.state, task.agent, task.reason) == ("TASK_RUNNING", "A1", None)
    assert f1.offers == []
    sim.advance(1.0)
    assert [o.resources for o in f1.offers] == [Resources.parse("cpus:1;mem:896")]


def test_accept_takes_offers_or_ids_and_several_operations() -> None:
    sim, f1 = one_agent()
    f1.launch(f1.offers[0], "cpus:1;mem:512")
    sim.settle()
    sim.advance(1.0)
    (offer,) = f1.offers
    one, two = f1.launch_op("cpus:0.5;mem:128"), f1.launch_op("cpus:0.5;mem:128", priority=7)
    f1.accept([offer.id], operations=[one, two], refuse_seconds=5.0)
    sim.settle()
    assert [(t.state, t.agent, t.reason) for t in (one.task, two.task)] == [("TASK_RUNNING", "A1", None)] * 2
    assert [(o.id, o.state, o.agent, o.reason) for o in (one, two)] == [
        (t.id, "TASK_RUNNING", "A1", None) for t in (one.task, two.task)
    ]
    sim.advance(4.0)
    assert f1.offers == []
    sim.advance(1.0)
    (rest,) = f1.offers
    assert rest.resources == Resources.parse("mem:256")
    f1.accept([rest], operations=[])
    sim.settle()
    assert f1.offers == []


# ---------------------------------------------------------------- tasks and what is told of them


def test_an_update_carries_every_field() -> None:
    sim, f1 = one_agent()
    task = f1.launch(f1.offers[0], "cpus:1;mem:128")
    sim.settle()
    sim.fail(task, reason="REASON_CONTAINER_LIMITATION_MEMORY", by="system")
    sim.settle()
    started, ran, failed = [e for e in f1.events if e.type == "UPDATE"]
    assert [e.task_id for e in (started, ran, failed)] == [task.id] * 3
    assert [e.state for e in (started, ran, failed)] == ["TASK_STARTING", "TASK_RUNNING", "TASK_FAILED"]
    assert [e.reason for e in (started, ran, failed)] == [None, None, "REASON_CONTAINER_LIMITATION_MEMORY"]
    assert {e.source for e in (started, ran, failed)} == {"SOURCE_EXECUTOR"}
    assert {e.agent for e in (started, ran, failed)} == {"A1"}
    assert len({e.uuid for e in (started, ran, failed)} - {None}) == 3
    assert [e.unreachable_time for e in (started, ran, failed)] == [None] * 3
    assert failed.message == task.message != ""
    assert (task.state, task.reason) == ("TASK_FAILED", "REASON_CONTAINER_LIMITATION_MEMORY")


def test_an_update_that_the_master_makes_has_no_uuid_and_says_since_when_the_agent_is_unreachable() -> None:
    sim, f1 = one_agent()
    task = f1.launch(f1.offers[0], "cpus:1;mem:128")
    sim.settle()
    sim.disconnect("A1")
    sim.advance(100.0)
    told = f1.events[-1] if f1.events[-1].type == "UPDATE" else f1.events[-2]
    assert (told.type, told.task_id, told.state) == ("UPDATE", task.id, "TASK_UNREACHABLE")
    assert (told.reason, told.source, told.agent) == ("REASON_AGENT_REMOVED", "SOURCE_MASTER", "A1")
    assert told.uuid is None
    assert told.unreachable_time == told.at == 90.0  # The ping of 0 s was answered, the five from 15 s on were not.


def test_kill_takes_any_object_with_an_id_and_an_agent() -> None:
    sim, f1 = one_agent()
    task = f1.launch(f1.offers[0], "cpus:1;mem:128")
    sim.settle()
    f1.kill(Named(task.id, "A1"))
    sim.settle()
    assert task.state == "TASK_KILLED"
    other = f1.launch(_back(sim, f1), "cpus:1;mem:128")
    sim.settle()
    f1.kill(other)
    sim.settle()
    assert other.state == "TASK_KILLED"


def test_reconcile_takes_pairs_and_with_none_asks_for_everything() -> None:
    sim, f1 = one_agent()
    task = f1.launch(f1.offers[0], "cpus:1;mem:128")
    sim.settle()
    for asked in ([(task.id, "A1")], []):
        before = len(f1.events)
        f1.reconcile(asked)
        sim.settle()
        (answer,) = f1.events[before:]
        assert (answer.type, answer.task_id, answer.state) == ("UPDATE", task.id, "TASK_RUNNING")
        assert (answer.reason, answer.source, answer.uuid) == ("REASON_RECONCILIATION", "SOURCE_MASTER", None)


@pytest.mark.parametrize(("exit_code", "state"), [(0, "TASK_FINISHED"), (3, "TASK_FAILED")])
def test_finish_takes_an_exit_code(exit_code: int, state: str) -> None:
    sim, f1 = one_agent()
    task = f1.launch(f1.offers[0], "cpus:1;mem:128")
    sim.settle()
    sim.start(task)
    sim.settle()
    assert task.state == "TASK_RUNNING"
    sim.finish(task, exit_code=exit_code)
    sim.settle()
    assert task.state == state


@pytest.mark.parametrize(
    ("capabilities", "state"),
    [
        (None, "TASK_UNREACHABLE"),
        (["PARTITION_AWARE"], "TASK_UNREACHABLE"),
        (["MULTI_ROLE"], "TASK_LOST"),
        ([], "TASK_LOST"),
    ],
)
def test_capabilities_are_named_as_in_mesos_none_stands_for_all(capabilities: list[str] | None, state: str) -> None:
    sim = Simulation()
    sim.add_agent("A1", "cpus:2;mem:1024")
    f1 = sim.add_framework("F1", roles=["role1"], capabilities=capabilities)
    sim.settle()
    task = f1.launch(f1.offers[0], "cpus:1;mem:128")
    sim.settle()
    sim.disconnect("A1")
    sim.advance(100.0)
    assert task.state == state


def test_a_framework_told_not_to_acknowledge_sees_the_same_update_again() -> None:
    sim = Simulation()
    sim.add_agent("A1", "cpus:2;mem:1024")
    f1 = sim.add_framework("F1", roles=["role1"], acknowledge=False)
    sim.settle()
    f1.launch(f1.offers[0], "cpus:1;mem:128")
    sim.advance(10.0)
    updates = [e for e in f1.events if e.type == "UPDATE"]
    assert [e.state for e in updates] == ["TASK_STARTING", "TASK_STARTING"]
    assert len({e.uuid for e in updates}) == 1


# ---------------------------------------------------------------- operators and faults


def test_a_weight_is_a_number_and_doubles_a_share() -> None:
    sim = Simulation()
    f1, f2 = (sim.add_framework(f"F{n}", roles=[f"role{n}"]) for n in (1, 2))
    sim.set_weight("role2", 2.0)
    sim.settle()
    for n in range(6):
        sim.add_agent(f"A{n}", "cpus:1;mem:512")
    sim.settle()
    assert [len(f.offers) for f in (f1, f2)] == [2, 4]
    assert sim.shares() == {"role1": Fraction(1, 3), "role2": Fraction(2, 3)}
    assert all(type(share) is Fraction for share in sim.shares().values())


def test_a_removed_agent_is_gone_with_its_offers() -> None:
    sim, f1 = one_agent()
    sim.remove_agent("A1")
    sim.settle()
    assert f1.offers == []
    assert [e.type for e in f1.events] == ["SUBSCRIBED", "OFFERS", "RESCIND", "FAILURE"]


@pytest.mark.parametrize("name", ["A1", "F1", "master", "allocator"])
def test_whatever_crashes_and_restarts_the_task_runs_on_and_its_end_is_told(name: str) -> None:
    sim = Simulation()
    sim.add_agent("A1", "cpus:2;mem:1024")
    f1 = sim.add_framework("F1", roles=["role1"], failover_timeout=60.0)
    sim.settle()
    task = f1.launch(f1.offers[0], "cpus:1;mem:128")
    sim.settle()
    sim.crash(name)
    sim.advance(5.0)
    sim.restart(name)
    sim.advance(5.0)
    assert task.state == "TASK_RUNNING"
    sim.finish(task)
    sim.settle()
    assert task.state == "TASK_FINISHED"
    assert sim.metrics()["master/tasks_running"] == 0
    sim.check()


@pytest.mark.parametrize("name", ["A1", "F1"])
def test_a_cut_link_stops_the_news_and_not_the_task(name: str) -> None:
    sim = Simulation()
    sim.add_agent("A1", "cpus:2;mem:1024")
    f1 = sim.add_framework("F1", roles=["role1"], failover_timeout=60.0)
    sim.settle()
    task = f1.launch(f1.offers[0], "cpus:1;mem:128")
    sim.settle()
    sim.disconnect(name)
    sim.finish(task)
    sim.advance(5.0)
    assert task.state == "TASK_RUNNING"
    sim.reconnect(name)
    sim.advance(15.0)
    assert task.state == "TASK_FINISHED"


def test_a_framework_told_not_to_reregister_stays_away() -> None:
    sim = Simulation()
    f1 = sim.add_framework("F1", roles=["role1"], failover_timeout=60.0, reregister=False)
    sim.settle()
    sim.disconnect("F1")
    sim.settle()
    sim.reconnect("F1")
    sim.advance(5.0)
    assert [e.type for e in f1.events] == ["SUBSCRIBED"]
    assert sim.metrics()["master/frameworks_connected"] == 0


def test_a_second_subscription_under_one_id_takes_over() -> None:
    sim, f1 = one_agent()
    f1b = sim.add_framework("F1b", roles=["role1"], framework_id=f1.id)
    sim.settle()
    assert f1b.id == f1.id
    assert (f1.events[-1].type, f1.events[-1].message) == ("ERROR", "Framework failed over")
    assert f1b.events[0].type == "SUBSCRIBED"
    sim.advance(1.0)
    assert [o.agent for o in f1b.offers] == ["A1"]


# ---------------------------------------------------------------- what there is to see


def test_metrics_have_the_names_of_mesos_and_counters_begin_at_0() -> None:
    sim = Simulation()
    before = sim.metrics()
    sim.add_agent("A1", "cpus:2;mem:1024")
    f1 = sim.add_framework("F1", roles=["role1"])
    sim.settle()
    f1.launch(f1.offers[0], "cpus:1;mem:128")
    sim.advance(2.0)
    f1.decline_all(refuse_seconds=100)
    sim.settle()
    now = sim.metrics()
    expected = {
        "master/elected": 1,
        "master/slaves_active": 1,
        "master/slaves_connected": 1,
        "master/slaves_unreachable": 0,
        "master/slave_registrations": 1,
        "master/slave_removals": 0,
        "master/frameworks_active": 1,
        "master/frameworks_connected": 1,
        "master/outstanding_offers": 0,
        "master/tasks_running": 1,
        "master/tasks_finished": 0,
        "master/tasks_lost": 0,
        "master/cpus_total": 2,
        "master/cpus_used": 1,
        "master/cpus_percent": 0.5,
        "master/mem_used": 128,
        "master/messages_launch_tasks": 1,
        "master/messages_decline_offers": 1,
        "master/messages_kill_task": 0,
        "master/messages_reconcile_tasks": 0,
        "master/messages_revive_offers": 0,
        "master/messages_suppress_offers": 0,
        "master/valid_status_updates": 2,
        "master/invalid_status_updates": 0,
        "master/dropped_messages": 0,
        "allocator/mesos/resources/cpus/total": 2,
        "allocator/mesos/resources/cpus/offered_or_allocated": 1,
        "allocator/mesos/roles/role1/shares/dominant": 0.5,
        "allocator/mesos/offer_filters/roles/role1/active": 1,
    }
    assert {name: now.get(name) for name in expected} == expected
    assert now["allocator/mesos/allocation_runs"] > before["allocator/mesos/allocation_runs"] >= 0
    assert {n for n in now if n.startswith("master/")} == {n for n in before if n.startswith("master/")}
    assert all(isinstance(value, int | float) for value in now.values())


def test_a_job_of_the_built_in_framework_shows_its_tasks() -> None:
    sim = Simulation()
    sim.add_agent("A1", "cpus:2;mem:1024")
    job = sim.submit(rm.BatchJob("count", command="true", size=2, retries=1, mem=128))
    sim.settle()
    first, second = job.tasks
    assert job.state == "Accepted"
    assert [(t.index, t.state, t.reason, t.agent) for t in (first, second)] == [
        (0, "TASK_STARTING", None, "A1"),
        (1, "TASK_STARTING", None, "A1"),
    ]
    assert (first.original_id, first.resubmit_of) == (first.id, None)
    sim.start(first)
    sim.settle()
    assert job.tasks[0].state == "TASK_RUNNING"
    sim.finish(first)
    sim.fail(second)
    sim.advance(1.0)
    again = job.tasks[-1]
    assert (again.index, again.original_id, again.resubmit_of) == (1, second.id, second.id)
    numbers = (again.resubmit_number, again.system_resubmit_number, again.eviction_resubmit_number)
    assert numbers == (1, 0, 0)
    sim.finish(again)
    sim.settle()
    assert job.state == "Finished"
    sim.check()


# ---------------------------------------------------------------- refusals

REFUSED: list[tuple[str, Callable[[Simulation, Framework], object]]] = [
    ("name", lambda sim, f1: sim.add_agent("", "cpus:1")),
    ("name", lambda sim, f1: sim.add_agent(7, "cpus:1")),  # type: ignore[arg-type]
    ("resources.cpus", lambda sim, f1: sim.add_agent("A2", "cpus:-1")),
    ("resources.cpus", lambda sim, f1: sim.add_agent("A2", "cpus:nan")),
    ("resources", lambda sim, f1: sim.add_agent("A2", None)),  # type: ignore[arg-type]
    ("attributes", lambda sim, f1: sim.add_agent("A2", "cpus:1", attributes="rack")),
    ("attributes", lambda sim, f1: sim.add_agent("A2", "cpus:1", attributes=None)),  # type: ignore[arg-type]
    ("roles", lambda sim, f1: sim.add_framework("F2", roles="role1")),
    ("roles", lambda sim, f1: sim.add_framework("F2", roles=None)),  # type: ignore[arg-type]
    ("roles", lambda sim, f1: sim.add_framework("F2", roles=[1])),  # type: ignore[list-item]
    ("capabilities", lambda sim, f1: sim.add_framework("F2", roles=["r"], capabilities=["PARTITION_UNAWARE"])),
    ("capabilities", lambda sim, f1: sim.add_framework("F2", roles=["r"], capabilities="MULTI_ROLE")),
    ("failover_timeout", lambda sim, f1: sim.add_framework("F2", roles=["r"], failover_timeout=-1)),
    ("failover_timeout", lambda sim, f1: sim.add_framework("F2", roles=["r"], failover_timeout=float("nan"))),
    ("demand", lambda sim, f1: sim.add_framework("F2", roles=["r"], demand=[("cpus:1", -1)])),
    ("demand", lambda sim, f1: f1.revive(demand=["cpus:1"])),  # type: ignore[list-item]
    ("resources.cpus", lambda sim, f1: f1.revive(demand=[("cpus:-1", 1)])),
    ("roles", lambda sim, f1: f1.revive(roles="role1")),
    ("roles", lambda sim, f1: f1.suppress(roles="role1")),
    ("offer", lambda sim, f1: f1.decline(None)),  # type: ignore[arg-type]
    ("refuse_seconds", lambda sim, f1: f1.decline("o", refuse_seconds="5")),  # type: ignore[arg-type]
    ("offers", lambda sim, f1: f1.accept("o")),
    ("operations", lambda sim, f1: f1.accept(f1.offers, operations=["LAUNCH"])),  # type: ignore[list-item]
    ("resources.cpus", lambda sim, f1: f1.launch(f1.offers[0], "cpus:two")),
    ("priority", lambda sim, f1: f1.launch(f1.offers[0], "cpus:1", priority="high")),  # type: ignore[arg-type]
    ("task", lambda sim, f1: f1.kill("t1")),  # type: ignore[arg-type]
    ("tasks", lambda sim, f1: f1.reconcile(["t1"])),  # type: ignore[list-item]
    ("task", lambda sim, f1: sim.finish("t1")),  # type: ignore[arg-type]
    ("exit_code", lambda sim, f1: sim.finish(Named("t1", "A1"), exit_code="0")),  # type: ignore[arg-type]
    ("reason", lambda sim, f1: sim.fail(Named("t1", "A1"), reason="REASON_NONE_SUCH")),
    ("by", lambda sim, f1: sim.fail(Named("t1", "A1"), by="nobody")),  # type: ignore[arg-type]
    ("seconds", lambda sim, f1: sim.advance(-0.001)),
    ("seconds", lambda sim, f1: sim.advance(float("inf"))),
    ("weight", lambda sim, f1: sim.set_weight("role1", 0)),
    ("weight", lambda sim, f1: sim.set_weight("role1", -2.0)),
    ("weight", lambda sim, f1: sim.set_weight("role1", float("nan"))),
    ("role", lambda sim, f1: sim.set_weight("role1/", 1.0)),
    ("seed", lambda sim, f1: Simulation(seed="7")),  # type: ignore[arg-type]
    ("allocation_interval", lambda sim, f1: Simulation(allocation_interval=0)),
    ("offer_timeout", lambda sim, f1: Simulation(offer_timeout=-1)),
    ("start", lambda sim, f1: Simulation(start="Monday")),
    ("start", lambda sim, f1: Simulation(start=None)),  # type: ignore[arg-type]
    ("job", lambda sim, f1: sim.submit("count")),  # type: ignore[arg-type]
    ("cpus", lambda sim, f1: sim.submit(rm.BatchJob("count", command="true", cpus=-1))),
]


@pytest.mark.parametrize(("field", "call"), REFUSED)
def test_a_refusal_names_the_field_and_leaves_everything_as_it_was(
    field: str, call: Callable[[Simulation, Framework], object]
) -> None:
    sim, f1 = one_agent()
    before = (sim.metrics(), sim.shares(), f1.offers, f1.events.copy())
    with pytest.raises(RaymesosError) as refusal:
        call(sim, f1)
    assert isinstance(refusal.value, InvalidValue | InvalidJob)
    assert refusal.value.field == field
    assert refusal.value.reason
    sim.settle()
    assert (sim.metrics(), sim.shares(), f1.offers, f1.events) == before
    sim.check()


def test_names_that_are_taken_and_names_that_are_not_there_are_refused() -> None:
    sim, f1 = one_agent()
    for taken in ("A1", "F1", "master", "allocator", "batch"):
        with pytest.raises(Conflict):
            sim.add_agent(taken, "cpus:1")
        with pytest.raises(Conflict):
            sim.add_framework(taken, roles=["r"])
    for call in (sim.crash, sim.restart, sim.disconnect, sim.reconnect, sim.remove_agent):
        with pytest.raises(UnknownId, match="nobody"):
            call("nobody")
    with pytest.raises(UnknownId, match="t1"):
        sim.finish(Named("t1", "A1"))
    for running in ("A1", "F1", "master", "allocator"):
        with pytest.raises(Conflict):
            sim.restart(running)
    sim.crash("F1")
    with pytest.raises(Conflict, match="F1"):
        f1.revive()
    with pytest.raises(UnknownId):
        sim.crash("F1")


def _back(sim: Simulation, framework: Framework) -> Any:
    """The agent's offer, once it has come back."""
    framework.revive()
    sim.settle()
    return framework.offers[0]
