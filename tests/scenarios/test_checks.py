"""Health and readiness checks in a whole cluster: what a framework hears, over restarts of everything between it and the task."""

from __future__ import annotations

import pytest

from raymesos.errors import InvalidValue
from raymesos.sim import Simulation
from raymesos.sim.events import Task
from raymesos.sim.scripted import Framework
from raymesos.wire.checks import Check

ONE = "cpus:1;mem:128"
HEALTH = Check("http", 8080, delay_ms=1_000, interval_ms=1_000, timeout_ms=500, grace_ms=0, failures=3)
READINESS = Check("tcp", 8080, delay_ms=0, interval_ms=100, timeout_ms=500, deadline_ms=30_000)
HEALTH_UPDATED, CHECK_UPDATED = "REASON_TASK_HEALTH_CHECK_STATUS_UPDATED", "REASON_TASK_CHECK_STATUS_UPDATED"


@pytest.fixture
def f1(sim: Simulation) -> Framework:
    sim.add_agent("A1", "cpus:8;mem:4096")
    f1 = sim.add_framework("F1", roles=["role1"], failover_timeout=600)
    sim.settle()
    return f1


def checked(f1: Framework, sim: Simulation) -> Task:
    """A task with both checks, well for 2 s."""
    task = f1.launch(f1.offers[0], ONE, health=HEALTH, readiness=READINESS)
    sim.advance(2)
    return task


def last(f1: Framework, task: Task) -> tuple[object, ...]:
    event = f1.updates(task)[-1]
    return event.state, event.reason, event.healthy, event.ready


def test_a_task_is_well_by_itself_and_says_so(sim: Simulation, f1: Framework) -> None:
    task = checked(f1, sim)
    assert [(e.state, e.reason, e.healthy, e.ready) for e in f1.updates(task)] == [
        ("TASK_STARTING", None, None, None),
        ("TASK_RUNNING", None, None, None),
        ("TASK_RUNNING", CHECK_UPDATED, None, True),
        ("TASK_RUNNING", HEALTH_UPDATED, True, True),
    ]
    (row,) = sim.view("tasks")
    assert (row["healthy"], row["ready"]) == (True, True)


def test_who_becomes_unhealthy_fails(sim: Simulation, f1: Framework) -> None:
    task = checked(f1, sim)
    sim.set_health(task, False)
    sim.advance(2)
    assert last(f1, task) == ("TASK_RUNNING", HEALTH_UPDATED, False, True)
    sim.advance(1)
    end = f1.updates(task)[-1]
    assert last(f1, task) == ("TASK_FAILED", HEALTH_UPDATED, False, None)
    assert end.message == "failed its health check 3 times in a row: HTTP 503"


def test_who_is_never_ready_fails_at_its_deadline(sim: Simulation, f1: Framework) -> None:
    task = f1.launch(f1.offers[0], ONE, readiness=READINESS)
    sim.set_ready(task, False)
    sim.advance(29.9)
    assert last(f1, task) == ("TASK_RUNNING", CHECK_UPDATED, None, False)
    sim.advance(0.1)
    assert f1.updates(task)[-1].message == "not ready within 30 s: connection refused"
    assert task.state == "TASK_FAILED"


def test_who_is_not_ready_any_more_is_told_so_and_lives(sim: Simulation, f1: Framework) -> None:
    task = checked(f1, sim)
    sim.set_ready(task, False)
    sim.advance(1)
    assert last(f1, task) == ("TASK_RUNNING", CHECK_UPDATED, True, False)
    sim.set_ready(task, True)
    sim.advance(0.1)
    assert last(f1, task) == ("TASK_RUNNING", CHECK_UPDATED, True, True)


@pytest.mark.parametrize("name", ["master", "A1", "both"])
def test_who_asks_after_a_restart_hears_what_the_checks_said_last(sim: Simulation, f1: Framework, name: str) -> None:
    task = checked(f1, sim)
    for each in ("master", "A1") if name == "both" else (name,):
        sim.crash(each)
    sim.advance(1)
    for each in ("master", "A1") if name == "both" else (name,):
        sim.restart(each)
    sim.advance(5)
    f1.reconcile([])
    sim.settle()
    assert last(f1, task) == ("TASK_RUNNING", "REASON_RECONCILIATION", True, True)
    (row,) = sim.view("tasks")
    assert (row["healthy"], row["ready"]) == (True, True)
    sim.set_ready(task, False)
    sim.advance(1.1)
    assert last(f1, task) == ("TASK_RUNNING", CHECK_UPDATED, True, False)


def test_an_agent_that_was_given_up_and_is_back_says_how_its_tasks_are(sim: Simulation, f1: Framework) -> None:
    task = checked(f1, sim)
    sim.disconnect("A1")
    sim.advance(120)
    assert last(f1, task) == ("TASK_UNREACHABLE", "REASON_AGENT_REMOVED", None, None)
    sim.reconnect("A1")
    sim.advance(5)
    assert last(f1, task) == ("TASK_RUNNING", "REASON_AGENT_REREGISTERED", True, True)


def test_a_change_behind_a_partition_is_told_when_it_is_over(sim: Simulation, f1: Framework) -> None:
    task = checked(f1, sim)
    sim.disconnect("A1")
    sim.set_ready(task, False)
    sim.advance(5)
    assert last(f1, task) == ("TASK_RUNNING", HEALTH_UPDATED, True, True)
    sim.reconnect("A1")
    sim.advance(5)
    assert last(f1, task) == ("TASK_RUNNING", CHECK_UPDATED, True, False)


def test_what_a_probe_finds_is_yes_or_no(sim: Simulation, f1: Framework) -> None:
    with pytest.raises(InvalidValue, match="must be True or False"):
        sim.set_health(checked(f1, sim), 1)  # type: ignore[arg-type]
