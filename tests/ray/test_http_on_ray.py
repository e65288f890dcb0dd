"""The HTTP actor of a real cluster."""

from __future__ import annotations

import os
import signal

import httpx
import pytest

import raymesos as rm
from raymesos.actors.door import Door
from raymesos.actors.plan import HTTP

pytestmark = pytest.mark.ray


def test_the_server_answers_at_the_clusters_url(cluster: rm.Cluster) -> None:
    assert httpx.get(f"{cluster.url}/health").status_code == 200


def test_a_server_that_was_killed_is_back_at_the_same_address(cluster: rm.Cluster) -> None:
    door = Door(cluster.name)
    killed = door.call(HTTP, "pid")
    os.kill(killed, signal.SIGKILL)
    while door.call(HTTP, "pid") == killed:
        pass
    host, port = door.call(HTTP, "address")
    assert cluster.url == f"http://{host}:{port}"
    assert httpx.get(f"{cluster.url}/health").status_code == 200
