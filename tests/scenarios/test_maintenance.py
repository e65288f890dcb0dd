"""Maintenance schedules, unavailability and inverse offers, machines that go down and come up (S40 iv to vi), through the whole kernel."""

from __future__ import annotations

from typing import Any

import pytest
from scenario_rig import WHOLE, running, types

from raymesos.errors import InvalidValue, UnknownId
from raymesos.sim import Simulation
from raymesos.sim.events import Unavailability

NOT_AWARE = ("MULTI_ROLE",)
START_NS = 1_767_571_200 * 10**9
"""When simulations start, in nanoseconds since 1970."""


def window(*machines: dict[str, str], start: int = START_NS, duration: int | None = None) -> dict[str, Any]:
    """A window of Mesos' JSON."""
    when: dict[str, Any] = {"start": {"nanoseconds": start}}
    if duration is not None:
        when["duration"] = {"nanoseconds": duration}
    return {"machine_ids": list(machines), "unavailability": when}


# ---------------------------------------------------------------- (iv) schedule, offers and inverse offers


def test_s40_iv_offers_of_a_scheduled_machine_are_rescinded_and_made_again_with_its_unavailability(
    sim: Simulation,
) -> None:
    sim.add_agent("A1", WHOLE)
    sim.add_agent("A2", WHOLE)
    f1 = sim.add_framework("F1", roles=["role1"])
    sim.settle()
    by_agent = {o.agent: o for o in f1.offers}
    assert [o.unavailability for o in f1.offers] == [None, None]
    before = len(f1.events)
    sim.schedule_maintenance("A1", start=3600.0, duration=60.0)
    sim.settle()
    assert types(f1, before) == ["RESCIND", "OFFERS", "INVERSE_OFFERS"]
    assert f1.events[before].offer_id == by_agent["A1"].id
    (again,) = f1.events[before + 1].offers
    assert (again.agent, str(again.resources), again.unavailability) == ("A1", WHOLE, Unavailability(3600.0, 60.0))
    assert {o.id for o in f1.offers} == {by_agent["A2"].id, again.id}
    (asked,) = f1.inverse_offers
    assert (asked.agent, asked.framework_id, str(asked.resources)) == ("A1", f1.id, "")
    assert asked.unavailability == Unavailability(3600.0, 60.0)


def test_s40_iv_only_a_framework_that_holds_something_there_is_asked_to_leave_and_only_once(sim: Simulation) -> None:
    f1, task = running(sim)
    f2 = sim.add_framework("F2", roles=["role2"])
    sim.settle()
    f2.decline_all(refuse_seconds=10_000)
    sim.advance(5)
    before = len(f1.events)
    sim.schedule_maintenance(["A1"], start=60.0)
    sim.advance(30)
    assert types(f1, before) == ["INVERSE_OFFERS"]
    (asked,) = f1.inverse_offers
    assert (asked.agent, asked.unavailability, str(asked.resources)) == ("A1", Unavailability(60.0, None), "")
    assert f2.inverse_offers == [] and "INVERSE_OFFERS" not in types(f2, 0)
    assert task.state == "TASK_RUNNING"


def test_s40_iv_after_an_answer_without_refusal_the_next_pass_asks_again_and_the_status_has_the_answer(
    sim: Simulation,
) -> None:
    f1, _ = running(sim)
    sim.schedule_maintenance("A1", start=60.0)
    sim.settle()
    assert sim.maintenance_status() == {"A1": {"mode": "DRAINING", "answers": {}}}
    (first,) = f1.inverse_offers
    f1.decline_inverse(first, refuse_seconds=0)
    sim.settle()
    assert (f1.inverse_offers, sim.maintenance_status()["A1"]["answers"]) == ([], {"F1": "DECLINE"})
    sim.advance(1)
    (second,) = f1.inverse_offers
    assert second.id != first.id
    f1.accept_inverse([second], refuse_seconds=0)
    sim.settle()
    assert sim.maintenance_status()["A1"]["answers"] == {"F1": "ACCEPT"}
    sim.advance(1)
    assert len(f1.inverse_offers) == 1
    sim.advance(10)
    assert len(f1.inverse_offers) == 1
    assert sim.maintenance_status()["A1"]["answers"] == {"F1": "ACCEPT"}


@pytest.mark.parametrize("answer", ["accept_inverse", "decline_inverse"])
def test_s40_iv_after_an_answer_with_a_refusal_it_is_left_alone_for_so_long(sim: Simulation, answer: str) -> None:
    f1, _ = running(sim)
    sim.schedule_maintenance("A1", start=60.0)
    sim.settle()
    getattr(f1, answer)(f1.inverse_offers, refuse_seconds=5.0)
    sim.advance(4)
    assert f1.inverse_offers == []
    sim.advance(2)
    assert len(f1.inverse_offers) == 1


def test_a_revive_clears_the_refusals_of_inverse_offers(sim: Simulation) -> None:
    f1, _ = running(sim)
    sim.schedule_maintenance("A1", start=60.0)
    sim.settle()
    f1.decline_inverse(f1.inverse_offers, refuse_seconds=1000)
    sim.advance(10)
    assert f1.inverse_offers == []
    f1.revive()
    sim.settle()
    assert len(f1.inverse_offers) == 1


def test_another_schedule_rescinds_what_was_asked_for_the_former_and_forgets_the_answers(sim: Simulation) -> None:
    f1, _ = running(sim)
    sim.schedule_maintenance("A1", start=60.0)
    sim.settle()
    (first,) = f1.inverse_offers
    f1.accept_inverse(first, refuse_seconds=0)
    sim.advance(1)
    (second,) = f1.inverse_offers
    before = len(f1.events)
    sim.schedule_maintenance("A1", start=90.0)
    sim.settle()
    assert types(f1, before) == ["RESCIND_INVERSE_OFFER", "INVERSE_OFFERS"]
    assert f1.events[before].offer_id == second.id
    assert [o.unavailability.start for o in f1.inverse_offers] == [90.0]
    assert sim.maintenance_status() == {"A1": {"mode": "DRAINING", "answers": {}}}
    sim.schedule_maintenance("A1", start=90.0)  # The same again is no news.
    sim.settle()
    assert len(f1.events) == before + 2
    sim.schedule_maintenance([])
    sim.advance(10)
    assert types(f1, before + 2) == ["RESCIND_INVERSE_OFFER"]
    assert (f1.inverse_offers, sim.maintenance_status()) == ([], {})


def test_offers_after_the_schedule_was_cleared_have_no_unavailability(sim: Simulation) -> None:
    sim.add_agent("A1", WHOLE)
    f1 = sim.add_framework("F1", roles=["role1"])
    sim.settle()
    sim.schedule_maintenance({"windows": [window({"hostname": "a1"}, duration=10**9)]})
    sim.settle()
    assert [o.unavailability for o in f1.offers] == [Unavailability(0.0, 1.0)]
    sim.schedule_maintenance([])
    sim.settle()
    assert [o.unavailability for o in f1.offers] == [None]


def test_a_framework_that_was_away_is_asked_again(sim: Simulation) -> None:
    f1, _ = running(sim, failover_timeout=600.0)
    sim.schedule_maintenance("A1", start=60.0)
    sim.settle()
    f1.decline_inverse(f1.inverse_offers, refuse_seconds=1000)
    sim.crash("F1")
    sim.advance(5)
    sim.restart("F1")
    sim.settle()
    assert [o.agent for o in f1.inverse_offers] == ["A1"]


@pytest.mark.parametrize("who", ["master", "allocator", "A1"])
def test_the_schedule_outlives_crashes_and_each_framework_is_still_asked_once(sim: Simulation, who: str) -> None:
    f1, _ = running(sim, failover_timeout=600.0)
    sim.schedule_maintenance("A1", start=3600.0)
    sim.settle()
    sim.crash(who)
    sim.advance(5)
    sim.restart(who)
    sim.advance(30)
    assert [(o.agent, o.unavailability.start) for o in f1.inverse_offers] == [("A1", 3600.0)]


# ---------------------------------------------------------------- (v) down and up


@pytest.mark.parametrize("capabilities", [None, NOT_AWARE], ids=["aware", "not aware"])
def test_s40_v_a_machine_that_goes_down_loses_its_tasks_and_its_agent_until_it_is_up(
    sim: Simulation, capabilities: tuple[str, ...] | None
) -> None:
    f1, task = running(sim, capabilities=capabilities)
    a2 = sim.add_agent("A2", WHOLE)
    sim.settle()
    sim.schedule_maintenance("A1", start=10.0, duration=60.0)
    sim.settle()
    before = len(f1.events)
    sim.start_maintenance(["A1"])
    sim.settle()
    assert (task.state, task.reason) == ("TASK_LOST", "REASON_AGENT_REMOVED")
    assert types(f1, before) == ["UPDATE", "RESCIND_INVERSE_OFFER", "FAILURE"]
    assert (sim.agent_state("A1"), a2.state) == ("GONE", "ACTIVE")
    assert sim.maintenance_status() == {"A1": {"mode": "DOWN", "answers": {}}}
    with pytest.raises(UnknownId):
        sim.finish(task)
    sim.advance(500)
    sim.crash("A1")
    sim.restart("A1")
    sim.advance(500)
    assert sim.agent_state("A1") == "GONE"
    assert [o.agent for o in f1.offers] == ["A2"]
    sim.stop_maintenance(["A1"])
    sim.settle()
    assert (sim.agent_state("A1"), sim.maintenance_status()) == ("ACTIVE", {})
    assert sorted((o.agent, o.unavailability) for o in f1.offers) == [("A1", None), ("A2", None)]


def test_s40_v_a_machine_is_down_over_a_restart_of_the_master(sim: Simulation) -> None:
    f1, _ = running(sim, failover_timeout=600.0)
    sim.schedule_maintenance("A1", start=10.0)
    sim.start_maintenance("A1")
    sim.crash("master")
    sim.restart("master")
    sim.advance(300)
    assert sim.maintenance_status() == {"A1": {"mode": "DOWN", "answers": {}}}
    assert (sim.agent_state("A1"), f1.offers) == ("GONE", [])
    sim.stop_maintenance("A1")
    sim.advance(1)
    assert sim.agent_state("A1") == "ACTIVE"


def test_an_agent_that_was_away_when_its_machine_went_down_may_not_come_back_with_its_tasks(sim: Simulation) -> None:
    f1, task = running(sim)
    sim.disconnect("A1")
    sim.advance(100)
    assert task.state == "TASK_UNREACHABLE"
    sim.schedule_maintenance("A1", start=10.0)
    sim.start_maintenance("A1")
    sim.reconnect("A1")
    sim.settle()
    assert (task.state, sim.agent_state("A1")) == ("TASK_LOST", "GONE")
    with pytest.raises(UnknownId):
        sim.finish(task)
    sim.stop_maintenance("A1")
    sim.settle()
    assert sim.agent_state("A1") == "ACTIVE"
    f1.revive()
    sim.settle()
    assert [str(o.resources) for o in f1.offers] == [WHOLE]


def test_a_machine_without_an_agent_can_be_maintained_and_keeps_its_agent_out(sim: Simulation) -> None:
    sim.schedule_maintenance([window({"hostname": "A1", "ip": "10.0.0.1"}), window({"ip": "10.0.0.2"})])
    sim.start_maintenance({"hostname": "A1", "ip": "10.0.0.1"})
    a1 = sim.add_agent("A1", WHOLE)
    sim.advance(10)
    assert (a1.id, a1.state) == ("", "")
    assert sim.maintenance_status() == {
        "A1": {"mode": "DOWN", "answers": {}},
        "10.0.0.2": {"mode": "DRAINING", "answers": {}},
    }
    sim.stop_maintenance({"hostname": "A1"})
    sim.settle()
    assert a1.state == "ACTIVE"
    assert sim.maintenance_status() == {"10.0.0.2": {"mode": "DRAINING", "answers": {}}}


# ---------------------------------------------------------------- (vi) what is refused


A1, A2 = {"hostname": "A1"}, {"hostname": "A2"}


@pytest.mark.parametrize(
    ("windows", "why"),
    [
        ([window()], "machines in the maintenance window is empty"),
        ([window(A1, A1)], "'A1' appears more than once"),
        ([window(A1), window({"hostname": "a1"})], "'a1' appears more than once"),
        ([window({})], "Both 'hostname' and 'ip' for a machine are empty"),
        ([window({"hostname": "", "ip": ""})], "Both 'hostname' and 'ip' for a machine are empty"),
        ([window({"ip": "ten"})], "has the ip 'ten', which is none"),
        ([window(A1, duration=-1)], "'duration' is negative"),
        ([window(A1, start=-1)], "'start' is negative"),
        ([{"machine_ids": [A1]}], "must have a start"),
        ([window(A1, start="soon")], "must be nanoseconds"),  # type: ignore[arg-type]
    ],
)
def test_s40_vi_a_bad_schedule_is_refused_and_the_one_before_stays(
    sim: Simulation, windows: list[dict[str, Any]], why: str
) -> None:
    sim.add_agent("A1", WHOLE)
    f1 = sim.add_framework("F1", roles=["role1"])
    sim.schedule_maintenance("A2", start=5.0)
    sim.settle()
    before = len(f1.events)
    with pytest.raises(InvalidValue, match=why):
        sim.schedule_maintenance({"windows": windows})
    sim.settle()
    assert sim.maintenance_status() == {"A2": {"mode": "DRAINING", "answers": {}}}
    assert len(f1.events) == before


def test_s40_vi_machines_go_down_and_up_only_in_their_turn(sim: Simulation) -> None:
    a1 = sim.add_agent("A1", WHOLE)
    sim.settle()
    sim.schedule_maintenance(["A1", "A2"], start=5.0)
    for machines, why in (
        (["A1", "A3"], "'A3' is not part of a maintenance schedule"),
        ([], "List of machines is empty"),
        (["A1", "A1"], "'A1' appears more than once"),
        ([{}], "Both 'hostname' and 'ip'"),
    ):
        with pytest.raises(InvalidValue, match=why):
            sim.start_maintenance(machines)
        with pytest.raises(InvalidValue):
            sim.stop_maintenance(machines)
    with pytest.raises(InvalidValue, match="'A1' is not in DOWN mode and cannot be brought up"):
        sim.stop_maintenance("A1")
    assert a1.state == "ACTIVE"
    sim.start_maintenance("A2")
    with pytest.raises(InvalidValue, match="'A2' is not in DRAINING mode and cannot be brought down"):
        sim.start_maintenance(["A1", "A2"])
    with pytest.raises(InvalidValue, match="'A2' is deactivated and cannot be removed from the schedule"):
        sim.schedule_maintenance("A1", start=5.0)
    assert sim.maintenance_status() == {
        "A1": {"mode": "DRAINING", "answers": {}},
        "A2": {"mode": "DOWN", "answers": {}},
    }
    sim.settle()
    assert a1.state == "ACTIVE"
    sim.schedule_maintenance(["A2"], start=7.0)
    assert sim.maintenance_status() == {"A2": {"mode": "DOWN", "answers": {}}}


def test_an_agent_that_was_shut_down_may_be_started_again_and_is_taken_when_its_machine_is_up(sim: Simulation) -> None:
    a1 = sim.add_agent("A1", WHOLE)
    f1 = sim.add_framework("F1", roles=["role1"])
    sim.settle()
    sim.schedule_maintenance(a1, start=5.0)
    sim.start_maintenance(a1)
    sim.settle()
    sim.restart("A1")
    sim.advance(100)
    assert (a1.state, f1.offers) == ("GONE", [])
    sim.stop_maintenance(a1)
    sim.restart("A1")
    sim.settle()
    assert (a1.state, [o.agent for o in f1.offers]) == ("ACTIVE", ["A1"])


def test_a_window_alone_is_a_schedule_and_a_start_before_all_time_is_none(sim: Simulation) -> None:
    sim.schedule_maintenance(window({"hostname": "A1"}))
    for start, duration in ((-1.0, None), (5.0, -1.0)):
        with pytest.raises(InvalidValue):
            sim.schedule_maintenance("A2", start=start, duration=duration)
    with pytest.raises(InvalidValue, match="start"):
        sim.schedule_maintenance("A2")
    assert list(sim.maintenance_status()) == ["A1"]
    sim.schedule_maintenance({})
    assert sim.maintenance_status() == {}


def test_the_observer_shows_the_schedule_and_the_answers(sim: Simulation) -> None:
    f1, _ = running(sim)
    sim.schedule_maintenance("A1", start=60.0)
    sim.settle()
    f1.accept_inverse(f1.inverse_offers)
    sim.settle()
    view = sim.view("maintenance")
    assert [w["machines"] for w in view["windows"]] == [[{"hostname": "A1", "ip": ""}]]
    assert (view["down"], view["answers"]) == ([], [{"hostname": "A1", "framework": "F1", "answer": "ACCEPT"}])
    sim.start_maintenance("A1")
    sim.settle()
    view = sim.view("maintenance")
    assert (view["down"], view["answers"]) == ([{"hostname": "A1", "ip": ""}], [])
