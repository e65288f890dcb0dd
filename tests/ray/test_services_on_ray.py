"""Services on a real cluster: reached through the gateway, scaled, updated, killed and brought back while requests go on."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import ray

import raymesos as rm
from raymesos.machine import SERVICE

pytestmark = pytest.mark.ray
PATIENCE_S = 60.0


def shop(name: str, **fields: Any) -> rm.ServiceJob:
    common: dict[str, Any] = {"app": "workloads.shop.api:app", "ports": 1, "cpus": 0.05, "mem": 128, "drain": 5}
    checks = {"health": rm.HttpCheck("/health"), "readiness": rm.HttpCheck("/ready")}
    return rm.ServiceJob(name, **(common | checks | fields))


@contextmanager
def running(cluster: rm.Cluster, job: rm.ServiceJob) -> Iterator[rm.Service]:
    service = cluster.submit(job)
    try:
        service.wait_ready(PATIENCE_S)
        yield service
    finally:
        service.stop()
        service.wait_stopped(PATIENCE_S)


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.loads(answer.read())


class Asking(threading.Thread):
    """Asks again and again, and keeps what went wrong."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._url, self._over = url, threading.Event()
        self.versions: list[str] = []
        self.failed: list[str] = []

    def run(self) -> None:
        while not self._over.is_set():
            try:
                self.versions.append(get(self._url)["shop_version"])
            except (OSError, urllib.error.HTTPError) as error:
                self.failed.append(str(error))

    def __enter__(self) -> Asking:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join(PATIENCE_S)


def until(true: Callable[[], Any]) -> Any:
    """Looks again until it is so. Fails after PATIENCE_S."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := true()):
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.02)
    return found


def test_no_request_is_lost_by_scaling_updating_and_rolling_back(cluster: rm.Cluster) -> None:
    job = shop("shop", capacity=rm.Capacity(1, 2, 4), env={"SHOP_VERSION": "one"})
    with running(cluster, job) as service, Asking(f"{service.url}/who") as asking:
        again = cluster.service("shop")
        again.scale(3)
        assert again.wait_ready(PATIENCE_S).ready == 3
        assert again.update(env={"SHOP_VERSION": "two"}) == 2
        again.wait_ready(PATIENCE_S)
        assert {get(f"{service.url}/who")["shop_version"] for _ in range(12)} == {"two"}
        assert again.rollback() == 1
        again.scale(1)
        assert again.wait_ready(PATIENCE_S).version == 1
        assert get(f"{service.url}/who")["shop_version"] == "one"
    assert asking.failed == []
    assert {"one", "two"} == set(asking.versions)


def test_an_update_that_cannot_begin_goes_back_and_says_why_while_the_old_version_serves(cluster: rm.Cluster) -> None:
    with running(cluster, shop("fragile")) as service, Asking(f"{service.url}/who") as asking:
        service.update(env={"SHOP_BROKEN": "start"})
        until(lambda: service.status().version == 1 and service.status().settled)
        ended = [row for row in service.tasks() if row["version"] == 2]
        assert ended
        assert "did not start" in ended[0]["message"]
        assert [row["version"] for row in service.versions if row["whole"]] == [1]
    assert asking.failed == []


def test_a_killed_instance_is_replaced_under_its_index(cluster: rm.Cluster) -> None:
    with running(cluster, shop("lone")) as service:
        before = get(f"{service.url}/who")
        os.kill(before["pid"], signal.SIGKILL)
        after = until(lambda: (now := get(f"{service.url}/who"))["pid"] != before["pid"] and now)
        assert after["raymesos_index"] == before["raymesos_index"] == "0"
        first, second = service.tasks()
        assert second["lineage"]["resubmit_of"] == first["id"]


def test_services_run_on_without_their_framework_and_it_knows_them_again(cluster: rm.Cluster) -> None:
    with running(cluster, shop("lasting", capacity=rm.Capacity(2, 2, 2))) as service:
        before = service.endpoints()
        framework = ray.get_actor(SERVICE, namespace=cluster.name)
        with Asking(f"{service.url}/who") as asking:
            os.kill(ray.get(framework.pid.remote()), signal.SIGKILL)
            assert service.wait_ready(PATIENCE_S).ready == 2
        assert service.endpoints() == before
        assert asking.failed == []
        service.scale(max=3, desired=3)
        assert service.wait_ready(PATIENCE_S).ready == 3


def test_what_an_instance_prints_is_read_by_its_index(cluster: rm.Cluster) -> None:
    command = "echo here is $RAYMESOS_SERVICE $RAYMESOS_INDEX; exec sleep 600"
    with running(cluster, rm.ServiceJob("talker", command=command, cpus=0.05, mem=32)) as service:
        assert until(lambda: service.logs(0)) == "here is talker 0\n"
        assert service.endpoints() == []


def test_a_service_that_is_none_is_refused_before_anything_is_kept(cluster: rm.Cluster) -> None:
    with pytest.raises(rm.errors.InvalidJob, match=r"capacity.min"):
        rm.ServiceJob("wrong", command="true", capacity=rm.Capacity(3, 2, 5))
    with pytest.raises(rm.errors.UnknownId, match="no-such-service"):
        cluster.service("no-such-service")
    with running(cluster, rm.ServiceJob("once", command="exec sleep 600", cpus=0.05, mem=32)) as service:
        with pytest.raises(rm.errors.Conflict, match="once"):
            cluster.submit(rm.ServiceJob("once", command="true", cpus=0.05))
        with pytest.raises(rm.errors.InvalidJob, match="name"):
            service.update(name="other")
        with pytest.raises(rm.errors.InvalidJob, match="desired"):
            service.scale(5)
        assert service.status().desired == 1
