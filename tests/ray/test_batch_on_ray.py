"""Batch jobs through Master, Allocator, Agents and Executors on Ray, as a user submits them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import ray
import ray_functions as functions

import raymesos as rm
from raymesos.errors import Conflict, InvalidJob, InvalidValue, UnknownId
from raymesos.job import InputFailed

pytestmark = pytest.mark.ray


def test_results_come_in_the_order_of_the_inputs(cluster: rm.Cluster) -> None:
    job = cluster.submit(rm.BatchJob("squares", fn=functions.square, inputs=range(1000), role="ads"))
    assert list(job.results()) == [x * x for x in range(1000)]
    status = job.wait(30)
    assert (status.state, status.succeeded, status.failed, status.ok) == ("Finished", 1000, 0, True)
    assert cluster.job("squares").id == job.id


def test_as_completed_yields_every_index_once(cluster: rm.Cluster) -> None:
    job = cluster.submit(rm.BatchJob("completed", fn=functions.square, inputs=range(500), role="ads"))
    pairs = list(job.as_completed())
    assert sorted(pairs) == [(x, x * x) for x in range(500)]


def test_each_input_has_its_own_error_and_the_workers_traceback(cluster: rm.Cluster) -> None:
    job = cluster.submit(rm.BatchJob("odd", fn=functions.odd_fails, inputs=range(10), role="ads"))
    found = list(job.results(errors="return"))
    assert found[::2] == [0, 2, 4, 6, 8]
    assert [str(e) for e in found[1::2]] == [f"{x} is odd" for x in (1, 3, 5, 7, 9)]
    assert all(isinstance(e, ValueError) for e in found[1::2])
    assert "in odd_fails" in found[1].__cause__.traceback_text
    status = job.wait(30)
    assert (status.succeeded, status.failed, status.why) == (5, 5, "5 of 10 failed")
    with pytest.raises(ValueError, match="1 is odd"):
        list(job.results())


def test_what_the_script_itself_defines_travels_by_value(cluster: rm.Cluster) -> None:
    class Point:
        def __init__(self, x: int) -> None:
            self.x = x

    def moved(point: Point) -> Point:
        return Point(point.x + 1)

    job = cluster.submit(rm.BatchJob("points", fn=moved, inputs=[Point(1), Point(2)], role="ads"))
    found = list(job.results())
    assert [p.x for p in found] == [2, 3]
    assert all(isinstance(p, Point) for p in found)


def test_objects_of_ray_are_accepted_as_inputs(cluster: rm.Cluster) -> None:
    inputs = [ray.put(3), 4, ray.put(5)]
    assert list(cluster.submit(rm.BatchJob("refs", fn=functions.square, inputs=inputs)).results()) == [9, 16, 25]


def test_a_task_knows_who_it_is(cluster: rm.Cluster) -> None:
    job = cluster.submit(rm.BatchJob("who", fn=functions.environment, inputs=[0, 0], env={"RAYMESOS_X": "y"}))
    rows = list(job.results())
    assert [r["RAYMESOS_INDEX"] for r in rows] == ["0", "1"]
    for row in rows:
        assert row["RAYMESOS_JOB_ID"] == job.id
        assert row["RAYMESOS_TASK_ID"].startswith(job.id)
        assert (row["RAYMESOS_ATTEMPT"], row["RAYMESOS_X"]) == ("1", "y")


def test_roles_never_share_a_process(cluster: rm.Cluster) -> None:
    pids = {}
    for role in ("ads", "search", "ads"):
        job = cluster.submit(rm.BatchJob(f"pid-{role}", fn=functions.worker_pid, inputs=range(50), role=role))
        pids.setdefault(role, set()).update(job.results())
    assert not pids["ads"] & pids["search"]


def test_commands_have_a_sandbox_logs_and_an_exit_status_each(cluster: rm.Cluster) -> None:
    command = (
        'echo "index $RAYMESOS_INDEX"; echo oops >&2; touch mine; ls | wc -l; exit $((RAYMESOS_INDEX == 2 ? 7 : 0))'
    )
    job = cluster.submit(rm.BatchJob("commands", command=command, size=4, role="ads"))
    found = list(job.results(errors="return"))
    assert [found[i] for i in (0, 1, 3)] == [0, 0, 0]
    assert isinstance(found[2], InputFailed)
    assert "7" in str(found[2])
    assert [job.logs(i).splitlines()[0] for i in range(4)] == [f"index {i}" for i in range(4)]
    assert job.logs(1, "stderr") == "oops\n"
    with pytest.raises(InvalidValue, match="indexes 0 to 3"):
        job.logs(4)


def test_what_a_function_prints_is_in_its_log(cluster: rm.Cluster) -> None:
    job = cluster.submit(rm.BatchJob("prints", fn=functions.talkative, inputs=["hello"], role="ads"))
    assert list(job.results()) == [5]
    assert job.logs(0) == "hello\n"
    assert job.logs(0, "stderr") == "err hello\n"


def test_a_worker_that_dies_costs_its_input_a_retry_of_the_users_and_the_others_nothing(
    cluster: rm.Cluster, tmp_path: Path
) -> None:
    inputs = [str(tmp_path / "a")]
    job = cluster.submit(rm.BatchJob("dies-once", fn=functions.dies_the_first_time, inputs=inputs, retries=1))
    assert list(job.results()) == ["second"]
    assert job.wait(30).retried == 1
    job = cluster.submit(rm.BatchJob("dies", fn=functions.always_dies, inputs=[0]))
    (error,) = job.results(errors="return")
    assert "signal 9" in str(error).lower() or "sigkill" in str(error).lower()


def test_sys_exit_and_what_cannot_be_pickled_fail_their_input_with_a_reason(cluster: rm.Cluster) -> None:
    job = cluster.submit(rm.BatchJob("exits", fn=functions.exits, inputs=[3]))
    (error,) = job.results(errors="return")
    assert "SystemExit: 3" in str(error)
    job = cluster.submit(rm.BatchJob("generator", fn=functions.unpicklable, inputs=[0]))
    (error,) = job.results(errors="return")
    assert "pickle" in str(error)


def test_a_result_of_200_mb_arrives(cluster: rm.Cluster) -> None:
    job = cluster.submit(rm.BatchJob("large", fn=functions.large, inputs=[200_000_000], mem=1024))
    assert [len(r) for r in job.results()] == [200_000_000]


def test_memory_is_enforced_with_figures(cluster: rm.Cluster) -> None:
    job = cluster.submit(rm.BatchJob("hungry", fn=functions.hungry, inputs=[400], mem=100))
    (error,) = job.results(errors="return")
    assert "100" in str(error)
    assert "memory" in str(error).lower()
    while (row := cluster.view("tasks", job=job.id)[0])["state"] == "TASK_RUNNING":
        time.sleep(0.05)  # The client has the result before the observer has the note.
    assert (row["state"], row["reason"]) == ("TASK_FAILED", "REASON_CONTAINER_LIMITATION_MEMORY")


def test_a_runtime_limit_ends_a_command(cluster: rm.Cluster) -> None:
    job = cluster.submit(rm.BatchJob("sleeps", command="sleep 60", runtime_limit=0.2))
    (error,) = job.results(errors="return")
    assert "limit" in str(error).lower()


def test_cancel_kills_what_runs_and_starts_nothing_more(cluster: rm.Cluster) -> None:
    job = cluster.submit(rm.BatchJob("cancelled", command="sleep 60", size=20))
    while not job.status().running:
        time.sleep(0.05)
    job.cancel()
    status = job.wait(30)
    assert (status.state, status.why, status.succeeded) == ("Finished", "cancelled", 0)


def test_jobs_after_others_and_gangs(cluster: rm.Cluster, tmp_path: Path) -> None:
    first = cluster.submit(rm.BatchJob("first", command=f"echo 1 > {tmp_path}/done"))
    second = cluster.submit(rm.BatchJob("second", command=f"cat {tmp_path}/done", after=[first]))
    gang = cluster.submit(rm.BatchJob("gang", command="true", size=2, gang=True))
    assert second.wait(30).ok
    assert second.logs() == "1\n"
    assert gang.wait(30).ok


def test_refusals_name_the_field_and_leave_no_job(cluster: rm.Cluster) -> None:
    lock = __import__("threading").Lock()
    refused = [
        (lambda: rm.BatchJob("bad", fn=functions.square, inputs=[1], role="a//b"), InvalidJob, "role"),
        (lambda: rm.BatchJob("bad", fn=functions.square, inputs=[1], cpus=-1), InvalidJob, "cpus"),
        (lambda: rm.BatchJob("bad", fn=functions.square, inputs=[1], mem=float("nan")), InvalidJob, "mem"),
        (lambda: cluster.submit(rm.BatchJob("bad", fn=lambda x: lock, inputs=[1])), InvalidJob, "fn"),
        (lambda: cluster.submit(rm.BatchJob("bad", fn=functions.square, inputs=[1, lock])), InvalidJob, r"inputs\[1\]"),
        (lambda: cluster.submit(rm.BatchJob("bad", command="true", after=["nobody"])), UnknownId, "nobody"),
        (lambda: cluster.job("nobody"), UnknownId, "nobody"),
    ]
    for call, kind, what in refused:
        with pytest.raises(kind, match=what):
            call()
    assert [job for job in cluster.view("jobs") if job["name"] == "bad"] == []


def test_the_same_submit_is_the_same_job_and_another_of_its_name_a_conflict(cluster: rm.Cluster) -> None:
    descriptor = rm.BatchJob("twice", command="sleep 60", role="ads")
    job = cluster.submit(descriptor, job_id="twice-1")
    assert cluster.submit(descriptor, job_id="twice-1").id == job.id
    with pytest.raises(Conflict, match="twice"):
        cluster.submit(rm.BatchJob("twice", command="true"))
    job.cancel()
    assert job.wait(30).done


def test_a_job_larger_than_any_agent_waits_and_explain_says_why_at_once(cluster: rm.Cluster) -> None:
    job = cluster.submit(rm.BatchJob("huge", command="true", cpus=64))
    why = cluster.explain(job)
    assert why["verdict"] == "blocked"
    assert "64" in why["reasons"][0]
    assert "agent2" in why["reasons"][0]
    assert job.status().state == "Accepted"
    job.cancel()
    assert job.wait(30).done


def test_status_shows_agents_shares_and_jobs(cluster: rm.Cluster) -> None:
    job = cluster.submit(rm.BatchJob("held", command="sleep 60", role="ads"))
    # What is offered counts as held until the framework has answered, as in Mesos.
    while not any(r["role"] == "ads" and r["share"] == 0.5 for r in cluster.view("roles")):
        time.sleep(0.05)
    status = cluster.view("status")
    assert status["agents"] == {"active": 2, "known": 2}
    assert status["resources"]["cpus"]["total"] == 2.0
    assert status["resources"]["cpus"]["used"] == 1.0
    assert status["jobs"]["Accepted"] == 1
    job.cancel()
    assert job.wait(30).done


def test_metrics_have_mesos_names_and_come_from_master_and_allocator(cluster: rm.Cluster) -> None:
    cluster.submit(rm.BatchJob("counted", command="true", role="ads")).wait(30)
    while not cluster.view("metrics").get("master/tasks_finished"):
        time.sleep(0.05)
    metrics = cluster.view("metrics")
    assert metrics["master/slaves_active"] == 2
    assert metrics["master/cpus_total"] == 2
    assert metrics["allocator/mesos/allocation_runs"] > 0
