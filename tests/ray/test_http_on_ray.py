"""The HTTP actor of a real cluster."""

from __future__ import annotations

import os
import signal
import time

import httpx
import pytest
import ray

import raymesos as rm

pytestmark = pytest.mark.ray


def test_the_server_answers_at_the_clusters_url(cluster: rm.Cluster) -> None:
    assert httpx.get(f"{cluster.url}/health").status_code == 200


def test_a_server_that_was_killed_is_back_at_the_same_address(cluster: rm.Cluster) -> None:
    web = ray.get_actor("http", namespace=cluster.name)
    os.kill(ray.get(web.pid.remote()), signal.SIGKILL)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{cluster.url}/health").status_code == 200:
                break
        except httpx.TransportError:
            continue
    host, port = ray.get(web.address.remote(), timeout=60)
    assert cluster.url == f"http://{host}:{port}"
