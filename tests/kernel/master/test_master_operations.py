"""Operations at the master: what the allocator and the agent are told and in which order, what is passed on, and whose word counts when they disagree."""

from __future__ import annotations

from dataclasses import replace

import pytest
from master_rig import A1, F1, F2, Rig, agent_info, of, task, to

from raymesos.machine import ALLOCATOR, LinkDown
from raymesos.model.quantities import Shared
from raymesos.model.resources import Disk, Key, Reservation, Resources, build
from raymesos.wire.messages import (
    Accept,
    AcknowledgeOperation,
    AgentAdded,
    AgentRegistered,
    Allocations,
    AllocatorReady,
    ApplyOperation,
    Convert,
    ConvertFree,
    Create,
    Destroy,
    FreeConverted,
    Launch,
    MarkAgentGone,
    Operate,
    OperationAcknowledged,
    OperationRef,
    OperationReport,
    OperationState,
    OperationStatus,
    OperationUpdate,
    OperatorAnswer,
    ReconcileOperations,
    Recover,
    RegisterAgent,
    ReregisterAgent,
    Rescind,
    Reserve,
    RunTasks,
    Unreserve,
)

OPERATOR = "client/op"


def parse(text: str) -> Resources:
    return Resources.parse(text)


def reserved(text: str, role: str = "dev") -> Resources:
    return build([(k._replace(reservations=(Reservation(role, True),)), q) for k, q in parse(text)])


def shared_volume(mb: int = 100) -> Resources:
    disk = Disk(persistence_id="v", container_path="data", mode="RW")
    return build([(Key("disk", (Reservation("dev", True),), disk, shared=True), Shared(mb * 1000, 1))])


def report(rig: Rig, framework_id: str, operation_id: str, state: OperationState = OperationState.FINISHED) -> object:
    status = OperationStatus(operation_id, state, "", f"uuid-{operation_id}")
    return rig.tell(A1, OperationReport(framework_id, status))


# ---------------------------------------------------------------- an accept


def test_each_operation_reaches_allocator_and_agent_before_what_uses_its_result() -> None:
    rig = Rig()
    f, a = rig.framework(), rig.agent()
    offer = rig.offer(f, a)
    info = task(resources="mem:1")
    info = replace(info, resources=reserved("cpus:1"))
    ops = (Reserve(reserved("cpus:2"), "r"), Launch((info,)), Unreserve(reserved("cpus:1")))
    sent = rig.tell(F1, Accept(f, (offer.id,), ops, 0))
    assert [type(m) for m in to(A1, sent)] == [ApplyOperation, RunTasks, ApplyOperation]
    assert to(ALLOCATOR, sent) == [
        Convert(f, "dev", a, 1, parse("cpus:2"), reserved("cpus:2")),
        Convert(f, "dev", a, 1, reserved("cpus:1"), parse("cpus:1")),
        Recover(f, "dev", a, 1, parse("cpus:3;mem:4096"), 0),
    ]
    assert to(A1, sent)[0] == ApplyOperation(f, parse("cpus:2"), reserved("cpus:2"), "r")


def test_an_operation_that_cannot_be_is_dropped_and_told_only_with_an_id() -> None:
    rig = Rig()
    f, a = rig.framework(), rig.agent()
    offer = rig.offer(f, a)
    ops = (Reserve(reserved("cpus:5")), Reserve(reserved("cpus:6"), "big"), Reserve(parse("cpus:1"), "bare"))
    sent = rig.tell(F1, Accept(f, (offer.id,), ops, 0))
    assert to(A1, sent) == []
    assert to(ALLOCATOR, sent) == [Recover(f, "dev", a, 1, offer.resources, 0)]
    assert [(m.status.operation_id, m.status.state, m.status.message, m.status.uuid) for m in to(F1, sent)] == [
        ("big", OperationState.ERROR, "cpus:6 is needed, cpus:4 is available", ""),
        ("bare", OperationState.ERROR, "resource cpus is not reserved", ""),
    ]
    assert rig.events().count("operation dropped") == 3


def test_an_id_in_use_is_refused() -> None:
    rig = Rig()
    f, a = rig.framework(), rig.agent()
    offer = rig.offer(f, a)
    ops = (Reserve(reserved("cpus:1"), "r"), Reserve(reserved("cpus:1"), "r"))
    sent = rig.tell(F1, Accept(f, (offer.id,), ops, 0))
    assert len(of(ApplyOperation, sent)) == 1
    assert [m.status.message for m in to(F1, sent)] == ["operation id 'r' is in use"]


def test_a_shared_volume_is_held_once_more_for_each_further_task() -> None:
    rig = Rig()
    f, a = rig.framework(), rig.agent(resources="cpus:4;disk:100")
    offer = rig.offer(f, a, "cpus:4;disk:100")
    volume = shared_volume()
    infos = [replace(task(f"t{i}"), resources=parse("cpus:1") + volume) for i in range(3)]
    ops = (Reserve(reserved("disk:100")), Create(volume), Launch(tuple(infos)), Destroy(volume, "d"))
    sent = rig.tell(F1, Accept(f, (offer.id,), ops, 0))
    assert [m.before for _, m in of(Convert, sent)[2:]] == [volume, volume]
    assert [m.after for _, m in of(Convert, sent)[2:]] == [volume + volume] * 2
    [answer] = to(F1, sent)
    assert answer.status.message == "volume 'v' is used by 3 tasks, 't0' first"
    assert rig.metric("disk_used") == 100


def test_destroying_a_shared_volume_gives_back_every_copy_and_rescinds_those_of_others() -> None:
    rig = Rig()
    f, g, a = rig.framework(), rig.framework("F2"), rig.agent(resources="cpus:4;disk:100")
    offer = rig.offer(f, a, "cpus:4;disk:100")
    volume = shared_volume()
    rig.tell(F1, Accept(f, (offer.id,), (Reserve(reserved("disk:100")), Create(volume)), 0))
    held = rig.books
    first, second, other = [
        rig.tell(ALLOCATOR, rig_grant(rig, framework, a, parse("cpus:1") + volume))[0][1].offers[0]
        for framework in (f, f, g)
    ]
    sent = rig.tell(F1, Accept(f, (first.id, second.id), (Destroy(volume),), 0))
    assert [m.offer_id for m in to(F2, sent)] == [other.id]
    assert [type(m) for m in to(F2, sent)] == [Rescind]
    [(_, converted)] = of(Convert, sent)
    assert (converted.before, converted.after) == (volume + volume, reserved("disk:100"))
    assert held.agents[a].held == {}


def rig_grant(rig: Rig, framework_id: str, agent_id: str, resources: Resources) -> object:
    return Allocations(rig.books.epoch, (rig.books.grant(framework_id, "dev", agent_id, resources),))


def test_a_grant_of_a_volume_that_is_gone_meanwhile_goes_back() -> None:
    rig = Rig()
    f, a = rig.framework(), rig.agent(resources="cpus:4;disk:100")
    offer = rig.offer(f, a, "cpus:3;disk:100")
    volume = shared_volume()
    rig.tell(F1, Accept(f, (offer.id,), (Reserve(reserved("disk:100")), Create(volume)), 0))
    mine = rig.tell(ALLOCATOR, rig_grant(rig, f, a, volume))[0][1].offers[0]
    late = rig_grant(rig, f, a, parse("cpus:1") + volume)
    # The books of the rig book a grant when it is made: the master has not heard of it yet.
    rig.books.agents[a].held[f, "dev"] = volume
    rig.tell(F1, Accept(f, (mine.id,), (Destroy(volume),), 0))
    rig.books.agents[a].held[f, "dev"] = parse("cpus:1") + volume
    assert rig.tell(ALLOCATOR, late) == [(ALLOCATOR, Recover(f, "dev", a, 1, parse("cpus:1") + volume))]


# ---------------------------------------------------------------- the outcome


def reserving(rig: Rig) -> tuple[str, str]:
    f, a = rig.framework(failover_timeout_ms=600_000), rig.agent()
    offer = rig.offer(f, a)
    rig.tell(F1, Accept(f, (offer.id,), (Reserve(reserved("cpus:1"), "r"),), 0))
    return f, a


def test_an_outcome_is_passed_on_with_the_agent_and_its_acknowledgement_back() -> None:
    rig = Rig()
    f, a = reserving(rig)
    sent = report(rig, f, "r")
    assert sent == [(F1, OperationUpdate(OperationStatus("r", OperationState.FINISHED, a, "uuid-r")))]
    wrong = rig.tell(F1, AcknowledgeOperation(f, a, "r", "other"))
    assert wrong == []
    assert rig.tell(F1, AcknowledgeOperation(f, a, "r", "uuid-r")) == [(A1, OperationAcknowledged(f, "r", "uuid-r"))]
    assert rig.tell(F1, AcknowledgeOperation(f, a, "r", "uuid-r")) == []
    assert rig.tell(F2, AcknowledgeOperation(f, a, "r", "uuid-r")) == []


def test_an_outcome_for_a_framework_that_is_away_waits_and_for_one_that_is_gone_is_acknowledged() -> None:
    rig = Rig()
    f, a = reserving(rig)
    rig.leave(f)
    assert report(rig, f, "r") == []
    assert report(rig, "nobody", "x") == [(A1, OperationAcknowledged("nobody", "x", "uuid-x"))]


def test_reconciling_knows_pending_operations_and_those_of_agents_in_every_state() -> None:
    rig = Rig()
    f, a = reserving(rig)
    b, c = rig.agent("A2"), rig.agent("A3")
    rig.lose("A2")
    rig.tell(OPERATOR, MarkAgentGone("A3"))
    refs = (OperationRef("r"), *(OperationRef("x", id) for id in (a, b, c, "")))
    sent = rig.tell(F1, ReconcileOperations(f, refs))
    assert [(m.status.operation_id, m.status.state, m.status.uuid) for m in to(F1, sent)] == [
        ("r", OperationState.PENDING, ""),
        ("x", OperationState.UNKNOWN, ""),
        ("x", OperationState.UNREACHABLE, ""),
        ("x", OperationState.GONE_BY_OPERATOR, ""),
        ("x", OperationState.UNKNOWN, ""),
    ]
    assert [m.status.operation_id for m in to(F1, rig.tell(F1, ReconcileOperations(f)))] == ["r"]


@pytest.mark.parametrize(
    ("how", "state"),
    [("lost", OperationState.UNREACHABLE), ("gone", OperationState.GONE_BY_OPERATOR)],
)
def test_of_an_operation_that_is_under_way_the_loss_of_its_agent_is_told(how: str, state: OperationState) -> None:
    rig = Rig()
    _, _ = reserving(rig)
    sent = rig.lose() if how == "lost" else rig.tell(OPERATOR, MarkAgentGone("A1"))
    assert [m.status.state for _, m in of(OperationUpdate, sent)] == [state]


# ---------------------------------------------------------------- whose word counts


def test_what_the_agent_says_that_it_has_counts_and_what_it_never_heard_of_it_is_asked_for() -> None:
    rig = Rig()
    f, a = reserving(rig)
    rig.tell(A1, LinkDown(A1))
    sent = rig.back()
    [welcome] = [m for m in to(A1, sent) if isinstance(m, AgentRegistered)]
    assert (welcome.own, welcome.operations) == (Resources(), ((f, "r"),))
    [added] = [m for m in to(ALLOCATOR, sent) if isinstance(m, AgentAdded)]
    assert added.total == parse("cpus:4;mem:4096")
    assert rig.master.state.agents[a].whole == parse("cpus:4;mem:4096")


def test_an_agent_that_brings_its_outcomes_is_asked_for_none() -> None:
    rig = Rig()
    f, a = reserving(rig)
    own = parse("cpus:3;mem:4096") + reserved("cpus:1")
    status = OperationStatus("r", OperationState.FINISHED, a, "u")
    info = rig.master.state.agents[a].info
    sent = rig.tell(A1, ReregisterAgent(a, info, 1, own=own, operations=((f, status),)))
    [welcome] = [m for m in to(A1, sent) if isinstance(m, AgentRegistered)]
    assert (welcome.own, welcome.operations) == (own, ())
    assert to(F1, rig.tell(F1, ReconcileOperations(f)))[0].status.state is OperationState.FINISHED


def test_a_new_master_learns_what_is_reserved_from_the_agent() -> None:
    rig = Rig()
    own = parse("cpus:3;mem:4096") + reserved("cpus:1")
    a = rig.agent()
    again = rig.restart()
    info = rig.master.state.agents[a].info
    sent = again.tell(A1, ReregisterAgent(a, info, 1, own=own))
    [added] = [m for m in to(ALLOCATOR, sent) if isinstance(m, AgentAdded)]
    assert added.total == own


# ---------------------------------------------------------------- the operator's


def ask(rig: Rig, operation: object, agent: str = "A1") -> list[tuple[str, object]]:
    return rig.tell(OPERATOR, Operate(agent, operation, request_id="q"))  # type: ignore[arg-type]


def test_the_operator_is_answered_when_the_allocator_has_converted_what_is_free() -> None:
    rig = Rig()
    rig.agent()
    [(_, asked)] = ask(rig, Reserve(reserved("cpus:1", "ads")))
    assert isinstance(asked, ConvertFree)
    assert (asked.before, asked.after) == (parse("cpus:1"), reserved("cpus:1", "ads"))
    assert rig.books.convert_free(asked)
    sent = rig.tell(ALLOCATOR, FreeConverted(asked.request_id, done=True))
    assert sent == [
        (A1, ApplyOperation("", parse("cpus:1"), reserved("cpus:1", "ads"))),
        (OPERATOR, OperatorAnswer("q")),
    ]


def test_what_was_granted_meanwhile_is_rescinded_and_asked_for_again_three_times_in_all() -> None:
    rig = Rig()
    f, a = rig.framework(), rig.agent()
    [(_, asked)] = ask(rig, Reserve(reserved("cpus:4", "ads")))
    for _ in range(2):
        offer = rig.offer(f, a)
        sent = rig.tell(ALLOCATOR, FreeConverted(asked.request_id, done=False))
        assert [m.offer_id for _, m in of(Rescind, sent)] == [offer.id]
        [(_, asked)] = of(ConvertFree, sent)
    sent = rig.tell(ALLOCATOR, FreeConverted(asked.request_id, done=False, free=parse("cpus:1")))
    [(_, answer)] = sent
    assert (answer.kind, answer.error) == ("conflict", "cpus:4 is needed of agent A1, cpus:1 is free of it")
    assert rig.tell(ALLOCATOR, FreeConverted(asked.request_id, done=True)) == []


def test_offers_that_hold_nothing_of_it_or_are_not_needed_stay() -> None:
    rig = Rig()
    f, a = rig.framework(), rig.agent()
    rig.offer(f, a, "mem:1000")
    needed = rig.offer(f, a, "cpus:2")
    rig.offer(f, a, "cpus:1")
    sent = ask(rig, Reserve(reserved("cpus:3", "ads")))
    assert [m.offer_id for _, m in of(Rescind, sent)] == [needed.id]


def test_a_new_allocator_or_a_new_life_of_the_agent_is_asked_again_and_old_answers_are_void() -> None:
    rig = Rig()
    a = rig.agent()
    [(_, first)] = ask(rig, Reserve(reserved("cpus:1", "ads")))
    [(_, second)] = of(ConvertFree, rig.tell(ALLOCATOR, AllocatorReady()))
    assert rig.tell(ALLOCATOR, FreeConverted(first.request_id, done=True)) == []
    [(_, third)] = of(ConvertFree, rig.back(life=2))
    assert third.incarnation == second.incarnation + 1
    assert rig.tell(ALLOCATOR, FreeConverted(second.request_id, done=True)) == []
    assert rig.master.state.agents[a].whole == parse("cpus:4;mem:4096")


def test_who_waits_for_an_agent_that_is_lost_is_told() -> None:
    rig = Rig()
    rig.agent()
    ask(rig, Reserve(reserved("cpus:1", "ads")))
    [(_, answer)] = of(OperatorAnswer, rig.lose())
    assert (answer.kind, answer.error) == ("conflict", "agent A1 was lost meanwhile")


def test_an_agent_that_registers_with_reservations_has_them() -> None:
    rig = Rig()
    own = parse("cpus:3;mem:4096") + reserved("cpus:1")
    sent = rig.tell(A1, RegisterAgent(agent_info(), 1, own))
    [added] = [m for m in to(ALLOCATOR, sent) if isinstance(m, AgentAdded)]
    assert added.total == own
