"""Preemption, message by message: what a victim's end is told as, and when what is on its way counts no more."""

from __future__ import annotations

import pytest
from master_rig import A1, F1, Rig, of, task, to, updates

from raymesos.machine import ALLOCATOR
from raymesos.model.resources import Resources
from raymesos.model.tasks import Reason, TaskState
from raymesos.wire.messages import AgentTask, AllocatorReady, Claim, KillTask, Preempt, Recover

ONE = Resources.parse("cpus:1;mem:128")


def claim(rig: Rig, framework_id: str, agent_id: str, *, count: int = 1, seen: int = 0) -> list[str]:
    """The role `owed` of the framework claims so many tasks from role `dev`. Returns the ids of the tasks that are killed for it."""
    owed = Claim(
        framework_id,
        "owed",
        "guarantee",
        ONE,
        count,
        (),
        (("dev", (("cpus", 4_000), ("mem", 4_096_000))),),
        (agent_id,),
    )
    sent = rig.tell(ALLOCATOR, Preempt(rig.master.state.allocator_epoch, (owed,), seen))
    assert [receiver for receiver, _ in sent] == [A1] * len(sent)
    return [m.task_id for m in to(A1, sent) if isinstance(m, KillTask)]


def full() -> tuple[Rig, str, str]:
    """(rig, id of F1, id of A1): tasks t1 to t4 of role `dev` use all CPUs."""
    rig = Rig()
    f1, a1 = rig.framework(roles=("dev", "owed")), rig.agent()
    rig.run(f1, a1, *[task(f"t{n}") for n in range(1, 5)])
    return rig, f1, a1


@pytest.mark.parametrize("end", [TaskState.KILLING, TaskState.KILLED])
@pytest.mark.parametrize("reason", [Reason.NONE, Reason.TASK_KILLED_DURING_LAUNCH, Reason.AGENT_DRAINING])
def test_the_end_of_a_victim_says_that_it_was_preempted(end: TaskState, reason: Reason) -> None:
    rig, f1, a1 = full()
    assert claim(rig, f1, a1) == ["t4"]
    assert updates(F1, rig.report(f1, a1, "t4", end, reason=reason)) == [("t4", end, Reason.PREEMPTED)]
    assert updates(F1, rig.report(f1, a1, "t3", end, reason=reason)) == [("t3", end, reason)]


def test_the_end_of_a_victim_says_so_after_a_restart_of_the_master_too() -> None:
    rig, f1, a1 = full()
    assert claim(rig, f1, a1) == ["t4"]
    why = rig.master.state.frameworks[f1].tasks["t4"].preempted_for
    rig = rig.restart()
    rig.framework(roles=("dev", "owed"), id=f1)
    named = dict.fromkeys(("t1", "t2", "t3"), "") | {"t4": why}
    rig.back(tasks=[AgentTask(f1, task(t), TaskState.RUNNING, preempted_for) for t, preempted_for in named.items()])
    assert updates(F1, rig.report(f1, a1, "t4", TaskState.KILLED)) == [("t4", TaskState.KILLED, Reason.PREEMPTED)]
    assert updates(F1, rig.report(f1, a1, "t3", TaskState.KILLED)) == [("t3", TaskState.KILLED, Reason.NONE)]


@pytest.mark.parametrize("end", [TaskState.FINISHED, TaskState.FAILED])
def test_a_victim_that_ended_by_itself_before_it_was_reached_keeps_its_end(end: TaskState) -> None:
    rig, f1, a1 = full()
    claim(rig, f1, a1)
    sent = rig.report(f1, a1, "t4", end)
    assert updates(F1, sent) == [("t4", end, Reason.NONE)]
    assert [m.release for _, m in of(Recover, sent)] == [1], "what it gave back is what was waited for"


def test_what_is_on_its_way_is_not_taken_again_until_the_allocator_has_heard_that_it_is_free() -> None:
    rig, f1, a1 = full()
    assert claim(rig, f1, a1) == ["t4"]
    assert claim(rig, f1, a1) == []
    rig.report(f1, a1, "t4", TaskState.KILLED)
    assert claim(rig, f1, a1, seen=0) == []
    rig.run(f1, a1, task("t5"))
    assert claim(rig, f1, a1, seen=1) == ["t5"]


def test_an_allocator_that_begins_anew_owes_no_word_about_what_came_free_before() -> None:
    rig, f1, a1 = full()
    assert claim(rig, f1, a1) == ["t4"]
    rig.report(f1, a1, "t4", TaskState.KILLED)  # The allocator died before it heard that.
    rig.tell(ALLOCATOR, AllocatorReady())
    rig.run(f1, a1, task("t5"))
    assert claim(rig, f1, a1, seen=0) == ["t5"]
    rig.tell(ALLOCATOR, AllocatorReady())
    assert claim(rig, f1, a1, seen=0) == [], "t5 is still on its way"
