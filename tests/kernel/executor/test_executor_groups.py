"""Task groups in an executor: one fails or is killed, the others are killed."""

from __future__ import annotations

from typing import Any

import pytest
from executor_rig import SHIM, Rig, states, task, to

from raymesos.machine import LinkDown, LinkUp
from raymesos.model.tasks import Reason, TaskState
from raymesos.wire.messages import (
    ExecutorReconnect,
    ExecutorSubscribe,
    ForgetWork,
    KillLaunched,
    ShutdownExecutorNow,
    StopWork,
    TaskInfo,
)

BY_SIGTERM = "killed by SIGTERM (15)"


def member(task_id: str, group: str = "g1", **more: Any) -> TaskInfo:
    return task(task_id, group_id=group, **more)


def running(*tasks: TaskInfo) -> Rig:
    rig = Rig()
    rig.run(*tasks)
    return rig


def test_a_task_that_fails_has_the_others_of_its_group_killed_each_with_its_grace() -> None:
    rig = running(member("t1"), member("t2"), member("t3", kill_grace_ms=70), member("u", "g2"), task("v"))
    sent = rig.end("t1", 1)
    assert to(SHIM, sent) == [ForgetWork("t1"), StopWork("t2", 3_000), StopWork("t3", 70)]
    because = "task t1 of its group failed"
    assert states(sent) == [
        ("t1", TaskState.FAILED, Reason.NONE, "exit 1"),
        ("t2", TaskState.KILLING, Reason.NONE, because),
        ("t3", TaskState.KILLING, Reason.NONE, because),
    ]
    assert states(rig.end("t2", None, signal=15)) == [("t2", TaskState.KILLED, Reason.NONE, f"{because}: {BY_SIGTERM}")]
    assert states(rig.end("t3", None, signal=15)) == [("t3", TaskState.KILLED, Reason.NONE, f"{because}: {BY_SIGTERM}")]
    assert rig.executor.state.groups == {"g2": {"u": None}}


def test_a_task_that_finishes_ends_alone() -> None:
    rig = running(member("t1"), member("t2"))
    sent = rig.end("t1")
    assert states(sent) == [("t1", TaskState.FINISHED, Reason.NONE, "")]
    assert to(SHIM, sent) == [ForgetWork("t1")]
    assert states(rig.end("t2")) == [("t2", TaskState.FINISHED, Reason.NONE, "")]
    assert rig.executor.state.groups == {}


def test_a_killed_task_ends_its_group_when_it_has_ended_itself() -> None:
    rig = running(member("t1"), member("t2"))
    assert to(SHIM, rig.tell(KillLaunched("t1", 500))) == [StopWork("t1", 500)]
    sent = rig.end("t1", None, signal=15)
    assert to(SHIM, sent) == [ForgetWork("t1"), StopWork("t2", 3_000)]
    assert states(sent) == [
        ("t1", TaskState.KILLED, Reason.NONE, BY_SIGTERM),
        ("t2", TaskState.KILLING, Reason.NONE, "task t1 of its group was killed"),
    ]


def test_a_task_that_is_being_killed_already_keeps_its_time() -> None:
    rig = running(member("t1"), member("t2"))
    rig.tell(KillLaunched("t2", 60_000))
    sent = rig.end("t1", 1)
    assert to(SHIM, sent) == [ForgetWork("t1")]
    assert states(rig.end("t2", None, signal=15)) == [("t2", TaskState.KILLED, Reason.NONE, BY_SIGTERM)]


def test_a_task_that_is_out_of_time_fails_and_ends_its_group() -> None:
    rig = running(member("t1"), member("t2", max_completion_ms=2_000), member("t3"))
    rig.end("t1")
    assert to(SHIM, rig.advance(2_000)) == [StopWork("t2", 0)]
    sent = rig.end("t2", None, signal=9)
    assert [row[:3] for row in states(sent)] == [
        ("t2", TaskState.FAILED, Reason.MAX_COMPLETION_TIME_REACHED),
        ("t3", TaskState.KILLING, Reason.NONE),
    ]
    assert [row[:3] for row in states(rig.end("t3", None, signal=15))] == [("t3", TaskState.KILLED, Reason.NONE)]


def test_a_task_over_its_memory_ends_its_group() -> None:
    rig = running(member("t1"), member("t2"))
    sent = rig.end("t1", None, signal=9, reason=Reason.CONTAINER_LIMITATION_MEMORY, message="over 128 MB")
    assert StopWork("t2", 3_000) in to(SHIM, sent)


def test_tasks_that_wait_for_the_shim_end_with_their_group() -> None:
    rig = Rig()
    rig.tell(LinkDown(SHIM), SHIM)
    rig.launch(*(member(f"t{i}") for i in range(2_000)), task("v"))
    sent = rig.tell(KillLaunched("t1000", 0))
    assert len(states(sent)) == 2_000
    assert {row[1:3] for row in states(sent)} == {(TaskState.KILLED, Reason.TASK_KILLED_DURING_LAUNCH)}
    assert states(sent)[1] == (
        "t0",
        TaskState.KILLED,
        Reason.TASK_KILLED_DURING_LAUNCH,
        "task t1000 of its group was killed: killed before it was started",
    )
    assert [m.task_id for m in to(SHIM, rig.tell(LinkUp(SHIM, restarted=True), SHIM))] == ["v"]


def test_a_group_whose_shim_is_lost_fails_whole_and_what_of_it_waited_is_killed() -> None:
    rig = running(member("t1"), member("t2"))
    sent = rig.tell(LinkDown(SHIM), SHIM)
    assert [row[:3] for row in states(sent)] == [
        ("t1", TaskState.FAILED, Reason.EXECUTOR_TERMINATED),
        ("t2", TaskState.FAILED, Reason.EXECUTOR_TERMINATED),
    ]


def test_a_group_is_told_to_the_agent_that_subscribes_anew_and_ends_as_before() -> None:
    rig = running(member("t1"), member("t2"))
    [subscribe] = [m for _, m in rig.tell(ExecutorReconnect()) if isinstance(m, ExecutorSubscribe)]
    assert [(t.task_id, t.group_id) for t in subscribe.tasks] == [("t1", "g1"), ("t2", "g1")]
    assert StopWork("t2", 3_000) in to(SHIM, rig.end("t1", 1))


def test_a_group_launched_twice_is_one() -> None:
    rig = running(member("t1"), member("t2"))
    assert rig.launch(member("t1"), member("t2")) == []
    assert rig.executor.state.groups == {"g1": {"t1": None, "t2": None}}


@pytest.mark.parametrize("count", [1, 3])
def test_a_group_that_comes_while_the_executor_leaves_is_killed(count: int) -> None:
    rig = running(task("v"))
    rig.tell(ShutdownExecutorNow(1_000))
    sent = rig.launch(*(member(f"t{i}") for i in range(count)))
    assert [row[1:3] for row in states(sent)] == [(TaskState.KILLED, Reason.TASK_KILLED_DURING_LAUNCH)] * count
    assert to(SHIM, sent) == [ForgetWork(f"t{i}") for i in range(count)]
    assert rig.executor.state.groups == {}


def test_a_shut_down_executor_stops_each_task_of_a_group_once() -> None:
    rig = running(member("t1"), member("t2"))
    assert to(SHIM, rig.tell(ShutdownExecutorNow(1_000))) == [StopWork("t1", 1_000), StopWork("t2", 1_000)]
    assert to(SHIM, rig.end("t1", None, signal=15)) == [ForgetWork("t1")]
