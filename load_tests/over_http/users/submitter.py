"""Two teams submit small batch jobs through the jobs API and look how they do until they have ended."""

from __future__ import annotations

import random
import time

import gevent
from locust import between, task

from load_tests.over_http.users.base import Visitor, counts

JOBS = "/api/v3/jobs"
TASKS = 5
LOOK_S = 0.1
JOB_TIMEOUT_S = 120.0
TEAMS = ("ads", "search")


class Submitter(Visitor):
    weight = 3
    wait_time = between(0.1, 0.5)

    def on_start(self) -> None:
        self._team = random.choice(TEAMS)

    @task
    def run_job(self) -> None:
        """One job of TASKS tasks, from its submit to its end; all of them must have succeeded."""
        answer = self.client.post(JOBS, json=_descriptor(self._team))
        if answer.status_code != 202:
            return
        counts["jobs submitted"] += 1
        with self.whole("job: submit to Finished"):
            progress = self._until_finished(answer.json()["id"])
            assert progress["succeeded"] == TASKS, f"a job of {TASKS} tasks ended as {progress}"
            counts["jobs that succeeded"] += 1

    def _until_finished(self, id: str) -> dict[str, int]:
        deadline = time.monotonic() + JOB_TIMEOUT_S
        while time.monotonic() < deadline:
            answer = self.client.get(f"{JOBS}/{id}", name=f"{JOBS}/{{id}}")
            if answer.status_code == 200 and (job := answer.json())["status"]["state"] == "Finished":
                return job["progress"]
            gevent.sleep(LOOK_S)
        raise TimeoutError(f"job {id} is not Finished after {JOB_TIMEOUT_S:.0f} s")


def _descriptor(team: str) -> dict[str, object]:
    return {
        "owner": {"teamEmail": f"{team}@example.org"},
        "applicationName": f"load-{team}",
        "capacityGroup": team,
        "container": {"resources": {"cpu": 0.1, "memoryMB": 32}, "command": ["true"]},
        "batch": {"size": TASKS},
    }
