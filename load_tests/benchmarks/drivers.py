"""Drivers: processes of their own, each with a backlog of short calls for raymesos or for plain Ray, who tell when each result came."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass

RAYMESOS = """
import os, sys, time
import raymesos as rm
from load_tests.benchmarks.drivers import short_call
where, role, cpus, call_s, calls, until = sys.argv[1:]
cluster = rm.connect(where)
print(time.time(), flush=True)
job = cluster.submit(rm.BatchJob(f"driver-{role}-{os.getpid()}", fn=short_call, inputs=[float(call_s)] * int(calls), role=role, cpus=float(cpus)))
for _ in job.as_completed():
    print(time.time(), flush=True)
    if time.time() > float(until):
        break
job.cancel()
"""

RAY = """
import logging, sys, time
import ray
from raymesos.actors.cluster import stay_on_loopback
from load_tests.benchmarks.drivers import short_call
where, _, cpus, call_s, calls, until = sys.argv[1:]
stay_on_loopback()
ray.init(address=where, log_to_driver=False, logging_level=logging.ERROR)
print(time.time(), flush=True)
call = ray.remote(num_cpus=float(cpus))(short_call)
left = [call.remote(float(call_s)) for _ in range(int(calls))]
while left and time.time() < float(until):
    done, left = ray.wait(left, num_returns=1)
    print(time.time(), flush=True)
"""


def short_call(seconds: float) -> None:
    time.sleep(seconds)


@dataclass(frozen=True, slots=True)
class Told:
    """When the driver was connected and began to submit, and when each of its results came."""

    began: float
    results: list[float]


class Driver:
    """Submits `calls` calls of `call_s` seconds on `cpus` CPUs each, at once, and takes results until `until`. `program` is RAYMESOS or RAY, which knows no roles."""

    def __init__(
        self, program: str, where: str, role: str, *, calls: int, call_s: float, until: float, cpus: float = 1
    ) -> None:
        words = map(str, (where, role, cpus, call_s, calls, until))
        self._process = subprocess.Popen([sys.executable, "-c", program, *words], stdout=subprocess.PIPE, text=True)

    def told(self) -> Told:
        """Once it has ended."""
        text, _ = self._process.communicate(timeout=120)
        began, *results = (float(line) for line in text.splitlines())
        return Told(began, results)
