"""Checks on a real cluster: an app becomes ready and healthy, is made ill by a command beside it, and fails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import ray

import raymesos as rm
from raymesos.sdk import FrameworkInfo, Offer, TaskInfo, TaskStatus
from raymesos.wire.messages import Check
from raymesos.wire.messages import TaskInfo as WireTask
from raymesos.wire.work import ResidentWork

pytestmark = pytest.mark.ray

APP = """
import os
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    await send({"type": "http.response.start", "status": 503 if os.path.exists("ill") else 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})
"""
HEALTH = Check("http", path="/health", delay_ms=100, interval_ms=100, timeout_ms=10_000, grace_ms=60_000, failures=2)
READINESS = Check("tcp", delay_ms=0, interval_ms=100, timeout_ms=10_000, deadline_ms=120_000)
# It is well while no file says otherwise.
COMMAND = replace(HEALTH, kind="command", argv=("/bin/sh", "-c", 'test "$COLOR" = red && test ! -e ill'))


@dataclass(frozen=True)
class Served(TaskInfo):
    """An app with checks."""

    path: str = ""
    health: Check = HEALTH

    def to_wire(self) -> WireTask:
        work = ResidentWork(app="shop:app", sys_path=(self.path,), env=(("COLOR", "red"),))
        return replace(super().to_wire(), work=work, health=self.health, readiness=READINESS)


class Ill(rm.Scheduler):
    """Runs one task, makes it ill once it is ready and healthy, and stops when it has ended."""

    def __init__(self, namespace: str, path: str, health: Check) -> None:
        self.namespace, self.path, self.health = namespace, path, health
        self.agent = ""
        self.heard: list[TaskStatus] = []

    def resource_offers(self, driver: rm.Driver, offers: Sequence[Offer]) -> None:
        for offer in offers:
            ports = offer.resources.ranges("ports")
            if self.agent or not ports:
                driver.decline_offer(offer)
                continue
            self.agent = offer.agent
            shape = f"cpus:0.2;mem:128;ports:[{ports[0][0]}-{ports[0][0]}]"
            task = Served(task_id="shop", command="true", resources=shape, path=self.path, health=self.health)
            driver.launch_tasks(offer, task)

    def status_update(self, driver: rm.Driver, status: TaskStatus) -> None:
        was_well = any(s.healthy and s.ready for s in self.heard)
        self.heard.append(status)
        if status.healthy and status.ready and not was_well:
            agent = ray.get_actor(f"agent/{self.agent}", namespace=self.namespace)
            done = ray.get(agent.run_beside.remote("shop", ["touch", "ill"], {}, 60.0, 1_000))
            assert done.exit_code == 0
        if status.is_terminal:
            driver.stop()


@pytest.mark.parametrize(("health", "seen"), [(HEALTH, "HTTP 503"), (COMMAND, "exit 1")], ids=["http", "command"])
def test_an_app_becomes_well_and_fails_when_it_is_ill(
    cluster: rm.Cluster, tmp_path: Path, health: Check, seen: str
) -> None:
    (tmp_path / "shop.py").write_text(APP)
    scheduler = Ill(cluster.name, str(tmp_path), health)
    info = FrameworkInfo(name=f"checked-{health.kind}", roles=["checked"])
    assert rm.Driver(scheduler, info, cluster).run() == "DRIVER_STOPPED"
    end = scheduler.heard[-1]
    assert (end.state, end.reason, end.healthy) == ("TASK_FAILED", "REASON_TASK_HEALTH_CHECK_STATUS_UPDATED", False)
    assert end.message == f"failed its health check 2 times in a row: {seen}"
    assert any(s.ready and s.reason == "REASON_TASK_CHECK_STATUS_UPDATED" for s in scheduler.heard)
