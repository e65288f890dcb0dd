"""What the master tells the observer: enough to draw agents, frameworks, tasks and offers as they are, without asking."""

from __future__ import annotations

from typing import Any

import pytest
from master_rig import A1, F1, Rig, agent_info, framework_info, task

from raymesos.machine import MASTER, OBSERVER, LinkDown, LinkUp
from raymesos.model.tasks import Reason, TaskState
from raymesos.wire.messages import AgentTask, Decline, Subscribe, Teardown, UnregisterAgent
from raymesos.wire.notes import AgentNote, FrameworkNote, MaintenanceNote, OffersNote, TaskNote


def states(rig: Rig, kind: type) -> list[str]:
    return [n.state for n in rig.notes if isinstance(n, kind)]


def counts(rig: Rig) -> tuple[int, int, int, int, int]:
    """(outstanding, sent, accepted, declined, rescinded) as last told."""
    last = [n for n in rig.notes if isinstance(n, OffersNote)][-1]
    return last.outstanding, last.sent, last.accepted, last.declined, last.rescinded


def test_an_agents_states_are_told_as_they_change() -> None:
    rig = Rig()
    a1 = rig.agent()
    rig.tell(MASTER, LinkDown(A1))
    rig.back()
    rig.lose()
    rig.back()
    rig.tell(A1, UnregisterAgent(a1))
    assert states(rig, AgentNote) == ["active", "disconnected", "active", "unreachable", "active", "gone"]
    [first] = [n for n in rig.notes if isinstance(n, AgentNote)][:1]
    assert (first.agent_id, first.name, first.total) == (a1, "A1", agent_info().resources)


def test_an_unreachable_agent_that_is_replaced_is_gone() -> None:
    rig = Rig()
    a1 = rig.agent()
    rig.lose()
    rig.agent(life=2)
    told = [(n.agent_id, n.state) for n in rig.notes if isinstance(n, AgentNote)]
    assert told == [(a1, "active"), (a1, "unreachable"), (a1, "gone"), ("c-S2", "active")]


def test_a_framework_that_did_not_come_back_after_the_masters_restart_is_completed() -> None:
    first = Rig()
    f1 = first.framework()
    rig = first.restart()
    rig.advance(600_000)
    [note] = [n for n in rig.notes if isinstance(n, FrameworkNote)]
    assert (note.framework_id, note.state, note.roles) == (f1, "completed", ("dev",))


def test_a_frameworks_states_are_told_as_they_change() -> None:
    rig = Rig()
    f1 = rig.framework(failover_timeout_ms=60_000)
    rig.leave(f1)
    rig.framework(id=f1, failover_timeout_ms=60_000)
    rig.tell(F1, Teardown(f1))
    assert states(rig, FrameworkNote) == ["active", "disconnected", "active", "completed"]


def test_a_refused_framework_is_an_event_with_its_reason() -> None:
    rig = Rig()
    rig.tell(F1, Subscribe(framework_info(roles=("-",))))
    [note] = [n for n in rig.notes if getattr(n, "kind", "") == "framework refused"]
    assert note.subject == "F1" and "begins with a dash" in note.text
    assert states(rig, FrameworkNote) == []


def test_a_tasks_states_are_told_once_each() -> None:
    rig = Rig()
    f1, a1 = rig.framework(), rig.agent()
    rig.run(f1, a1, task())
    rig.lose()
    rig.back(tasks=[AgentTask(f1, task(role="dev"), TaskState.RUNNING)])
    for _ in range(2):
        rig.report(f1, a1, "t1", TaskState.FAILED, uuid="u", reason=Reason.EXECUTOR_TERMINATED, message="why")
    assert states(rig, TaskNote) == [
        TaskState.STAGING,
        TaskState.RUNNING,
        TaskState.UNREACHABLE,
        TaskState.RUNNING,
        TaskState.FAILED,
    ]
    last = [n for n in rig.notes if isinstance(n, TaskNote)][-1]
    assert (last.framework_id, last.task_id, last.agent_id, last.role) == (f1, "t1", a1, "dev")
    assert (last.reason, last.message) == (Reason.EXECUTOR_TERMINATED, "why")


def _end_by_decline(rig: Rig, f1: str, offer: Any) -> None:
    rig.tell(F1, Decline(f1, (offer.id,)))


def _end_by_launch(rig: Rig, f1: str, offer: Any) -> None:
    rig.accept(f1, [offer], task())


def _end_by_refusal(rig: Rig, f1: str, offer: Any) -> None:
    rig.accept(f1, [offer, "nope"], task())


def _end_by_link(rig: Rig, f1: str, offer: Any) -> None:
    rig.tell(MASTER, LinkDown(A1))


def _end_by_subscription(rig: Rig, f1: str, offer: Any) -> None:
    rig.framework(id=f1)


def _end_by_time(rig: Rig, f1: str, offer: Any) -> None:
    rig.advance(30_000)


@pytest.mark.parametrize(
    ("end", "told"),
    [
        (_end_by_decline, (0, 1, 0, 1, 0)),
        (_end_by_launch, (0, 1, 1, 0, 0)),
        (_end_by_refusal, (0, 1, 0, 0, 0)),
        (_end_by_link, (0, 1, 0, 0, 1)),
        (_end_by_subscription, (0, 1, 0, 0, 0)),
        (_end_by_time, (0, 1, 0, 0, 1)),
    ],
)
def test_however_an_offer_ends_the_count_is_told(end: Any, told: tuple[int, ...]) -> None:
    rig = Rig(offer_timeout_ms=30_000)
    f1, a1 = rig.framework(), rig.agent()
    offer = rig.offer(f1, a1)
    assert counts(rig) == (1, 1, 0, 0, 0)
    end(rig, f1, offer)
    assert counts(rig) == told


def test_an_observer_that_lost_its_memory_is_told_how_everything_is() -> None:
    rig = Rig()
    f1, a1 = rig.framework(), rig.agent()
    rig.agent("A2")
    rig.run(f1, a1, task("t1"))
    rig.lose("A2")
    rig.notes.clear()
    rig.tell(MASTER, LinkUp(OBSERVER, restarted=False))
    assert rig.notes == []
    rig.tell(MASTER, LinkUp(OBSERVER, restarted=True))
    told = [(type(n), getattr(n, "state", "")) for n in rig.notes]
    assert told == [
        (TaskNote, "TASK_RUNNING"),
        (AgentNote, "unreachable"),
        (AgentNote, "active"),
        (FrameworkNote, "active"),
        (OffersNote, ""),
        (MaintenanceNote, ""),
    ]
