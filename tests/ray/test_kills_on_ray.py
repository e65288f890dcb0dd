"""Each input's result is delivered exactly once, whoever is killed on the way; and a shut-down cluster leaves no process behind."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import ray
import ray_functions as functions

import raymesos as rm
from raymesos.machine import ALLOCATOR, MASTER, OBSERVER

pytestmark = pytest.mark.ray

INPUTS = 400


def pid_of(cluster: rm.Cluster, actor: str) -> int:
    pid: int = ray.get(ray.get_actor(actor, namespace=cluster.name).pid.remote(), timeout=60)
    return pid


def executor_of_batch(cluster: rm.Cluster) -> str:
    """The actor in which the batch framework's executor on agent1 lives."""
    rows = json.loads((Path(cluster.work_dir) / "agents/agent1/executors.json").read_text())
    (batch,) = [f["id"] for f in cluster.view("frameworks") if f["name"] == "batch"]
    return str(next(name for name, framework_id, _ in rows if framework_id == batch))


def an_actor(name: str) -> Callable[[rm.Cluster], int]:
    return lambda cluster: pid_of(cluster, name)


VICTIMS: dict[str, Callable[[rm.Cluster], int]] = {
    "master": an_actor(MASTER),
    "allocator": an_actor(ALLOCATOR),
    "framework": an_actor("framework/batch"),
    "agent": an_actor("agent/agent1"),
    "executor": lambda cluster: pid_of(cluster, executor_of_batch(cluster)),
    "observer": an_actor(OBSERVER),
}


@pytest.mark.parametrize("victim", VICTIMS)
def test_a_job_ends_with_each_result_once_although_someone_is_killed(cluster: rm.Cluster, victim: str) -> None:
    job = cluster.submit(rm.BatchJob(f"kill-{victim}", fn=functions.slowly, inputs=range(INPUTS), role="ads"))
    found: list[tuple[int, int]] = []
    for pair in job.as_completed():
        found.append(pair)
        if len(found) == INPUTS // 5:
            os.kill(VICTIMS[victim](cluster), signal.SIGKILL)
    assert sorted(found) == [(x, x) for x in range(INPUTS)]
    status = job.wait(60)
    assert (status.succeeded, status.failed) == (INPUTS, 0)
    again = cluster.submit(rm.BatchJob(f"after-{victim}", fn=functions.square, inputs=range(50), role="ads"))
    assert list(again.results()) == [x * x for x in range(50)]


def test_the_same_when_a_worker_is_killed_from_outside(cluster: rm.Cluster) -> None:
    job = cluster.submit(rm.BatchJob("kill-worker", fn=functions.slow_pid, inputs=range(INPUTS), retries=3))
    found: list[tuple[int, int]] = []
    for pair in job.as_completed():
        found.append(pair)
        if len(found) == INPUTS // 5:
            os.kill(pair[1], signal.SIGKILL)
    assert sorted(index for index, _ in found) == list(range(INPUTS))
    status = job.wait(60)
    assert (status.succeeded, status.failed) == (INPUTS, 0)
