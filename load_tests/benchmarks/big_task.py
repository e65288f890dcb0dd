"""Does a team whose tasks are big get its share of a cluster full of small ones: `python -m load_tests.benchmarks.big_task --json`.

An agent of 2 CPUs. Tenant A has a backlog of 20 ms functions of 1 CPU; tenant B arrives 2 s later with 20 ms functions of 2 CPUs, in equal roles. Measured: B's wait for
its first result, and its part of the CPU time of all results in the seconds in which both have work (`entitled`: half). The rival, in the same run: the same two drivers with
plain Ray tasks on as many CPUs, where a task of 2 CPUs waits until 2 are free at once.
"""

from __future__ import annotations

import time
from typing import Any

import raymesos as rm
from load_tests.benchmarks.common import emit, parser, plain_ray, tell
from load_tests.benchmarks.drivers import RAY, RAYMESOS, Driver

AGENTS = 1
CPUS = 2
"""Of each agent: what one call of B needs."""
CALL_S = 0.02
LATE_S = 2.0
BOTH_S = 5.0
"""So long both have work."""
BACKLOG_S = LATE_S + BOTH_S + 3.0


def contest(program: str, where: str, backlog: int) -> tuple[float, float]:
    """(seconds that B waited for its first result, its part of the CPU time while both had work)."""
    end = time.time() + LATE_S + BOTH_S + 3.0
    small = Driver(program, where, "small", calls=backlog, call_s=CALL_S, until=end)
    time.sleep(LATE_S)
    big = Driver(program, where, "big", calls=backlog, call_s=CALL_S, until=end, cpus=CPUS)
    told = big.told()
    began, theirs, others = told.began, told.results, small.told().results
    if not theirs:
        return end - began, 0.0
    until = min(theirs[0] + BOTH_S, theirs[-1], others[-1])
    if until <= began + 1.0:  # B ran only after A: together they had no time.
        return theirs[0] - began, 0.0
    mine = CPUS * sum(began <= t <= until for t in theirs)
    all_ = mine + sum(began <= t <= until for t in others)
    return theirs[0] - began, mine / max(1, all_)


def main() -> None:
    given = parser(__doc__, repeats=3).parse_args()
    backlog = int(BACKLOG_S * AGENTS * CPUS / CALL_S)
    tell("raymesos")
    with rm.start(agents=AGENTS, cpus=CPUS, quiet=True) as cluster:
        ours = [contest(RAYMESOS, cluster.name, backlog) for _ in range(given.repeats)]
    tell("plain Ray")
    with plain_ray(AGENTS * CPUS) as ray:
        address = ray.get_runtime_context().gcs_address
        bare = [contest(RAY, address, backlog // 2) for _ in range(given.repeats)]
    emit("big_task", _summary(ours, bare, given.repeats), record=given.record)


def _summary(ours: list[tuple[float, float]], bare: list[tuple[float, float]], repeats: int) -> dict[str, Any]:
    def middle(values: list[float]) -> float:
        return round(sorted(values)[len(values) // 2], 3)

    return {
        "repeats": repeats,
        "first_wait_s": middle([wait for wait, _ in ours]),
        "first_wait_max_s": round(max(wait for wait, _ in ours), 3),
        "share_of_second": middle([share for _, share in ours]),
        "shares": [round(share, 3) for _, share in ours],
        "entitled": 0.5,
        "ray_first_wait_s": middle([wait for wait, _ in bare]),
        "ray_share_of_second": middle([share for _, share in bare]),
    }


if __name__ == "__main__":
    main()
