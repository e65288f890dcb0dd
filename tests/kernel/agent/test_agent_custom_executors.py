"""Executors that frameworks describe, at an agent: what they hold, custom ones from their start to their end, and who speaks for one and has forgotten."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from agent_rig import AGENT, F1, F2, LAUNCHER, Rig, framework, task, to, updates

from raymesos.machine import MASTER, LinkDown, Wake
from raymesos.model.resources import Resources
from raymesos.model.tasks import Reason, TaskState
from raymesos.wire.messages import (
    AgentServed,
    AgentUpdated,
    ExecutorExited,
    ExecutorInfo,
    ExecutorLost,
    ExecutorMessage,
    ExecutorReconnect,
    ExecutorRefused,
    ExecutorSubscribe,
    ExecutorSubscribed,
    ExecutorType,
    ExecutorUpdate,
    KillLaunched,
    KillTask,
    LaunchTasks,
    Leave,
    LimitExecutor,
    ReregisterAgent,
    RunTasks,
    ShutdownExecutorNow,
    ShutdownFramework,
    ShutdownOneExecutor,
    StartExecutor,
    StopExecutor,
    TaskInfo,
    UnregisterAgent,
)
from raymesos.wire.work import CommandWork

INFO = ExecutorInfo("e", CommandWork(("./e",)), Resources.parse("cpus:0.5;mem:64"), role="role")
E = f"executor/A1/{F1}/e"


def by(task_id: str = "t1", resources: str = "cpus:1;mem:128", **more: Any) -> TaskInfo:
    return replace(task(task_id, resources, executor_id="e", **more), work=None)


def registered() -> Rig:
    rig = Rig()
    rig.register()
    return rig


def run(rig: Rig, *tasks: TaskInfo, new: bool = False, info: ExecutorInfo = INFO, framework_id: str = F1) -> list[Any]:
    return rig.tell(RunTasks(framework(framework_id), tasks, (info,), (info.executor_id,) if new else ()))


def subscribe(rig: Rig, **more: Any) -> list[tuple[str, Any]]:
    return rig.tell(ExecutorSubscribe(F1, "e", custom=True, **more), E)


def report(rig: Rig, task_id: str, state: TaskState) -> list[tuple[str, Any]]:
    status = rig.status(task_id, state, executor_id="e")
    return rig.tell(ExecutorUpdate(F1, "e", status), E) + rig.acknowledge(task_id, status.uuid)


def running(*tasks: TaskInfo) -> Rig:
    rig = registered()
    run(rig, *tasks, new=True)
    subscribe(rig, partial=True)
    for info in tasks:
        report(rig, info.task_id, TaskState.RUNNING)
    return rig


# ---------------------------------------------------------------- started


def test_it_is_started_as_it_is_described_and_holds_what_it_says() -> None:
    rig = registered()
    sent = run(rig, by(), new=True)
    assert to(LAUNCHER, sent) == [StartExecutor(F1, "e", "c-S0", INFO), LimitExecutor(F1, "e", 192_000)]
    assert rig.agent.state.free == Resources.parse("cpus:2.5;mem:3904")


def test_it_is_told_who_it_is_and_gets_the_tasks_that_waited() -> None:
    rig = registered()
    run(rig, by(), new=True)
    assert to(E, subscribe(rig, partial=True)) == [
        ExecutorSubscribed("c-S0", rig.agent.state.info, INFO, framework()),
        LaunchTasks((by(),)),
    ]


def test_more_tasks_are_handed_over_and_its_limit_grows_at_once_and_shrinks_soon() -> None:
    rig = running(by())
    sent = run(rig, by("t2"))
    assert to(E, sent) == [LaunchTasks((by("t2"),))]
    assert to(LAUNCHER, sent) == [LimitExecutor(F1, "e", 320_000)]
    assert to(LAUNCHER, report(rig, "t2", TaskState.FINISHED) + report(rig, "t1", TaskState.FINISHED)) == []
    assert to(LAUNCHER, rig.advance(1_000)) == [LimitExecutor(F1, "e", 64_000)]
    assert to(LAUNCHER, rig.advance(10_000)) == []


def test_two_frameworks_have_an_executor_of_the_same_id_each_at_its_own_address() -> None:
    rig = running(by())
    sent = run(rig, by("u1"), new=True, framework_id=F2)
    assert to(LAUNCHER, sent)[0] == StartExecutor(F2, "e", "c-S0", INFO)
    assert [e.address for e in rig.agent.state.frameworks[F2].executors.values()] == [f"executor/A1/{F2}/e"]


def test_a_task_whose_executor_has_ended_meanwhile_does_not_start_another() -> None:
    rig = registered()
    sent = run(rig, by())
    assert updates(sent) == [("t1", TaskState.DROPPED, Reason.EXECUTOR_TERMINATED)]
    assert to(LAUNCHER, sent) == []


def test_an_executor_that_could_not_begin_is_given_back() -> None:
    rig = registered()
    sent = run(rig, by(resources="cpus:4;mem:128"), new=True)
    assert updates(sent) == [("t1", TaskState.DROPPED, Reason.RESOURCES_UNKNOWN)]
    assert to(MASTER, sent)[-1] == ExecutorExited(F1, "e", None)
    assert rig.agent.state.free == INFO_TOTAL


def test_an_executor_for_which_there_is_no_room_is_given_back() -> None:
    rig = registered()
    sent = run(rig, by(), new=True, info=replace(INFO, resources=Resources.parse("cpus:5")))
    assert updates(sent) == [("t1", TaskState.DROPPED, Reason.RESOURCES_UNKNOWN)]
    assert ExecutorExited(F1, "e", None) in to(MASTER, sent)


def test_an_id_that_is_in_use_by_an_executor_nobody_described_is_refused() -> None:
    rig = registered()
    rig.run(task("t0", executor_id="e"))
    sent = run(rig, by(), new=True)
    assert updates(sent) == [("t1", TaskState.ERROR, Reason.TASK_INVALID)]
    assert to(MASTER, sent)[-1] == ExecutorExited(F1, "e", None)


INFO_TOTAL = Resources.parse("cpus:4;mem:4096")

# ---------------------------------------------------------------- refused


def test_who_speaks_for_an_executor_that_nobody_asked_for_is_refused() -> None:
    rig = registered()
    assert to(E, subscribe(rig)) == [ExecutorRefused("Framework cannot be found")]
    rig.run(task("t0"))
    assert to(E, subscribe(rig, partial=True)) == [ExecutorRefused("Executor cannot be found")]
    assert "e" not in rig.agent.state.frameworks[F1].executors


def test_who_speaks_for_an_executor_of_ours_is_refused() -> None:
    rig = registered()
    rig.run(task("t0", executor_id="e"))
    assert to(E, subscribe(rig)) == [ExecutorRefused("Executor cannot be found")]


def test_an_update_before_the_subscription_is_answered_with_reconnect() -> None:
    rig = registered()
    run(rig, by(), new=True)
    status = rig.status("t1", TaskState.RUNNING, executor_id="e")
    assert rig.tell(ExecutorUpdate(F1, "e", status), E) == [(E, ExecutorReconnect())]


# ---------------------------------------------------------------- its end


def test_its_end_frees_what_it_held_and_its_tasks_fail_with_it() -> None:
    rig = running(by(), by("t2"))
    sent = rig.tell(ExecutorLost(F1, "e", "exit 3", 768), LAUNCHER)
    assert updates(sent) == [(t, TaskState.FAILED, Reason.EXECUTOR_TERMINATED) for t in ("t1", "t2")]
    assert to(MASTER, sent)[-1] == ExecutorExited(F1, "e", 768)
    assert rig.agent.state.free == INFO_TOTAL


def test_an_end_that_was_not_its_own_doing_is_told_so() -> None:
    rig = running(by())
    lost = ExecutorLost(F1, "e", "over its limit", 9, Reason.CONTAINER_LIMITATION_MEMORY)
    assert updates(rig.tell(lost, LAUNCHER)) == [("t1", TaskState.FAILED, Reason.CONTAINER_LIMITATION_MEMORY)]


def test_one_whose_files_could_not_be_had_fails_its_tasks_with_that_reason() -> None:
    rig = registered()
    run(rig, by(), new=True)
    lost = ExecutorLost(F1, "e", "Failed to fetch '/x'", None, Reason.CONTAINER_LAUNCH_FAILED)
    sent = rig.tell(lost, LAUNCHER)
    assert updates(sent) == [("t1", TaskState.FAILED, Reason.CONTAINER_LAUNCH_FAILED)]


def test_the_agents_address_is_told_to_its_launcher_its_executors_and_the_master() -> None:
    rig = running(by())
    sent = rig.tell(AgentServed("h:1"), "agents@http")
    info = replace(rig.agent.state.info, endpoint="h:1")
    assert to(LAUNCHER, sent) == [AgentServed("h:1")]
    assert to(MASTER, sent) == [AgentUpdated("c-S0", info)]
    assert to(E, sent) == [ExecutorSubscribed("c-S0", info, INFO, framework())]
    assert to(MASTER, rig.tell(AgentServed("h:1"), "agents@http")) == []


def test_who_speaks_for_it_hears_when_it_has_ended() -> None:
    rig = registered()
    run(rig, by(), new=True)
    at_http = f"{E}@http"
    rig.tell(ExecutorSubscribe(F1, "e", custom=True, partial=True), at_http)
    sent = rig.tell(ExecutorLost(F1, "e", "exit 0", 0), LAUNCHER)
    assert to(at_http, sent) == [ExecutorRefused("Executor has ended")]


def test_one_that_does_not_come_up_is_given_up_after_a_while() -> None:
    rig = registered()
    run(rig, by(), new=True)
    sent = rig.advance(60_000)
    assert updates(sent) == [("t1", TaskState.FAILED, Reason.EXECUTOR_REGISTRATION_TIMEOUT)]
    assert StopExecutor(F1, "e") in to(LAUNCHER, sent)


@pytest.mark.parametrize(("own_ms", "grace_ms"), [(None, 5_000), (700, 700), (1, 1)])
def test_told_to_shut_down_it_has_its_own_grace_and_leaves_by_itself_or_is_made_to(
    own_ms: int | None, grace_ms: int
) -> None:
    rig = registered()
    info = replace(INFO, shutdown_grace_ms=own_ms)
    run(rig, by(), new=True, info=info)
    subscribe(rig)
    sent = rig.tell(ShutdownOneExecutor(F1, "e"))
    assert to(E, sent) == [ShutdownExecutorNow(grace_ms)]
    assert to(LAUNCHER, report(rig, "t1", TaskState.KILLED)) == []
    assert StopExecutor(F1, "e") not in to(LAUNCHER, rig.advance(grace_ms - 1))
    assert StopExecutor(F1, "e") in to(LAUNCHER, rig.advance(1))


def test_an_idle_one_is_told_to_shut_down_too() -> None:
    rig = running(by())
    report(rig, "t1", TaskState.FINISHED)
    sent = rig.tell(ShutdownFramework(F1))
    assert to(E, sent) == [ShutdownExecutorNow(5_000)]
    assert ExecutorExited(F1, "e", 0) in to(MASTER, rig.tell(ExecutorLost(F1, "e", "exit 0", 0), LAUNCHER))
    assert F1 not in rig.agent.state.frameworks


def test_an_agent_that_leaves_gives_it_its_grace() -> None:
    rig = registered()
    run(rig, by(), new=True, info=replace(INFO, shutdown_grace_ms=60_000))
    subscribe(rig)
    rig.tell(Leave(100), AGENT)
    assert to(MASTER, rig.advance(59_000)) == []
    rig.tell(ExecutorLost(F1, "e", "exit 0", 0), LAUNCHER)
    sent = rig.acknowledge("t1", next(iter(rig.agent.state.frameworks[F1].streams["t1"].pending)))
    assert UnregisterAgent("c-S0") in to(MASTER, sent)


def test_its_end_is_told_also_while_the_agent_asks_to_be_registered() -> None:
    rig = running(by())
    rig.tell(LinkDown(MASTER), AGENT)
    sent = rig.tell(ExecutorLost(F1, "e", "exit 0", 0), LAUNCHER)
    assert to(MASTER, sent) == [ExecutorExited(F1, "e", 0)]


def test_one_that_the_master_believes_to_be_here_is_said_to_have_ended() -> None:
    rig = running(by())
    sent = rig.register(executors=((F1, "e"), (F1, "x"), (F2, "e")))
    assert to(MASTER, sent) == [ExecutorExited(F1, "x", None), ExecutorExited(F2, "e", None)]


# ---------------------------------------------------------------- messages and kills


def test_messages_pass_both_ways_while_it_is_up() -> None:
    rig = running(by())
    down = ExecutorMessage(F1, "e", b"x", down=True)
    assert rig.tell(down) == [(E, down)]
    up = ExecutorMessage(F1, "e", b"y", down=False)
    assert rig.tell(up, E) == [(MASTER, up)]
    rig.tell(LinkDown(E), AGENT)
    assert rig.tell(down) == []


@pytest.mark.parametrize(("grace_ms", "kill"), [(None, KillLaunched("t1", 3_000)), (7, KillLaunched("t1", 7, True))])
def test_a_kill_says_whether_its_grace_is_its_own(grace_ms: int | None, kill: KillLaunched) -> None:
    assert running(by()).tell(KillTask(F1, "t1", grace_ms)) == [(E, kill)]


def test_it_stays_after_its_last_group_which_it_gets_as_one() -> None:
    rig = registered()
    group = (by("t1", group_id="g"), by("t2", group_id="g"))
    run(rig, *group, new=True)
    assert LaunchTasks(group) in to(E, subscribe(rig))
    for each in group:
        report(rig, each.task_id, TaskState.FINISHED)
    assert "e" in rig.agent.state.frameworks[F1].executors


def test_the_default_executor_of_a_group_leaves_after_it_and_gives_back_what_it_held() -> None:
    rig = registered()
    pod = replace(INFO, command=None, type=ExecutorType.DEFAULT)
    run(rig, task("t1", executor_id="e", group_id="g"), new=True, info=pod)
    rig.tell(ExecutorSubscribe(F1, "e"), E)
    assert to(LAUNCHER, report(rig, "t1", TaskState.FINISHED)) == [StopExecutor(F1, "e")]
    assert to(MASTER, rig.tell(ExecutorLost(F1, "e", "stopped", 0), LAUNCHER)) == [ExecutorExited(F1, "e", 0)]
    assert rig.agent.state.free == INFO_TOTAL


# ---------------------------------------------------------------- subscribed again


def test_who_has_forgotten_is_told_what_runs_and_given_what_was_not_begun() -> None:
    rig = running(by())
    run(rig, by("t2"), by("t3"))
    sent = to(E, subscribe(rig, tasks=(by("t3"),), states=(TaskState.STAGING,), partial=True))
    welcome = ExecutorSubscribed("c-S0", rig.agent.state.info, INFO, framework(), (by(),), (TaskState.RUNNING,))
    assert sent == [welcome, LaunchTasks((by("t2"),))]


def test_who_remembers_everything_and_not_a_running_task_has_lost_it() -> None:
    rig = running(by())
    sent = subscribe(rig)
    assert updates(sent) == [("t1", TaskState.FAILED, Reason.EXECUTOR_TERMINATED)]


def test_a_kill_is_said_again_to_who_has_forgotten() -> None:
    rig = running(by())
    rig.tell(LinkDown(E), AGENT)
    rig.tell(KillTask(F1, "t1", 5))
    assert KillLaunched("t1", 5, True) in to(E, subscribe(rig, partial=True))


def test_a_restarted_agent_knows_it_and_what_it_holds_and_registers_with_it() -> None:
    before = running(by())
    for records in (before.records, before.agent.snapshot()):
        rig = Rig(start=False, incarnation=2)
        rig.agent.restore(records)
        assert rig.agent.state.free == Resources.parse("cpus:3.5;mem:4032")
        assert to(E, rig.tell(Wake("start"), AGENT)) == [ExecutorReconnect()]
        [again] = [
            m
            for m in to(MASTER, subscribe(rig, tasks=(by(),), states=(TaskState.RUNNING,)))
            if isinstance(m, ReregisterAgent)
        ]
        assert again.executors == ((F1, INFO),)
        assert [t.state for t in again.tasks] == [TaskState.RUNNING]
        assert rig.agent.state.free == Resources.parse("cpus:2.5;mem:3904")


def test_a_restarted_agent_gives_up_one_that_does_not_answer() -> None:
    before = running(by())
    rig = Rig(start=False, incarnation=2)
    rig.agent.restore(before.records)
    rig.tell(Wake("start"), AGENT)
    assert StopExecutor(F1, "e") in to(LAUNCHER, rig.advance(2_000))
    rig.tell(ExecutorLost(F1, "e", "stopped", 9), LAUNCHER)
    assert rig.agent.state.free == INFO_TOTAL


def test_an_agent_that_forgot_that_it_ended_does_not_bring_it_back() -> None:
    before = running(by())
    before.tell(ExecutorLost(F1, "e", "exit 0", 0), LAUNCHER)
    rig = Rig(start=False, incarnation=2)
    rig.agent.restore(before.records)
    assert rig.agent.state.free == INFO_TOTAL
