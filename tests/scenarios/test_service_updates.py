"""Rolling updates: at no moment fewer or more instances than the rules allow, and back again when the new version is no good."""

from __future__ import annotations

import pytest
from service_rig import ON_THEIR_WAY, events, live, start, started

import raymesos as rm
from raymesos.errors import Conflict
from raymesos.sim import Simulation
from raymesos.sim.services import SubmittedService


def walk(sim: Simulation, svc: SubmittedService, seconds: int = 30) -> list[tuple[int, int]]:
    """(running, all) at each step of an update in which what is new starts a second later."""
    seen = []
    for _ in range(seconds):
        sim.advance(1)
        seen.append(([t.state for t in live(svc)].count("TASK_RUNNING"), len(live(svc))))
        for task in [t for t in live(svc) if t.state in ON_THEIR_WAY]:
            sim.start(task)
        sim.settle()
    return seen


def versions(svc: SubmittedService) -> list[int]:
    return [t.version for t in live(svc)]


@pytest.mark.parametrize(
    ("rules", "least", "most"),
    [
        (rm.RollingUpdate(), 4, 5),
        (rm.RollingUpdate(batch_size=2, max_surge=2), 4, 6),
        (rm.RollingUpdate(max_surge=0, max_unavailable=1), 3, 4),
        (rm.RollingUpdate(batch_size=4, max_surge=1, max_unavailable=1), 3, 5),
    ],
)
def test_an_update_keeps_its_rules_at_every_moment(
    sim: Simulation, rules: rm.RollingUpdate, least: int, most: int
) -> None:
    svc = started(sim, 4, update=rules)
    assert svc.update(command="y") == 2
    seen = walk(sim, svc)
    assert versions(svc) == [2, 2, 2, 2]
    assert [t.index for t in live(svc)] == [0, 1, 2, 3]
    assert (min(s[0] for s in seen), max(s[1] for s in seen)) == (least, most)
    status = svc.status()
    assert (status["version"], status["update"], svc.versions) == (2, "", [1, 2])
    assert {t.reason for t in svc.tasks if t.reason} == {"updated"}


def test_what_does_not_change_the_template_touches_no_instance(sim: Simulation) -> None:
    svc = started(sim, 3)
    before = [t.id for t in live(svc)]
    svc.update(capacity=rm.Capacity(1, 3, 9), attributes={"k": "v"}, drain=5)
    svc.scale(max=20)
    walk(sim, svc, 5)
    assert [t.id for t in live(svc)] == before
    assert svc.versions == [1]
    assert svc.status()["attributes"] == {"k": "v"}


def test_a_version_that_crashes_is_rolled_back_with_the_reason_and_the_old_one_serves_on(sim: Simulation) -> None:
    svc = started(sim, 3)
    old = [t.id for t in live(svc)]
    svc.update(command="y")
    sim.advance(1)
    (new,) = [t for t in live(svc) if t.version == 2]
    sim.fail(new)
    sim.advance(3)
    assert [t.id for t in live(svc)] == old
    status = svc.status()
    assert (status["version"], status["update"]) == (1, "")
    kinds = [e["kind"] for e in events(sim)]
    assert "update failed" in kinds
    assert "service rolled back" in kinds
    assert any("instance 0 of version 2 failed: failed by the user" in e["text"] for e in events(sim))
    assert svc.update(command="z") == 3


def test_without_rollback_a_failed_update_stops_where_it_is_until_told(sim: Simulation) -> None:
    svc = started(sim, 3, update=rm.RollingUpdate(auto_rollback=False))
    svc.update(command="y")
    sim.advance(1)
    sim.fail(next(t for t in live(svc) if t.version == 2))
    walk(sim, svc, 5)
    assert "failed" in svc.status()["update"]
    assert versions(svc).count(1) >= 2
    svc.rollback()
    walk(sim, svc)
    assert versions(svc) == [1, 1, 1]
    assert svc.status()["update"] == ""


def test_a_new_version_that_never_gets_well_is_given_up_in_time(sim: Simulation) -> None:
    svc = started(sim, 2, update=rm.RollingUpdate(deadline=20))
    svc.update(mem=500_000_000)
    sim.advance(19)
    assert svc.status()["update"].startswith("update from version 1 to 2")
    sim.advance(3)
    assert versions(svc) == [1, 1]
    assert svc.status()["update"] == ""
    assert any("no progress in 20 s" in e["text"] for e in events(sim))


def test_the_canary_goes_alone_and_the_rest_when_told(sim: Simulation) -> None:
    svc = started(sim, 4, update=rm.RollingUpdate(batch_size=4, max_surge=4, canary=1, pause_after_canary=True))
    svc.update(command="y")
    walk(sim, svc, 10)
    assert versions(svc) == [2, 1, 1, 1]
    assert svc.status()["update"].endswith("1 of 4, paused")
    svc.scale(desired=5)
    walk(sim, svc, 3)
    assert versions(svc) == [2, 1, 1, 1, 1]
    with pytest.raises(Conflict, match="goes on"):
        svc.update(command="z")
    svc.resume()
    walk(sim, svc)
    assert versions(svc) == [2] * 5


def test_a_paused_update_begins_nothing_and_heals_all_the_same(sim: Simulation) -> None:
    svc = started(sim, 3)
    svc.update(command="y")
    svc.pause()
    walk(sim, svc, 5)
    done = versions(svc).count(2)
    assert done <= 1
    sim.fail(next(t for t in live(svc) if t.version == 1))
    walk(sim, svc, 5)
    assert versions(svc).count(2) == done
    assert len(live(svc)) == 3


@pytest.mark.parametrize("after", range(0, 12, 2))
def test_an_update_goes_on_over_the_end_of_the_framework_at_any_moment(sim: Simulation, after: int) -> None:
    svc = started(sim, 3)
    svc.update(command="y")
    walk(sim, svc, after)
    sim.crash("service")
    sim.advance(1)
    sim.restart("service")
    walk(sim, svc, 20)
    assert versions(svc) == [2, 2, 2]
    assert [t.index for t in live(svc)] == [0, 1, 2]
    assert svc.status()["version"] == 2


def test_rollback_goes_to_the_version_before_and_to_any_that_is_named(sim: Simulation) -> None:
    svc = started(sim, 2)
    for n, command in enumerate(("y", "z"), 2):
        assert svc.update(command=command) == n
        walk(sim, svc, 12)
    assert svc.rollback() == 2
    walk(sim, svc, 12)
    assert versions(svc) == [2, 2]
    assert svc.rollback(1) == 1
    walk(sim, svc, 12)
    assert versions(svc) == [1, 1]
    start(sim, svc)
