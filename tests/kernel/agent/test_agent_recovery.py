"""An agent that was killed finds its executors and tasks again before the master hears of it."""

from __future__ import annotations

from agent_rig import E1, EXECUTOR, F1, F2, INFO, LAUNCHER, Rig, framework, task, to, updates

from raymesos.machine import MASTER, Wake
from raymesos.model.attributes import Attributes
from raymesos.model.resources import Resources
from raymesos.model.settings import on_ray
from raymesos.model.tasks import Reason, TaskState
from raymesos.wire.messages import (
    AgentIdKept,
    AgentInfo,
    AgentTask,
    ExecutorAcknowledged,
    ExecutorExited,
    ExecutorKept,
    ExecutorLost,
    ExecutorReconnect,
    KillTask,
    RegisterAgent,
    ReregisterAgent,
    StopExecutor,
)

E2 = f"default-{F2}"
EXECUTOR2 = f"executor/A1/{E2}"


def test_a_restarted_agent_asks_its_executors_and_registers_when_all_have_answered() -> None:
    rig = Rig(start=False, agent_id="c-S0", known_executors=[(F1, E1), (F2, E2)], incarnation=2)
    assert rig.tell(Wake("start"), "agent/A1") == [(EXECUTOR, ExecutorReconnect()), (EXECUTOR2, ExecutorReconnect())]
    assert to(MASTER, rig.subscribe(tasks=(task("t1"),), states=(TaskState.RUNNING,))) == []
    sent = rig.subscribe(F2)
    assert to(MASTER, sent) == [ReregisterAgent("c-S0", INFO, 2, (AgentTask(F1, task("t1"), TaskState.RUNNING),), ())]
    assert updates(rig.register()) == []
    assert rig.agent.state.free == Resources.parse("cpus:3;mem:3968")


def test_a_silent_executor_is_ended_after_two_seconds() -> None:
    rig = Rig(agent_id="c-S0", known_executors=[(F1, E1), (F2, E2)])
    rig.subscribe()
    assert to(MASTER, rig.advance(1_999)) == []
    sent = rig.advance(1)
    assert to(LAUNCHER, sent) == [StopExecutor(F2, E2)]
    assert to(MASTER, sent) == [ReregisterAgent("c-S0", INFO, 1)]
    assert rig.events() == ["executor lost"]
    rig.register()
    assert rig.tell(ExecutorLost(F2, E2, "ended")) == [(MASTER, ExecutorExited(F2, E2, None))]
    assert list(rig.agent.state.frameworks) == [F1]


def test_on_ray_who_speaks_for_an_executor_may_be_slow_for_ten_seconds_and_costs_no_task() -> None:
    rig = Rig(agent_id="c-S0", known_executors=[(F1, E1)], settings=on_ray().agent)
    assert to(LAUNCHER, rig.advance(10_000)) == []
    sent = rig.subscribe(tasks=(task("t1"),), states=(TaskState.RUNNING,))
    assert to(MASTER, sent)[0].tasks == (AgentTask(F1, task("t1"), TaskState.RUNNING),)


def test_an_executor_that_the_launcher_gives_up_is_not_waited_for() -> None:
    rig = Rig(agent_id="c-S0", known_executors=[(F1, E1)])
    assert rig.tell(ExecutorLost(F1, E1, "dead")) == [(MASTER, ReregisterAgent("c-S0", INFO, 1))]


def test_unacknowledged_updates_come_back_with_their_executor() -> None:
    rig = Rig(agent_id="c-S0", known_executors=[(F1, E1)])
    held = (rig.status("t1", TaskState.RUNNING, uuid="a"), rig.status("t1", TaskState.FINISHED, uuid="b"))
    sent = rig.subscribe(tasks=(task("t1"),), states=(TaskState.FINISHED,), updates=held)
    assert to(MASTER, sent)[0].tasks == (AgentTask(F1, task("t1"), TaskState.FINISHED),)
    assert updates(rig.register()) == [("t1", TaskState.RUNNING, Reason.NONE)]
    assert updates(rig.acknowledge("t1", "a")) == [("t1", TaskState.FINISHED, Reason.NONE)]
    assert rig.acknowledge("t1", "b") == [(EXECUTOR, ExecutorAcknowledged("t1", "b"))]
    assert rig.agent.state.free == INFO.resources


def test_records_bring_back_the_id_the_executors_and_their_frameworks() -> None:
    before = Rig()
    before.register()
    before.run(task("t1"))
    before.subscribe()
    before.run(task("u1"), framework_id=F2)
    before.subscribe(F2)
    before.tell(ExecutorLost(F2, E2, "dead"))
    for records in (before.records, before.agent.snapshot()):
        rig = Rig(start=False, incarnation=2)
        rig.agent.restore(records)
        assert rig.tell(Wake("start"), "agent/A1") == [(EXECUTOR, ExecutorReconnect())]
        sent = rig.subscribe(tasks=(task("t1"),), states=(TaskState.STARTING,))
        [again] = to(MASTER, sent)
        assert again == ReregisterAgent(
            "c-S0", INFO, 2, (AgentTask(F1, task("t1"), TaskState.STARTING),), (framework(),)
        )


def test_the_address_that_the_host_knows_is_used() -> None:
    rig = Rig(start=False, agent_id="c-S0", known_executors=[(F1, E1, EXECUTOR + "@x")])
    assert rig.tell(Wake("start"), "agent/A1") == [(EXECUTOR + "@x", ExecutorReconnect())]


def test_while_it_recovers_the_agent_takes_no_calls() -> None:
    rig = Rig(agent_id="c-S0", known_executors=[(F1, E1)])
    assert rig.run(task("t2")) == []
    assert rig.tell(KillTask(F1, "t1")) == []
    assert rig.events() == []


def test_without_an_id_what_runs_is_ended_and_the_agent_is_a_new_one() -> None:
    rig = Rig(known_executors=[(F1, E1), (F2, E2)])
    rig.subscribe(F2)
    sent = rig.subscribe(tasks=(task("t1"),), states=(TaskState.RUNNING,))
    assert to(LAUNCHER, sent) == [StopExecutor(F1, E1)]
    assert to(MASTER, sent) == [RegisterAgent(INFO, 1)]
    rig.tell(ExecutorLost(F1, E1, "ended"))
    rig.register("c-S5")
    assert list(rig.agent.state.frameworks[F2].executors) == [E2]


def test_tasks_that_no_longer_fit_are_kept_and_hold_nothing() -> None:
    small = AgentInfo("A1", "A1", Resources.parse("cpus:1"), Attributes())
    rig = Rig(info=small, agent_id="c-S0", known_executors=[(F1, E1)])
    rig.subscribe(tasks=(task("t1", "cpus:1"), task("t2", "cpus:1")), states=(TaskState.RUNNING,) * 2)
    assert rig.events() == ["agent overcommitted"]
    rig.register()
    rig.update("t2", TaskState.FINISHED)
    rig.update("t1", TaskState.FINISHED)
    assert rig.agent.state.free == small.resources


def test_a_new_life_makes_new_update_ids() -> None:
    ids = []
    for incarnation in (1, 2):
        rig = Rig(incarnation=incarnation)
        rig.register(reconcile=((F1, "t1"), (F1, "t2")))
        ids += [u for s in rig.agent.state.frameworks[F1].streams.values() for u in s.pending]
    assert len(dict.fromkeys(ids)) == 4


def test_the_snapshot_holds_what_is_kept() -> None:
    rig = Rig()
    assert rig.agent.snapshot() == []
    rig.running(task("t1"))
    assert rig.agent.snapshot() == [AgentIdKept("c-S0"), ExecutorKept(F1, E1, EXECUTOR, framework())]
