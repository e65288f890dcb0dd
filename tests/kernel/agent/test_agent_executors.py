"""Executors come, are lost, are asked to leave; what becomes of their tasks."""

from __future__ import annotations

from agent_rig import E1, EXECUTOR, F1, F2, INFO, LAUNCHER, Rig, task, to, updates

from raymesos.machine import MASTER, LinkDown, LinkUp
from raymesos.model.tasks import Reason, TaskState
from raymesos.wire.messages import (
    ExecutorAcknowledged,
    ExecutorDropped,
    ExecutorExited,
    ExecutorLost,
    ExecutorMessage,
    ExecutorReconnect,
    ExecutorSubscribe,
    ExecutorSubscribed,
    ExecutorUpdate,
    KillLaunched,
    KillTask,
    LaunchTasks,
    ShutdownExecutorNow,
    ShutdownFramework,
    ShutdownOneExecutor,
    StartExecutor,
    StopExecutor,
)


def test_the_tasks_of_a_lost_executor_fail_and_the_next_task_starts_a_new_one() -> None:
    rig = Rig()
    rig.running(task("t1"), task("t2"))
    rig.update("t2", TaskState.FINISHED, uuid="end")
    sent = rig.tell(ExecutorLost(F1, E1, "killed by SIGKILL", 9))
    assert updates(sent) == [("t1", TaskState.FAILED, Reason.EXECUTOR_TERMINATED)]
    assert to(MASTER, sent)[-1] == ExecutorExited(F1, E1, 9)
    assert rig.records[-1] == ExecutorDropped(F1, E1)
    assert rig.events() == ["executor lost"]
    assert to(LAUNCHER, rig.run(task("t3"))) == [StartExecutor(F1, E1, "c-S0")]


def test_a_task_that_was_being_killed_is_killed_when_its_executor_is_lost() -> None:
    rig = Rig()
    rig.running(task("t1"), task("t2"))
    rig.tell(KillTask(F1, "t1", 500))
    assert updates(rig.tell(ExecutorLost(F1, E1, "killed by SIGKILL", 9))) == [
        ("t1", TaskState.KILLED, Reason.NONE),
        ("t2", TaskState.FAILED, Reason.EXECUTOR_TERMINATED),
    ]


def test_a_task_that_was_being_killed_is_killed_when_its_executor_comes_back_without_it() -> None:
    rig = Rig()
    rig.running(task("t1"), task("t2"))
    rig.tell(KillTask(F1, "t1", 500))
    assert updates(rig.subscribe()) == [
        ("t1", TaskState.KILLED, Reason.NONE),
        ("t2", TaskState.FAILED, Reason.EXECUTOR_TERMINATED),
    ]


def test_an_executor_that_never_came_up_fails_its_queue() -> None:
    rig = Rig()
    rig.register()
    rig.run(task("t1"))
    sent = rig.tell(ExecutorLost(F1, E1, "no such node"))
    assert updates(sent) == [("t1", TaskState.FAILED, Reason.EXECUTOR_REGISTRATION_TIMEOUT)]
    assert rig.advance(60_000) != []  # the unacknowledged update, again
    assert rig.agent.state.frameworks[F1].executors == {}


def test_an_executor_has_a_minute_to_come_up() -> None:
    rig = Rig()
    rig.register()
    rig.run(task("t1"))
    assert rig.advance(59_999) == []
    sent = rig.advance(1)
    assert updates(sent) == [("t1", TaskState.FAILED, Reason.EXECUTOR_REGISTRATION_TIMEOUT)]
    assert to(LAUNCHER, sent) == [StopExecutor(F1, E1)]
    assert updates(rig.run(task("t2"))) == [("t2", TaskState.DROPPED, Reason.EXECUTOR_TERMINATED)]
    rig.tell(ExecutorLost(F1, E1, "ended"))
    assert to(LAUNCHER, rig.run(task("t3"))) == [StartExecutor(F1, E1, "c-S0")]


def test_an_executor_that_comes_up_in_time_is_not_stopped() -> None:
    rig = Rig()
    rig.register()
    rig.run(task("t1"))
    rig.advance(59_999)
    rig.subscribe()
    assert rig.advance(1) == []


def test_shutting_down_a_framework_kills_its_tasks_and_then_its_executors() -> None:
    rig = Rig()
    rig.running(task("t1"))
    rig.run(task("u1", executor_id="x"))
    sent = rig.tell(ShutdownFramework(F1))
    assert updates(sent) == [("u1", TaskState.KILLED, Reason.FRAMEWORK_REMOVED)]
    assert to(EXECUTOR, sent) == [ShutdownExecutorNow(3_000)]
    assert to(LAUNCHER, sent) == [StopExecutor(F1, "x")]
    assert rig.tell(ShutdownFramework(F1)) == []
    assert updates(rig.run(task("t9"))) == [("t9", TaskState.KILLED, Reason.FRAMEWORK_REMOVED)]
    rig.update("t1", TaskState.KILLING, uuid="a")
    assert to(LAUNCHER, rig.update("t1", TaskState.KILLED, uuid="b")) == [StopExecutor(F1, E1)]
    assert updates(rig.acknowledge("t1", "a")) == [("t1", TaskState.KILLED, Reason.FRAMEWORK_REMOVED)]
    rig.acknowledge("t1", "b")
    rig.tell(ExecutorLost(F1, E1, "ended"))
    rig.tell(ExecutorLost(F1, "x", "ended"))
    assert rig.events() == []
    for task_id, stream in list(rig.agent.state.frameworks[F1].streams.items()):
        [uuid] = stream.pending
        rig.acknowledge(task_id, uuid)
    assert rig.agent.state.frameworks == {}


def test_a_task_that_does_not_end_when_its_framework_does_is_ended_with_its_executor() -> None:
    rig = Rig()
    rig.running(task("t1"))
    rig.tell(ShutdownFramework(F1))
    assert rig.advance(4_999) == []
    assert rig.advance(1) == [(LAUNCHER, StopExecutor(F1, E1))]
    sent = rig.tell(ExecutorLost(F1, E1, "killed", -9))
    assert updates(sent) == [("t1", TaskState.KILLED, Reason.FRAMEWORK_REMOVED)]


def test_an_executor_of_which_the_launcher_says_nothing_is_given_up() -> None:
    rig = Rig()
    rig.running(task("t1"))
    rig.tell(ShutdownFramework(F1))
    sent = rig.advance(10_000)
    assert updates(sent) == [("t1", TaskState.KILLED, Reason.FRAMEWORK_REMOVED)]
    assert to(MASTER, sent)[-1] == ExecutorExited(F1, E1, None)


def test_shutting_down_a_framework_again_drops_what_nobody_acknowledges() -> None:
    rig = Rig()
    rig.running(task("t1"))
    rig.tell(ShutdownFramework(F1))
    rig.update("t1", TaskState.KILLED)
    rig.tell(ExecutorLost(F1, E1, "ended"))
    rig.tell(ShutdownFramework(F1))
    assert rig.agent.state.frameworks == {}
    assert rig.advance(70_000) == []


def test_a_framework_without_anything_here_is_not_shut_down() -> None:
    rig = Rig()
    rig.register()
    assert rig.tell(ShutdownFramework(F1)) == []
    assert rig.agent.state.frameworks == {}


def test_one_executor_can_be_shut_down() -> None:
    rig = Rig()
    rig.running(task("t1"), task("t2"))
    assert rig.tell(ShutdownOneExecutor(F1, E1)) == [(EXECUTOR, ShutdownExecutorNow(3_000))]
    assert rig.tell(ShutdownOneExecutor(F1, E1)) == []
    assert updates(rig.update("t1", TaskState.KILLED)) == [("t1", TaskState.KILLED, Reason.NONE)]
    rig.advance(5_000)
    sent = rig.tell(ExecutorLost(F1, E1, "ended", 0))
    assert updates(sent) == [("t2", TaskState.FAILED, Reason.EXECUTOR_TERMINATED)]
    assert to(MASTER, sent)[-1] == ExecutorExited(F1, E1, 0)
    assert rig.tell(ShutdownOneExecutor(F1, E1)) == []
    assert to(LAUNCHER, rig.run(task("t3"))) == [StartExecutor(F1, E1, "c-S0")]


def test_an_executor_that_comes_up_after_its_framework_ended_must_leave() -> None:
    rig = Rig()
    rig.register()
    rig.run(task("t1"))
    rig.tell(ShutdownFramework(F1))
    assert rig.subscribe() == [(EXECUTOR, ShutdownExecutorNow(0))]


def test_an_executor_that_nobody_asked_for_under_the_id_of_another_framework_must_leave() -> None:
    rig = Rig()
    rig.running(task("t1"))
    sent = rig.tell(ExecutorSubscribe(F2, E1), EXECUTOR + "@elsewhere")
    assert sent == [(EXECUTOR + "@elsewhere", ShutdownExecutorNow(0))]
    assert rig.events() == ["executor refused"]


def test_when_the_link_to_an_executor_breaks_it_is_asked_to_subscribe_again() -> None:
    rig = Rig()
    rig.running(task("t1"))
    assert rig.tell(LinkDown(EXECUTOR)) == [(EXECUTOR, ExecutorReconnect())]
    assert rig.run(task("t2")) == []
    assert rig.advance(1_000) == [(EXECUTOR, ExecutorReconnect())]
    assert rig.advance(1_999) == []
    assert rig.tell(LinkUp(EXECUTOR, restarted=False)) == [(EXECUTOR, ExecutorReconnect())]
    assert rig.update("t1", TaskState.FINISHED) == [(EXECUTOR, ExecutorReconnect())]
    sent = rig.subscribe(tasks=(task("t1"),), states=(TaskState.RUNNING,))
    assert to(EXECUTOR, sent)[1:] == [LaunchTasks((task("t2"),))]
    assert rig.advance(60_000) == []


def test_an_executor_that_does_not_subscribe_again_is_lost() -> None:
    rig = Rig()
    rig.running(task("t1"))
    rig.tell(LinkDown(EXECUTOR))
    sent = rig.advance(60_000)
    assert to(LAUNCHER, sent) == [StopExecutor(F1, E1)]
    assert updates(sent) == []
    sent = rig.tell(ExecutorLost(F1, E1, "killed"))
    assert updates(sent) == [("t1", TaskState.FAILED, Reason.EXECUTOR_REREGISTRATION_TIMEOUT)]


def test_a_launch_that_was_lost_on_the_way_is_made_again_with_its_kill() -> None:
    rig = Rig()
    rig.register()
    rig.subscribe()
    rig.run(task("t1"), task("t2"))
    rig.tell(KillTask(F1, "t2", 9))
    rig.tell(LinkDown(EXECUTOR))
    sent = rig.subscribe(tasks=(task("t1"),), states=(TaskState.RUNNING,))
    assert to(EXECUTOR, sent)[1:] == [LaunchTasks((task("t2"),)), KillLaunched("t2", 9)]


def test_a_task_that_its_executor_has_forgotten_fails() -> None:
    rig = Rig()
    rig.running(task("t1"))
    sent = rig.subscribe()
    assert updates(sent) == [("t1", TaskState.FAILED, Reason.EXECUTOR_TERMINATED)]


def test_a_task_that_the_agent_has_given_up_is_killed_when_its_executor_turns_up() -> None:
    rig = Rig()
    rig.register()
    killed = rig.status("t1", TaskState.RUNNING, uuid="u")
    sent = rig.subscribe(tasks=(task("t1"),), states=(TaskState.RUNNING,), updates=(killed,))
    assert to(EXECUTOR, sent)[1:] == [KillLaunched("t1", 0), ExecutorAcknowledged("t1", "u")]
    assert to(MASTER, sent) == []


def test_updates_that_came_with_a_subscription_are_booked_in_order_and_once() -> None:
    rig = Rig()
    rig.register()
    rig.run(task("t1"))
    rig.subscribe()
    rig.update("t1", TaskState.STARTING, uuid="a")
    rig.acknowledge("t1", "a")
    rig.update("t1", TaskState.RUNNING, uuid="b")
    rig.tell(LinkDown(EXECUTOR))
    held = tuple(rig.status("t1", s, uuid=u) for s, u in zip(_LIFE, "abc", strict=True))
    sent = rig.subscribe(tasks=(task("t1"),), states=(TaskState.FINISHED,), updates=held)
    assert updates(sent) == []
    assert to(EXECUTOR, sent)[1:] == [ExecutorAcknowledged("t1", "a")]
    assert updates(rig.acknowledge("t1", "b")) == [("t1", TaskState.FINISHED, Reason.NONE)]


_LIFE = (TaskState.STARTING, TaskState.RUNNING, TaskState.FINISHED)


def test_framework_messages_pass_both_ways() -> None:
    rig = Rig()
    rig.running(task("t1"))
    down = ExecutorMessage(F1, E1, b"ping", down=True)
    up = ExecutorMessage(F1, E1, b"pong", down=False)
    assert rig.tell(down) == [(EXECUTOR, down)]
    assert rig.tell(up, EXECUTOR) == [(MASTER, up)]
    rig.tell(LinkDown(EXECUTOR))
    assert rig.tell(down) == []
    assert rig.tell(ExecutorMessage(F2, E1, b"", down=True)) == []


def test_an_executor_may_live_at_an_address_of_the_hosts_choice() -> None:
    rig = Rig()
    rig.register()
    rig.run(task("t1"))
    address = EXECUTOR + "@executor/A1/1.2"
    sent = rig.tell(ExecutorSubscribe(F1, E1), address)
    assert to(address, sent)[1:] == [LaunchTasks((task("t1"),))]
    assert rig.records[-1].address == address
    sent = rig.tell(ExecutorUpdate(F1, E1, rig.status("t1", TaskState.RUNNING, uuid="a")), address)
    assert to(address, rig.acknowledge("t1", "a")) == [ExecutorAcknowledged("t1", "a")]


def test_an_executor_without_tasks_is_kept_until_its_framework_ends() -> None:
    rig = Rig()
    rig.running(task("t1"))
    rig.update("t1", TaskState.FINISHED, uuid="end")
    rig.acknowledge("t1", "end")
    assert rig.advance(70_000) == []
    assert rig.tell(ShutdownFramework(F1)) == [(LAUNCHER, StopExecutor(F1, E1))]
    rig.tell(ExecutorLost(F1, E1, "ended"))
    assert rig.agent.state.frameworks == {}
    assert rig.agent.snapshot()[1:] == []


def test_a_subscription_is_answered_with_the_agent() -> None:
    rig = Rig()
    rig.register()
    assert rig.subscribe() == [(EXECUTOR, ExecutorSubscribed("c-S0", INFO))]
