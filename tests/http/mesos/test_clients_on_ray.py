"""Client libraries that others wrote for Mesos, unchanged, against a cluster on Ray: register, take offers, launch, see every task through, fail over, tear down."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

import raymesos as rm

pytestmark = [pytest.mark.ray, pytest.mark.slow]

TASKS = 100
# These clients see an event when the next one begins, at the latest with the next heartbeat.
PATIENCE_S = 60


class Framework:
    """An example framework of the kind that their documentation shows: it launches `tasks` commands as offers come, and keeps what it hears."""

    def __init__(self, library: str, url: str, tasks: int, framework_id: str | None = None) -> None:
        client = import_module(f"{library}.client").MesosClient
        client.WAIT_TIME = 0.1  # Between the end of a stream and the next subscription, in seconds.
        self.client = client(mesos_urls=[url], frameworkName=f"{library} example", frameworkId=framework_id)
        self.client.set_role(f"clients-{library}")
        self.client.set_failover_timeout(60)
        self.left = [f"{library}-{i}" for i in range(tasks)]
        self.heard: dict[str, list[str]] = {}
        self.errors: list[str] = []
        self.changed = threading.Condition()
        for name, callback in (
            (client.SUBSCRIBED, self.subscribed),
            (client.OFFERS, self.offers),
            (client.UPDATE, self.update),
            (client.ERROR, self.error),
        ):
            self.client.on(name, callback)
        self.driver: Any = None
        self.thread = threading.Thread(target=self.client.register, daemon=True)
        self.thread.start()

    def subscribed(self, driver: Any) -> None:
        with self.changed:
            self.driver = driver
            self.changed.notify_all()

    def offers(self, offers: list[Any]) -> None:
        for offer in offers:
            room = {r["name"]: r["scalar"]["value"] for r in offer.get_offer()["resources"] if r["type"] == "SCALAR"}
            fit = min(int(room.get("cpus", 0) / 0.01), int(room.get("mem", 0) / 16), len(self.left))
            batch = [self.task(self.left.pop(0), offer) for _ in range(fit)]
            if batch:
                offer.accept(batch)
            else:
                offer.decline({"filters": {"refuse_seconds": 600}})

    def task(self, task_id: str, offer: Any) -> dict[str, Any]:
        return {
            "name": task_id,
            "task_id": {"value": task_id},
            "agent_id": offer.get_offer()["agent_id"],
            "command": {"value": "true"},
            "resources": [
                {"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.01}},
                {"name": "mem", "type": "SCALAR", "scalar": {"value": 16}},
            ],
        }

    def update(self, update: dict[str, Any]) -> None:
        with self.changed:
            status = update["status"]
            states = self.heard.setdefault(status["task_id"]["value"], [])
            if status["state"] not in states:
                states.append(status["state"])
            self.changed.notify_all()

    def error(self, text: str) -> None:
        with self.changed:
            self.errors.append(text)
            self.changed.notify_all()

    def wait_for(self, done: Any) -> None:
        with self.changed:
            assert self.changed.wait_for(done, PATIENCE_S), self.heard


@pytest.fixture(params=["avmesos", "mesoshttp"])
def library(request: pytest.FixtureRequest) -> Iterator[str]:
    yield request.param


def test_a_framework_of_another_library_launches_a_hundred_tasks_fails_over_and_tears_down(
    cluster: rm.Cluster, library: str
) -> None:
    first = Framework(library, cluster.url, TASKS)
    first.wait_for(lambda: len(first.heard) == TASKS and all("TASK_FINISHED" in s for s in first.heard.values()))
    assert all(states[-2:] == ["TASK_RUNNING", "TASK_FINISHED"] for states in first.heard.values()), first.heard
    framework_id = first.client.frameworkId
    first.client.disconnect_framework()

    second = Framework(library, cluster.url, 1, framework_id)
    second.left = [f"{library}-after"]
    second.wait_for(lambda: "TASK_FINISHED" in second.heard.get(f"{library}-after", []))
    assert second.client.frameworkId == framework_id
    second.client.stop = True
    second.driver.tearDown()
    second.thread.join(PATIENCE_S)
    assert not second.thread.is_alive()
    third = Framework(library, cluster.url, 0, framework_id)
    third.wait_for(lambda: third.errors == ["Framework has been removed"])
    third.client.stop = True
