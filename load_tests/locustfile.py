"""Users of two teams submit small jobs to a running cluster; locust measures from the submit to the last result.

    .venv/bin/raymesos up --agents 2
    make load                     # LOCUST_SKIP_MONKEY_PATCH=1 locust -f load_tests/locustfile.py --headless -u 4 -r 4 -t 15s
    .venv/bin/raymesos down

RAYMESOS_CLUSTER names the cluster where several run here. Each user is a submitter of its own; a failed input or a wrong sum is a failed request.

Locust runs its users as greenlets of one thread, and by default patches sockets, locks and threads for that. Ray's client waits in C++ and in threads of its own, which
that breaks: hence LOCUST_SKIP_MONKEY_PATCH. Every call to the cluster is made in a thread of gevent's pool, and the greenlet waits for it.
"""

from __future__ import annotations

import math
import os
import secrets
import time
from typing import Any, ClassVar

import gevent
import gevent.monkey
from gevent.threadpool import ThreadPool
from locust import User, between, events, task

import raymesos as rm

# One for each user that waits at the same moment; more users queue here, and the wait is part of what is measured.
THREADS = 32
INPUTS = 20

_threads = ThreadPool(THREADS)
_joined: list[Any] = []


@events.test_start.add_listener
def join(**_: Any) -> None:
    """Join once and in this thread: Ray wants the main one for its signal handlers."""
    if gevent.monkey.is_module_patched("threading"):
        raise SystemExit("set LOCUST_SKIP_MONKEY_PATCH=1: Ray's threads and gevent's patches do not go together")
    cluster = rm.connect(os.environ.get("RAYMESOS_CLUSTER"))
    cluster.set_weight("ads", 3)
    _joined.append(cluster)


def job_of(role: str) -> float:
    """Milliseconds from the submit to the last result. Raises what the job raised, ValueError for a wrong sum."""
    began = time.perf_counter()
    job = _joined[0].submit(
        rm.BatchJob(f"{role}-{secrets.token_hex(4)}", fn=math.isqrt, inputs=range(INPUTS), role=role), detach=True
    )
    found, wanted = sum(job.results()), sum(map(math.isqrt, range(INPUTS)))
    if found != wanted:
        raise ValueError(f"the sum is {found}, not {wanted}")
    return (time.perf_counter() - began) * 1000


class Team(User):
    abstract = True
    wait_time = between(0.05, 0.2)
    role: ClassVar[str]

    @task
    def submit(self) -> None:
        """One request for locust: its name is the team's role, its size the inputs."""
        began = time.perf_counter()
        error: BaseException | None = None
        try:
            took_ms = _threads.apply(job_of, (self.role,))
        except gevent.GreenletExit:
            raise  # Locust ends its users; this request was not answered.
        except Exception as failed:  # noqa: BLE001 - a request that fails is counted, whatever it was
            took_ms, error = (time.perf_counter() - began) * 1000, failed
        events.request.fire(
            request_type="job", name=self.role, response_time=took_ms, response_length=INPUTS, exception=error
        )


class Ads(Team):
    role = "ads"


class Search(Team):
    role = "search"
