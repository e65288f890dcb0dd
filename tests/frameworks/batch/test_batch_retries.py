"""How attempts end: who pays, when an input is tried again, time limits, kills; and that each input keeps its own result, error and count."""

from __future__ import annotations

from dataclasses import replace

import pytest
from batch_rig import EXECUTOR, Rig, Task, report_of

from raymesos.frameworks.retry import SYSTEM_CODES, code_of, system_delay_ms, user_delay_ms
from raymesos.model.retries import RetryPolicy
from raymesos.model.settings import BatchSettings
from raymesos.model.tasks import Reason, TaskState
from raymesos.wire.messages import Kill, Revive, TaskStatus, Update
from raymesos.wire.work import ChunkWork

USER, SYSTEM, NOBODY = "user", "system", "nobody"
USERS_REASONS = (
    Reason.NONE,
    Reason.COMMAND_EXECUTOR_FAILED,
    Reason.CONTAINER_LAUNCH_FAILED,
    Reason.CONTAINER_LIMITATION,
    Reason.CONTAINER_LIMITATION_DISK,
    Reason.CONTAINER_LIMITATION_MEMORY,
    Reason.MAX_COMPLETION_TIME_REACHED,
    Reason.TASK_CHECK_STATUS_UPDATED,
    Reason.TASK_HEALTH_CHECK_STATUS_UPDATED,
    Reason.TASK_INVALID,
    Reason.TASK_UNAUTHORIZED,
)
ENDS = [s for s in TaskState if s.name not in ("STAGING", "STARTING", "RUNNING", "KILLING")]


def payer(state: TaskState, reason: Reason) -> str:
    """The table, said once more: the user pays for what users' code did, nobody for success, the system for the rest."""
    if state is TaskState.FINISHED:
        return NOBODY
    if state in (TaskState.FAILED, TaskState.ERROR) and reason in USERS_REASONS:
        return USER
    return SYSTEM


# A failure told by a reconciliation does not say whose it was; see below.
TABLE = [
    (s, r)
    for s in ENDS
    for r in Reason
    if not (s in (TaskState.FAILED, TaskState.ERROR) and r is Reason.RECONCILIATION)
]


@pytest.mark.parametrize(("state", "reason"), TABLE)
def test_who_pays_for_an_end(state: TaskState, reason: Reason) -> None:
    rig = Rig()
    rig.submit(retries=1)
    (task,) = rig.offer()
    rig.run(task)
    if state is TaskState.FINISHED:
        rig.report(task)
    rig.update(task, state, reason, "why")
    rig.advance(11_000)  # A failure may be told by a report that is still on the way.
    job = rig.machine.state.jobs["j"]
    waiting = next(job.queue.spans(), None)
    who = payer(state, reason)
    assert (job.state == "Finished") is (who == NOBODY)
    if who != NOBODY:
        assert waiting is not None
        assert (waiting.failed, waiting.lost) == ((1, 0) if who == USER else (0, 1))


@pytest.mark.parametrize(("state", "reason"), TABLE)
def test_the_code_of_an_end_says_who_pays(state: TaskState, reason: Reason) -> None:
    code = code_of(TaskStatus("t", state, reason=reason))
    expected = {USER: ("failed",), NOBODY: ("normal",), SYSTEM: (*SYSTEM_CODES, "killed")}[payer(state, reason)]
    assert code in expected


@pytest.mark.parametrize("reason", [Reason.AGENT_DRAINING, Reason.CONTAINER_PREEMPTED])
def test_a_kill_that_nobody_who_waits_has_wanted_is_the_systems(reason: Reason) -> None:
    assert code_of(TaskStatus("t", TaskState.KILLED, reason=reason)) in SYSTEM_CODES
    assert code_of(TaskStatus("t", TaskState.KILLED)) == "killed"


@pytest.mark.parametrize("state", [TaskState.FAILED, TaskState.ERROR])
def test_a_failure_told_by_a_reconciliation_waits_for_the_agents_own_word(state: TaskState) -> None:
    rig = Rig()
    rig.submit(retries=0)
    (task,) = rig.offer()
    rig.tell(Update(TaskStatus(task.id, state, "A1", reason=Reason.RECONCILIATION)))
    assert rig.counts() == (0, 1, 0, 0)
    rig.update(task, TaskState.FAILED, Reason.EXECUTOR_TERMINATED)
    assert rig.counts() == (1, 0, 0, 0)


def test_if_the_agents_own_word_never_comes_the_system_pays() -> None:
    rig = Rig(BatchSettings(result_wait_ms=3_000))
    rig.submit(retries=0)
    (task,) = rig.offer()
    rig.tell(Update(TaskStatus(task.id, TaskState.FAILED, "A1", reason=Reason.RECONCILIATION)))
    rig.advance(4_000)
    assert (rig.counts(), rig.status()["retried"]) == ((1, 0, 0, 0), 1)


# ---------------------------------------------------------------- delays


@pytest.mark.parametrize(
    ("policy", "delays"),
    [
        (RetryPolicy(9), [0, 0, 0]),
        (RetryPolicy(9, 700), [700, 700, 700]),
        (RetryPolicy(9, 500, 3_000, 2), [500, 1_000, 2_000, 3_000, 3_000]),
        (RetryPolicy(9, 500, 0, 2), [500, 1_000, 2_000, 4_000, 8_000]),
    ],
)
def test_the_users_retries_wait_exactly_as_the_policy_says(policy: RetryPolicy, delays: list[int]) -> None:
    assert [user_delay_ms(policy, n + 1) for n in range(len(delays))] == delays
    rig = Rig()
    rig.submit(retry=policy)
    for delay in delays:
        (task,) = rig.offer()
        rig.report(task, failed={0: "no"})
        rig.update(task, TaskState.FINISHED)
        if delay:
            rig.advance(delay - 1)
            assert not rig.awake
            assert rig.offer() == []
            rig.advance(1)
        assert list(rig.awake) == ["*"]


def test_a_power_beyond_reason_is_the_maximum() -> None:
    assert user_delay_ms(RetryPolicy(1_000, 1, 5_000, 2), 1_000) == 5_000


def test_the_systems_retries_come_at_once_and_then_ever_later() -> None:
    assert [system_delay_ms(n) for n in range(1, 13)] == [
        0,
        100,
        200,
        400,
        800,
        1_600,
        3_200,
        6_400,
        12_800,
        25_600,
        30_000,
        30_000,
    ]
    rig = Rig()
    rig.submit()
    for delay in (0, 100, 200, 400):
        (task,) = rig.offer()
        rig.update(task, TaskState.DROPPED, Reason.INVALID_OFFERS)
        if delay:
            rig.advance(delay - 1)
            assert rig.offer() == []
            rig.advance(1)
        assert list(rig.awake) == ["*"]


def test_the_backoff_of_lost_inputs_goes_on_however_they_are_cut() -> None:
    rig = Rig()
    rig.submit(total=200)
    (task,) = rig.offer("cpus:1;mem:128")
    rig.finish(task, elapsed_us=1_000)
    (task,) = rig.offer("cpus:1;mem:128")
    rig.update(task, TaskState.DROPPED)
    rig.machine.state.jobs["j"].input_us = 10_000
    lost = [rig.offer("cpus:1;mem:128")[0] for _ in range(3)]
    again = [t for t in lost if t.work.lo < task.work.hi and task.work.lo <= t.work.lo]
    for each in lost:
        rig.update(each, TaskState.DROPPED)
    later = [s for _, s in rig.machine.state.jobs["j"].queue.later]
    assert sorted((s.lo, s.hi, s.lost) for s in later) == sorted((*t.span, 2) for t in again)


def test_a_retry_wakes_the_role_only_when_it_is_due_and_says_how_many() -> None:
    rig = Rig()
    rig.submit(total=2, retry=RetryPolicy(1, 1_000))
    rig.finish(*rig.offer(), failed={0: "no", 1: "no"})
    rig.take(Revive)
    rig.advance(1_000)
    assert [d.count for r in rig.take(Revive) for d in r.demand][-1] == 2


# ---------------------------------------------------------------- each input for itself


def chunk_of_five(retries: int = 1) -> tuple[Rig, Task]:
    """A job of six inputs, of which the last five run as one task."""
    rig = Rig()
    rig.submit(total=6, retries=retries)
    (task,) = rig.offer("cpus:1;mem:128")
    rig.finish(task, elapsed_us=10)
    (task,) = rig.offer("cpus:1;mem:128")
    assert task.span == (1, 6)
    rig.run(task)
    return rig, task


def test_each_input_of_a_chunk_keeps_its_own_result_error_and_count() -> None:
    rig, task = chunk_of_five()
    rig.finish(task, failed={2: "two", 4: "four"})
    assert rig.counts() == (2, 0, 4, 0)
    again = rig.offer()
    assert [t.span for t in again] == [(2, 3), (4, 5)]
    assert [t.work.attempt for t in again] == [2, 2]
    rig.finish(again[0])
    rig.finish(again[1], failed={4: "four again"})
    assert rig.outcomes() == {
        0: "j.0-1.1-1",
        1: task.id,
        2: again[0].id,
        3: task.id,
        4: "!four again",
        5: task.id,
    }
    status = rig.status()
    assert (status["state"], status["why"], status["retried"]) == ("Finished", "1 of 6 failed", 2)


def test_the_input_over_which_the_worker_died_pays_and_its_neighbours_go_again_free_of_charge() -> None:
    rig, task = chunk_of_five()
    rig.report(task, done=0, culprit=3)
    rig.update(task, TaskState.FAILED, message="killed by SIGSEGV (11)")
    job = rig.machine.state.jobs["j"]
    assert sorted(job.queue.ready) == [(1, 3, 0, 0), (3, 4, 1, 0), (4, 6, 0, 0)]
    assert job.failures == {3: (1, (1, 2))}


def test_what_a_worker_out_of_time_gives_back_goes_first_and_costs_nobody() -> None:
    rig, task = chunk_of_five()
    rig.finish(task, done=2)
    assert list(rig.machine.state.jobs["j"].queue.ready) == [(3, 6, 0, 0)]
    assert rig.status()["retried"] == 0


def test_a_worker_that_did_nothing_is_not_fed_again_at_once_for_ever() -> None:
    rig, task = chunk_of_five(retries=0)
    for _ in range(3):
        rig.report(task, done=0)
        rig.update(task, TaskState.FAILED, message="exit 1")
        rig.advance(1_000)
        (task,) = rig.offer("cpus:1;mem:128")
    assert task.work.attempt == 4


def test_a_function_that_cannot_be_loaded_fails_every_input_of_the_chunk() -> None:
    rig, task = chunk_of_five(retries=0)
    rig.update(task, TaskState.FAILED, Reason.CONTAINER_LAUNCH_FAILED, "no module named x")
    assert {i: o for i, o in rig.outcomes().items() if i} == dict.fromkeys(range(1, 6), "!no module named x")
    assert rig.status()["state"] == "Finished"


def test_a_chunk_whose_report_never_comes_is_run_again_at_the_systems_cost() -> None:
    rig, task = chunk_of_five(retries=0)
    rig.update(task, TaskState.FINISHED)
    rig.advance(9_000)
    assert rig.counts() == (0, 5, 1, 0)
    rig.advance(3_000)
    assert rig.counts() == (5, 0, 1, 0)
    assert rig.tasks[task.id].state is TaskState.FINISHED


def test_an_attempt_counts_both_kinds_of_retries_and_names_the_one_before() -> None:
    rig = Rig()
    rig.submit(retries=1)
    (first,) = rig.offer()
    rig.update(first, TaskState.DROPPED)
    (second,) = rig.offer()
    rig.finish(second, failed={0: "no"})
    (third,) = rig.offer()
    assert isinstance(third.work, ChunkWork)
    assert third.work.attempt == 3
    row = rig.machine.tasks("j")[-1]
    assert (row.original_id, row.resubmit_of) == (first.id, second.id)
    assert (row.resubmit_number, row.system_resubmit_number) == (2, 1)


# ---------------------------------------------------------------- said twice, late, or by the dead


def test_a_report_said_twice_is_taken_twice_and_booked_once() -> None:
    rig = Rig()
    rig.submit(retries=2)
    (task,) = rig.offer()
    report = rig.report(task, failed={0: "no"})
    size = len(rig.journal)
    rig.tell(report, EXECUTOR)
    assert rig.taken() == [(task.id, 1), (task.id, 1)]
    assert len(rig.journal) == size
    assert rig.status()["retried"] == 1


@pytest.mark.parametrize("cut", [False, True])
def test_a_report_said_again_to_the_next_life_charges_nothing(cut: bool) -> None:
    rig = Rig()
    rig.submit(total=2, retries=1)
    first, second = rig.offer()
    rig.run(first, second)
    report = rig.report(first, failed={0: "no"})
    if cut:
        rig.snapshot()
    rig.restart()
    rig.tell(report, EXECUTOR)
    assert rig.machine.state.jobs["j"].failures == {0: (1, (1, 1))}
    assert rig.counts() == (1, 1, 0, 0)


@pytest.mark.parametrize("cut", [False, True])
def test_the_next_life_knows_what_an_input_has_cost(cut: bool) -> None:
    rig = Rig()
    rig.submit(retries=1)
    (task,) = rig.offer()
    rig.finish(task, failed={0: "no"})
    if cut:
        rig.snapshot()
    rig.restart()
    (task,) = rig.offer()
    assert task.work.attempt == 2
    rig.finish(task, failed={0: "no more"})
    assert rig.outcomes() == {0: "!no more"}


def test_a_result_that_comes_after_its_task_was_given_up_counts_and_its_failures_do_not() -> None:
    rig, task = chunk_of_five(retries=0)
    rig.update(task, TaskState.UNREACHABLE)
    rig.report(task, failed={2: "no"})
    assert rig.counts() == (1, 0, 5, 0)
    rig.restart()
    assert rig.counts() == (1, 0, 5, 0)


def test_the_first_word_wins_when_two_attempts_succeed() -> None:
    rig = Rig()
    rig.submit()
    (first,) = rig.offer()
    rig.update(first, TaskState.UNREACHABLE)
    (second,) = rig.offer()
    rig.report(second)
    rig.report(first)
    assert rig.outcomes() == {0: second.id}
    assert len(rig.machine.results_after("j", 0)) == 1


def test_what_was_decided_while_it_waited_is_not_run_again() -> None:
    rig, task = chunk_of_five()
    rig.update(task, TaskState.UNREACHABLE)
    rig.report(task, failed={3: "no"})
    assert [t.span for t in rig.offer()] == [(3, 4)]


def test_a_report_in_two_parts_is_booked_part_by_part() -> None:
    rig, task = chunk_of_five(retries=0)
    rig.report(task, done=2, failed={1: "one"}, part=1, last=False)
    assert rig.counts() == (0, 3, 2, 1)
    rig.report(task, part=2)
    rig.update(task, TaskState.FINISHED)
    assert (rig.counts(), len(rig.outcomes())) == ((0, 0, 5, 1), 6)


def test_a_report_that_comes_after_the_end_ends_the_task_at_once() -> None:
    rig, task = chunk_of_five()
    rig.update(task, TaskState.FINISHED)
    assert rig.status()["state"] == "Accepted"
    rig.report(task)
    assert rig.status()["state"] == "Finished"


def test_what_is_given_back_by_a_report_that_comes_after_the_end_starts_again_at_once() -> None:
    rig, task = chunk_of_five()
    rig.update(task, TaskState.FINISHED)
    rig.report(task, done=2)
    assert [t.span for t in rig.offer("cpus:1;mem:128")] == [(3, 6)]


def test_a_report_of_nonsense_changes_nothing_and_breaks_nothing() -> None:
    rig = Rig()
    rig.submit(total=2, retries=0)
    task, _ = rig.offer()
    for lo, hi, culprit in ((-5, 0, None), (9, 99, None), (1, 0, None), (0, 0, 77), (0, 0, -1)):
        report = report_of(task)
        rig.tell(replace(report, lo=lo, hi=hi, culprit=culprit, last=False), EXECUTOR)
    rig.tell(replace(report, job_id="no such job"), EXECUTOR)
    assert rig.counts() == (0, 2, 0, 0)


def test_a_task_that_nobody_knows_is_killed() -> None:
    rig = Rig()
    rig.tell(Update(TaskStatus("x.0-1.1-1", TaskState.RUNNING, "A1")))
    rig.tell(Update(TaskStatus("nonsense", TaskState.RUNNING, "A1")))
    assert rig.take(Kill) == [Kill("fw", "x.0-1.1-1", "A1", 0), Kill("fw", "nonsense", "A1", 0)]


# ---------------------------------------------------------------- time


@pytest.mark.parametrize("limit", [300, 2_500, 120_000])
def test_a_task_is_killed_exactly_at_its_limit(limit: int) -> None:
    rig = Rig()
    rig.submit(runtime_limit_ms=limit)
    (task,) = rig.offer()
    rig.advance(700)
    rig.run(task)
    rig.advance(limit - 1)
    assert rig.take(Kill) == []
    rig.advance(1)
    assert rig.take(Kill) == [Kill("fw", task.id, "A1", None)]


def test_tasks_that_started_at_different_times_are_killed_at_different_times() -> None:
    rig = Rig()
    rig.submit(total=2, runtime_limit_ms=2_500)
    first, second = rig.offer()
    rig.run(first)
    rig.advance(900)
    rig.run(second)
    rig.advance(1_600)
    assert (first.killed, second.killed) == (True, False)
    rig.advance(899)
    assert not second.killed
    rig.advance(1)
    assert second.killed


def test_tasks_that_start_all_the_time_do_not_put_off_the_limits_of_others() -> None:
    rig = Rig()
    rig.submit(total=100, runtime_limit_ms=2_000)
    first = None
    for _ in range(12):
        (task,) = rig.offer("cpus:1;mem:128")
        first = first or task
        rig.run(task)
        rig.advance(200)
    assert first is not None
    assert first.killed


def test_jobs_that_come_all_the_time_do_not_put_off_the_cycle() -> None:
    rig = Rig(BatchSettings(launch_stuck_ms=2_000))
    rig.submit("first")
    (task,) = rig.offer()
    for i in range(12):
        rig.advance(300)
        rig.submit(f"j{i}")
    assert task.killed


@pytest.mark.parametrize(("again", "retries", "attempts"), [(False, 3, 1), (True, 0, 2), (True, 1, 2), (True, 3, 4)])
@pytest.mark.parametrize("crash", [False, True])
def test_what_runs_out_of_time_is_tried_again_only_if_asked_for_and_then_at_least_once(
    again: bool, retries: int, attempts: int, crash: bool
) -> None:
    rig = Rig()
    rig.submit(retries=retries, runtime_limit_ms=1_000, retry_on_runtime_limit=again)
    made = 0
    while rig.status()["state"] != "Finished":
        (task,) = rig.offer()
        made += 1
        rig.run(task)
        rig.advance(1_000)
        rig.update(task, TaskState.KILLED)
        if crash:
            rig.restart()
    assert made == attempts
    assert rig.outcomes() == {0: "!runtime limit exceeded"}


def test_a_task_that_finishes_as_it_is_killed_has_finished() -> None:
    rig = Rig()
    rig.submit(runtime_limit_ms=1_000)
    (task,) = rig.offer()
    rig.run(task)
    rig.advance(1_000)
    rig.update(task, TaskState.FINISHED)
    rig.report(task)
    assert rig.outcomes() == {0: task.id}


def test_a_task_that_fails_by_itself_as_it_runs_out_of_time_is_charged_once() -> None:
    rig = Rig()
    rig.submit(retries=2, runtime_limit_ms=1_000, retry_on_runtime_limit=True)
    (task,) = rig.offer()
    rig.run(task)
    rig.advance(1_000)
    rig.report(task, failed={0: "no"})
    rig.update(task, TaskState.FAILED)
    assert rig.machine.state.jobs["j"].failures[0][0] == 1
    assert rig.counts() == (1, 0, 0, 0)


def test_a_retry_that_waits_when_the_framework_dies_does_not_come_early_afterwards() -> None:
    rig = Rig()
    rig.submit(retry=RetryPolicy(1, 5_000))
    rig.finish(*rig.offer(), failed={0: "no"})
    rig.advance(1_000)
    rig.restart()
    assert rig.offer() == []
    rig.advance(4_999)
    assert rig.offer() == []
    rig.advance(1)
    assert len(rig.offer()) == 1


def test_neighbours_of_different_pasts_are_not_packed_into_one_attempt() -> None:
    rig, task = chunk_of_five(retries=3)
    rig.finish(task, failed={1: "no", 2: "no"})
    (task,) = rig.offer("cpus:1;mem:128")
    assert (task.span, task.work.attempt) == ((1, 3), 2)
    rig.finish(task, done=1, failed={1: "no"})
    tasks = rig.offer()
    assert sorted((t.span, t.work.attempt) for t in tasks) == [((1, 2), 3), ((2, 3), 2)]
    rig.finish(*sorted(tasks, key=lambda t: t.span), failed={1: "no", 2: "no"})
    assert sorted((t.span, t.work.attempt) for t in rig.offer()) == [((1, 2), 4), ((2, 3), 3)]
