"""An operator's tools: they read the state of everything, the metrics and the roles, again and again."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import cycle

from locust import between, task

from load_tests.over_http.users.base import Visitor

Check = Callable[[bytes], bool]
UPTIME = "master/uptime_secs"


def _goes_on(body: bytes) -> bool:
    """Whether the master is still in the life that it was last seen in."""
    global _uptime_s
    before, _uptime_s = _uptime_s, json.loads(body)[UPTIME]
    return _uptime_s >= before


_uptime_s = 0.0


def _has(*keys: str) -> Check:
    return lambda body: all(key in json.loads(body) for key in keys)


READS: dict[str, Check] = {
    "/state": _has("slaves", "frameworks", "leader"),
    "/state-summary": _has("slaves", "frameworks"),
    "/roles": _has("roles"),
    # A master that is restarted under load is a failure, even if nobody else has noticed.
    "/metrics/snapshot": _goes_on,
    "/metrics": lambda body: b"\nraymesos_agents{" in body,
    "/api/views/status": _has("agents", "frameworks"),
}
"""Each path, and how its answer is known for one."""


class Operator(Visitor):
    weight = 2
    wait_time = between(0.02, 0.1)

    def on_start(self) -> None:
        self._next = cycle(READS.items())

    @task
    def look(self) -> None:
        """At one thing after the other."""
        path, is_right = next(self._next)
        with self.client.get(path, catch_response=True) as answer:
            if answer.status_code == 200 and not is_right(answer.content):
                answer.failure(f"{path} should not say {answer.content[:200]!r}")
