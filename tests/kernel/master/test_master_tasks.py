"""Tasks after launch: updates in order to their framework, acknowledgements back to the agent, resources returned once, kills."""

from __future__ import annotations

import pytest
from master_rig import A1, A2, F1, F2, NOT_PARTITION_AWARE, Rig, of, statuses, task, to, updates

from raymesos.machine import ALLOCATOR, MASTER, LinkDown
from raymesos.model.resources import Resources
from raymesos.model.tasks import ALL_CAPABILITIES, Capability, Reason, Source, TaskState, is_terminal
from raymesos.wire.messages import (
    Acknowledge,
    AgentTask,
    ExecutorExited,
    ExecutorMessage,
    Failure,
    FromExecutor,
    Kill,
    KillTask,
    Recover,
    ShutdownExecutor,
    ShutdownOneExecutor,
    StatusAcknowledged,
    StatusUpdate,
    TaskStatus,
    ToExecutor,
    Update,
)

RUNNING, FINISHED, KILLING = TaskState.RUNNING, TaskState.FINISHED, TaskState.KILLING
ENDS = [s for s in TaskState if is_terminal(s)]


def launched(**capabilities: object) -> tuple[Rig, str, str]:
    rig = Rig()
    f1, a1 = rig.framework(**capabilities), rig.agent()
    rig.accept(f1, [rig.offer(f1, a1, "cpus:1;mem:128")], task())
    return rig, f1, a1


# ---------------------------------------------------------------- updates


def test_an_update_reaches_the_framework_as_it_is_and_its_answer_the_agent() -> None:
    rig, f1, a1 = launched()
    status = TaskStatus("t1", RUNNING, a1, "e", Source.EXECUTOR, Reason.NONE, "up", 7, "u1", b"data", healthy=True)
    assert rig.tell(A1, StatusUpdate(f1, status, RUNNING)) == [(F1, Update(status))]
    assert rig.metric("tasks_running") == 1
    assert rig.acknowledge(f1, a1, "t1", "u1") == [(A1, StatusAcknowledged(f1, "t1", "u1"))]
    assert list(rig.master.state.frameworks[f1].tasks) == ["t1"]
    assert rig.metric("valid_status_updates") == rig.metric("valid_status_update_acknowledgements") == 1


def test_updates_are_forwarded_in_the_order_in_which_they_come() -> None:
    rig, f1, a1 = launched()
    told = []
    for state, uuid in ((TaskState.STARTING, "u1"), (RUNNING, "u2"), (FINISHED, "u3")):
        told += [(s.state, s.uuid) for s in statuses(F1, rig.report(f1, a1, "t1", state, uuid=uuid))]
        rig.acknowledge(f1, a1, "t1", uuid)
    assert told == [(TaskState.STARTING, "u1"), (RUNNING, "u2"), (FINISHED, "u3")]


@pytest.mark.parametrize("end", ENDS)
def test_the_end_of_a_task_recovers_what_it_held_exactly_once(end: TaskState) -> None:
    rig, f1, a1 = launched()
    sent = rig.report(f1, a1, "t1", end, uuid="end")
    # A launch that bounced waits for the next periodic pass; any other end asks for one.
    asked = end is not TaskState.DROPPED
    held = Resources.parse("cpus:1;mem:128")
    assert to(ALLOCATOR, sent) == [Recover(f1, "dev", a1, 1, held, None, task_ended=asked)]
    for _ in range(2):
        again = rig.report(f1, a1, "t1", end, uuid="end")
        assert [type(m) for _, m in again] == [Update]
    assert rig.acknowledge(f1, a1, "t1", "end") == [(A1, StatusAcknowledged(f1, "t1", "end"))]
    assert [type(m) for _, m in rig.report(f1, a1, "t1", end, uuid="end")] == [Update]
    assert rig.acknowledge(f1, a1, "t1", "end") == [(A1, StatusAcknowledged(f1, "t1", "end"))]
    assert rig.metric(f"tasks_{end.removeprefix('TASK_').lower()}") == 1
    assert rig.metric("cpus_used") == 0


def test_an_end_that_the_agent_knows_already_recovers_at_once() -> None:
    rig, f1, a1 = launched()
    sent = rig.report(f1, a1, "t1", RUNNING, uuid="u1", latest=FINISHED)
    assert updates(F1, sent) == [("t1", RUNNING, Reason.NONE)]
    assert len(of(Recover, sent)) == 1
    rig.acknowledge(f1, a1, "t1", "u1")
    assert list(rig.master.state.frameworks[f1].tasks) == ["t1"]
    sent = rig.report(f1, a1, "t1", FINISHED, uuid="u2")
    assert [type(m) for _, m in sent] == [Update]
    rig.acknowledge(f1, a1, "t1", "u2")
    assert rig.master.state.frameworks[f1].tasks == {}


def test_an_end_is_an_end_even_if_the_agent_says_that_its_newest_state_is_older() -> None:
    rig, f1, a1 = launched()
    assert len(of(Recover, rig.report(f1, a1, "t1", FINISHED, latest=TaskState.STARTING))) == 1
    assert rig.metric("tasks_starting") == 0


def test_nothing_follows_an_end() -> None:
    rig, f1, a1 = launched()
    rig.report(f1, a1, "t1", TaskState.FAILED)
    sent = rig.report(f1, a1, "t1", RUNNING)
    assert of(Recover, sent) == []
    assert rig.metric("tasks_running") == 0
    assert rig.metric("cpus_used") == 0


def test_an_update_of_a_task_that_the_master_does_not_know_is_forwarded() -> None:
    rig = Rig()
    f1, a1 = rig.framework(), rig.agent()
    assert updates(F1, rig.report(f1, a1, "t9", FINISHED)) == [("t9", FINISHED, Reason.NONE)]
    assert rig.metric("invalid_status_updates") == 1
    assert rig.metric("tasks_finished") == 0


def test_an_update_from_nobody_has_no_effect() -> None:
    rig, f1, a1 = launched()
    status = TaskStatus("t1", FINISHED, a1, uuid="u")
    assert rig.tell("agent/A9", StatusUpdate(f1, status, FINISHED)) == []
    assert rig.metric("tasks_staging") == 1


def test_another_agent_cannot_end_a_task() -> None:
    rig, f1, _ = launched()
    a2 = rig.agent("A2")
    assert of(Recover, rig.report(f1, a2, "t1", FINISHED)) == []
    assert rig.metric("tasks_staging") == 1


def test_an_update_for_a_framework_that_nobody_knows_is_acknowledged_here() -> None:
    rig, _, a1 = launched()
    sent = rig.report("c-0001-0009", a1, "t1", FINISHED, uuid="u")
    assert sent == [(A1, StatusAcknowledged("c-0001-0009", "t1", "u"))]


def test_an_update_for_a_framework_that_is_not_back_yet_waits() -> None:
    first = Rig()
    f1 = first.framework(failover_timeout_ms=60_000)
    a1 = first.agent()
    rig = first.restart()
    rig.back(frameworks=[])
    assert rig.report(f1, a1, "t1", FINISHED) == []


def test_a_framework_that_does_not_know_the_killing_state_is_not_told_of_it() -> None:
    known = tuple(c for c in ALL_CAPABILITIES if c != Capability.TASK_KILLING_STATE)
    rig, f1, a1 = launched(capabilities=known)
    rig.report(f1, a1, "t1", RUNNING)
    sent = rig.report(f1, a1, "t1", KILLING, uuid="k")
    assert sent == [(A1, StatusAcknowledged(f1, "t1", "k"))]
    assert rig.metric("tasks_killing") == 1


@pytest.mark.parametrize("state", [TaskState.DROPPED, TaskState.GONE, TaskState.GONE_BY_OPERATOR])
def test_without_partition_awareness_what_is_behind_a_partition_is_lost(state: TaskState) -> None:
    rig, f1, a1 = launched(capabilities=NOT_PARTITION_AWARE)
    assert updates(F1, rig.report(f1, a1, "t1", state)) == [("t1", TaskState.LOST, Reason.NONE)]


def test_ends_are_counted_by_source_and_reason() -> None:
    rig, f1, a1 = launched()
    reason = Reason.CONTAINER_LIMITATION_MEMORY
    rig.report(f1, a1, "t1", TaskState.FAILED, uuid="u", reason=reason)
    rig.report(f1, a1, "t1", TaskState.FAILED, uuid="u", reason=reason)
    assert rig.metric("task_failed/source_executor/reason_container_limitation_memory") == 1


# ---------------------------------------------------------------- acknowledgements


def test_only_the_right_framework_acknowledges() -> None:
    rig, f1, a1 = launched()
    f2 = rig.framework("F2")
    rig.report(f1, a1, "t1", FINISHED, uuid="end")
    assert rig.acknowledge(f1, a1, "t1", "end", sender=F2) == []
    assert rig.tell(F2, Acknowledge(f2, a1, "t1", "end")) == [(A1, StatusAcknowledged(f2, "t1", "end"))]
    assert list(rig.master.state.frameworks[f1].tasks) == ["t1"]


def test_an_acknowledgement_of_another_update_leaves_the_end_unacknowledged() -> None:
    rig, f1, a1 = launched()
    rig.report(f1, a1, "t1", FINISHED, uuid="end")
    assert rig.acknowledge(f1, a1, "t1", "other") == [(A1, StatusAcknowledged(f1, "t1", "other"))]
    assert list(rig.master.state.frameworks[f1].tasks) == ["t1"]


def test_an_acknowledgement_that_names_the_wrong_agent_forgets_nothing() -> None:
    rig, f1, a1 = launched()
    a2 = rig.agent("A2")
    rig.report(f1, a1, "t1", FINISHED, uuid="end")
    assert rig.acknowledge(f1, a2, "t1", "end") == [(A2, StatusAcknowledged(f1, "t1", "end"))]
    assert rig.acknowledge(f1, "c-S9", "t1", "end") == []
    assert list(rig.master.state.frameworks[f1].tasks) == ["t1"]
    assert rig.metric("invalid_status_update_acknowledgements") == 1


def test_while_the_agent_is_away_an_acknowledgement_is_lost_and_the_update_comes_again() -> None:
    rig, f1, a1 = launched()
    rig.report(f1, a1, "t1", FINISHED, uuid="end")
    rig.tell(MASTER, LinkDown(A1))
    assert rig.acknowledge(f1, a1, "t1", "end") == []
    rig.back(tasks=[AgentTask(f1, task(role="dev"), FINISHED)])
    assert [type(m) for _, m in rig.report(f1, a1, "t1", FINISHED, uuid="end")] == [Update]
    rig.acknowledge(f1, a1, "t1", "end")
    assert rig.master.state.frameworks[f1].tasks == {}


# ---------------------------------------------------------------- kills


def test_a_kill_goes_to_the_agent_of_the_task() -> None:
    rig, f1, a1 = launched()
    assert rig.tell(F1, Kill(f1, "t1")) == [(A1, KillTask(f1, "t1", None))]
    assert rig.tell(F1, Kill(f1, "t1", a1, grace_ms=500)) == [(A1, KillTask(f1, "t1", 500))]


def test_a_kill_that_names_another_agent_is_ignored() -> None:
    rig, f1, _ = launched()
    a2 = rig.agent("A2")
    assert rig.tell(F1, Kill(f1, "t1", a2)) == []
    assert rig.metric("dropped_messages") == 1


def test_a_kill_of_another_frameworks_task_is_of_a_task_unknown() -> None:
    rig, f1, a1 = launched()
    f2 = rig.framework("F2")
    assert rig.tell(F2, Kill(f1, "t1", a1)) == []
    assert updates(F2, rig.tell(F2, Kill(f2, "t1", a1))) == [("t1", TaskState.GONE, Reason.RECONCILIATION)]


def test_a_kill_of_an_unknown_task_is_answered_as_a_reconciliation() -> None:
    rig = Rig()
    f1, a1 = rig.framework(), rig.agent()
    told = []
    for agent_id in (a1, "c-S9", ""):
        told += updates(F1, rig.tell(F1, Kill(f1, "t9", agent_id)))
    assert told == [("t9", s, Reason.RECONCILIATION) for s in (TaskState.GONE, TaskState.UNKNOWN, TaskState.UNKNOWN)]


def test_a_kill_of_a_task_behind_a_partition_is_answered_unreachable() -> None:
    rig, f1, a1 = launched()
    rig.lose()
    assert updates(F1, rig.tell(F1, Kill(f1, "t1", a1))) == [("t1", TaskState.UNREACHABLE, Reason.RECONCILIATION)]


# ---------------------------------------------------------------- executors


def test_messages_between_framework_and_executor_are_best_effort() -> None:
    rig, f1, a1 = launched()
    down = ToExecutor(f1, a1, "e", b"down")
    assert rig.tell(F1, down) == [(A1, ExecutorMessage(f1, "e", b"down", down=True))]
    assert rig.tell(F2, down) == []
    assert rig.tell(A1, ExecutorMessage(f1, "e", b"up", down=False)) == [(F1, FromExecutor(a1, "e", b"up"))]
    assert rig.tell(A2, ExecutorMessage(f1, "e", b"up", down=False)) == []
    rig.tell(MASTER, LinkDown(A1))
    assert rig.tell(F1, down) == []
    assert rig.metric("valid_framework_to_executor_messages") == 1
    assert rig.metric("invalid_framework_to_executor_messages") == 1


def test_the_end_of_an_executor_is_told_to_its_framework() -> None:
    rig, f1, a1 = launched()
    assert rig.tell(A1, ExecutorExited(f1, "e", 9)) == [(F1, Failure(a1, "e", 9))]
    assert rig.tell(A2, ExecutorExited(f1, "e", 9)) == []
    assert rig.tell(A1, ExecutorExited("c-0001-0009", "e", 9)) == []


def test_a_framework_may_shut_its_executor_down() -> None:
    rig, f1, a1 = launched()
    assert rig.tell(F1, ShutdownExecutor(f1, a1, "e")) == [(A1, ShutdownOneExecutor(f1, "e"))]
    assert rig.tell(F1, ShutdownExecutor(f1, "c-S9", "e")) == []
    assert rig.tell(F2, ShutdownExecutor(f1, a1, "e")) == []
