"""What the master tells the observer: enough to draw agents, frameworks, tasks and offers as they are, without asking."""

from __future__ import annotations

from typing import Any

import pytest
from master_rig import A1, F1, Rig, agent_info, framework_info, task

from raymesos.machine import MASTER, OBSERVER, LinkDown, LinkUp
from raymesos.model.quota import Quota
from raymesos.model.resources import Resources
from raymesos.model.tasks import Reason, Source, TaskState
from raymesos.wire.messages import (
    Accept,
    AcknowledgeOperation,
    AgentTask,
    Decline,
    DrainAgent,
    OperationReport,
    OperationState,
    OperationStatus,
    Reserve,
    Revive,
    SetQuotas,
    SetWeights,
    Subscribe,
    Suppress,
    Teardown,
    UnregisterAgent,
)
from raymesos.wire.notes import AgentNote, FrameworkNote, MaintenanceNote, MasterNote, OffersNote, TaskNote

OPERATOR = "client/operator"
RESERVED = [
    {
        "name": "cpus",
        "type": "SCALAR",
        "scalar": {"value": 1},
        "reservations": [{"type": "DYNAMIC", "role": "dev"}],
    }
]


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
        (MasterNote, ""),
        (MaintenanceNote, ""),
    ]


def test_an_agent_that_was_here_before_the_masters_restart_is_recovering_until_it_is_back() -> None:
    first = Rig()
    a1 = first.agent()
    rig = first.restart()
    assert [(n.agent_id, n.state) for n in rig.notes if isinstance(n, AgentNote)] == [(a1, "recovering")]
    rig.now_ms = 50
    rig.back()
    last = [n for n in rig.notes if isinstance(n, AgentNote)][-1]
    assert (last.state, last.registered_ms, last.reregistered_ms) == ("active", 50, 50)


def test_what_an_operator_has_made_of_an_agent_is_told_wherever_it_is() -> None:
    rig = Rig()
    a1 = rig.agent()
    rig.lose()
    rig.tell(OPERATOR, DrainAgent(a1, grace_ms=7, mark_gone=True))
    last = [n for n in rig.notes if isinstance(n, AgentNote)][-1]
    assert (last.state, last.mode, last.drain_grace_ms, last.mark_gone) == ("unreachable", "draining", 7, True)


def test_a_framework_is_told_with_all_that_it_says_of_itself_and_its_times() -> None:
    rig = Rig(now_ms=10)
    f1 = rig.framework(failover_timeout_ms=60_000, user="root", checkpoint=True)
    rig.leave(f1)
    rig.now_ms = 30
    rig.framework(id=f1, failover_timeout_ms=60_000, user="root", checkpoint=True)
    [first, _, again] = [n for n in rig.notes if isinstance(n, FrameworkNote)]
    assert (first.registered_ms, first.reregistered_ms, first.unregistered_ms) == (10, 10, 0)
    assert (again.registered_ms, again.reregistered_ms) == (10, 30)
    assert again.info == rig.master.state.frameworks[f1].info and again.info.checkpoint
    rig.now_ms = 40
    rig.tell(F1, Teardown(f1))
    assert [n for n in rig.notes if isinstance(n, FrameworkNote)][-1].unregistered_ms == 40


def test_roles_that_a_framework_suppresses_and_revives_are_told_once_each() -> None:
    rig = Rig()
    f1 = rig.framework(roles=("dev", "ops"))
    for call in (Suppress(f1, ("ops",)), Suppress(f1, ("ops",)), Revive(f1), Revive(f1)):
        rig.tell(F1, call)
    assert [n.suppressed_roles for n in rig.notes if isinstance(n, FrameworkNote)] == [(), ("ops",), ()]


def test_a_framework_whose_tasks_are_back_before_it_is_recovered() -> None:
    first = Rig()
    f1 = first.framework(failover_timeout_ms=60_000)
    first.agent()
    rig = first.restart()
    rig.back(tasks=[AgentTask(f1, task(role="dev"), TaskState.RUNNING)])
    assert [(n.framework_id, n.state) for n in rig.notes if isinstance(n, FrameworkNote)] == [(f1, "recovered")]


def test_a_task_is_told_with_its_status_and_what_is_passed_through() -> None:
    rig = Rig()
    f1, a1 = rig.framework(), rig.agent()
    rig.run(f1, a1, task(executor_id="e", labels=(("k", "v"),), v1=b'{"discovery": {}}'))
    staging, running = [n for n in rig.notes if isinstance(n, TaskNote)]
    assert staging.statuses == () and staging.executor_id == "e" and staging.labels == (("k", "v"),)
    assert running.v1 == b'{"discovery": {}}' and [s.state for s in running.statuses] == [TaskState.RUNNING]
    rig.lose()
    [lost] = [n for n in rig.notes if isinstance(n, TaskNote)][2:]
    assert [(s.state, s.source) for s in lost.statuses] == [(TaskState.UNREACHABLE, Source.MASTER)]


def test_offers_are_told_whole_once_for_all_changes_between_two_looks() -> None:
    rig = Rig()
    f1, a1, a2 = rig.framework(), rig.agent(), rig.agent("A2")
    offers = [rig.offer(f1, a1), rig.offer(f1, a2)]
    [note] = rig.master.outstanding(5)
    assert (note.at_ms, note.framework_id, note.offers) == (5, f1, tuple(offers))
    assert rig.master.outstanding(6) == []
    rig.tell(F1, Decline(f1, (offers[0].id,)))
    [note] = rig.master.outstanding(7)
    assert note.offers == (offers[1],)
    rig.tell(F1, Teardown(f1))
    [note] = rig.master.outstanding(8)
    assert note.offers == ()


def test_an_observer_that_lost_its_memory_is_told_of_all_offers_too() -> None:
    rig = Rig()
    f1, a1 = rig.framework(), rig.agent()
    offer = rig.offer(f1, a1)
    rig.master.outstanding(1)
    rig.tell(MASTER, LinkUp(OBSERVER, restarted=True))
    [note] = rig.master.outstanding(2)
    assert note.offers == (offer,)


def test_weights_and_quotas_are_told_whole_when_an_operator_sets_one() -> None:
    rig = Rig(now_ms=3)
    rig.tell(OPERATOR, SetWeights((("a", "2"),)))
    rig.tell(OPERATOR, SetWeights((("b", "1"),)))
    rig.tell(OPERATOR, SetQuotas((Quota("a", limit=(("cpus", 1000),)),)))
    rig.tell(OPERATOR, SetWeights((("", "1"),)))
    told = [n for n in rig.notes if isinstance(n, MasterNote)]
    assert [n.weights for n in told] == [(), (("a", "2"),), (("a", "2"), ("b", "1")), (("a", "2"), ("b", "1"))]
    assert told[-1].quotas == (Quota("a", limit=(("cpus", 1000),)),)
    assert (told[0].master_id, told[0].started_ms) == (rig.master.state.master_id, 3)


def test_the_state_of_an_operation_with_an_id_is_told_until_it_is_acknowledged() -> None:
    rig = Rig()
    f1, a1 = rig.framework(), rig.agent()
    reserve = Reserve(Resources.from_json(RESERVED), "op")
    rig.tell(F1, Accept(f1, (rig.offer(f1, a1).id,), (reserve,)))
    done = OperationStatus("op", OperationState.FINISHED, a1, "u")
    rig.tell(A1, OperationReport(f1, done))
    rig.tell(F1, AcknowledgeOperation(f1, a1, "op", "u"))
    told = [[(o.framework_id, o.status.state) for o in n.operations] for n in rig.notes if isinstance(n, AgentNote)]
    assert told == [[], [(f1, OperationState.PENDING)], [(f1, OperationState.FINISHED)], []]
    asked = [o.asked for n in rig.notes if isinstance(n, AgentNote) for o in n.operations]
    assert asked == [reserve, reserve] and not rig.master.state.agents[a1].asked
