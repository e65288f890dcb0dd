"""What an executor makes of launches, kills and the shim's words."""

from __future__ import annotations

import pytest
from executor_rig import AGENT, BATCH, E1, F1, SHIM, Rig, chunk, report, states, statuses, task, to

from raymesos.machine import LinkDown, LinkUp
from raymesos.model.tasks import Reason, Source, TaskState
from raymesos.wire.messages import (
    ExecutorMessage,
    ForgetWork,
    KillLaunched,
    ShutdownExecutorNow,
    StartWork,
    StopWork,
    WorkEnded,
    WorkStarted,
)


def test_a_launch_starts_the_work_with_its_environment_and_memory_limit() -> None:
    rig = Rig()
    info = task("t1", "cpus:1;mem:128;ports:[31000-31001,31005-31005]", role="ads")
    sent = rig.launch(info)
    [start] = to(SHIM, sent)
    assert (start.task_id, start.work, start.role, start.mem_limit_kb) == ("t1", info.work, "ads", 128 * 1024)
    env = dict(start.env)
    assert len(env) == len(start.env)
    assert env == {
        "RAYMESOS_TASK_ID": "t1",
        "RAYMESOS_ROLE": "ads",
        "RAYMESOS_AGENT": "A1",
        "RAYMESOS_HOSTNAME": "A1",
        "RAYMESOS_AGENT_ID": "c-S0",
        "RAYMESOS_FRAMEWORK_ID": F1,
        "RAYMESOS_EXECUTOR_ID": E1,
        "MESOS_TASK_ID": "t1",
        "MESOS_FRAMEWORK_ID": F1,
        "MESOS_EXECUTOR_ID": E1,
        "MESOS_AGENT_ID": "c-S0",
        "PORT0": "31000",
        "PORT1": "31001",
        "PORT2": "31005",
        "PORTS": "31000,31001,31005",
    }


def test_a_task_without_mem_or_ports_has_no_limit_and_no_ports() -> None:
    [start] = to(SHIM, Rig().launch(task("t1", "cpus:0.1")))
    assert start.mem_limit_kb is None
    assert [name for name, _ in start.env if name.startswith("PORT")] == []


def test_a_task_is_starting_then_running_then_finished() -> None:
    rig = Rig()
    sent = rig.launch(task("t1"))
    assert states(sent) == [("t1", TaskState.STARTING, Reason.NONE, "")]
    sent = rig.tell(WorkStarted("t1", 7), SHIM)
    assert states(sent) == [("t1", TaskState.RUNNING, Reason.NONE, "")]
    sent = rig.end("t1", usage=(("cpu_ms", 12),))
    assert states(sent) == [("t1", TaskState.FINISHED, Reason.NONE, "")]
    assert to(SHIM, sent) == [ForgetWork("t1")]
    [status] = statuses(sent)
    assert (status.source, status.agent_id, status.executor_id) == (Source.EXECUTOR, "c-S0", E1)
    assert status.usage == (("cpu_ms", 12),)


def test_every_update_has_an_id_of_its_own() -> None:
    rig = Rig()
    ids = [s.uuid for s in statuses(rig.launch(*[task(f"t{i}") for i in range(100)]))]
    assert len(dict.fromkeys(ids)) == 100
    assert all(len(i) == 36 and i[14] == "5" and i[19] == "a" for i in ids)


@pytest.mark.parametrize(
    ("ending", "reason", "text"),
    [
        (WorkEnded("t1", 3), Reason.NONE, "exit 3"),
        (WorkEnded("t1", None, 11), Reason.NONE, "killed by SIGSEGV (11)"),
        (WorkEnded("t1", None, 99), Reason.NONE, "killed by signal (99)"),
        (WorkEnded("t1", None, 9, message="who knows"), Reason.NONE, "who knows"),
        (WorkEnded("t1"), Reason.CONTAINER_LAUNCH_FAILED, "it never ran"),
        (
            WorkEnded("t1", None, 9, Reason.CONTAINER_LIMITATION_MEMORY, "200 MB of 128"),
            Reason.CONTAINER_LIMITATION_MEMORY,
            "200 MB of 128",
        ),
    ],
)
def test_a_failure_says_how_the_work_ended(ending: WorkEnded, reason: Reason, text: str) -> None:
    rig = Rig()
    rig.run(task("t1"))
    assert states(rig.tell(ending, SHIM)) == [("t1", TaskState.FAILED, reason, text)]


def test_a_kill_is_reported_at_once_and_again_when_it_is_done() -> None:
    rig = Rig()
    rig.run(task("t1"))
    sent = rig.tell(KillLaunched("t1", 500))
    assert to(SHIM, sent) == [StopWork("t1", 500)]
    assert states(sent) == [("t1", TaskState.KILLING, Reason.NONE, "")]
    assert rig.tell(KillLaunched("t1", 0)) == [(SHIM, StopWork("t1", 0))]
    assert states(rig.end("t1", None, signal=15)) == [("t1", TaskState.KILLED, Reason.NONE, "killed by SIGTERM (15)")]
    assert rig.tell(KillLaunched("t1", 0)) == []


def test_a_killed_task_that_ends_well_is_killed() -> None:
    rig = Rig()
    rig.run(task("t1"))
    rig.tell(KillLaunched("t1", 500))
    assert states(rig.end("t1", 0)) == [("t1", TaskState.KILLED, Reason.NONE, "exit 0")]


ABNORMAL = [
    WorkEnded("t1", 3, message="m"),
    WorkEnded("t1", None, 15, message="m"),
    WorkEnded("t1", None, message="m"),
    WorkEnded("t1", None, 9, Reason.CONTAINER_LIMITATION_MEMORY, "m"),
    WorkEnded("t1", None, None, Reason.CONTAINER_LAUNCH_FAILED, "m"),
    WorkEnded("t1", None, 15, Reason.EXECUTOR_TERMINATED, "m"),
]


@pytest.mark.parametrize("started", [False, True])
@pytest.mark.parametrize("ending", ABNORMAL)
def test_whatever_a_task_dies_of_once_its_kill_was_asked_for_it_is_killed(ending: WorkEnded, *, started: bool) -> None:
    rig = Rig()
    rig.launch(chunk())
    if started:
        rig.tell(WorkStarted("t1"), SHIM)
    rig.tell(KillLaunched("t1", 500))
    [blamed] = to(BATCH, rig.tell(report("t1", culprit=4, culprit_error="m"), SHIM))
    assert (blamed.culprit, blamed.culprit_error) == (None, "")
    assert states(rig.tell(ending, SHIM)) == [("t1", TaskState.KILLED, Reason.NONE, "m")]


@pytest.mark.parametrize("ending", ABNORMAL)
def test_a_kill_that_crosses_the_end_of_a_task_changes_nothing_of_it(ending: WorkEnded) -> None:
    rig = Rig()
    rig.run(chunk())
    [blamed] = to(BATCH, rig.tell(report("t1", culprit=4, culprit_error="m"), SHIM))
    assert (blamed.culprit, blamed.culprit_error) == (4, "m")
    [(_, state, reason, _)] = states(rig.tell(ending, SHIM))
    launch_failed = ending.exit_code is None and ending.signal is None
    own = Reason.CONTAINER_LAUNCH_FAILED if launch_failed else Reason.NONE
    assert (state, reason) == (TaskState.FAILED, ending.reason or own)
    assert states(rig.tell(KillLaunched("t1", 500))) == []


def test_a_task_that_starts_while_it_is_killed_is_not_running() -> None:
    rig = Rig()
    rig.launch(task("t1"))
    rig.tell(KillLaunched("t1", 500))
    assert rig.tell(WorkStarted("t1"), SHIM) == []


def test_a_task_over_its_time_fails() -> None:
    rig = Rig()
    rig.run(task("t1", max_completion_ms=2_000), task("t2", max_completion_ms=2_000, kill_grace_ms=100))
    assert rig.advance(1_999) == []
    sent = rig.advance(1)
    late = Reason.MAX_COMPLETION_TIME_REACHED
    assert to(SHIM, sent) == [StopWork("t1", 0), StopWork("t2", 100)]
    assert states(sent) == [("t1", TaskState.KILLING, late, ""), ("t2", TaskState.KILLING, late, "")]
    sent = rig.end("t1", None, signal=9)
    assert states(sent) == [("t1", TaskState.FAILED, late, "out of time: killed by SIGKILL (9)")]
    assert states(rig.end("t2", None, signal=15, reason=Reason.EXECUTOR_TERMINATED, message="m")) == [
        ("t2", TaskState.FAILED, late, "out of time: m")
    ]


def test_a_task_out_of_time_and_over_its_memory_failed_for_its_memory() -> None:
    rig = Rig()
    rig.run(task("t1", max_completion_ms=2_000))
    rig.advance(2_000)
    memory = Reason.CONTAINER_LIMITATION_MEMORY
    assert states(rig.end("t1", None, signal=9, reason=memory, message="m")) == [("t1", TaskState.FAILED, memory, "m")]


def test_a_task_that_ends_in_time_is_not_stopped() -> None:
    rig = Rig()
    rig.run(task("t1", max_completion_ms=2_000))
    rig.end("t1")
    assert rig.advance(3_000) == []


def test_a_task_that_is_being_killed_when_its_time_is_over_is_killed() -> None:
    rig = Rig()
    rig.run(task("t1", max_completion_ms=2_000))
    rig.tell(KillLaunched("t1", 5_000))
    assert rig.advance(2_000) == []
    assert states(rig.end("t1", None, signal=15))[0][1] is TaskState.KILLED


def test_a_task_that_is_here_is_not_started_twice() -> None:
    rig = Rig()
    rig.launch(task("t1"))
    assert rig.launch(task("t1")) == []
    rig.end("t1")
    assert rig.launch(task("t1")) == []


def test_shutting_down_kills_everything_and_starts_nothing() -> None:
    rig = Rig()
    rig.run(task("t1"), task("t2"))
    sent = rig.tell(ShutdownExecutorNow(100))
    assert to(SHIM, sent) == [StopWork("t1", 100), StopWork("t2", 100)]
    assert [n.kind for n in rig.notes] == ["executor leaving"]
    early = Reason.TASK_KILLED_DURING_LAUNCH
    assert states(rig.launch(task("t3"))) == [("t3", TaskState.KILLED, early, "killed before it was started")]
    assert states(rig.end("t1", None, signal=15))[0][1] is TaskState.KILLED
    assert to(SHIM, rig.tell(ShutdownExecutorNow(0))) == [StopWork("t2", 0)]
    assert [n.kind for n in rig.notes] == ["executor leaving"]


def test_when_the_shim_is_lost_what_ran_fails_and_what_comes_waits() -> None:
    rig = Rig()
    rig.run(task("t1"), task("t2"))
    rig.launch(task("t3"))
    rig.tell(KillLaunched("t2", 100))
    lost = "the shim that ran it was lost"
    assert states(rig.tell(LinkDown(SHIM))) == [
        ("t1", TaskState.FAILED, Reason.EXECUTOR_TERMINATED, lost),
        ("t2", TaskState.KILLED, Reason.NONE, lost),
        ("t3", TaskState.FAILED, Reason.EXECUTOR_TERMINATED, lost),
    ]
    assert rig.launch(task("t4"), task("t5")) == []
    sent = rig.tell(KillLaunched("t5", 0))
    assert states(sent)[0][:3] == ("t5", TaskState.KILLED, Reason.TASK_KILLED_DURING_LAUNCH)
    sent = rig.tell(LinkUp(SHIM, restarted=False))
    assert [m.task_id for m in to(SHIM, sent)] == ["t1", "t2", "t3", "t4"]
    assert all(m == StopWork(m.task_id, 0) for m in to(SHIM, sent)[:3])
    assert states(sent) == [("t4", TaskState.STARTING, Reason.NONE, "")]
    assert rig.end("t1", None, signal=9) == [(SHIM, ForgetWork("t1"))]


def test_a_new_shim_is_to_end_what_it_may_have_heard_of_the_old_ones_tasks() -> None:
    rig = Rig()
    rig.run(task("t1"))
    sent = rig.tell(LinkUp(SHIM, restarted=True))
    assert states(sent)[0][:3] == ("t1", TaskState.FAILED, Reason.EXECUTOR_TERMINATED)
    assert to(SHIM, sent) == [ForgetWork("t1"), StopWork("t1", 0)]


def test_a_task_out_of_time_before_it_started_fails() -> None:
    rig = Rig()
    rig.tell(LinkDown(SHIM))
    rig.launch(task("t1", max_completion_ms=10))
    assert states(rig.advance(10)) == [
        ("t1", TaskState.FAILED, Reason.MAX_COMPLETION_TIME_REACHED, "out of time before it was started")
    ]


def test_work_of_a_former_life_is_stopped_and_forgotten() -> None:
    rig = Rig()
    assert rig.tell(WorkStarted("old"), SHIM) == [(SHIM, StopWork("old", 0))]
    assert rig.end("old", None, signal=9) == [(SHIM, ForgetWork("old"))]
    assert rig.tell(report("old"), SHIM) == []


def test_words_about_an_ended_task_change_nothing() -> None:
    rig = Rig()
    rig.run(task("t1"))
    rig.end("t1")
    assert rig.tell(WorkStarted("t1"), SHIM) == []
    assert rig.tell(KillLaunched("t1", 0)) == []
    assert rig.tell(KillLaunched("t9", 0)) == []
    assert rig.end("t1") == [(SHIM, ForgetWork("t1"))]


def test_a_report_of_work_that_reports_nothing_is_dropped() -> None:
    rig = Rig()
    rig.run(task("t1"))
    assert rig.tell(report("t1"), SHIM) == []


def test_framework_messages_pass_both_ways() -> None:
    rig = Rig()
    down = ExecutorMessage(F1, E1, b"ping", down=True)
    up = ExecutorMessage(F1, E1, b"pong", down=False)
    assert rig.tell(down) == [(SHIM, down)]
    assert rig.tell(up, SHIM) == [(AGENT, up)]


def test_commands_and_residents_do_not_wait_for_reports_to_be_taken() -> None:
    rig = Rig(kept_report_bytes=1)
    rig.run(chunk("t1"))
    rig.tell(report("t1", 0), SHIM)
    assert rig.launch(chunk("t2")) == []
    assert [type(m) for m in to(SHIM, rig.launch(task("t3")))] == [StartWork]


# ---------------------------------------------------------------- updates that are not worth a message


def test_a_task_that_ends_at_once_is_only_told_to_have_ended() -> None:
    rig = Rig(untold_ms=10)
    assert statuses(rig.launch(chunk())) == []
    assert statuses(rig.tell(WorkStarted("t1"), SHIM)) == []
    assert [s.state for s in statuses(rig.end("t1"))] == [TaskState.FINISHED]
    assert statuses(rig.advance(1_000)) == []


def test_of_a_task_that_goes_on_its_last_state_is_told_after_a_moment() -> None:
    rig = Rig(untold_ms=10)
    rig.launch(chunk("t1"), chunk("t2"))
    rig.tell(WorkStarted("t1"), SHIM)
    assert statuses(rig.advance(9)) == []
    told = {s.task_id: s.state for s in statuses(rig.advance(1))}
    assert told == {"t1": TaskState.RUNNING, "t2": TaskState.STARTING}
    rig.tell(WorkStarted("t2"), SHIM)
    assert [(s.task_id, s.state) for s in statuses(rig.advance(10))] == [("t2", TaskState.RUNNING)]


def test_that_a_single_command_runs_is_always_told_and_at_once() -> None:
    rig = Rig(untold_ms=10)
    assert statuses(rig.launch(task())) == []
    assert [s.state for s in statuses(rig.tell(WorkStarted("t1"), SHIM))] == [TaskState.RUNNING]
    assert [s.state for s in statuses(rig.end("t1"))] == [TaskState.FINISHED]
    assert statuses(rig.advance(1_000)) == []


def test_a_kill_is_told_at_once_and_nothing_older_after_it() -> None:
    rig = Rig(untold_ms=10)
    rig.launch(task())
    sent = rig.tell(KillLaunched("t1", 100))
    assert [s.state for s in statuses(sent)] == [TaskState.KILLING]
    assert statuses(rig.advance(1_000)) == []
