"""Reconciliation, by Mesos' decision table: what is known of the task, else of its agent."""

from __future__ import annotations

import pytest
from master_rig import A1, F1, F2, NOT_PARTITION_AWARE, Rig, statuses, task, updates

from raymesos.machine import MASTER, LinkDown
from raymesos.model.tasks import ALL_CAPABILITIES, Capability, Reason, Source, TaskState
from raymesos.wire.messages import AgentTask, Kill, Reconcile, TaskRef, UnregisterAgent

ASKED = Reason.RECONCILIATION
LATEST = "Reconciliation: Latest task state"


def ask(rig: Rig, framework_id: str, *refs: tuple[str, str]) -> list[tuple[str, TaskState, str, int | None]]:
    """(task, state, message, unreachable since) of the answers; what all answers share is checked here."""
    told = statuses(F1, rig.tell(F1, Reconcile(framework_id, tuple(TaskRef(*ref) for ref in refs))))
    assert {(s.reason, s.source, s.uuid, s.timestamp_ms) for s in told} <= {(ASKED, Source.MASTER, "", rig.now_ms)}
    return [(s.task_id, s.state, s.message, s.unreachable_ms) for s in told]


@pytest.mark.parametrize("aware", [True, False])
def test_the_decision_table(aware: bool) -> None:
    rig = Rig()
    f1 = rig.framework(**({} if aware else {"capabilities": NOT_PARTITION_AWARE}))
    here, away, left = rig.agent("A1"), rig.agent("A2"), rig.agent("A3")
    rig.run(f1, here, task())
    rig.run(f1, away, task("far"))
    rig.tell("agent/A3", UnregisterAgent(left))
    rig.lose("A2")
    refs = [
        ("t1", here),
        ("t1", ""),
        ("t1", "c-S9"),
        ("none", here),
        ("far", away),
        ("far", ""),
        ("none", away),
        ("none", left),
        ("none", "c-S9"),
        ("none", ""),
    ]
    lost, since = "Reconciliation: Task is unreachable", 90_000
    unknown = "Reconciliation: Task is unknown"
    expected = [
        ("t1", TaskState.RUNNING, LATEST, None),
        ("t1", TaskState.RUNNING, LATEST, None),
        ("t1", TaskState.RUNNING, LATEST, None),
        ("none", TaskState.GONE, "Reconciliation: Task is unknown to the agent", None),
        ("far", TaskState.UNREACHABLE, lost, since),
        ("far", TaskState.UNREACHABLE, lost, since),
        ("none", TaskState.UNREACHABLE, lost, since),
        ("none", TaskState.UNKNOWN, unknown, None),
        ("none", TaskState.UNKNOWN, unknown, None),
        ("none", TaskState.UNKNOWN, unknown, None),
    ]
    if not aware:
        expected = [(t, s if s is TaskState.RUNNING else TaskState.LOST, m, u) for t, s, m, u in expected]
    assert ask(rig, f1, *refs) == expected
    assert rig.metric("messages_reconcile_tasks") == 1
    assert rig.metric("tasks_gone") == rig.metric("tasks_lost") - (0 if aware else 1) == 0


def test_while_an_agent_may_still_come_back_there_is_no_answer() -> None:
    first = Rig()
    f1 = first.framework(failover_timeout_ms=60_000)
    a1, a2 = first.agent("A1"), first.agent("A2")
    first.run(f1, a1, task("t1"))
    rig = first.restart()
    rig.framework(id=f1, failover_timeout_ms=60_000)
    assert ask(rig, f1, ("t1", a1), ("t1", ""), ("none", "")) == []
    assert updates(F1, rig.tell(F1, Kill(f1, "t1", a1))) == []
    assert [s for _, s, _, _ in ask(rig, f1, ("none", "c-S9"))] == [TaskState.UNKNOWN]
    rig.back("A1", tasks=[AgentTask(f1, task(role="dev"), TaskState.RUNNING)])
    assert ask(rig, f1, ("t1", a1), ("t1", ""), ("none", "")) == [("t1", TaskState.RUNNING, LATEST, None)] * 2
    rig.advance(600_000)
    assert [s for _, s, _, _ in ask(rig, f1, ("none", ""), ("x", a2))] == [TaskState.UNKNOWN, TaskState.UNREACHABLE]


def test_implicit_reconciliation_names_what_has_not_ended_on_agents_that_are_here() -> None:
    rig = Rig()
    f1, f2 = rig.framework("F1"), rig.framework("F2")
    a1, a2 = rig.agent("A1"), rig.agent("A2")
    rig.run(f1, a2, task("far"))
    rig.lose("A2")
    rig.run(f1, a1, task("t1"), task("ended"))
    rig.accept(f1, [rig.offer(f1, a1, "cpus:1;mem:64")], task("staging", "cpus:1;mem:64"))
    rig.run(f2, a1, task("other", "cpus:0.5;mem:64"))
    rig.report(f1, a1, "ended", TaskState.FAILED)
    rig.tell(MASTER, LinkDown(A1))
    assert ask(rig, f1) == [("t1", TaskState.RUNNING, LATEST, None), ("staging", TaskState.STAGING, LATEST, None)]


def test_an_end_that_is_not_acknowledged_is_answered_when_asked_for() -> None:
    rig = Rig()
    f1, a1 = rig.framework(), rig.agent()
    rig.run(f1, a1, task())
    rig.report(f1, a1, "t1", TaskState.FAILED, uuid="end", data=b"much")
    [status] = statuses(F1, rig.tell(F1, Reconcile(f1, (TaskRef("t1", a1),))))
    assert (status.state, status.uuid, status.data) == (TaskState.FAILED, "", b"")
    assert ask(rig, f1) == []


def test_the_answer_is_the_newest_state_even_if_its_update_is_not_there_yet() -> None:
    rig = Rig()
    f1, a1 = rig.framework(), rig.agent()
    rig.accept(f1, [rig.offer(f1, a1)], task())
    rig.report(f1, a1, "t1", TaskState.STARTING, latest=TaskState.RUNNING)
    assert ask(rig, f1, ("t1", a1)) == [("t1", TaskState.RUNNING, LATEST, None)]


def test_a_framework_that_does_not_know_killing_is_answered_running() -> None:
    rig = Rig()
    known = tuple(c for c in ALL_CAPABILITIES if c != Capability.TASK_KILLING_STATE)
    f1, a1 = rig.framework(capabilities=known), rig.agent()
    rig.run(f1, a1, task())
    rig.report(f1, a1, "t1", TaskState.KILLING)
    assert ask(rig, f1, ("t1", a1)) == [("t1", TaskState.RUNNING, LATEST, None)]


def test_only_the_subscriber_is_answered() -> None:
    rig = Rig()
    f1 = rig.framework()
    assert rig.tell(F2, Reconcile(f1, (TaskRef("t1"),))) == []
    assert rig.metric("dropped_messages") == 1
