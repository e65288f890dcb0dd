"""Disruption budgets, relocations and moves in Titus' published numbers (T7, T10)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from service_rig import events, live, service, start, started

import raymesos as rm
from raymesos.errors import Conflict, InvalidJob
from raymesos.sim import Simulation

WEEKDAYS = [rm.TimeWindow(days=["weekdays"])]
MONDAY, SATURDAY = "2026-01-05T00:00:00Z", "2026-01-10T00:00:00Z"


def available(percentage: float, rate: object = None, **fields: object) -> rm.DisruptionBudget:
    given = {"rate": rate or rm.Unlimited()} | fields
    return rm.DisruptionBudget(rm.AvailabilityPercentageLimit(percentage), **given)  # type: ignore[arg-type]


def at_most(limit: int) -> rm.DisruptionBudget:
    return rm.DisruptionBudget(rm.UnhealthyTasksLimit(limit))


# ---------------------------------------------------------------- T7


@pytest.mark.parametrize("absolute", [False, True])
def test_t7_what_may_be_moved_is_what_is_well_beyond_the_least(sim: Simulation, absolute: bool) -> None:
    budget = at_most(2) if absolute else available(80, rm.PercentagePerHour(50), windows=WEEKDAYS)
    name = "unhealthyTasksLimit" if absolute else "availabilityPercentageLimit"
    svc = service(sim, 10, disruption=budget)
    assert svc.eviction_quota() == (0, name)
    start(sim, svc)
    assert svc.eviction_quota() == (2, name)
    sim.set_health(live(svc)[0], False)
    sim.settle()
    assert svc.eviction_quota() == (1, name)
    sim.set_health(live(svc)[0], True)
    sim.settle()
    assert svc.eviction_quota() == (2, name)


def test_t7_outside_its_window_nothing_may_be_moved(make_sim: Callable[..., Simulation]) -> None:
    sim = make_sim(start=SATURDAY)
    svc = started(sim, 10, disruption=available(80, rm.PercentagePerHour(50), windows=WEEKDAYS))
    assert svc.eviction_quota() == (0, "timeWindows")
    allowed, reason = svc.evict(live(svc)[0])
    assert not allowed
    assert "timeWindows" in reason
    assert len(live(svc)) == 10


@pytest.mark.parametrize(
    ("start", "hours", "zone", "open"),
    [
        ("2026-01-05T09:00:00Z", [(8, 16)], "UTC", True),
        ("2026-01-05T07:59:00Z", [(8, 16)], "UTC", False),
        ("2026-01-05T16:00:00Z", [(8, 16)], "UTC", False),
        ("2026-01-05T13:00:00Z", [(8, 12), (14, 16)], "UTC", False),
        ("2026-01-05T14:00:00Z", [(8, 12), (14, 16)], "UTC", True),
        ("2026-01-05T09:00:00Z", [(8, 16)], "PST", False),
        ("2026-01-05T17:00:00Z", [(8, 16)], "PST", True),
        # Summer: seven hours behind, not eight.
        ("2026-07-06T15:30:00Z", [(8, 16)], "America/Los_Angeles", True),
        ("2026-01-05T15:30:00Z", [(8, 16)], "America/Los_Angeles", False),
        # Saturday in UTC, still Friday there.
        ("2026-01-10T02:00:00Z", [], "America/Los_Angeles", True),
    ],
)
def test_t7_windows_follow_the_clock_of_their_zone(
    make_sim: Callable[..., Simulation], start: str, hours: list[tuple[int, int]], zone: str, open: bool
) -> None:
    sim = make_sim(start=start)
    window = rm.TimeWindow(days=["weekdays"], hours=hours, timezone=zone)
    svc = started(sim, 2, disruption=available(50, windows=[window]))
    assert svc.eviction_quota() == ((1, "availabilityPercentageLimit") if open else (0, "timeWindows"))


def test_a_zone_that_is_none_is_refused_by_name(sim: Simulation) -> None:
    with pytest.raises(InvalidJob, match="Mars"):
        service(sim, 1, disruption=available(50, windows=[rm.TimeWindow(timezone="Mars/Olympus")]))


def test_t7_a_service_of_one_may_always_be_moved(sim: Simulation) -> None:
    svc = service(sim, 1, disruption=available(80, rm.PercentagePerHour(50)))
    assert svc.eviction_quota()[0] == 1
    start(sim, svc)
    sim.set_health(live(svc)[0], False)
    sim.settle()
    assert svc.eviction_quota()[0] == 1


@pytest.mark.parametrize(
    ("size", "budget", "quota"),
    [
        (1, available(80), 1),
        (2, available(80), 1),
        (10, available(80), 2),
        (10, at_most(5), 5),
        (1, at_most(10), 1),
        (4, available(100), 1),
        (3, rm.DisruptionBudget(rm.RelocationLimit(1)), 3),
    ],
)
def test_t7_at_least_one_may_go_and_no_more_than_there_are(
    sim: Simulation, size: int, budget: rm.DisruptionBudget, quota: int
) -> None:
    assert started(sim, size, disruption=budget).eviction_quota()[0] == quota


def test_t7_four_at_half_and_half_an_hour_two_one_none_refused(sim: Simulation) -> None:
    svc = started(sim, 4, disruption=available(50, rm.PercentagePerHour(50)))
    assert svc.eviction_quota()[0] == 2
    assert svc.evict(live(svc)[0]) == (True, "")
    assert svc.eviction_quota()[0] == 1
    assert svc.evict(live(svc)[-1])[0]
    assert svc.eviction_quota()[0] == 0
    allowed, reason = svc.evict(next(t for t in live(svc) if t.state == "TASK_RUNNING"))
    assert (allowed, reason) == (False, "not enough quota: availabilityPercentageLimit allows no more now")
    sim.settle()
    start(sim, svc)
    assert svc.eviction_quota() == (0, "ratePercentagePerHour")
    assert sorted(t.eviction_resubmit_number for t in live(svc)) == [0, 0, 1, 1]
    sim.advance(3_601)
    assert svc.eviction_quota()[0] == 2


def test_a_refusal_uses_nothing_up_and_the_limit_of_an_index_is_its_own(sim: Simulation) -> None:
    svc = started(sim, 2, disruption=rm.DisruptionBudget(rm.RelocationLimit(1), rate=rm.PerInterval(2, interval=60)))
    assert svc.evict(live(svc)[0])[0]
    sim.settle()
    start(sim, svc)
    for _ in range(3):
        allowed, reason = svc.evict(live(svc)[0])
        assert not allowed
        assert "relocationLimit" in reason
    assert svc.evict(live(svc)[1])[0]
    assert svc.eviction_quota() == (0, "ratePerInterval")


# ---------------------------------------------------------------- T10: relocation


def test_t10_a_self_managed_service_has_its_time_and_a_plan_is_there_first(sim: Simulation) -> None:
    svc = started(sim, 1, disruption=rm.DisruptionBudget(rm.SelfManaged(0.1)))
    (task,) = live(svc)
    decided = sim.now
    sim.relocate("A1")
    sim.settle()
    (plan,) = sim.relocations
    assert (plan.task_id, plan.decided, plan.at) == (task.id, decided, round(decided + 0.1, 3))
    sim.advance(0.099)
    assert [t.id for t in live(svc)] == [task.id]
    sim.advance(0.001)
    assert (svc.tasks[0].state, svc.tasks[0].reason) == ("TASK_KILLED", "evicted")
    assert sim.relocations == []
    sim.advance(5)
    assert live(svc) == []
    sim.add_agent("A2", "cpus:4;mem:1000")
    sim.advance(6)
    assert [(t.agent, t.eviction_resubmit_number) for t in live(svc)] == [("A2", 1)]


def test_t10_without_quota_the_task_stays_and_the_plan_says_so(sim: Simulation) -> None:
    never = rm.TimeWindow(days=["sunday"])
    svc = started(sim, 1, disruption=available(80, windows=[never]))
    sim.relocate("A1")
    sim.advance(5)
    (plan,) = sim.relocations
    assert plan.result == "not enough quota: timeWindows allows no more now"
    assert [t.state for t in live(svc)] == ["TASK_RUNNING"]
    sim.relocate("A1", leave=False)
    assert sim.relocations == []


def test_maintenance_is_left_one_by_one_as_the_budget_allows(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:4;mem:1000")
    svc = started(sim, 4, disruption=available(75))
    sim.add_agent("A2", "cpus:4;mem:1000")
    sim.schedule_maintenance(["A1"], start=3_600)
    for _ in range(40):
        sim.advance(1)
        start(sim, svc)
        assert [t.state for t in live(svc)].count("TASK_RUNNING") >= 3
    assert {t.agent for t in live(svc)} == {"A2"}
    assert {t.reason for t in svc.tasks if t.reason} == {"evicted"}


# ---------------------------------------------------------------- T10: move


def test_t10_a_moved_task_runs_on_under_its_id_in_the_other_service(sim: Simulation) -> None:
    fields = {"capacity": rm.Capacity(0, 1, 2)}
    source, target = started(sim, 1, name="a", **fields), started(sim, 1, name="b", **fields)
    (task,) = live(source)
    source.move(task, target)
    sim.advance(5)
    assert (source.capacity.desired, target.capacity.desired) == (0, 2)
    assert live(source) == []
    assert [(t.index, t.state) for t in live(target)] == [(0, "TASK_RUNNING"), (1, "TASK_RUNNING")]
    assert live(target)[1].id == task.id
    assert len(source.tasks) + len(target.tasks) == 2
    moved = [e for e in events(sim) if e["kind"] == "instance moved"]
    assert [e["subject"] for e in moved] == [task.id]
    sim.crash("service")
    sim.restart("service")
    sim.advance(1)
    assert [t.id for t in live(target)][1] == task.id
    assert live(source) == []


def test_t10_what_does_not_fit_together_is_not_moved(sim: Simulation) -> None:
    source = started(sim, 1, name="a", capacity=rm.Capacity(1, 1, 2))
    full = started(sim, 1, name="full", capacity=rm.Capacity(0, 1, 1))
    other = started(sim, 1, name="other", command="y")
    (task,) = live(source)
    with pytest.raises(Conflict, match="fewer than its min"):
        source.move(task, started(sim, 0, name="room"))
    source.scale(min=0)
    with pytest.raises(Conflict, match="more than its max"):
        source.move(task, full)
    with pytest.raises(Conflict, match="another template"):
        source.move(task, other)
    assert [t.id for t in live(source)] == [task.id]
