"""Agents at the master: admitted, pinged, lost, back again, gone."""

from __future__ import annotations

import pytest
from master_rig import (
    A1,
    A2,
    F1,
    NOT_PARTITION_AWARE,
    WHOLE,
    Rig,
    agent_info,
    framework_info,
    of,
    statuses,
    task,
    to,
    updates,
)

from raymesos.machine import ALLOCATOR, MASTER, LinkDown, LinkUp, Outbox, Wake
from raymesos.model.attributes import Attributes
from raymesos.model.resources import Resources
from raymesos.model.tasks import Reason, Source, TaskState
from raymesos.wire.messages import (
    AgentActivated,
    AgentAdded,
    AgentAdmitted,
    AgentDeactivated,
    AgentGone,
    AgentReachable,
    AgentRefused,
    AgentRegistered,
    AgentRemoved,
    AgentTask,
    AgentUnreachable,
    Failure,
    Held,
    Kill,
    KillTask,
    Ping,
    Pong,
    Recover,
    RegisterAgent,
    Rescind,
    ShutdownFramework,
    UnregisterAgent,
)

RUNNING = TaskState.RUNNING
AWAY = [
    pytest.param(None, TaskState.UNREACHABLE, id="partition aware"),
    pytest.param(NOT_PARTITION_AWARE, TaskState.LOST, id="not partition aware"),
]


def brought(framework_id: str, task_id: str = "t1", state: TaskState = RUNNING, role: str = "dev") -> AgentTask:
    return AgentTask(framework_id, task(task_id, role=role), state)


# ---------------------------------------------------------------- registration


def test_an_agent_is_recorded_answered_and_told_to_the_allocator() -> None:
    rig = Rig()
    sent = rig.tell(A1, RegisterAgent(agent_info(), 7))
    assert rig.records[-1] == AgentAdmitted("c-S1", agent_info())
    added = AgentAdded("c-S1", 1, "A1", Resources.parse(WHOLE), Attributes())
    assert to(ALLOCATOR, sent) == [added, AgentActivated("c-S1")]
    assert to(A1, sent) == [AgentRegistered("c-S1", "c-0001", 75_000)]
    assert rig.metric("slave_registrations") == rig.metric("slaves_active") == 1


def test_the_answer_waits_for_the_record() -> None:
    rig = Rig()
    out = Outbox()
    rig.master.handle(0, A1, RegisterAgent(agent_info(), 1), out)
    # A host makes the records of a batch durable before anything of the batch leaves.
    assert out.records == [AgentAdmitted("c-S1", agent_info())]
    assert [m for to, m in out.sends if to == A1] == [AgentRegistered("c-S1", "c-0001", 75_000)]


def test_an_agent_that_did_not_hear_its_answer_keeps_its_id() -> None:
    rig = Rig()
    rig.agent(life=7)
    before = list(rig.records)
    assert rig.tell(A1, RegisterAgent(agent_info(), 7)) == [(A1, AgentRegistered("c-S1", "c-0001", 75_000))]
    assert rig.records == before


def test_a_new_agent_of_the_same_name_replaces_the_old_one_and_its_tasks_are_gone() -> None:
    rig = Rig()
    f1, a1 = rig.framework(), rig.agent(life=1)
    rig.run(f1, a1, task())
    offer = rig.offer(f1, a1, "cpus:1;mem:64")
    sent = rig.tell(A1, RegisterAgent(agent_info(), 2))
    assert to(A1, sent) == [AgentRegistered("c-S2", "c-0001", 75_000)]
    assert updates(F1, sent) == [("t1", TaskState.GONE, Reason.AGENT_REMOVED)]
    assert to(F1, sent)[1:] == [Rescind(offer.id), Failure(a1)]
    assert AgentGone(a1) in rig.records
    assert rig.metric("slave_removals/reason_registered") == 1
    assert to(A1, rig.back(agent_id=a1)) == [AgentRefused("Agent has been marked gone")]


def test_an_agent_that_comes_under_the_name_of_another_takes_its_place() -> None:
    rig = Rig()
    a1, a2 = rig.agent("A1"), rig.agent("A2")
    sent = rig.back("A1", agent_id=a2)
    assert of(AgentRemoved, sent) == [(ALLOCATOR, AgentRemoved(a1))]
    assert to(A1, sent) == [AgentRegistered(a2, "c-0001", 75_000)]
    assert list(rig.master.state.agents) == [a2]


def test_two_agents_cannot_live_at_one_address() -> None:
    rig = Rig()
    a1 = rig.agent("A1")
    sent = rig.tell(A1, RegisterAgent(agent_info("other"), 1))
    assert of(AgentRemoved, sent) == [(ALLOCATOR, AgentRemoved(a1))]
    assert to(A1, sent) == [AgentRegistered("c-S2", "c-0001", 75_000)]


def test_an_agent_leaves_on_purpose_and_may_not_come_back() -> None:
    rig = Rig()
    f1, a1 = rig.framework(), rig.agent()
    rig.run(f1, a1, task())
    assert rig.tell(A2, UnregisterAgent(a1)) == []
    sent = rig.tell(A1, UnregisterAgent(a1))
    [status] = statuses(F1, sent)
    assert (status.state, status.reason, status.source, status.uuid) == (
        TaskState.GONE,
        Reason.AGENT_REMOVED,
        Source.MASTER,
        "",
    )
    assert to(ALLOCATOR, sent) == [AgentRemoved(a1)]
    assert rig.records[-1] == AgentGone(a1)
    assert rig.metric("slave_removals/reason_unregistered") == rig.metric("tasks_gone") == 1
    assert to(A1, rig.back()) == [AgentRefused("Agent has been marked gone")]


def test_what_an_unregistered_agent_says_has_no_effect() -> None:
    rig = Rig()
    a1 = rig.agent()
    assert rig.tell(A2, Pong(a1)) == []
    assert rig.tell("agent/other", UnregisterAgent(a1)) == []
    assert rig.tell(A1, UnregisterAgent("c-S9")) == []
    assert list(rig.master.state.agents) == [a1]


def test_an_id_that_an_agent_brings_to_a_master_without_registry_is_not_given_again() -> None:
    rig = Rig()
    assert to(A1, rig.back("A1", agent_id="c-S4")) == [AgentRegistered("c-S4", "c-0001", 75_000)]
    assert rig.records[-1] == AgentAdmitted("c-S4", agent_info())
    assert rig.agent("A2") == "c-S5"


# ---------------------------------------------------------------- pings


@pytest.mark.parametrize(("ping_ms", "misses"), [(15_000, 5), (1_000, 10)])
def test_an_agent_is_unreachable_after_so_many_unanswered_pings(ping_ms: int, misses: int) -> None:
    rig = Rig(agent_ping_ms=ping_ms, agent_ping_misses=misses)
    rig.framework()
    a1 = rig.agent()
    rig.silent.append(A1)
    assert of(Ping, rig.advance(ping_ms * misses)) == [(A1, Ping(connected=True))] * misses
    assert rig.advance(ping_ms - 1) == []
    sent = rig.advance(1)
    assert to(ALLOCATOR, sent) == [AgentRemoved(a1)]
    assert to(F1, sent) == [Failure(a1)]
    assert rig.records[-1] == AgentUnreachable(a1, ping_ms * (misses + 1))
    assert (rig.metric("slaves_unreachable"), rig.metric("slaves_active")) == (1, 0)
    assert rig.metric("slave_removals/reason_unhealthy") == rig.metric("slave_unreachable_completed") == 1
    assert of(Ping, rig.advance(100_000)) == []


def test_one_answer_starts_the_count_anew() -> None:
    rig = Rig()
    a1 = rig.agent()
    rig.silent.append(A1)
    rig.advance(75_000)
    rig.tell(A1, Pong(a1))
    assert of(AgentRemoved, rig.advance(75_000)) == []
    assert of(AgentRemoved, rig.advance(15_000)) == [(ALLOCATOR, AgentRemoved(a1))]


@pytest.mark.parametrize(("capabilities", "state"), AWAY)
def test_tasks_of_an_unreachable_agent_are_away_and_come_back_with_it(
    capabilities: tuple[str, ...] | None, state: TaskState
) -> None:
    rig = Rig()
    f1 = rig.framework(**({} if capabilities is None else {"capabilities": capabilities}))
    a1 = rig.agent()
    rig.run(f1, a1, task())
    offer = rig.offer(f1, a1, "cpus:1;mem:64")
    sent = rig.lose()
    [status] = statuses(F1, sent)
    assert (status.task_id, status.state, status.reason, status.unreachable_ms) == (
        "t1",
        state,
        Reason.AGENT_REMOVED,
        90_000,
    )
    assert status.source is Source.MASTER
    assert status.uuid == ""
    assert [m for m in to(F1, sent) if m != to(F1, sent)[0]] == [Rescind(offer.id), Failure(a1)]
    assert rig.metric("tasks_unreachable") == 1
    assert rig.metric("tasks_running") == 0

    sent = rig.back(tasks=[brought(f1)])
    assert rig.records[-1] == AgentReachable(a1)
    assert updates(F1, sent) == [("t1", RUNNING, Reason.AGENT_REREGISTERED)]
    [added] = [m for m in to(ALLOCATOR, sent) if isinstance(m, AgentAdded)]
    assert added.held == (Held(f1, "dev", a1, Resources.parse("cpus:1;mem:128")),)
    assert (rig.metric("tasks_unreachable"), rig.metric("tasks_running")) == (0, 1)
    assert rig.metric("slave_reregistrations") == 1


def test_an_end_that_the_framework_has_heard_is_not_followed_by_a_loss() -> None:
    rig = Rig()
    f1, a1 = rig.framework(), rig.agent()
    rig.run(f1, a1, task())
    rig.report(f1, a1, "t1", TaskState.FINISHED)
    assert updates(F1, rig.lose()) == []


def test_an_end_that_the_framework_has_not_heard_is_lost_with_the_agent() -> None:
    """The agent knows that the task has finished, and still waits for the answer to an earlier update."""
    rig = Rig()
    f1, a1 = rig.framework(), rig.agent()
    rig.accept(f1, [rig.offer(f1, a1)], task())
    sent = rig.report(f1, a1, "t1", RUNNING, latest=TaskState.FINISHED)
    assert updates(F1, sent) == [("t1", RUNNING, Reason.NONE)]
    assert len(of(Recover, sent)) == 1
    assert updates(F1, rig.lose()) == [("t1", TaskState.UNREACHABLE, Reason.AGENT_REMOVED)]
    assert to(F1, rig.back(tasks=[brought(f1, state=TaskState.FINISHED)])) == []
    assert updates(F1, rig.report(f1, a1, "t1", TaskState.FINISHED)) == [("t1", TaskState.FINISHED, Reason.NONE)]


def test_of_many_unreachable_tasks_the_oldest_are_forgotten() -> None:
    rig = Rig(unreachable_tasks_per_framework=2)
    f1, a1 = rig.framework(), rig.agent()
    rig.run(f1, a1, task("t1"), task("t2"), task("t3"))
    rig.lose()
    assert list(rig.master.state.frameworks[f1].unreachable) == ["t2", "t3"]


def test_tasks_of_an_unreachable_agent_that_is_replaced_are_gone() -> None:
    rig = Rig()
    f1, a1 = rig.framework(), rig.agent()
    rig.run(f1, a1, task())
    rig.lose()
    sent = rig.tell(A1, RegisterAgent(agent_info(), 2))
    assert updates(F1, sent) == [("t1", TaskState.GONE, Reason.AGENT_REMOVED)]
    assert rig.metric("tasks_unreachable") == 0
    assert to(A1, rig.back(agent_id=a1)) == [AgentRefused("Agent has been marked gone")]


def test_a_framework_that_was_told_lost_is_not_told_again_when_the_agent_is_replaced() -> None:
    rig = Rig()
    f1, a1 = rig.framework(capabilities=NOT_PARTITION_AWARE), rig.agent()
    rig.run(f1, a1, task())
    assert updates(F1, rig.lose()) == [("t1", TaskState.LOST, Reason.AGENT_REMOVED)]
    assert to(F1, rig.tell(A1, RegisterAgent(agent_info(), 2))) == []
    assert rig.metric("tasks_unreachable") == 0
    assert rig.metric("tasks_lost") == 1


# ---------------------------------------------------------------- the link


def test_an_agent_whose_link_is_down_keeps_its_tasks_and_loses_its_offers() -> None:
    rig = Rig()
    f1, a1 = rig.framework(), rig.agent()
    rig.run(f1, a1, task())
    offer = rig.offer(f1, a1, "cpus:1;mem:64")
    sent = rig.tell(MASTER, LinkDown(A1))
    assert to(F1, sent) == [Rescind(offer.id)]
    assert AgentDeactivated(a1) in to(ALLOCATOR, sent)
    assert rig.tell(MASTER, LinkDown(A1)) == []
    assert (rig.metric("slaves_disconnected"), rig.metric("tasks_running")) == (1, 1)
    assert of(Ping, rig.advance(15_000)) == [(A1, Ping(connected=False))]
    sent = rig.back(tasks=[brought(f1)])
    assert to(F1, sent) == []
    assert rig.metric("slaves_connected") == 1


def test_a_grant_of_an_agent_whose_link_is_down_goes_back() -> None:
    rig = Rig()
    f1, a1 = rig.framework(), rig.agent()
    rig.tell(MASTER, LinkDown(A1))
    [(receiver, message)] = rig.grant(f1, a1)
    assert (receiver, message) == (ALLOCATOR, Recover(f1, "dev", a1, 1, Resources.parse(WHOLE)))


def test_an_agent_process_that_restarted_is_disconnected_until_it_registers_again() -> None:
    rig = Rig()
    a1 = rig.agent()
    assert rig.tell(MASTER, LinkUp(A1, restarted=False)) == []
    assert to(ALLOCATOR, rig.tell(MASTER, LinkUp(A1, restarted=True))) == [AgentDeactivated(a1)]
    sent = rig.back(life=2)
    assert to(A1, sent) == [AgentRegistered(a1, "c-0001", 75_000)]
    assert rig.master.state.agents[a1].incarnation == 2


def test_an_agent_may_come_back_smaller_than_what_runs_there() -> None:
    rig = Rig()
    f1, a1 = rig.framework(), rig.agent()
    rig.run(f1, a1, task(resources="cpus:4;mem:64"))
    shrunk = rig.back(
        tasks=[AgentTask(f1, task(resources="cpus:4;mem:64", role="dev"), RUNNING)], resources="cpus:2;mem:64"
    )
    assert to(F1, shrunk) == []
    assert rig.records[-1] == AgentAdmitted(a1, agent_info("A1", "cpus:2;mem:64"))
    assert rig.metric("cpus_total") == 2
    assert rig.metric("cpus_used") == 4


# ---------------------------------------------------------------- levelling tasks


def test_a_task_that_its_agent_does_not_know_is_asked_for() -> None:
    rig = Rig()
    f1, a1 = rig.framework(), rig.agent()
    rig.accept(f1, [rig.offer(f1, a1)], task())
    sent = rig.back()
    assert to(A1, sent) == [AgentRegistered(a1, "c-0001", 75_000, ((f1, "t1"),))]
    sent = rig.report(f1, a1, "t1", TaskState.DROPPED, source=Source.AGENT)
    assert updates(F1, sent) == [("t1", TaskState.DROPPED, Reason.NONE)]
    assert len(of(Recover, sent)) == 1


def test_a_task_that_ended_unheard_and_is_not_brought_is_asked_for_too() -> None:
    rig = Rig()
    f1, a1 = rig.framework(), rig.agent()
    rig.accept(f1, [rig.offer(f1, a1)], task())
    rig.report(f1, a1, "t1", RUNNING, latest=TaskState.FAILED)
    assert to(A1, rig.back())[-1].reconcile == ((f1, "t1"),)


def test_a_task_that_ended_for_its_framework_and_is_not_brought_is_forgotten() -> None:
    rig = Rig()
    f1, a1 = rig.framework(), rig.agent()
    rig.run(f1, a1, task())
    rig.report(f1, a1, "t1", TaskState.FAILED)
    assert to(A1, rig.back())[-1].reconcile == ()
    assert rig.master.state.frameworks[f1].tasks == {}


def test_a_task_that_ended_while_its_agent_was_away_is_free_again_at_once() -> None:
    rig = Rig()
    f1, a1 = rig.framework(), rig.agent()
    rig.run(f1, a1, task())
    sent = rig.back(tasks=[brought(f1, state=TaskState.FAILED)])
    [added] = [m for m in to(ALLOCATOR, sent) if isinstance(m, AgentAdded)]
    assert added.held == ()
    sent = rig.report(f1, a1, "t1", TaskState.FAILED)
    assert updates(F1, sent) == [("t1", TaskState.FAILED, Reason.NONE)]
    assert of(Recover, sent) == []


@pytest.mark.parametrize("state", [TaskState.UNKNOWN, TaskState.UNREACHABLE])
def test_a_state_that_no_agent_can_know_is_not_taken_over(state: TaskState) -> None:
    rig = Rig()
    f1, a1 = rig.framework(), rig.agent()
    rig.run(f1, a1, task())
    rig.back(tasks=[brought(f1, state=state)])
    assert rig.metric("tasks_running") == 1
    assert to(F1, rig.report(f1, a1, "t1", state)) == []
    rig.report(f1, a1, "t1", RUNNING, latest=state)
    assert rig.metric("tasks_running") == 1
    rig.back(tasks=[brought(f1), brought(f1, "t2", state=state)])
    assert list(rig.master.state.frameworks[f1].tasks) == ["t1"]


def test_a_kill_asked_for_while_the_agent_was_away_is_said_when_it_is_back() -> None:
    rig = Rig()
    f1, a1 = rig.framework(), rig.agent()
    rig.run(f1, a1, task())
    rig.tell(MASTER, LinkDown(A1))
    assert rig.tell(F1, Kill(f1, "t1", a1, grace_ms=700)) == []
    sent = rig.back(tasks=[brought(f1)])
    assert of(KillTask, sent) == [(A1, KillTask(f1, "t1", 700))]


def test_tasks_of_a_removed_framework_are_shut_down_when_their_agent_is_back() -> None:
    rig = Rig()
    f1, a1 = rig.framework(), rig.agent()
    rig.run(f1, a1, task())
    rig.tell(MASTER, LinkDown(A1))
    assert of(ShutdownFramework, rig.leave(f1)) == []
    sent = rig.back(tasks=[brought(f1)], frameworks=[])
    assert of(ShutdownFramework, sent) == [(A1, ShutdownFramework(f1))]


def test_an_idle_executor_of_a_removed_framework_is_shut_down_when_its_agent_is_back() -> None:
    rig = Rig()
    f1 = rig.framework()
    rig.agent()
    rig.tell(MASTER, LinkDown(A1))
    rig.leave(f1)
    sent = rig.back(frameworks=[framework_info(id=f1)])
    assert of(ShutdownFramework, sent) == [(A1, ShutdownFramework(f1))]


def test_a_framework_that_nobody_knows_is_shut_down() -> None:
    rig = Rig()
    rig.agent()
    sent = rig.back(tasks=[brought("c-0007-0001")], frameworks=[framework_info(id="c-0007-0001")])
    assert of(ShutdownFramework, sent) == [(A1, ShutdownFramework("c-0007-0001"))]
    assert rig.master.state.frameworks == {}


def test_a_task_whose_id_was_given_to_another_meanwhile_is_killed_unheard() -> None:
    """After a restart the master does not know what runs on an agent that is not back yet."""
    first = Rig()
    f1, a1 = first.framework(failover_timeout_ms=60_000), first.agent()
    first.run(f1, a1, task())
    rig = first.restart()
    rig.framework(id=f1, failover_timeout_ms=60_000)
    a2 = rig.agent("A2")
    rig.run(f1, a2, task())
    sent = rig.back(tasks=[brought(f1)])
    assert of(KillTask, sent) == [(A1, KillTask(f1, "t1", None))]
    assert to(F1, sent) == []
    sent = rig.back(tasks=[brought(f1)])
    assert of(KillTask, sent) == [(A1, KillTask(f1, "t1", None))]
    sent = rig.report(f1, a1, "t1", TaskState.KILLED, uuid="k")
    assert to(F1, sent) == []
    assert [type(m).__name__ for m in to(A1, sent)] == ["StatusAcknowledged"]
    assert len(of(Recover, sent)) == 1
    assert rig.master.state.agents[a1].tasks == {}
    assert list(rig.master.state.frameworks[f1].tasks) == ["t1"]
    rig.back("A2", tasks=[brought(f1)])
    assert rig.metric("tasks_running") == 1


def test_a_stray_task_is_not_told_of_when_its_agent_is_lost() -> None:
    first = Rig()
    f1, a1 = first.framework(failover_timeout_ms=60_000), first.agent()
    first.run(f1, a1, task())
    rig = first.restart()
    rig.framework(id=f1, failover_timeout_ms=60_000)
    rig.run(f1, rig.agent("A2"), task())
    rig.back(tasks=[brought(f1)])
    sent = rig.lose("A1")
    assert updates(F1, sent) == []
    assert rig.master.state.frameworks[f1].unreachable == {}


# ---------------------------------------------------------------- the master's restart


def test_a_restarted_master_takes_agents_back_with_what_runs_there() -> None:
    first = Rig()
    f1, a1 = first.framework(failover_timeout_ms=60_000), first.agent()
    first.run(f1, a1, task())
    rig = first.restart()
    assert rig.master.state.master_id == "c-0002"
    rig.framework(id=f1, failover_timeout_ms=60_000)
    sent = rig.back(tasks=[brought(f1)])
    assert to(A1, sent) == [AgentRegistered(a1, "c-0002", 75_000)]
    assert to(F1, sent) == []
    assert rig.metric("tasks_running") == 1
    assert rig.agent("A9") == "c-S2"


def test_agents_that_do_not_come_back_in_time_are_unreachable() -> None:
    first = Rig()
    a1, a2 = first.agent("A1"), first.agent("A2")
    rig = first.restart()
    rig.back("A1")
    rig.advance(599_999)
    assert AgentUnreachable(a2, 600_000) not in rig.records
    rig.advance(1)
    assert rig.records[-1] == AgentUnreachable(a2, 600_000)
    assert rig.metric("recovery_slave_removals") == 1
    assert list(rig.master.state.agents) == [a1]
    again = rig.restart()
    assert again.metric("slaves_unreachable") == 1
    again.back("A2")
    assert again.records[-1] == AgentReachable(a2)


def test_who_was_unreachable_before_the_restart_is_not_waited_for() -> None:
    first = Rig()
    first.agent()
    first.lose()
    rig = first.restart()
    assert rig.master.state.recovering == {}
    assert rig.metric("slaves_unreachable") == 1


def test_who_is_gone_stays_gone_after_the_restart() -> None:
    first = Rig()
    a1 = first.agent()
    first.tell(A1, UnregisterAgent(a1))
    rig = first.restart()
    assert rig.back() == [(A1, AgentRefused("Agent has been marked gone"))]
    assert rig.agent("A2") == "c-S2"


def test_the_wake_for_agents_that_were_awaited_finds_all_of_them_back() -> None:
    first = Rig()
    first.agent()
    rig = first.restart()
    rig.back()
    before = list(rig.records)
    assert rig.tell(MASTER, Wake("recovery")) == []
    assert rig.records == before
