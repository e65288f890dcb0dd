"""Ray Serve as the rival of `load_tests.benchmarks.service`: a program of its own, `python -m load_tests.benchmarks.serve_rival`, one line of JSON.

The same app, the same measurements, the same client. Serve's own defaults, but for what would handicap it: its replicas are asked for 0.1 CPU each, so that all fit.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from typing import Any

from load_tests.benchmarks.common import plain_ray, tell
from load_tests.benchmarks.http_load import Loading
from load_tests.benchmarks.replicas import all_are, another_than, has, seconds_until

NAME = "replicas"


def deploy(serve: Any, count: int, version: str) -> None:
    """So many replicas of the version, from now on; does not wait."""
    from load_tests.benchmarks.replica_app import app

    @serve.deployment(
        num_replicas=count,
        ray_actor_options={"num_cpus": 0.1, "runtime_env": {"env_vars": {"REPLICA_VERSION": version}}},
        max_ongoing_requests=100,
    )
    @serve.ingress(app)
    class Replicas:
        pass

    serve._run(Replicas.bind(), name=NAME, route_prefix="/", _blocking=False)


def measure(serve: Any, url: str, *, connections: int, seconds: float, updated: int) -> dict[str, float]:
    who = f"{url}/who"
    tell("Ray Serve: one replica, under load")
    deploy(serve, 1, "1")
    _, seen = seconds_until(who, has(1), time.perf_counter())
    load = Loading(f"{url}/", connections=connections, seconds=seconds).outcome()
    tell("Ray Serve: its only replica is killed")
    (pid,) = seen
    began = time.perf_counter()
    os.kill(pid, signal.SIGKILL)
    recover, _ = seconds_until(who, another_than(pid), began)
    tell("Ray Serve: 1 to 5")
    began = time.perf_counter()
    deploy(serve, 5, "1")
    scale, _ = seconds_until(who, has(5), began)
    tell(f"Ray Serve: an update of {updated}")
    deploy(serve, updated, "1")
    time.sleep(5)
    began = time.perf_counter()
    deploy(serve, updated, "2")
    update, _ = seconds_until(who, all_are("2", updated), began)
    return {
        "serve_recover_s": round(recover, 2),
        "serve_scale_1_to_5_s": round(scale, 2),
        "serve_update_s": round(update, 2),
        "serve_rps": load.rps,
        "serve_p50_ms": load.p50_ms,
        "serve_p99_ms": load.p99_ms,
        "serve_errors": load.errors,
    }


def main() -> None:
    import sys

    connections, seconds, updated = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with plain_ray(4):
        from ray import serve

        serve.start(http_options={"host": "127.0.0.1", "port": port})
        try:
            found = measure(
                serve, f"http://127.0.0.1:{port}", connections=connections, seconds=seconds, updated=updated
            )
        finally:
            serve.shutdown()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
