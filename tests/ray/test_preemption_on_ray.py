"""A guarantee is met out of what others hold, who lose no result by it."""

from __future__ import annotations

from pathlib import Path

import pytest
import ray_functions as functions

import raymesos as rm

pytestmark = pytest.mark.ray

LONG = 60.0


def test_a_role_with_a_guarantee_takes_it_from_tasks_that_run_and_their_job_delivers_all(
    cluster: rm.Cluster, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    others = cluster.submit(
        rm.BatchJob("holding", fn=functions.once_open, inputs=[str(gate)] * 4, role="holding", retries=0)
    )
    while others.status().running < 2:
        others.wait(0.05)
    cluster.quota.set("owed", guarantee="cpus:1")
    try:
        owed = cluster.submit(rm.BatchJob("owed", fn=functions.square, inputs=[7], role="owed"))
        # Nothing that holds the cluster ends by itself: only what was taken from it can have run this.
        assert owed.wait(LONG).succeeded == 1
        assert others.status().succeeded == 0
    finally:
        cluster.quota.remove("owed")
    gate.touch()
    assert list(others.results()) == [str(gate)] * 4
    status = others.wait(LONG)
    assert (status.succeeded, status.failed) == (4, 0)
