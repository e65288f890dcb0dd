"""How an agent joins, stays, and joins again."""

from __future__ import annotations

from agent_rig import E1, EXECUTOR, F1, INFO, LAUNCHER, PING_TIMEOUT_MS, Rig, framework, task, to, updates

from raymesos.machine import MASTER, LinkDown, LinkUp, Wake
from raymesos.model.tasks import Reason, Source, TaskState
from raymesos.wire.messages import (
    AgentIdKept,
    AgentRefused,
    AgentRegistered,
    AgentTask,
    ExecutorAcknowledged,
    ExecutorDropped,
    ExecutorLost,
    ExecutorSubscribed,
    KillTask,
    Leave,
    Ping,
    Pong,
    RegisterAgent,
    ReregisterAgent,
    ShutdownExecutorNow,
    StatusUpdate,
    StopExecutor,
    UnregisterAgent,
)


def test_an_agent_asks_again_with_doubling_pauses_until_the_master_answers() -> None:
    rig = Rig(start=False)
    assert rig.tell(Wake("start")) == [(MASTER, RegisterAgent(INFO, 1))]
    assert rig.advance(999) == []
    assert rig.advance(1) == [(MASTER, RegisterAgent(INFO, 1))]
    assert rig.advance(1_999) == []
    assert len(rig.advance(1)) == 1
    assert len(rig.advance(200_000)) == 4 + 2  # after 4, 8, 16, 32 s, then every 60 s
    rig.register()
    assert rig.advance(60_000) == []


def test_the_id_is_kept_and_told_once() -> None:
    rig = Rig()
    rig.register("c-S7")
    assert rig.records == [AgentIdKept("c-S7")]
    rig.register("c-S7")
    assert rig.records == [AgentIdKept("c-S7")]


def test_an_agent_with_an_id_registers_again_with_all_tasks() -> None:
    rig = Rig()
    rig.running(task("t1"), task("t2"))
    rig.update("t2", TaskState.FINISHED)
    sent = rig.tell(LinkUp(MASTER, restarted=True))
    tasks = (AgentTask(F1, task("t1"), TaskState.RUNNING), AgentTask(F1, task("t2"), TaskState.FINISHED))
    assert sent == [(MASTER, ReregisterAgent("c-S0", INFO, 1, tasks, (framework(),)))]


def test_updates_wait_while_the_master_is_away_and_go_out_at_once_when_it_is_back() -> None:
    rig = Rig()
    rig.running(task("t1"))
    rig.tell(LinkDown(MASTER))
    assert rig.update("t1", TaskState.FINISHED) == []
    assert updates(rig.advance(30_000)) == []
    assert updates(rig.register()) == [("t1", TaskState.FINISHED, Reason.NONE)]
    assert updates(rig.advance(9_999)) == []
    assert updates(rig.advance(1)) == [("t1", TaskState.FINISHED, Reason.NONE)]


def test_an_end_that_is_acknowledged_while_a_registration_lists_it_is_told_again() -> None:
    """Forgotten at once, it would stay on the books that the master makes from the registration."""
    rig = Rig()
    rig.running(task("t1"))
    rig.update("t1", TaskState.FINISHED, uuid="end")
    rig.tell(LinkUp(MASTER, restarted=False))
    assert rig.acknowledge("t1", "end") == []
    assert updates(rig.register()) == [("t1", TaskState.FINISHED, Reason.NONE)]
    assert rig.acknowledge("t1", "end") == [(EXECUTOR, ExecutorAcknowledged("t1", "end"))]
    assert updates(rig.advance(60_000)) == []


def test_a_second_answer_to_the_same_registration_resends_nothing() -> None:
    rig = Rig()
    rig.running(task("t1"))
    rig.tell(LinkDown(MASTER))
    rig.update("t1", TaskState.FINISHED)
    assert len(updates(rig.register())) == 1
    assert rig.register() == []


def test_a_ping_is_answered_and_silence_makes_the_agent_register_again() -> None:
    rig = Rig()
    rig.register()
    assert rig.advance(PING_TIMEOUT_MS - 1) == []
    assert rig.tell(Ping(connected=True)) == [(MASTER, Pong("c-S0"))]
    assert rig.advance(PING_TIMEOUT_MS - 1) == []
    assert rig.advance(1) == [(MASTER, ReregisterAgent("c-S0", INFO, 1))]
    assert rig.events() == ["master silent"]


def test_a_master_that_believes_us_disconnected_is_registered_with_again() -> None:
    rig = Rig()
    rig.register()
    assert rig.tell(Ping(connected=False)) == [(MASTER, Pong("c-S0")), (MASTER, ReregisterAgent("c-S0", INFO, 1))]
    # While it asks already, a ping is only answered.
    assert rig.tell(Ping(connected=False)) == [(MASTER, Pong("c-S0"))]


def test_a_ping_before_there_is_an_id_is_ignored() -> None:
    assert Rig().tell(Ping(connected=True)) == []


def test_tasks_that_only_the_master_knows_are_dropped() -> None:
    rig = Rig()
    rig.running(task("t1"))
    rig.tell(LinkDown(MASTER))
    sent = rig.register(reconcile=((F1, "t1"), (F1, "lost"), ("c-1-0009", "other")))
    assert updates(sent) == [
        ("lost", TaskState.DROPPED, Reason.RECONCILIATION),
        ("other", TaskState.DROPPED, Reason.RECONCILIATION),
    ]
    [first, _] = to(MASTER, sent)
    assert (first.status.source, first.status.agent_id, bool(first.status.uuid)) == (Source.AGENT, "c-S0", True)
    assert updates(rig.advance(10_000)) == updates(sent)
    rig.acknowledge("lost", first.status.uuid)
    assert [u[0] for u in updates(rig.advance(20_000))] == ["other"]


def test_executors_that_came_before_the_agent_had_an_id_learn_it() -> None:
    rig = Rig()
    assert rig.subscribe() == [(EXECUTOR, ExecutorSubscribed("", INFO))]
    assert rig.register() == [(EXECUTOR, ExecutorSubscribed("c-S0", INFO))]


def test_a_refused_agent_ends_everything_and_is_silent() -> None:
    rig = Rig()
    rig.running(task("t1"))
    rig.update("t1", TaskState.RUNNING)
    assert rig.tell(AgentRefused("marked gone")) == [(LAUNCHER, StopExecutor(F1, E1))]
    assert rig.records[-1] == ExecutorDropped(F1, E1)
    assert rig.agent.stopped == "refused: marked gone"
    assert rig.events() == ["agent refused", "agent stopped"]
    assert rig.advance(1_000_000) == []
    assert rig.tell(Ping(connected=False)) == []
    assert rig.run(task("t2")) == []
    assert rig.tell(KillTask(F1, "t1")) == []
    assert rig.register() == []
    assert rig.tell(AgentRefused("again")) == []
    assert rig.tell(Leave()) == []
    assert rig.tell(LinkUp(MASTER, restarted=True)) == []
    assert rig.subscribe() == [(EXECUTOR, ShutdownExecutorNow(0))]


def test_leaving_kills_what_runs_and_unregisters_when_all_is_acknowledged() -> None:
    rig = Rig()
    rig.running(task("t1"))
    assert rig.tell(Leave(grace_ms=1_000)) == [(EXECUTOR, ShutdownExecutorNow(1_000))]
    assert updates(rig.run(task("t2"))) == [("t2", TaskState.DROPPED, Reason.AGENT_DRAINING)]
    sent = rig.update("t1", TaskState.KILLED, uuid="end")
    assert updates(sent) == [("t1", TaskState.KILLED, Reason.AGENT_DRAINING)]
    assert to(LAUNCHER, sent) == [StopExecutor(F1, E1)]
    assert rig.tell(Ping(connected=True)) == [(MASTER, Pong("c-S0"))]
    rig.tell(ExecutorLost(F1, E1, "ended"))
    assert to(MASTER, rig.acknowledge("t1", "end")) == []
    [t2] = rig.agent.state.frameworks[F1].streams["t2"].pending
    assert rig.acknowledge("t2", t2) == [(MASTER, UnregisterAgent("c-S0"))]
    assert rig.agent.stopped == "left"


def test_leaving_ends_even_if_nobody_answers() -> None:
    rig = Rig()
    rig.running(task("t1"))
    rig.tell(Leave(grace_ms=0))
    sent = rig.advance(10_000)
    assert updates(sent)[:1] == [("t1", TaskState.KILLED, Reason.AGENT_DRAINING)]
    assert to(MASTER, sent)[-1] == UnregisterAgent("c-S0")
    assert rig.agent.stopped == "left"


def test_an_idle_agent_leaves_at_once() -> None:
    rig = Rig()
    rig.register()
    assert rig.tell(Leave()) == [(MASTER, UnregisterAgent("c-S0"))]


def test_an_agent_that_waits_for_the_master_leaves_with_what_it_has_to_say() -> None:
    rig = Rig()
    rig.running(task("t1"))
    rig.tell(LinkDown(MASTER))
    rig.update("t1", TaskState.FINISHED)
    assert updates(rig.tell(Leave())) == [("t1", TaskState.FINISHED, Reason.NONE)]


def test_an_update_says_the_newest_state_too() -> None:
    rig = Rig()
    rig.register()
    rig.run(task("t1"))
    rig.subscribe()
    rig.update("t1", TaskState.STARTING, uuid="a")
    rig.update("t1", TaskState.RUNNING, uuid="b")
    [update] = to(MASTER, rig.advance(10_000))
    assert isinstance(update, StatusUpdate)
    assert (update.status.state, update.latest_state) == (TaskState.STARTING, TaskState.RUNNING)


def test_a_late_answer_of_the_master_changes_nothing_while_the_agent_recovers() -> None:
    rig = Rig(agent_id="c-S0", known_executors=[(F1, E1)])
    assert rig.tell(AgentRegistered("c-S9", "c", 1)) == []
    assert rig.agent.state.agent_id == "c-S0"
