"""Executors that frameworks describe, at the master: validated, booked with their first task, given back when their agent says that they have ended."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from master_rig import A1, F1, F2, Rig, Sent, agent_info, of, statuses, task, to, updates

from raymesos.kernel.names import default_executor_id
from raymesos.machine import ALLOCATOR, MASTER, LinkDown
from raymesos.model.resources import Resources
from raymesos.model.tasks import Reason, TaskState
from raymesos.wire.messages import (
    Accept,
    AgentAdded,
    AgentRegistered,
    AgentTask,
    Claim,
    ExecutorExited,
    ExecutorInfo,
    ExecutorType,
    Failure,
    Held,
    KillTask,
    LaunchGroup,
    Preempt,
    Recover,
    RegisterAgent,
    ReregisterAgent,
    RunTasks,
    ShutdownFramework,
    ShutdownOneExecutor,
    TaskInfo,
    Teardown,
)
from raymesos.wire.notes import ExecutorNote
from raymesos.wire.work import CommandWork

OWN = Resources.parse("cpus:0.5;mem:64")
COMMAND = CommandWork(("./executor",))


def executor(executor_id: str = "e", resources: Resources = OWN, **more: Any) -> ExecutorInfo:
    return ExecutorInfo(executor_id, more.pop("command", COMMAND), resources, **more)


def by(info: ExecutorInfo | None, task_id: str = "t1", resources: str = "cpus:1;mem:128", **more: Any) -> TaskInfo:
    """A task of the executor."""
    return replace(task(task_id, resources, **more), work=None, executor=info)


def running() -> tuple[Rig, str, str]:
    """(rig, framework id, agent id): task t1 of executor e runs; nothing is offered."""
    rig = Rig()
    agent_id, framework_id = rig.agent(), rig.framework(failover_timeout_ms=60_000)
    offer = rig.offer(framework_id, agent_id, "cpus:1.5;mem:192")
    rig.accept(framework_id, [offer], by(executor()))
    rig.report(framework_id, agent_id, "t1", TaskState.RUNNING, uuid="r")
    rig.acknowledge(framework_id, agent_id, "t1", "r")
    return rig, framework_id, agent_id


def recovered(sent: Sent) -> list[Resources]:
    return [m.resources for _, m in of(Recover, sent)]


def launched(sent: Sent) -> RunTasks:
    [(_, run)] = of(RunTasks, sent)
    assert isinstance(run, RunTasks)
    return run


# ---------------------------------------------------------------- booked


def test_an_executor_is_booked_with_its_first_task_and_described_once_for_all_of_them() -> None:
    rig = Rig()
    agent_id, framework_id = rig.agent(), rig.framework()
    offer = rig.offer(framework_id, agent_id, "cpus:3;mem:512")
    sent = rig.accept(framework_id, [offer], by(executor()), by(executor(), "t2"))
    run = launched(sent)
    assert (run.executors, run.new) == ((executor(role="dev"),), ("e",))
    assert [(t.task_id, t.executor_id, t.executor, t.work) for t in run.tasks] == [
        ("t1", "e", None, None),
        ("t2", "e", None, None),
    ]
    assert recovered(sent) == [Resources.parse("cpus:0.5;mem:192")]
    assert [n for n in rig.notes if isinstance(n, ExecutorNote)] == [
        ExecutorNote(0, framework_id, agent_id, executor(role="dev"), "active")
    ]


def test_an_executor_that_is_there_is_not_booked_again() -> None:
    rig, framework_id, agent_id = running()
    offer = rig.offer(framework_id, agent_id, "cpus:1;mem:128")
    assert offer.executor_ids == ("e",)
    run = launched(rig.accept(framework_id, [offer], by(executor(), "t2")))
    assert (run.executors, run.new) == ((executor(role="dev"),), ())


def test_two_frameworks_may_use_the_same_executor_id() -> None:
    rig, _, agent_id = running()
    other = rig.framework("F2")
    offer = rig.offer(other, agent_id, "cpus:1.5;mem:192")
    assert offer.executor_ids == ()
    assert launched(rig.accept(other, [offer], by(executor(name="mine"), "t2"))).new == ("e",)


def test_an_executor_without_resources_of_its_own_holds_nothing() -> None:
    rig = Rig()
    agent_id, framework_id = rig.agent(), rig.framework()
    offer = rig.offer(framework_id, agent_id, "cpus:1;mem:128")
    assert launched(rig.accept(framework_id, [offer], by(executor(resources=Resources())))).new == ("e",)
    assert recovered(rig.tell(A1, ExecutorExited(framework_id, "e", 0))) == []


def test_tasks_without_a_described_executor_are_sent_as_ever() -> None:
    rig = Rig()
    agent_id, framework_id = rig.agent(), rig.framework()
    run = launched(rig.accept(framework_id, [rig.offer(framework_id, agent_id)], task()))
    assert (run.executors, run.new) == ((), ())


# ---------------------------------------------------------------- given back


def test_the_end_of_a_task_gives_back_what_is_the_tasks_and_that_of_the_executor_the_rest() -> None:
    rig, framework_id, agent_id = running()
    assert recovered(rig.report(framework_id, agent_id, "t1", TaskState.FINISHED)) == [
        Resources.parse("cpus:1;mem:128")
    ]
    sent = rig.tell(A1, ExecutorExited(framework_id, "e", 256))
    assert recovered(sent) == [OWN]
    assert to(F1, sent) == [Failure(agent_id, "e", 256)]
    assert rig.notes[-2].state == "ended"


def test_an_end_that_is_told_twice_gives_back_once() -> None:
    rig, framework_id, _ = running()
    rig.tell(A1, ExecutorExited(framework_id, "e", 0))
    assert recovered(rig.tell(A1, ExecutorExited(framework_id, "e", 0))) == []


def test_an_end_that_somebody_else_tells_changes_nothing() -> None:
    rig, framework_id, _ = running()
    rig.agent("A2")
    sent = rig.tell("agent/A2", ExecutorExited(framework_id, "e", 0))
    assert recovered(sent) == []
    assert rig.tell("agent/A3", ExecutorExited(framework_id, "e", 0)) == []


def test_after_its_end_the_executor_is_booked_anew() -> None:
    rig, framework_id, agent_id = running()
    rig.tell(A1, ExecutorExited(framework_id, "e", 0))
    offer = rig.offer(framework_id, agent_id, "cpus:1.5;mem:192")
    assert launched(rig.accept(framework_id, [offer], by(executor(name="other"), "t2"))).new == ("e",)


def test_a_removed_framework_is_kept_until_its_last_executor_has_ended() -> None:
    rig, framework_id, agent_id = running()
    assert of(ShutdownFramework, rig.tell(F1, Teardown(framework_id))) == [(A1, ShutdownFramework(framework_id))]
    rig.report(framework_id, agent_id, "t1", TaskState.KILLED)
    assert framework_id in rig.master.state.frameworks
    assert recovered(rig.tell(A1, ExecutorExited(framework_id, "e", 0))) == [OWN]
    assert framework_id not in rig.master.state.frameworks


def test_the_executors_of_a_lost_agent_are_lost_with_it() -> None:
    rig, framework_id, agent_id = running()
    assert recovered(rig.lose()) == []
    assert rig.master.state.frameworks[framework_id].executors == {}
    assert [n.state for n in rig.notes if isinstance(n, ExecutorNote)] == ["active", "ended"]


# ---------------------------------------------------------------- registered again


def test_a_restarted_master_learns_from_the_agent_what_executors_hold() -> None:
    before, framework_id, agent_id = running()
    rig = before.restart()
    info = executor(role="dev")
    tasks = (AgentTask(framework_id, replace(task(role="dev"), work=None, executor_id="e"), TaskState.RUNNING),)
    known = rig.master.state.known_frameworks[framework_id]
    again = ReregisterAgent(agent_id, agent_info(), 1, tasks, (known,), executors=((framework_id, info),))
    sent = rig.tell(A1, again)
    [(_, added)] = of(AgentAdded, sent)
    assert Held(framework_id, "dev", agent_id, OWN) in added.held
    [(_, welcome)] = of(AgentRegistered, sent)
    assert welcome.executors == ()
    assert recovered(rig.tell(A1, ExecutorExited(framework_id, "e", 0))) == [OWN]


def test_an_executor_that_the_agent_does_not_list_is_asked_for_and_held_until_it_answers() -> None:
    rig, framework_id, agent_id = running()
    sent = rig.back(tasks=[AgentTask(framework_id, task(role="dev"), TaskState.RUNNING)])
    [(_, welcome)] = of(AgentRegistered, sent)
    assert welcome.executors == ((framework_id, "e"),)
    [(_, added)] = of(AgentAdded, sent)
    assert Held(framework_id, "dev", agent_id, OWN) in added.held
    assert recovered(rig.tell(A1, ExecutorExited(framework_id, "e", None))) == [OWN]


def test_an_agent_that_registers_as_a_new_one_at_its_old_place_is_asked_too() -> None:
    rig, framework_id, _ = running()
    [(_, welcome)] = of(AgentRegistered, rig.tell(A1, RegisterAgent(agent_info(), 1)))
    assert welcome.executors == ((framework_id, "e"),)


def test_the_executor_of_a_removed_framework_that_an_agent_brings_is_to_end_there() -> None:
    rig, framework_id, _ = running()
    info = rig.master.state.known_frameworks[framework_id]
    rig.tell(MASTER, LinkDown(A1))
    rig.tell(F1, Teardown(framework_id))
    fresh = rig.restart()
    sent = fresh.tell(
        A1, ReregisterAgent("c-S1", agent_info(), 1, (), (info,), executors=((framework_id, executor(role="dev")),))
    )
    assert (A1, ShutdownFramework(framework_id)) in sent
    assert fresh.master.state.agents["c-S1"].executors == {}


# ---------------------------------------------------------------- refused


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (
            replace(by(None), executor=None),
            "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present",
        ),
        (
            replace(task("t1"), executor=executor()),
            "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present",
        ),
        (by(executor(type=ExecutorType.DEFAULT, command=None)), "'ExecutorInfo.type' must be 'CUSTOM'"),
        (
            by(executor(type=ExecutorType.DEFAULT)),
            "'ExecutorInfo.command' must not be set for 'DEFAULT' executor",
        ),
        (by(executor(command=None)), "'ExecutorInfo.command' must be set for 'CUSTOM' executor"),
        (by(executor(type=ExecutorType.UNSET, command=None)), "'ExecutorInfo.command' must be set"),
        (by(executor("a/b")), "'a/b' contains invalid characters"),
        (by(executor("")), "ID must not be empty"),
        (by(executor(shutdown_grace_ms=-1)), "ExecutorInfo's 'shutdown_grace_period' must be non-negative"),
        (
            by(executor(resources=Resources.parse("cpus:4"))),
            "Total resources cpus:5;mem:128 required by task and its executor is more than available cpus:4;mem:4096",
        ),
    ],
)
def test_what_is_wrong_with_an_executor_is_said_in_mesos_words(wrong: TaskInfo, text: str) -> None:
    rig = Rig()
    agent_id, framework_id = rig.agent(), rig.framework()
    sent = rig.accept(framework_id, [rig.offer(framework_id, agent_id)], wrong)
    [status] = statuses(F1, sent)
    assert (status.state, status.reason, status.message) == (TaskState.ERROR, Reason.TASK_INVALID, text)
    assert of(RunTasks, sent) == []
    assert recovered(sent) == [Resources.parse("cpus:4;mem:4096")]


def test_an_executor_with_a_known_id_and_another_description_is_refused() -> None:
    rig, framework_id, agent_id = running()
    offer = rig.offer(framework_id, agent_id, "cpus:2;mem:512")
    sent = rig.accept(framework_id, [offer], by(executor(source="elsewhere"), "t2"))
    [status] = statuses(F1, sent)
    assert status.reason is Reason.TASK_INVALID
    assert status.message.startswith(
        "ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID.\n"
    )
    assert "source='elsewhere'" in status.message


def test_an_executor_of_another_role_is_another_description() -> None:
    rig = Rig()
    agent_id, framework_id = rig.agent(), rig.framework(roles=("dev", "ops"))
    rig.accept(framework_id, [rig.offer(framework_id, agent_id, "cpus:1.5;mem:192")], by(executor()))
    offer = rig.offer(framework_id, agent_id, "cpus:1;mem:128", role="ops")
    [status] = statuses(F1, rig.accept(framework_id, [offer], by(executor(), "t2")))
    assert "role='ops'" in status.message


def test_the_id_of_the_frameworks_own_executor_is_taken() -> None:
    rig = Rig()
    agent_id, framework_id = rig.agent(), rig.framework()
    wrong = by(executor(default_executor_id(framework_id)))
    [status] = statuses(F1, rig.accept(framework_id, [rig.offer(framework_id, agent_id)], wrong))
    assert status.state is TaskState.ERROR


def test_a_command_is_not_given_to_a_custom_executor() -> None:
    rig, framework_id, agent_id = running()
    offer = rig.offer(framework_id, agent_id, "cpus:1;mem:128")
    [status] = statuses(F1, rig.accept(framework_id, [offer], task("t2", executor_id="e")))
    assert status.message == "Task has a CommandInfo, and executor 'e' is a custom one"


# ---------------------------------------------------------------- groups

POD = executor("pod", Resources.parse("cpus:0.1;mem:32;disk:8"), type=ExecutorType.DEFAULT, command=None)


def group(rig: Rig, framework_id: str, agent_id: str, described: ExecutorInfo, *tasks: TaskInfo) -> Sent:
    offer = rig.offer(framework_id, agent_id, "cpus:2;mem:512;disk:100")
    launch = LaunchGroup(tasks, described.executor_id, described)
    return rig.tell(F1, Accept(framework_id, (offer.id,), (launch,), 0))


def test_a_group_brings_its_executor_and_what_that_holds() -> None:
    rig = Rig()
    agent_id, framework_id = rig.agent(resources="cpus:4;mem:4096;disk:1000"), rig.framework()
    sent = group(rig, framework_id, agent_id, POD, task(), task("t2", "cpus:0.5;mem:64"))
    run = launched(sent)
    assert (run.executors, run.new) == ((replace(POD, role="dev"),), ("pod",))
    assert [t.executor_id for t in run.tasks] == ["pod", "pod"]
    assert recovered(sent) == [Resources.parse("cpus:0.4;mem:288;disk:92")]


def test_a_custom_executor_may_have_groups_whose_tasks_have_no_command() -> None:
    rig = Rig()
    agent_id, framework_id = rig.agent(resources="cpus:4;mem:4096;disk:1000"), rig.framework()
    custom = executor("e", POD.resources)
    run = launched(group(rig, framework_id, agent_id, custom, replace(task(), work=None)))
    assert run.tasks[0].group_id


@pytest.mark.parametrize(
    ("described", "text"),
    [
        (replace(POD, type=ExecutorType.UNSET), "'ExecutorInfo.type' must be set"),
        (
            replace(POD, resources=Resources.parse("mem:32;disk:8")),
            "Executor 'pod' uses less CPUs (None) than the minimum required (0.01)",
        ),
        (
            replace(POD, resources=Resources.parse("cpus:0.1;mem:16;disk:8")),
            "Executor 'pod' uses less memory (16MB) than the minimum required (32MB)",
        ),
        (replace(POD, resources=Resources.parse("cpus:0.1;mem:32")), "Executor 'pod' uses no disk"),
        (
            replace(POD, resources=Resources.parse("cpus:1.5;mem:32;disk:8")),
            "Total resources cpus:2.5;disk:8;mem:160 required by task group and its executor are more than available cpus:2;disk:100;mem:512",
        ),
    ],
)
def test_what_is_wrong_with_the_executor_of_a_group_is_said_of_all_its_tasks(
    described: ExecutorInfo, text: str
) -> None:
    rig = Rig()
    agent_id, framework_id = rig.agent(resources="cpus:4;mem:4096;disk:1000"), rig.framework()
    sent = group(rig, framework_id, agent_id, described, task())
    assert [(s.reason, s.message) for s in statuses(F1, sent)] == [(Reason.TASK_GROUP_INVALID, text)]
    assert recovered(sent) == [Resources.parse("cpus:2;mem:512;disk:100")]


def test_a_task_of_a_group_with_another_executor_than_its_group_is_refused() -> None:
    rig = Rig()
    agent_id, framework_id = rig.agent(resources="cpus:4;mem:4096;disk:1000"), rig.framework()
    sent = group(rig, framework_id, agent_id, POD, replace(task(), executor=replace(POD, name="x")))
    [status] = statuses(F1, sent)
    assert status.message == ("Task 't1' is invalid: The `ExecutorInfo` of task 't1' is different from executor 'pod'")


def test_the_framework_of_another_is_not_told_of_an_executors_end() -> None:
    rig, framework_id, _ = running()
    rig.framework("F2")
    sent = rig.tell(A1, ExecutorExited(framework_id, "e", 9))
    assert to(F2, sent) == []
    assert updates(F1, sent) == []
    assert [receiver for receiver, _ in sent].count(ALLOCATOR) == 1


# ---------------------------------------------------------------- preempted


def owed(rig: Rig, framework_id: str, agent_id: str, cpus: int = 500, seen: int = 0) -> Preempt:
    """A task of `cpus` milli-CPUs is owed to a role that may take all from role `dev`."""
    shape, takings = Resources.parse(f"cpus:{cpus / 1000:g}"), (("dev", (("cpus", 4_000), ("mem", 4_096_000))),)
    claim = Claim(framework_id, "owed", "guarantee", shape, 1, (), takings, (agent_id,))
    return Preempt(rig.master.state.allocator_epoch, (claim,), seen)


def full() -> tuple[Rig, str, str, str]:
    """(rig, framework that is owed something, framework of role `dev`, agent id): executor e and its task t1 have 1.5 CPUs, t2 the rest."""
    rig, framework_id, agent_id = running()
    rig.run(framework_id, agent_id, task("t2", "cpus:2.5;mem:512"))
    other = rig.framework("F2", roles=("owed",))
    return rig, other, framework_id, agent_id


def test_an_executor_that_has_nothing_to_do_is_the_first_that_is_taken_back_and_its_end_is_the_release() -> None:
    rig, other, framework_id, agent_id = full()
    rig.report(framework_id, agent_id, "t1", TaskState.FINISHED, uuid="f")
    preempt = owed(rig, other, agent_id, cpus=1_200)
    assert to(A1, rig.tell(ALLOCATOR, preempt)) == [ShutdownOneExecutor(framework_id, "e")]
    assert rig.events()[-1] == "executor preempted"
    assert to(A1, rig.tell(ALLOCATOR, preempt)) == [], "it is on its way"
    sent = rig.tell(A1, ExecutorExited(framework_id, "e", 0))
    [release] = [m.release for _, m in of(Recover, sent)]
    assert release > 0 and Failure(agent_id, "e", 0) in to(F1, sent)
    rig.tell(ALLOCATOR, owed(rig, other, agent_id, seen=release))
    assert rig.master.state.plans == {}


def test_an_executor_at_work_is_not_taken_back_but_its_task_may_be() -> None:
    rig, other, framework_id, agent_id = full()
    sent = to(A1, rig.tell(ALLOCATOR, owed(rig, other, agent_id)))
    assert [m.task_id for m in sent if isinstance(m, KillTask)] == ["t2"] and len(sent) == 1


def test_an_executor_that_was_told_to_leave_is_told_again_when_its_agent_is_back() -> None:
    rig, other, framework_id, agent_id = full()
    rig.report(framework_id, agent_id, "t1", TaskState.FINISHED, uuid="f")
    rig.tell(ALLOCATOR, owed(rig, other, agent_id, cpus=1_200))
    t2 = rig.master.state.frameworks[framework_id].tasks["t2"]
    info = rig.master.state.agents[agent_id].executors[framework_id, "e"].info
    known = tuple(rig.master.state.known_frameworks[id] for id in (framework_id,))
    again = ReregisterAgent(
        agent_id,
        agent_info(),
        2,
        (AgentTask(framework_id, t2.info, t2.state),),
        known,
        executors=((framework_id, info),),
    )
    assert ShutdownOneExecutor(framework_id, "e") in to(A1, rig.tell(A1, again))
