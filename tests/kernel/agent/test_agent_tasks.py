"""Tasks on an agent: launched, killed, reported, acknowledged."""

from __future__ import annotations

from agent_rig import E1, EXECUTOR, F1, F2, LAUNCHER, Rig, framework, task, to, updates

from raymesos.machine import MASTER, LinkDown, LinkUp
from raymesos.model.settings import AgentSettings
from raymesos.model.tasks import Reason, Source, TaskState
from raymesos.wire.messages import (
    ExecutorAcknowledged,
    ExecutorKept,
    ExecutorLost,
    ExecutorReconnect,
    ExecutorUpdate,
    KillLaunched,
    KillTask,
    LaunchTasks,
    RunTasks,
    StartExecutor,
    StatusUpdate,
)


def test_the_first_task_of_a_framework_starts_its_executor_and_queues_until_it_is_up() -> None:
    rig = Rig()
    rig.register()
    assert rig.run(task("t1")) == [(LAUNCHER, StartExecutor(F1, E1, "c-S0"))]
    assert rig.run(task("t2")) == []
    assert to(EXECUTOR, rig.subscribe())[1:] == [LaunchTasks((task("t1"), task("t2")))]
    assert rig.run(task("t3")) == [(EXECUTOR, LaunchTasks((task("t3"),)))]
    assert rig.records[1:] == [ExecutorKept(F1, E1, "", framework())]


def test_a_task_that_is_here_is_not_launched_twice() -> None:
    rig = Rig()
    rig.running(task("t1"))
    assert rig.run(task("t1")) == []
    rig.update("t1", TaskState.FINISHED)
    assert rig.run(task("t1")) == []


def test_a_warm_executor_takes_its_first_task_at_once() -> None:
    rig = Rig()
    rig.subscribe()
    rig.register()
    assert rig.run(task("t1")) == [(EXECUTOR, LaunchTasks((task("t1"),)))]
    assert rig.records[-1] == ExecutorKept(F1, E1, EXECUTOR, framework())


def test_tasks_of_one_batch_go_to_the_executors_that_they_name() -> None:
    rig = Rig()
    rig.register()
    sent = rig.run(task("t1", executor_id="x"), task("t2"), task("t3", executor_id="x"))
    assert to(LAUNCHER, sent) == [StartExecutor(F1, "x", "c-S0"), StartExecutor(F1, E1, "c-S0")]
    assert to(EXECUTOR, rig.subscribe())[1:] == [LaunchTasks((task("t2"),))]


def test_an_executor_id_of_another_framework_is_refused() -> None:
    rig = Rig()
    rig.register()
    rig.run(task("t1", executor_id="x"))
    sent = rig.run(task("t2", executor_id="x"), framework_id=F2)
    assert updates(sent) == [("t2", TaskState.ERROR, Reason.TASK_INVALID)]
    assert F1 in to(MASTER, sent)[0].status.message


def test_a_task_that_needs_more_than_is_free_is_dropped_and_holds_nothing() -> None:
    rig = Rig()
    rig.running(task("t1", "cpus:3"))
    sent = rig.run(task("t2", "cpus:2"), task("t3", "cpus:1"))
    assert updates(sent) == [("t2", TaskState.DROPPED, Reason.RESOURCES_UNKNOWN)]
    assert to(EXECUTOR, sent) == [LaunchTasks((task("t3", "cpus:1"),))]
    assert to(MASTER, sent)[0].status.message == "needs cpus:2, the agent has cpus:1;mem:4096 free"
    rig.update("t1", TaskState.FINISHED)
    assert to(EXECUTOR, rig.run(task("t4", "cpus:3"))) == [LaunchTasks((task("t4", "cpus:3"),))]


def test_before_the_agent_has_an_id_nothing_is_launched() -> None:
    assert Rig().run(task("t1")) == []


def test_a_kill_goes_to_the_executor_with_the_grace_of_the_call_or_the_task_or_the_agent() -> None:
    rig = Rig()
    rig.running(task("t1"), task("t2", kill_grace_ms=7))
    assert rig.tell(KillTask(F1, "t1")) == [(EXECUTOR, KillLaunched("t1", 3_000))]
    assert rig.tell(KillTask(F1, "t1", 0)) == [(EXECUTOR, KillLaunched("t1", 0))]
    assert rig.tell(KillTask(F1, "t2")) == [(EXECUTOR, KillLaunched("t2", 7))]
    rig.update("t1", TaskState.KILLED)
    assert rig.tell(KillTask(F1, "t1")) == []


def test_a_task_that_is_killed_before_its_executor_is_up_never_runs() -> None:
    rig = Rig()
    rig.register()
    rig.run(task("t1"), task("t2"))
    sent = rig.tell(KillTask(F1, "t1"))
    assert updates(sent) == [("t1", TaskState.KILLED, Reason.TASK_KILLED_DURING_LAUNCH)]
    assert to(EXECUTOR, rig.subscribe())[1:] == [LaunchTasks((task("t2"),))]


def test_a_kill_of_an_unknown_task_is_answered_once_if_its_framework_is_known() -> None:
    rig = Rig()
    rig.running(task("t1"))
    assert updates(rig.tell(KillTask(F1, "t9"))) == [("t9", TaskState.DROPPED, Reason.EXECUTOR_TERMINATED)]
    assert rig.tell(KillTask(F1, "t9")) == []
    assert rig.tell(KillTask(F2, "t9")) == []
    assert rig.events() == ["kill ignored"]


def test_a_late_kill_of_an_ended_task_is_not_answered() -> None:
    rig = Rig()
    rig.running(task("t1"))
    rig.update("t1", TaskState.FINISHED, uuid="end")
    rig.acknowledge("t1", "end")
    assert rig.tell(KillTask(F1, "t1")) == []


def test_a_kill_waits_for_an_executor_whose_link_is_broken() -> None:
    rig = Rig()
    rig.running(task("t1"))
    rig.tell(LinkDown(EXECUTOR))
    assert rig.tell(KillTask(F1, "t1", 5)) == []
    sent = rig.subscribe(tasks=(task("t1"),), states=(TaskState.RUNNING,))
    assert to(EXECUTOR, sent)[1:] == [KillLaunched("t1", 5)]


def test_updates_of_a_task_reach_the_master_one_at_a_time_in_order() -> None:
    rig = Rig()
    rig.register()
    rig.run(task("t1"), task("t2"))
    rig.subscribe()
    assert updates(rig.update("t1", TaskState.STARTING, uuid="a")) == [("t1", TaskState.STARTING, Reason.NONE)]
    assert rig.update("t1", TaskState.RUNNING, uuid="b") == []
    assert rig.update("t1", TaskState.FINISHED, uuid="c") == []
    assert updates(rig.update("t2", TaskState.RUNNING)) == [("t2", TaskState.RUNNING, Reason.NONE)]
    sent = rig.acknowledge("t1", "a")
    assert updates(sent) == [("t1", TaskState.RUNNING, Reason.NONE)]
    assert to(EXECUTOR, sent) == [ExecutorAcknowledged("t1", "a")]
    assert rig.acknowledge("t1", "c") == []  # not its turn
    assert rig.acknowledge("t1", "a") == []  # twice
    assert updates(rig.acknowledge("t1", "b")) == [("t1", TaskState.FINISHED, Reason.NONE)]
    assert rig.acknowledge("t1", "c") == [(EXECUTOR, ExecutorAcknowledged("t1", "c"))]
    assert rig.acknowledge("t1", "c") == []
    assert list(rig.agent.state.frameworks[F1].tasks) == ["t2"]


def test_an_unacknowledged_update_is_resent_with_doubling_pauses_up_to_a_bound() -> None:
    rig = Rig(settings=AgentSettings(update_retry_ms=10, update_retry_max_ms=40))
    rig.running(task("t1"))
    rig.update("t1", TaskState.FINISHED, uuid="end")
    at = [rig.now_ms for _ in range(200) if rig.advance(1)]
    assert at == [10, 30, 70, 110, 150, 190]
    rig.acknowledge("t1", "end")
    assert rig.advance(100) == []


def test_the_pauses_begin_anew_with_the_next_update() -> None:
    rig = Rig(settings=AgentSettings(update_retry_ms=10, update_retry_max_ms=40))
    rig.running(task("t1"))
    rig.update("t1", TaskState.RUNNING, uuid="a")
    rig.update("t1", TaskState.FINISHED, uuid="b")
    rig.advance(70)
    rig.acknowledge("t1", "a")
    assert rig.advance(9) == []
    assert len(rig.advance(1)) == 1


def test_an_update_that_is_known_is_not_booked_twice() -> None:
    rig = Rig()
    rig.running(task("t1"))
    rig.update("t1", TaskState.RUNNING, uuid="a")
    assert rig.update("t1", TaskState.RUNNING, uuid="a") == []
    rig.acknowledge("t1", "a")
    assert rig.update("t1", TaskState.RUNNING, uuid="a") == [(EXECUTOR, ExecutorAcknowledged("t1", "a"))]


def test_an_update_of_an_ended_task_is_acknowledged_and_goes_no_further() -> None:
    rig = Rig()
    rig.running(task("t1"))
    rig.update("t1", TaskState.FINISHED, uuid="end")
    assert rig.update("t1", TaskState.RUNNING, uuid="late") == [(EXECUTOR, ExecutorAcknowledged("t1", "late"))]
    assert rig.events() == ["update ignored"]
    rig.acknowledge("t1", "end")
    assert rig.update("t1", TaskState.FINISHED, uuid="end") == [(EXECUTOR, ExecutorAcknowledged("t1", "end"))]


def test_an_update_of_an_executor_that_is_not_subscribed_asks_it_to_subscribe() -> None:
    rig = Rig()
    rig.register()
    assert rig.update("t1", TaskState.RUNNING) == [(EXECUTOR, ExecutorReconnect())]
    rig.run(task("t1"))
    assert rig.update("t1", TaskState.RUNNING) == [(EXECUTOR, ExecutorReconnect())]


def test_what_an_executor_does_not_know_is_filled_in() -> None:
    rig = Rig()
    rig.running(task("t1"))
    [(_, update)] = rig.update("t1", TaskState.FINISHED, agent_id="")
    assert isinstance(update, StatusUpdate)
    assert (update.status.agent_id, update.status.executor_id) == ("c-S0", E1)
    assert update.status.source is Source.EXECUTOR


def test_an_executor_that_reports_too_fast_loses_the_oldest_update_that_is_not_on_its_way() -> None:
    rig = Rig(settings=AgentSettings(pending_updates_per_task=3))
    rig.running(task("t1"))
    for uuid in "abc":
        rig.update("t1", TaskState.RUNNING, uuid=uuid)
    assert rig.update("t1", TaskState.FINISHED, uuid="d") == [(EXECUTOR, ExecutorAcknowledged("t1", "b"))]
    seen = []
    for uuid in "acd":
        seen += updates(rig.acknowledge("t1", uuid))
    assert [s for _, s, _ in seen] == [TaskState.RUNNING, TaskState.FINISHED]


def test_a_task_over_its_memory_is_told_to_the_operator() -> None:
    rig = Rig()
    rig.running(task("t1"))
    rig.update("t1", TaskState.FAILED, reason=Reason.CONTAINER_LIMITATION_MEMORY, message="used 200 MB of 128 MB")
    assert [(n.kind, n.subject, n.text) for n in rig.notes] == [("task over memory", "t1", "used 200 MB of 128 MB")]


def test_only_so_many_ended_tasks_are_remembered() -> None:
    rig = Rig(settings=AgentSettings(ended_tasks=2))
    rig.register()
    rig.subscribe()
    for i in range(4):
        rig.run(task(f"t{i}"))
        rig.update(f"t{i}", TaskState.FINISHED, uuid=f"e{i}")
        rig.acknowledge(f"t{i}", f"e{i}")
    assert list(rig.agent.state.ended) == [(F1, "t2"), (F1, "t3")]


def test_an_id_that_was_used_before_may_be_used_again() -> None:
    rig = Rig()
    rig.running(task("t1"))
    rig.update("t1", TaskState.FINISHED, uuid="end")
    rig.acknowledge("t1", "end")
    assert rig.run(task("t1")) == [(EXECUTOR, LaunchTasks((task("t1"),)))]
    assert rig.tell(KillTask(F1, "t1", 0)) == [(EXECUTOR, KillLaunched("t1", 0))]


def test_messages_for_what_is_not_here_change_nothing() -> None:
    rig = Rig()
    rig.register()
    assert rig.acknowledge("t1", "a") == []
    assert rig.tell(ExecutorLost(F1, E1, "gone")) == []
    rig.running(task("t1"))
    other = ExecutorUpdate(F1, E1, rig.status("t9", TaskState.RUNNING, uuid="z"))
    assert rig.tell(other, EXECUTOR) == [(EXECUTOR, ExecutorAcknowledged("t9", "z"))]
    assert rig.tell(RunTasks(framework(), ())) == []


def test_a_master_that_begins_anew_hears_for_whom_a_task_is_being_killed() -> None:
    rig = Rig()
    rig.running(task("t1"), task("t2"))
    rig.tell(KillTask(F1, "t1", preempted_for="role owed"))
    rig.tell(KillTask(F1, "t1", 0))
    [message] = to(MASTER, rig.tell(LinkUp(MASTER, True)))
    assert [(t.task.task_id, t.preempted_for) for t in message.tasks] == [("t1", "role owed"), ("t2", "")]
