"""Batch jobs in Titus' published numbers (T1, T2, T4), through the whole kernel with user work in the test's hands."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import raymesos as rm
from raymesos.errors import Conflict, InvalidJob, UnknownId
from raymesos.sim import Simulation
from raymesos.sim.jobs import JobTask, SubmittedJob

LAUNCHED = ("TASK_STAGING", "TASK_STARTING")


def submitted(sim: Simulation, **fields: object) -> SubmittedJob:
    """A job of commands on one large agent, taken by the framework."""
    sim.add_agent("A1", "cpus:200;mem:200000")
    job = sim.submit(rm.BatchJob("job", command="x", mem=128, **fields))
    sim.settle()
    return job


def live(job: SubmittedJob) -> list[JobTask]:
    return [t for t in job.tasks if t.reason is None]


def of_index(job: SubmittedJob, index: int) -> list[JobTask]:
    return [t for t in job.tasks if t.index == index]


def started(sim: Simulation, job: SubmittedJob, count: int) -> None:
    """Start tasks until `count` run."""
    while sum(t.state == "TASK_RUNNING" for t in job.tasks) < count:
        for task in [t for t in job.tasks if t.state in LAUNCHED]:
            sim.start(task)
        sim.settle()


# ---------------------------------------------------------------- T1: who pays for a retry


def test_t1_the_users_failures_use_the_users_budget_and_a_success_is_not_run_again(sim: Simulation) -> None:
    job = submitted(sim, size=2, retries=1)
    first, second = job.tasks
    assert [(t.index, t.state) for t in job.tasks] == [(0, "TASK_STARTING"), (1, "TASK_STARTING")]
    sim.finish(first)
    sim.fail(second)
    sim.advance(1)
    assert [t.state for t in of_index(job, 0)] == ["TASK_FINISHED"]
    old, new = of_index(job, 1)
    assert old.state == "TASK_FAILED"
    assert new.id != old.id
    assert (new.original_id, new.resubmit_of) == (old.id, old.id)
    assert (new.resubmit_number, new.system_resubmit_number, new.eviction_resubmit_number) == (1, 0, 0)
    sim.fail(new)
    sim.advance(2)
    assert job.state == "Finished"
    assert len(job.tasks) == 3
    status = job.status()
    assert (status["succeeded"], status["failed"], status["retried"]) == (1, 1, 1)


def test_t1_the_systems_failures_are_retried_without_any_budget_and_leave_the_users_alone(sim: Simulation) -> None:
    job = submitted(sim, size=1, retries=0)
    sim.fail(job.tasks[0], by="system")
    sim.advance(2)
    _, second = job.tasks
    assert (second.resubmit_number, second.system_resubmit_number) == (1, 1)
    sim.fail(second)
    sim.advance(2)
    assert job.state == "Finished"
    assert len(job.tasks) == 2


def test_t1_a_cancelled_job_is_not_retried(sim: Simulation) -> None:
    job = submitted(sim, size=2, retries=5)
    started(sim, job, 2)
    job.cancel()
    sim.advance(5)
    assert job.state == "Finished"
    assert [t.state for t in job.tasks] == ["TASK_KILLED", "TASK_KILLED"]


def test_a_user_retry_after_a_system_retry_keeps_both_counts(sim: Simulation) -> None:
    job = submitted(sim, size=1, retries=1)
    sim.fail(job.tasks[0], by="system")
    sim.advance(1)
    sim.fail(live(job)[0])
    sim.advance(1)
    (third,) = live(job)
    assert (third.resubmit_number, third.system_resubmit_number) == (2, 1)
    assert third.original_id == job.tasks[0].id
    sim.finish(third)
    sim.settle()
    assert (job.state, job.status()["succeeded"]) == ("Finished", 1)


# ---------------------------------------------------------------- T2: throttled start and stop


def test_t2_at_most_five_tasks_of_a_job_are_on_their_way_at_once_and_fifteen_come_in_three_waves(
    sim: Simulation,
) -> None:
    job = submitted(sim, size=15)
    waves = []
    while job.state != "Finished":
        wave = [t for t in job.tasks if t.state in LAUNCHED]
        assert 0 < len(wave) <= 5
        waves.append(sorted(t.index for t in wave))
        for task in wave:
            sim.start(task)
        sim.settle()
        if len(waves) == 3:
            assert sum(t.state == "TASK_RUNNING" for t in job.tasks) == 15
            for task in job.tasks:
                sim.finish(task)
            sim.settle()
    assert waves == [list(range(5)), list(range(5, 10)), list(range(10, 15))]
    assert job.status()["succeeded"] == 15


def test_t2_a_cancelled_job_begins_to_kill_five_tasks_a_cycle_until_none_is_left(sim: Simulation) -> None:
    job = submitted(sim, size=100)
    started(sim, job, 100)
    job.cancel()
    sim.settle()
    assert job.state == "KillInitiated"
    left = []
    while job.state != "Finished":
        left.append(sum(t.state == "TASK_RUNNING" for t in job.tasks))
        sim.advance(1.0)
    assert left == list(range(95, 0, -5))
    assert {t.state for t in job.tasks} == {"TASK_KILLED"}


# ---------------------------------------------------------------- T4: time limits


@pytest.mark.parametrize("again", [True, False])
def test_t4_a_task_that_runs_into_its_limit_is_killed_and_tried_again_only_if_that_was_asked_for(
    sim: Simulation, again: bool
) -> None:
    job = submitted(sim, size=1, runtime_limit=120, retry_on_runtime_limit=again)
    started(sim, job, 1)
    sim.advance(119)
    assert [t.state for t in job.tasks] == ["TASK_RUNNING"]
    sim.advance(2)
    first = job.tasks[0]
    assert (first.state, first.reason) == ("TASK_KILLED", "runtimeLimitExceeded")
    if again:
        (second,) = live(job)
        assert (second.resubmit_number, second.system_resubmit_number) == (1, 0)
    else:
        assert (job.state, len(job.tasks)) == ("Finished", 1)


def test_t4_a_task_that_never_starts_is_killed_and_a_kill_that_nobody_confirms_ends_after_two_attempts(
    sim: Simulation,
) -> None:
    job = submitted(sim, size=1)
    assert job.tasks[0].state == "TASK_STARTING"
    sim.disconnect("A1")
    sim.advance(4.9)
    assert job.tasks[0].state == "TASK_STARTING"
    sim.advance(1.1)
    assert job.tasks[0].state == "TASK_KILLING"
    sim.advance(58.9)
    assert (job.tasks[0].state, job.tasks[0].reason) == ("TASK_KILLING", None)
    sim.advance(2.1)
    assert (job.tasks[0].state, job.tasks[0].reason) == ("TASK_KILLED", "stuckInKillingState")


def test_t4_a_task_that_never_starts_is_tried_again_at_the_systems_cost(sim: Simulation) -> None:
    job = submitted(sim, size=1, retries=0)
    sim.advance(7)
    first, second = job.tasks
    assert (first.state, first.reason) == ("TASK_KILLED", "stuckInState")
    assert (second.resubmit_number, second.system_resubmit_number) == (1, 1)


# ---------------------------------------------------------------- faults, and what a job is refused for


@pytest.mark.parametrize("what", ["A1", "batch", "master", "allocator"])
def test_a_job_survives_the_crash_of_any_machine_and_each_input_is_counted_once(sim: Simulation, what: str) -> None:
    job = submitted(sim, size=4)
    started(sim, job, 4)
    sim.finish(job.tasks[0])
    sim.settle()
    sim.crash(what)
    sim.settle()
    if what != "batch":
        sim.finish(job.tasks[1])
    sim.advance(3)
    sim.restart(what)
    sim.advance(10)
    for index in (1, 2, 3):
        last = of_index(job, index)[-1]
        if last.state != "TASK_FINISHED":
            sim.finish(last)
            sim.advance(3)
    assert job.state == "Finished"
    status = job.status()
    assert (status["succeeded"], status["failed"]) == (4, 0)


def test_a_job_that_comes_after_another_waits_for_it(sim: Simulation) -> None:
    first = submitted(sim, size=1)
    second = sim.submit(rm.BatchJob("second", command="y", after=[first], mem=128))
    sim.advance(3)
    assert second.tasks == []
    sim.finish(first.tasks[0])
    sim.advance(2)
    assert [t.state for t in second.tasks] == ["TASK_STARTING"]


def test_a_job_that_fits_no_agent_waits_and_is_not_lost(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:2;mem:1024")
    job = sim.submit(rm.BatchJob("big", command="x", cpus=4, mem=128))
    sim.advance(60)
    assert (job.state, job.tasks) == ("Accepted", [])
    sim.add_agent("A2", "cpus:4;mem:1024")
    sim.advance(2)
    assert [(t.state, t.agent) for t in job.tasks] == [("TASK_STARTING", "A2")]


def test_a_gang_starts_when_all_of_it_fits(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:2;mem:1024")
    job = sim.submit(rm.BatchJob("gang", command="x", size=4, gang=True, mem=128))
    sim.advance(4)
    assert job.tasks == []
    sim.add_agent("A2", "cpus:2;mem:1024")
    sim.advance(2)
    assert sorted((t.index, t.agent) for t in live(job)) == [(0, "A1"), (1, "A1"), (2, "A2"), (3, "A2")]


def test_a_second_job_of_the_same_name_is_a_conflict_and_the_same_descriptor_the_same_job(sim: Simulation) -> None:
    descriptor = rm.BatchJob("job", command="x", mem=128)
    job = sim.submit(descriptor)
    sim.settle()
    assert sim.submit(descriptor) is job
    with pytest.raises(Conflict, match="job"):
        sim.submit(rm.BatchJob("job", command="y", mem=128))


def test_what_is_no_job_is_refused(sim: Simulation) -> None:
    calls: list[Callable[[], object]] = [
        lambda: sim.submit("job"),  # type: ignore[arg-type]
        lambda: sim.submit(rm.BatchJob("job", command="x", role="-bad")),
        lambda: sim.submit(rm.BatchJob("job", command="x", cpus=-1)),
    ]
    for call in calls:
        with pytest.raises(InvalidJob):
            call()
    sim.submit(rm.BatchJob("job", command="x", after=["no-such-job"]))
    with pytest.raises(UnknownId, match="no-such-job"):
        sim.settle()


def test_the_function_of_a_job_is_never_called(sim: Simulation) -> None:
    sim.add_agent("A1", "cpus:4;mem:4096")
    job = sim.submit(rm.BatchJob("fn", fn=_boom, inputs=[1, 2, 3], mem=128))
    sim.settle()
    for task in job.tasks:
        sim.finish(task)
    sim.settle()
    assert (job.state, job.status()["succeeded"]) == ("Finished", 3)


def _boom(value: object) -> None:
    raise AssertionError(f"called with {value!r}")
