"""Drained and gone agents and machines under maintenance, message by message: what the master sends, to whom, and what it keeps."""

from __future__ import annotations

from typing import Any

import pytest
from master_rig import A1, A2, F1, NOT_PARTITION_AWARE, Rig, agent_info, of, task, to, updates

from raymesos.machine import ALLOCATOR, MASTER, LinkDown
from raymesos.model.resources import EMPTY
from raymesos.model.tasks import Reason, TaskState
from raymesos.wire.messages import (
    AcceptInverse,
    AgentActivated,
    AgentAdded,
    AgentDeactivated,
    AgentGone,
    AgentMode,
    AgentModeKept,
    AgentRefused,
    AgentRegistered,
    AgentTask,
    AgentUnavailability,
    DeactivateAgent,
    DeclineInverse,
    Drain,
    DrainAgent,
    DrainOver,
    Gone,
    InverseAnswered,
    InverseGrants,
    InverseOffer,
    InverseOffers,
    KillTask,
    MachineId,
    MachinesDown,
    MaintenanceKept,
    MarkAgentGone,
    Offers,
    OperatorAnswer,
    ReactivateAgent,
    RegisterAgain,
    RegisterAgent,
    Rescind,
    RescindInverse,
    ScheduleMaintenance,
    StartMaintenance,
    StopMaintenance,
    Unavailability,
    Update,
    Window,
)
from raymesos.wire.notes import AgentNote, MaintenanceNote

OPERATOR = "client/op"
SOON = Unavailability(10_000, 5_000)
"""When machine A1 goes down."""


def call(rig: Rig, message: Any) -> list[tuple[str, Any]]:
    """The operator calls, and is not refused. Returns what else was sent."""
    sent = rig.tell(OPERATOR, message)
    assert (OPERATOR, OperatorAnswer(message.request_id)) in sent
    return [(receiver, m) for receiver, m in sent if receiver != OPERATOR]


def schedule(rig: Rig, *hosts: str, when: Unavailability = SOON) -> list[tuple[str, Any]]:
    windows = (Window(tuple(MachineId(host) for host in hosts), when),) if hosts else ()
    return call(rig, ScheduleMaintenance(windows))


def running(**framework: Any) -> tuple[Rig, str, str]:
    """(rig, id of F1, id of A1), with task t1 running there."""
    rig = Rig()
    a1 = rig.agent()
    f1 = rig.framework(**framework)
    rig.run(f1, a1, task())
    return rig, f1, a1


# ---------------------------------------------------------------- drain


def test_a_drain_takes_back_the_offers_before_the_allocator_and_the_agent_hear_of_it() -> None:
    rig, f1, a1 = running()
    offer = rig.offer(f1, a1, "cpus:1;mem:64")
    sent = call(rig, DrainAgent("A1", 5_000, request_id="r"))
    assert to(F1, sent) == [Rescind(offer.id)]
    assert to(ALLOCATOR, sent)[-1] == AgentDeactivated(a1)
    assert to(A1, sent) == [Drain(5_000)]
    assert rig.records[-1] == AgentModeKept(a1, AgentMode.DRAINING, 5_000)
    assert [n.state for n in rig.notes if isinstance(n, AgentNote)][-1] == "draining"


def test_a_grant_that_met_a_drain_goes_back() -> None:
    rig, f1, a1 = running()
    call(rig, DrainAgent("A1"))
    sent = rig.grant(f1, a1, "cpus:1;mem:64")
    assert of(Offers, sent) == []


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        (Reason.NONE, Reason.AGENT_DRAINING),
        (Reason.TASK_KILLED_DURING_LAUNCH, Reason.AGENT_DRAINING),
        (Reason.CONTAINER_PREEMPTED, Reason.CONTAINER_PREEMPTED),
    ],
)
def test_a_kill_on_a_draining_agent_says_so_unless_it_has_a_better_reason(reason: Reason, told: Reason) -> None:
    rig, f1, a1 = running()
    call(rig, DrainAgent("A1"))
    sent = rig.report(f1, a1, "t1", TaskState.KILLED, reason=reason)
    assert updates(F1, sent) == [("t1", TaskState.KILLED, told)]


@pytest.mark.parametrize("state", [TaskState.FINISHED, TaskState.FAILED])
def test_an_end_that_is_no_kill_stays_what_it_is(state: TaskState) -> None:
    rig, f1, a1 = running()
    call(rig, DrainAgent("A1", mark_gone=True))
    sent = rig.report(f1, a1, "t1", state)
    assert updates(F1, sent) == [("t1", state, Reason.NONE)]


def test_a_kill_before_a_drain_that_is_latest_known_is_the_same_end_for_reconciliation() -> None:
    rig, f1, a1 = running()
    call(rig, DrainAgent("A1", mark_gone=True))
    sent = rig.report(f1, a1, "t1", TaskState.KILLING, latest=TaskState.KILLED)
    assert updates(F1, sent) == [("t1", TaskState.KILLING, Reason.AGENT_DRAINING)]
    sent = rig.report(f1, a1, "t1", TaskState.KILLED)
    assert updates(F1, sent) == [("t1", TaskState.GONE_BY_OPERATOR, Reason.AGENT_DRAINING)]


def test_a_framework_that_is_not_aware_is_told_of_a_kill() -> None:
    rig, f1, a1 = running(capabilities=NOT_PARTITION_AWARE)
    call(rig, DrainAgent("A1", mark_gone=True))
    assert updates(F1, rig.report(f1, a1, "t1", TaskState.KILLED)) == [("t1", TaskState.KILLED, Reason.AGENT_DRAINING)]


def test_a_drained_agent_is_so_with_the_last_acknowledgement() -> None:
    rig, f1, a1 = running()
    call(rig, DrainAgent("A1"))
    rig.report(f1, a1, "t1", TaskState.KILLED, uuid="end")
    assert rig.master.agent_state(a1) == "draining"
    rig.acknowledge(f1, a1, "t1", "end")
    assert rig.master.agent_state(a1) == "drained"
    assert rig.records[-1] == AgentModeKept(a1, AgentMode.DRAINED)
    sent = call(rig, ReactivateAgent(a1))
    assert to(A1, sent) == [DrainOver()]
    assert to(ALLOCATOR, sent) == [AgentActivated(a1)]


def test_the_tasks_of_a_removed_framework_hold_up_a_drain_until_they_have_ended() -> None:
    rig, f1, a1 = running()
    rig.leave(f1)
    call(rig, DrainAgent("A1"))
    assert rig.master.agent_state(a1) == "draining"
    rig.report(f1, a1, "t1", TaskState.KILLED)
    assert rig.master.agent_state(a1) == "drained"


def test_a_disconnected_agent_is_told_when_it_registers_again() -> None:
    rig, f1, a1 = running()
    rig.tell(MASTER, LinkDown(A1))
    sent = call(rig, DrainAgent("A1", 7))
    assert to(A1, sent) == [] and of(AgentDeactivated, sent) == []
    sent = rig.back(tasks=[AgentTask(f1, task(role="dev"), TaskState.RUNNING)])
    assert [type(m) for m in to(A1, sent)] == [AgentRegistered, Drain]
    [added] = [m for _, m in of(AgentAdded, sent)]
    assert (added.active, of(AgentActivated, sent)) == (False, [])


def test_a_restarted_master_tells_a_draining_agent_again() -> None:
    rig, f1, a1 = running()
    call(rig, DrainAgent("A1", 7, mark_gone=True))
    rig = rig.restart()
    assert rig.master.agent_state(a1) == "draining"
    sent = rig.back(tasks=[AgentTask(f1, task(role="dev"), TaskState.RUNNING)])
    assert to(A1, sent)[-1] == Drain(7)
    assert of(KillTask, sent) == []
    rig = rig.restart()
    sent = rig.back(tasks=[])
    assert to(A1, sent)[-1] == AgentRefused("Agent has been marked gone")
    assert rig.master.agent_state(a1) == "gone"


def test_the_registry_says_the_same_in_a_snapshot() -> None:
    rig, _, a1 = running()
    a2, a3 = rig.agent("A2"), rig.agent("A3")
    call(rig, DrainAgent("A1", 7, mark_gone=True))
    call(rig, DeactivateAgent("A2"))
    call(rig, MarkAgentGone("A3"))
    schedule(rig, "A1", "A9")
    call(rig, StartMaintenance((MachineId("A9"),)))
    again = rig.restart()
    assert again.master.snapshot()[1:] == rig.master.snapshot()[1:]
    kept = rig.master.snapshot()
    assert AgentModeKept(a1, AgentMode.DRAINING, 7, True) in kept
    assert AgentModeKept(a2, AgentMode.DEACTIVATED) in kept
    assert AgentGone(a3, Gone.MARKED) in kept
    assert MaintenanceKept((Window((MachineId("A1"), MachineId("A9")), SOON),)) in kept
    assert MachinesDown((MachineId("A9"),)) in kept
    from_snapshot = Rig(records=kept)
    assert from_snapshot.master.snapshot()[1:] == kept[1:]


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (DrainAgent("nobody"), "unknown"),
        (DeactivateAgent("c-S9"), "unknown"),
        (ReactivateAgent("A1"), "conflict"),
        (DrainAgent("A1", -1), "invalid"),
        (MarkAgentGone(""), "unknown"),
    ],
)
def test_a_refused_call_is_answered_and_nothing_else_happens(message: Any, kind: str) -> None:
    rig, _, _ = running()
    before = (list(rig.records), len(rig.notes))
    [(receiver, answer)] = rig.tell(OPERATOR, message)
    assert (receiver, answer.kind) == (OPERATOR, kind)
    assert answer.error and answer.field
    assert (rig.records, len(rig.notes)) == before


# ---------------------------------------------------------------- gone


def test_an_agent_that_is_marked_gone_is_told_to_stop_and_never_taken_back() -> None:
    rig, f1, a1 = running()
    sent = call(rig, MarkAgentGone("A1"))
    assert to(A1, sent) == [AgentRefused("Agent has been marked gone")]
    assert updates(F1, sent) == [("t1", TaskState.GONE_BY_OPERATOR, Reason.AGENT_REMOVED_BY_OPERATOR)]
    assert rig.records[-1] == AgentGone(a1, Gone.MARKED)
    assert to(A1, rig.back()) == [AgentRefused("Agent has been marked gone")]
    assert to(A1, rig.restart().back()) == [AgentRefused("Agent has been marked gone")]


# ---------------------------------------------------------------- inverse offers


def asked(rig: Rig, f1: str, a1: str) -> InverseOffer:
    [(receiver, message)] = rig.tell(ALLOCATOR, InverseGrants(rig.books.epoch, ((f1, a1),)))
    assert receiver == F1 and isinstance(message, InverseOffers)
    [offer] = message.offers
    return offer


def test_a_framework_is_asked_once_and_its_answer_is_kept_for_the_status() -> None:
    rig, f1, a1 = running()
    sent = schedule(rig, "A1")
    assert sent == [(ALLOCATOR, AgentUnavailability(a1, SOON))]
    offer = asked(rig, f1, a1)
    assert (offer.framework_id, offer.agent_id, offer.unavailability, offer.resources) == (f1, a1, SOON, EMPTY)
    assert rig.tell(ALLOCATOR, InverseGrants(rig.books.epoch, ((f1, a1),))) == []
    assert rig.tell(F1, DeclineInverse(f1, (offer.id, "other"), -1)) == [(ALLOCATOR, InverseAnswered(f1, a1, 5_000))]
    assert rig.tell(F1, AcceptInverse(f1, (offer.id,), 0)) == []
    assert rig.master.maintenance_status() == [(MachineId("A1"), False, {f1: "DECLINE"})]
    second = asked(rig, f1, a1)
    rig.tell(F1, AcceptInverse(f1, (second.id,), 0))
    assert rig.master.maintenance_status() == [(MachineId("A1"), False, {f1: "ACCEPT"})]


def test_what_cannot_be_asked_is_over_for_the_allocator() -> None:
    rig, f1, a1 = running(failover_timeout_ms=60_000)
    epoch = rig.books.epoch
    assert rig.tell(ALLOCATOR, InverseGrants(epoch, ((f1, a1), (f1, "c-S9"), ("f9", a1)))) == [
        (ALLOCATOR, InverseAnswered(f1, a1)),
        (ALLOCATOR, InverseAnswered("f9", a1)),
    ]
    schedule(rig, "A1")
    rig.leave(f1)
    assert rig.tell(ALLOCATOR, InverseGrants(epoch, ((f1, a1),))) == [(ALLOCATOR, InverseAnswered(f1, a1))]
    assert rig.tell(ALLOCATOR, InverseGrants(epoch - 1, ((f1, a1),))) == []


def test_an_inverse_offer_ends_with_its_agent_its_framework_or_its_reason() -> None:
    rig, f1, a1 = running(failover_timeout_ms=60_000)
    schedule(rig, "A1")
    first = asked(rig, f1, a1)
    assert to(F1, schedule(rig)) == [RescindInverse(first.id)]
    schedule(rig, "A1")
    second = asked(rig, f1, a1)
    sent = rig.back(tasks=[AgentTask(f1, task(role="dev"), TaskState.RUNNING)])
    assert to(F1, sent) == [RescindInverse(second.id)]
    assert [m.unavailability for _, m in of(AgentAdded, sent)] == [SOON]
    asked(rig, f1, a1)
    assert of(RescindInverse, rig.leave(f1)) == []
    assert rig.master.state.inverse_offers == {}
    rig.framework(id=f1, failover_timeout_ms=60_000)
    last = asked(rig, f1, a1)
    assert RescindInverse(last.id) in to(F1, call(rig, MarkAgentGone("A1")))


# ---------------------------------------------------------------- machines


def test_a_schedule_is_news_only_for_the_agents_of_which_it_says_something_else() -> None:
    rig = Rig()
    a1, a2, f1 = rig.agent(), rig.agent("A2"), rig.framework()
    one, two = rig.offer(f1, a1), rig.offer(f1, a2)
    sent = schedule(rig, "a1")
    assert to(F1, sent) == [Rescind(one.id)]
    assert of(AgentUnavailability, sent) == [(ALLOCATOR, AgentUnavailability(a1, SOON))]
    again = rig.offer(f1, a1)
    assert (again.unavailability, two.unavailability) == (SOON, None)
    sent = schedule(rig, "A1", "A2")
    assert to(F1, sent) == [Rescind(two.id)]
    note = [n for n in rig.notes if isinstance(n, MaintenanceNote)][-1]
    assert (note.windows, note.down) == ((Window((MachineId("A1"), MachineId("A2")), SOON),), ())


def test_agents_of_a_machine_that_is_down_are_turned_away_and_called_back() -> None:
    rig, f1, a1 = running()
    rig.agent("A2")
    schedule(rig, "A1")
    sent = call(rig, StartMaintenance((MachineId("A1"),)))
    down = AgentRefused("Machine is down for maintenance", for_now=True)
    assert to(A1, sent) == [down]
    assert to(A2, sent) == []
    assert [(m.status.state, m.status.reason) for m in to(F1, sent) if isinstance(m, Update)] == [
        (TaskState.LOST, Reason.AGENT_REMOVED)
    ]
    assert rig.tell(A1, RegisterAgent(agent_info(), 1)) == [(A1, down)]
    assert to(A1, rig.back()) == [AgentRefused("Agent has been marked gone", for_now=True)]
    sent = call(rig, StopMaintenance((MachineId("A1"),)))
    assert sent == [(A1, RegisterAgain())]
    assert call(rig, ScheduleMaintenance(())) == []
    assert rig.agent() != a1


def test_an_agent_that_was_disconnected_when_its_machine_went_down_is_not_told_to_nobody() -> None:
    rig, _, _ = running()
    rig.tell(MASTER, LinkDown(A1))
    schedule(rig, "A1")
    sent = call(rig, StartMaintenance((MachineId("A1"),)))
    assert to(A1, sent) == []
    assert call(rig, StopMaintenance((MachineId("A1"),))) == []
