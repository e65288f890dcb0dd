"""Does a late team get its share, and how soon: `python -m load_tests.benchmarks.fairness --json`.

A cluster of 2 CPUs is full of 20 ms functions of half a CPU (four at once: so many that 1:3 can be dealt out) of role `first` (weight 1), submitted by three drivers.
Three seconds later one driver submits as much in role `second` (weight 3). Measured: its wait for the first result, and the part of all results that were its own in each second in which both had work (`entitled` is its due).
The rival, in the same run: the same drivers with plain Ray tasks, which knows neither roles nor weights.
"""

from __future__ import annotations

import time
from typing import Any

import raymesos as rm
from load_tests.benchmarks.common import emit, parser, plain_ray, tell
from load_tests.benchmarks.drivers import RAY, RAYMESOS, Driver, short_call

CPUS = 2
WEIGHTS = {"first": 1, "second": 3}
DRIVERS = 3
LATE_S = 3.0
CALL_S = 0.02
CALL_CPUS = 0.5
BOTH_S = 6.0
"""So long both have work."""


def contest(program: str, where: str) -> dict[str, Any]:
    """Run the drivers against each other; the late one's wait is from its submit, its process being up."""
    end = time.time() + LATE_S + BOTH_S + 2
    calls = int(2 * (LATE_S + BOTH_S) * CPUS / CALL_CPUS / CALL_S / DRIVERS)
    each: dict[str, Any] = {"call_s": CALL_S, "cpus": CALL_CPUS, "until": end}
    first = [Driver(program, where, "first", calls=calls, **each) for _ in range(DRIVERS)]
    time.sleep(LATE_S)
    second = Driver(program, where, "second", calls=calls * DRIVERS, **each)
    theirs = sorted(t for driver in first for t in driver.told().results)
    own = second.told().results
    start, end = own[0], min(own[-1], theirs[-1])
    seconds = []
    at = start
    while at + 1 <= end:
        mine = sum(at <= t < at + 1 for t in own)
        seconds.append(round(mine / max(1, mine + sum(at <= t < at + 1 for t in theirs)), 3))
        at += 1
    return {"share_per_second": seconds, "share": round(sum(seconds) / max(1, len(seconds)), 3)}


def first_wait(cluster: rm.Cluster) -> float:
    """Seconds from submit to the first result of a late job in `second`, while `first` fills the cluster."""
    calls = int(4 * LATE_S * CPUS / CALL_CPUS / CALL_S)
    jobs = [
        cluster.submit(rm.BatchJob(f"full-{n}", fn=short_call, inputs=[CALL_S] * calls, role="first", cpus=CALL_CPUS))
        for n in range(DRIVERS)
    ]
    time.sleep(LATE_S)
    began = time.perf_counter()
    late = cluster.submit(rm.BatchJob("late", fn=short_call, inputs=[CALL_S] * 50, role="second", cpus=CALL_CPUS))
    next(late.as_completed())
    waited = time.perf_counter() - began
    for job in [late, *jobs]:
        job.cancel()
        job.wait()
    return waited


def main() -> None:
    given = parser(__doc__, repeats=3).parse_args()
    tell("raymesos")
    with rm.start(agents=1, cpus=CPUS, quiet=True) as cluster:
        for role, weight in WEIGHTS.items():
            cluster.set_weight(role, weight)
        waits = [first_wait(cluster) for _ in range(given.repeats)]
        ours = contest(RAYMESOS, cluster.name)
    tell("plain Ray")
    with plain_ray(CPUS) as ray:
        alone = contest(RAY, ray.get_runtime_context().gcs_address)
    result = {
        "repeats": given.repeats,
        "first_wait_s": round(sorted(waits)[len(waits) // 2], 3),
        "first_wait_max_s": round(max(waits), 3),
        "share_of_second": ours["share"],
        "share_of_second_per_second": ours["share_per_second"],
        "entitled": WEIGHTS["second"] / sum(WEIGHTS.values()),
        "ray_share_of_second": alone["share"],
    }
    emit("fairness", result, record=given.record)


if __name__ == "__main__":
    main()
