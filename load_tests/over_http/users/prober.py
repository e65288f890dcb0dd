"""The yardstick: someone who only asks whether the server lives. All other endpoints are measured against what that takes in the same run."""

from __future__ import annotations

from locust import constant_pacing, task

from load_tests.over_http.thresholds import YARDSTICK
from load_tests.over_http.users.base import Visitor


class Prober(Visitor):
    fixed_count = 1
    # A 99th percentile wants some hundreds of them.
    wait_time = constant_pacing(0.03)

    @task
    def ask(self) -> None:
        self.client.get(YARDSTICK)
