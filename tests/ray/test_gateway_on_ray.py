"""The gateway's actor on Ray: it serves, HAProxy outlives it, and its end is the end of both."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import ray

import raymesos as rm
from raymesos.actors.gateway import start_gateway
from raymesos.actors.plan import ClusterPlan, GatewayPlan
from raymesos.shim import process

pytestmark = pytest.mark.ray
PATIENCE_S = 60.0


def wait_for(done: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + PATIENCE_S
    while not (found := done()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def haproxies(work_dir: str) -> list[int]:
    """Those whose work directory is in there."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            theirs = (entry / "cwd").readlink().is_relative_to(work_dir)
            if theirs and b"haproxy.cfg" in process.read(f"{entry}/cmdline"):
                found.append(int(entry.name))
    return found


def test_haproxy_serves_on_while_its_actor_is_killed_and_both_end_together(cluster: rm.Cluster) -> None:
    plan = ClusterPlan(cluster.name, "tests", cluster.work_dir, seed=0)
    actor = start_gateway(plan, GatewayPlan(port=0), ray.get_runtime_context().get_node_id())
    address = ray.get(actor.address.remote(), timeout=PATIENCE_S)
    (haproxy,) = haproxies(plan.work_dir)
    with httpx.Client(trust_env=False) as http:
        assert http.get(f"http://{address}/web/x").json()["error"] == "NotReady"
        former = ray.get(actor.pid.remote())
        os.kill(former, signal.SIGKILL)
        wait_for(lambda: not process.start_time(former))
        assert http.get(f"http://{address}/web/x").json()["error"] == "NotReady"
    assert wait_for(lambda: _pid(actor)) != former
    assert ray.get(actor.address.remote(), timeout=PATIENCE_S) == address
    assert haproxies(plan.work_dir) == [haproxy]
    ray.get(actor.close.remote(), timeout=PATIENCE_S)
    ray.kill(actor, no_restart=True)
    assert haproxies(plan.work_dir) == []


def _pid(actor: Any) -> int:
    try:
        found: int = ray.get(actor.pid.remote(), timeout=PATIENCE_S)
        return found
    except ray.exceptions.RayError:
        return 0
