"""Task groups at an agent: taken in whole or refused whole, delivered whole; and executors that leave after their last group."""

from __future__ import annotations

from typing import Any

import pytest
from agent_rig import AGENT, E1, F1, F2, LAUNCHER, Rig, framework, task, to, updates

from raymesos.machine import MASTER, LinkDown, Wake
from raymesos.model.tasks import Reason, TaskState
from raymesos.wire.messages import (
    ExecutorExited,
    ExecutorKept,
    ExecutorLost,
    ExecutorSubscribe,
    ExecutorUpdate,
    KillLaunched,
    KillTask,
    LaunchTasks,
    Leave,
    ShutdownFramework,
    StartExecutor,
    StopExecutor,
    TaskInfo,
)

POD = "executor/A1/pod"


def member(task_id: str, group: str = "g1", executor_id: str = "pod", resources: str = "cpus:1;mem:128") -> TaskInfo:
    return task(task_id, resources, group_id=group, executor_id=executor_id)


def registered() -> Rig:
    rig = Rig()
    rig.register()
    return rig


def subscribe(rig: Rig, **more: Any) -> list[tuple[str, Any]]:
    return rig.tell(ExecutorSubscribe(F1, "pod", **more), POD)


def report(rig: Rig, task_id: str, state: TaskState) -> list[tuple[str, Any]]:
    status = rig.status(task_id, state, executor_id="pod")
    return rig.tell(ExecutorUpdate(F1, "pod", status), POD) + rig.acknowledge(task_id, status.uuid)


def running(*tasks: TaskInfo) -> Rig:
    rig = registered()
    rig.run(*tasks)
    subscribe(rig)
    for info in tasks:
        report(rig, info.task_id, TaskState.RUNNING)
    return rig


def test_a_group_waits_for_its_executor_and_is_delivered_in_one_message() -> None:
    rig = registered()
    group = (member("t1"), member("t2"))
    assert to(LAUNCHER, rig.run(*group)) == [StartExecutor(F1, "pod", "c-S0")]
    assert [m for m in to(POD, subscribe(rig)) if isinstance(m, LaunchTasks)] == [LaunchTasks(group)]
    other = (member("t3", "g2"), member("t4", "g2"))
    assert to(POD, rig.run(*other)) == [LaunchTasks(other)]


def refused(rig: Rig, *tasks: TaskInfo, framework_id: str = F1) -> list[tuple[str, TaskState, Reason]]:
    """What is told of the tasks; nothing of them is booked, or begun."""
    free = rig.agent.state.free
    sent = rig.run(*tasks, framework_id=framework_id)
    assert rig.agent.state.free == free
    assert [m for receiver, m in sent if receiver != MASTER] == []
    return updates(sent)


def test_a_group_for_which_there_is_not_enough_is_refused_whole() -> None:
    told = refused(registered(), member("t1", resources="cpus:3"), member("t2", resources="cpus:2"))
    assert told == [(t, TaskState.DROPPED, Reason.RESOURCES_UNKNOWN) for t in ("t1", "t2")]


def test_a_group_whose_executor_is_on_its_way_out_is_refused_whole() -> None:
    rig = running(member("t1"))
    report(rig, "t1", TaskState.FINISHED)
    told = refused(rig, member("t2", "g2"), member("t3", "g2"))
    assert told == [(t, TaskState.DROPPED, Reason.EXECUTOR_TERMINATED) for t in ("t2", "t3")]


def test_a_group_for_an_agent_that_leaves_is_refused_whole() -> None:
    rig = running(task("v", executor_id="pod"))
    rig.tell(Leave(60_000), AGENT)
    told = refused(rig, member("t1"), member("t2"))
    assert told == [(t, TaskState.DROPPED, Reason.AGENT_DRAINING) for t in ("t1", "t2")]


def test_a_group_on_another_frameworks_executor_is_invalid() -> None:
    told = refused(running(member("t1")), member("t2", "g2"), member("t3", "g2"), framework_id=F2)
    assert told == [(t, TaskState.ERROR, Reason.TASK_GROUP_INVALID) for t in ("t2", "t3")]


def test_a_group_of_which_a_task_is_here_already_is_refused_and_that_task_left_alone() -> None:
    rig = running(member("t1"))
    assert refused(rig, member("t1", "g2"), member("t2", "g2")) == [
        ("t2", TaskState.DROPPED, Reason.TASK_GROUP_INVALID)
    ]
    assert rig.agent.state.frameworks[F1].tasks["t1"].state is TaskState.RUNNING


def test_a_group_that_is_here_already_is_left_alone() -> None:
    rig = running(member("t1"), member("t2"))
    assert rig.run(member("t1"), member("t2")) == []


def test_a_refused_group_takes_nothing_from_what_comes_with_it() -> None:
    rig = registered()
    sent = rig.run(member("t1"), task("v"), member("t2", resources="cpus:9"), member("t3", "g2"))
    assert [row[0] for row in updates(sent)] == ["t1", "t2"]
    assert to(POD, subscribe(rig))[-1] == LaunchTasks((member("t3", "g2"),))
    assert to(f"executor/A1/{E1}", rig.subscribe())[-1] == LaunchTasks((task("v"),))


def test_the_kill_of_a_queued_task_kills_its_whole_group_and_no_other() -> None:
    rig = registered()
    rig.run(member("t1"), member("t2"), member("u1", "g2"), task("v", executor_id="pod"))
    sent = rig.tell(KillTask(F1, "t2"))
    assert updates(sent) == [(t, TaskState.KILLED, Reason.TASK_KILLED_DURING_LAUNCH) for t in ("t2", "t1")]
    assert to(LAUNCHER, sent) == []
    [launch] = [m for m in to(POD, subscribe(rig)) if isinstance(m, LaunchTasks)]
    assert [t.task_id for t in launch.tasks] == ["u1", "v"]


def test_an_executor_that_comes_up_for_a_group_that_was_killed_meanwhile_is_not_waited_for() -> None:
    rig = registered()
    rig.run(member("t1"), member("t2"))
    sent = rig.tell(KillTask(F1, "t1"))
    assert to(LAUNCHER, sent) == [StopExecutor(F1, "pod")]


def test_the_kill_of_a_delivered_task_goes_to_the_executor_which_ends_the_group() -> None:
    rig = running(member("t1"), member("t2"))
    sent = rig.tell(KillTask(F1, "t1", 5))
    assert sent == [(POD, KillLaunched("t1", 5))]


def test_a_group_that_was_lost_on_its_way_goes_out_again_whole() -> None:
    rig = running(member("v", "g0"))
    group = (member("t1"), member("t2"))
    rig.run(*group)
    rig.tell(LinkDown(POD), AGENT)
    sent = subscribe(rig, tasks=(member("v", "g0"),), states=(TaskState.RUNNING,))
    assert [m for m in to(POD, sent) if isinstance(m, LaunchTasks)] == [LaunchTasks(group)]


def test_an_executor_that_forgot_a_running_task_does_not_get_the_rest_of_its_group_again() -> None:
    rig = running(member("t0", "g0"))
    rig.run(member("t1"), member("t2"))
    report(rig, "t1", TaskState.RUNNING)
    sent = subscribe(rig)
    assert sorted(updates(sent)) == [
        ("t0", TaskState.FAILED, Reason.EXECUTOR_TERMINATED),
        ("t1", TaskState.FAILED, Reason.EXECUTOR_TERMINATED),
        ("t2", TaskState.KILLED, Reason.TASK_KILLED_DURING_LAUNCH),
    ]
    assert [m for m in to(POD, sent) if isinstance(m, LaunchTasks)] == []


def test_an_executor_leaves_after_its_last_group_and_its_framework_hears_with_what_status() -> None:
    rig = running(member("t1"), member("t2"), member("u1", "g2"))
    for task_id in ("t1", "t2"):
        assert to(LAUNCHER, report(rig, task_id, TaskState.FINISHED)) == []
    assert to(LAUNCHER, report(rig, "u1", TaskState.KILLED)) == [StopExecutor(F1, "pod")]
    assert rig.events() == ["executor leaving"]
    assert to(MASTER, rig.tell(ExecutorLost(F1, "pod", "stopped", 0))) == [ExecutorExited(F1, "pod", 0)]
    assert to(LAUNCHER, rig.run(member("t3", "g3"))) == [StartExecutor(F1, "pod", "c-S0")]


@pytest.mark.parametrize("executor_id", ["", E1])
def test_the_frameworks_own_executor_stays_after_its_last_group(executor_id: str) -> None:
    rig = registered()
    rig.run(member("t1", executor_id=executor_id))
    rig.subscribe()
    assert to(LAUNCHER, rig.update("t1", TaskState.FINISHED)) == []
    assert list(rig.agent.state.frameworks[F1].executors) == [E1]


@pytest.mark.parametrize("first", ["task", "group"])
def test_an_executor_that_has_had_a_task_of_no_group_stays(first: str) -> None:
    rig = registered()
    tasks = [task("v", executor_id="pod"), member("t1")]
    for info in tasks if first == "task" else reversed(tasks):
        rig.run(info)
    subscribe(rig)
    assert to(LAUNCHER, report(rig, "v", TaskState.FINISHED)) == []
    assert to(LAUNCHER, report(rig, "t1", TaskState.FINISHED)) == []


def test_a_restarted_agent_still_knows_that_the_executor_is_to_leave() -> None:
    before = running(member("t1"), member("t2"))
    rig = Rig(start=False, incarnation=2)
    rig.agent.restore(before.records)
    rig.tell(Wake("start"), AGENT)
    subscribe(rig, tasks=(member("t1"), member("t2")), states=(TaskState.RUNNING,) * 2)
    rig.register()
    assert to(LAUNCHER, report(rig, "t1", TaskState.FINISHED)) == []
    assert ExecutorKept(F1, "pod", POD, framework(), for_groups=True) in rig.agent.snapshot()
    assert to(LAUNCHER, report(rig, "t2", TaskState.FINISHED)) == [StopExecutor(F1, "pod")]


def test_the_executor_of_a_removed_framework_is_asked_to_leave_as_any_other() -> None:
    rig = running(member("t1"), member("t2"))
    rig.tell(ShutdownFramework(F1))
    assert to(LAUNCHER, report(rig, "t1", TaskState.KILLED)) == []
    assert to(LAUNCHER, report(rig, "t2", TaskState.KILLED)) == [StopExecutor(F1, "pod")]
