"""Task groups (pods), E2: launched whole or not at all, on one executor; one task fails or is killed, the others are killed."""

from __future__ import annotations

import pytest

from raymesos.errors import InvalidValue
from raymesos.model.resources import Resources
from raymesos.model.revocable import as_revocable
from raymesos.sim import Simulation
from raymesos.sim.events import Task
from raymesos.sim.launcher import CrashExecutor
from raymesos.sim.scripted import Framework

ONE = "cpus:1;mem:128"
MAX_TIME = "REASON_MAX_COMPLETION_TIME_REACHED"


@pytest.fixture
def f1(sim: Simulation) -> Framework:
    """A framework that is offered an agent of 8 CPUs."""
    sim.add_agent("A1", "cpus:8;mem:4096")
    f1 = sim.add_framework("F1", roles=["role1"])
    sim.settle()
    return f1


def ends(*tasks: Task) -> list[tuple[str, str | None]]:
    return [(task.state, task.reason) for task in tasks]


def states(framework: Framework, task: Task) -> list[str | None]:
    return [e.state for e in framework.updates(task)]


def failures(framework: Framework) -> list[tuple[str | None, str | None, int | None]]:
    return [(e.agent, e.executor_id, e.exit_status) for e in framework.events if e.type == "FAILURE"]


def offered(sim: Simulation, framework: Framework) -> Resources:
    """What it is offered after the next pass, all together."""
    sim.advance(1)
    total = Resources.parse("")
    for offer in framework.offers:
        total = total + offer.resources
    return total


# ---------------------------------------------------------------- E2


def test_e2_a_task_that_fails_has_the_other_of_its_group_killed(sim: Simulation, f1: Framework) -> None:
    fails, sleeps = f1.launch_group(f1.offers[0], [ONE, ONE])
    sim.settle()
    assert (fails.state, sleeps.state) == ("TASK_RUNNING", "TASK_RUNNING")
    sim.finish(fails, exit_code=1)
    sim.settle()
    assert ends(fails, sleeps) == [("TASK_FAILED", None), ("TASK_KILLED", None)]
    assert states(f1, fails) == ["TASK_STARTING", "TASK_RUNNING", "TASK_FAILED"]
    assert states(f1, sleeps) == ["TASK_STARTING", "TASK_RUNNING", "TASK_KILLING", "TASK_KILLED"]
    assert sleeps.message == f"task {fails.id} of its group failed: killed by SIGTERM (15)"
    assert offered(sim, f1) == Resources.parse("cpus:8;mem:4096")


def test_e2_a_killed_task_ends_its_group_and_no_other_in_its_executor_which_leaves_after_the_last(
    sim: Simulation, f1: Framework
) -> None:
    groups = [f1.launch_group_op([ONE, ONE], executor_id="pod") for _ in range(2)]
    a, b, c, d = f1.accept([f1.offers[0]], groups, refuse_seconds=0)
    sim.settle()
    f1.kill(a)
    sim.settle()
    assert [t.state for t in (a, b, c, d)] == ["TASK_KILLED", "TASK_KILLED", "TASK_RUNNING", "TASK_RUNNING"]
    sim.advance(60)
    assert (c.state, d.state, failures(f1)) == ("TASK_RUNNING", "TASK_RUNNING", [])
    sim.finish(c)
    sim.finish(d)
    sim.settle()
    assert ends(c, d) == [("TASK_FINISHED", None)] * 2
    assert failures(f1) == [("A1", "pod", 0)]
    assert {e.executor_id for e in f1.updates()} == {"pod"}
    assert offered(sim, f1) == Resources.parse("cpus:8;mem:4096")


def test_e2_a_task_that_is_out_of_time_fails_and_ends_those_that_have_not_finished(
    sim: Simulation, f1: Framework
) -> None:
    first, second, third = f1.launch_group(
        f1.offers[0], [ONE, f1.launch_op(ONE, max_completion_time=2.0), ONE], executor_id="pod"
    )
    sim.settle()
    sim.finish(first)
    sim.advance(1.999)
    assert ends(first, second, third) == [("TASK_FINISHED", None), ("TASK_RUNNING", None), ("TASK_RUNNING", None)]
    sim.advance(0.001)
    assert ends(first, second, third) == [("TASK_FINISHED", None), ("TASK_FAILED", MAX_TIME), ("TASK_KILLED", None)]
    assert failures(f1) == [("A1", "pod", 0)]


# ---------------------------------------------------------------- one ends, and what it means


def test_a_group_whose_tasks_finish_ends_as_each_of_them_does(sim: Simulation, f1: Framework) -> None:
    a, b = f1.launch_group(f1.offers[0], [ONE, ONE])
    sim.settle()
    sim.finish(a)
    sim.advance(600)
    assert (a.state, b.state) == ("TASK_FINISHED", "TASK_RUNNING")
    sim.finish(b)
    sim.settle()
    assert ends(a, b) == [("TASK_FINISHED", None)] * 2


def test_a_task_over_its_memory_fails_with_its_reason_and_ends_its_group(sim: Simulation, f1: Framework) -> None:
    a, b = f1.launch_group(f1.offers[0], [ONE, ONE])
    sim.settle()
    sim.fail(a, reason="REASON_CONTAINER_LIMITATION_MEMORY", by="system")
    sim.settle()
    assert ends(a, b) == [("TASK_FAILED", "REASON_CONTAINER_LIMITATION_MEMORY"), ("TASK_KILLED", None)]


def test_tasks_beside_a_group_do_not_end_with_it(sim: Simulation, f1: Framework) -> None:
    alone = f1.launch_op(ONE)
    group = f1.launch_group_op([ONE, ONE])
    f1.accept([f1.offers[0]], [alone, group])
    sim.settle()
    sim.finish(group.tasks[1], exit_code=3)
    sim.settle()
    assert [alone.state, *(t.state for t in group.tasks)] == ["TASK_RUNNING", "TASK_KILLED", "TASK_FAILED"]
    sim.fail(alone.task)
    sim.settle()
    assert alone.state == "TASK_FAILED"


def test_the_frameworks_own_executor_stays_when_its_groups_have_ended(sim: Simulation, f1: Framework) -> None:
    [only] = f1.launch_group(f1.offers[0], [ONE])
    sim.settle()
    sim.finish(only)
    sim.advance(60)
    assert failures(f1) == []


def test_the_next_group_of_a_name_has_an_executor_of_its_own(sim: Simulation, f1: Framework) -> None:
    for _ in range(3):
        [only] = f1.launch_group(f1.offers[0], [ONE], executor_id="pod")
        sim.settle()
        sim.finish(only)
        sim.advance(1)
        assert only.state == "TASK_FINISHED"
    assert failures(f1) == [("A1", "pod", 0)] * 3


# ---------------------------------------------------------------- all or none


def test_a_group_that_does_not_fit_is_refused_whole_and_what_fits_beside_it_runs(
    sim: Simulation, f1: Framework
) -> None:
    big, small = f1.launch_group_op(["cpus:4;mem:64", "cpus:5;mem:64"]), f1.launch_op("cpus:8;mem:64")
    f1.accept([f1.offers[0]], [big, small], refuse_seconds=0)
    sim.settle()
    assert ends(*big.tasks) == [("TASK_ERROR", "REASON_TASK_GROUP_INVALID")] * 2
    assert big.tasks[0].message == (
        f"Task '{big.tasks[1].id}' is invalid: Total resources cpus:5;mem:64 required by task and its executor "
        "is more than available cpus:4;mem:4032"
    )
    assert small.state == "TASK_RUNNING"


def test_a_group_on_an_offer_that_is_gone_is_dropped_whole(sim: Simulation, f1: Framework) -> None:
    gone = f1.offers[0]
    f1.decline(gone, refuse_seconds=0)
    a, b = f1.launch_group(gone.id, [ONE, ONE])
    sim.settle()
    assert ends(a, b) == [("TASK_DROPPED", "REASON_INVALID_OFFERS")] * 2


def test_a_group_uses_offers_of_one_agent_together(sim: Simulation, f1: Framework) -> None:
    held = f1.launch(f1.offers[0], "cpus:4;mem:64", refuse_seconds=0)
    sim.advance(1)
    sim.finish(held)
    sim.advance(1)
    assert len(f1.offers) == 2
    tasks = f1.accept(f1.offers, [f1.launch_group_op(["cpus:4;mem:64", "cpus:4;mem:64"])])
    sim.settle()
    assert [t.state for t in tasks] == ["TASK_RUNNING"] * 2


@pytest.mark.parametrize("bad", ["cpus:1", 7])
def test_what_is_no_list_of_tasks_is_refused_and_nothing_is_launched(f1: Framework, bad: object) -> None:
    with pytest.raises(InvalidValue, match="tasks"):
        f1.launch_group(f1.offers[0], bad)  # type: ignore[arg-type]
    with pytest.raises(InvalidValue, match="executor_id"):
        f1.launch_group(f1.offers[0], [ONE], executor_id=3)  # type: ignore[arg-type]
    assert f1.tasks == {}


# ---------------------------------------------------------------- crashes and cuts


@pytest.mark.parametrize("who", ["A1", "master", "F1"])
def test_a_group_outlives_a_crash_and_still_ends_as_one(sim: Simulation, who: str) -> None:
    sim.add_agent("A1", "cpus:8;mem:4096")
    f1 = sim.add_framework("F1", roles=["role1"], failover_timeout=1000)
    sim.settle()
    a, b = f1.launch_group(f1.offers[0], [ONE, ONE], executor_id="pod")
    sim.settle()
    sim.crash(who)
    sim.advance(1)
    sim.restart(who)
    sim.advance(30)
    assert (a.state, b.state) == ("TASK_RUNNING", "TASK_RUNNING")
    sim.finish(a, exit_code=1)
    sim.advance(1)
    assert ends(a, b) == [("TASK_FAILED", None), ("TASK_KILLED", None)]
    sim.advance(10)
    assert failures(f1)[-1:] == [("A1", "pod", 0)]
    sim.audit.settle_accounts(sim.world.now_ms)


@pytest.mark.parametrize("who", ["A1", "master"])
def test_a_group_that_ends_during_a_crash_is_told_of_afterwards(sim: Simulation, who: str) -> None:
    sim.add_agent("A1", "cpus:8;mem:4096")
    f1 = sim.add_framework("F1", roles=["role1"], failover_timeout=1000)
    sim.settle()
    a, b = f1.launch_group(f1.offers[0], [ONE, ONE], executor_id="pod")
    sim.settle()
    sim.crash(who)
    sim.finish(a, exit_code=1)
    sim.advance(1)
    sim.restart(who)
    sim.advance(30)
    assert ends(a, b) == [("TASK_FAILED", None), ("TASK_KILLED", None)]


def test_a_group_whose_executor_crashes_fails_whole(sim: Simulation, f1: Framework) -> None:
    a, b = f1.launch_group(f1.offers[0], [ONE, ONE], executor_id="pod")
    sim.settle()
    sim.world.post("launcher/A1", "launcher/A1", CrashExecutor("pod"))
    sim.settle()
    assert ends(a, b) == [("TASK_FAILED", "REASON_EXECUTOR_TERMINATED")] * 2
    assert failures(f1) == [("A1", "pod", None)]


def test_a_group_whose_executor_is_shut_down_is_killed(sim: Simulation, f1: Framework) -> None:
    a, b = f1.launch_group(f1.offers[0], [ONE, ONE], executor_id="pod")
    sim.settle()
    f1.shutdown("A1", "pod")
    sim.settle()
    assert ends(a, b) == [("TASK_KILLED", None)] * 2
    assert failures(f1) == [("A1", "pod", 0)]


def test_a_group_on_an_agent_that_is_gone_is_gone_whole(sim: Simulation, f1: Framework) -> None:
    a, b = f1.launch_group(f1.offers[0], [ONE, ONE])
    sim.settle()
    sim.remove_agent("A1")
    sim.settle()
    assert [t.state for t in (a, b)] == ["TASK_GONE", "TASK_GONE"]


def test_a_torn_down_framework_takes_its_groups_with_it(sim: Simulation, f1: Framework) -> None:
    f1.launch_group(f1.offers[0], [ONE, ONE], executor_id="pod")
    f2 = sim.add_framework("F2", roles=["role1"])
    sim.settle()
    f1.teardown()
    sim.advance(10)
    assert offered(sim, f2) == Resources.parse("cpus:8;mem:4096")


# ---------------------------------------------------------------- beside the rest of the kernel


def test_a_drain_kills_each_task_of_a_group_for_the_drain_and_its_executor_leaves(
    sim: Simulation, f1: Framework
) -> None:
    tasks = f1.launch_group(f1.offers[0], [ONE, ONE], executor_id="pod")
    sim.settle()
    sim.drain("A1", grace=0)
    sim.settle()
    assert ends(*tasks) == [("TASK_KILLED", "REASON_AGENT_DRAINING")] * 2
    assert failures(f1) == [("A1", "pod", 0)]
    assert sim.agent_state("A1") == "DRAINED"


def test_a_preempted_task_ends_its_group(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:1;mem:1024", revocable="cpus:4")
    f1 = sim.add_framework("F1", roles=["role1"])
    sim.settle()
    lent, own = as_revocable(Resources.parse("cpus:4")), Resources.parse("cpus:1;mem:64")
    preempted, other = f1.accept(f1.offers, [f1.launch_group_op([lent, own])])
    sim.settle()
    assert (preempted.state, other.state) == ("TASK_RUNNING", "TASK_RUNNING")
    sim.update_agent("A1", revocable="cpus:1")
    sim.settle()
    assert ends(preempted, other) == [("TASK_GONE", "REASON_CONTAINER_PREEMPTED"), ("TASK_KILLED", None)]


def test_the_tasks_of_a_group_share_a_volume(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:2;mem:1024;disk:100")
    f1 = sim.add_framework("F1", roles=["role1"])
    sim.settle()
    using = f1.launch_group_op([f1.launch_op(ONE, volumes=["v"]), f1.launch_op(ONE, volumes=["v"])], executor_id="pod")
    made = [f1.reserve("disk:100"), f1.create_volume("v", "disk:100", "data", shared=True)]
    tasks = f1.accept(f1.offers, [*made, using])
    sim.settle()
    assert [t.state for t in tasks] == ["TASK_RUNNING"] * 2
    assert sim.metrics()["master/disk_used"] == 100
    sim.finish(tasks[0], exit_code=1)
    sim.settle()
    assert [t.state for t in tasks] == ["TASK_FAILED", "TASK_KILLED"]
    assert sim.metrics()["master/disk_used"] == 0
