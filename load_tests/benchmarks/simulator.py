"""How fast the simulator is: `python -m load_tests.benchmarks.simulator --agents 10000 --tasks 100000 --json`.

One generated run, from the empty world to the last task's end, with the auditor watching every message, in one process. `events` are the messages that the
master, the allocator, agents and frameworks took (what executors, launchers and shims take is not counted); `wall_s` is all of the run: making the cluster, the
run itself, the quiet time after it, settling the accounts and every machine's `check()`. A run that the auditor found anything in ends with exit code 1 and its
story on stderr: its speed means nothing. The rival, in the same run, is the same number of agents and tasks as bare events on a heap (an offer, a launch,
a start and an end for each task, booked as integers): no messages, no protocol, no audit; it says how much of the time is the machine's.
"""

from __future__ import annotations

import resource
import sys
import time
from collections import deque
from heapq import heappop, heappush
from random import Random
from statistics import median
from typing import Any

from load_tests.benchmarks.common import emit, parser
from raymesos.sim.report import Report
from raymesos.sim.run import run

CPUS_OF_AN_AGENT = 8


def measure(
    *, agents: int, frameworks: int, tasks: int, seed: int, repeats: int, faults: bool
) -> tuple[Report, dict[str, Any]]:
    """The slowest run's report, and what all of them took. Equal seeds must end in equal digests."""
    reports = [run(agents, frameworks, tasks, seed, faults=faults) for _ in range(repeats)]
    assert len({report.digest for report in reports}) == 1, "the same seed told two stories"
    slowest = max(reports, key=lambda report: report.wall_s)
    rows = {
        "events_per_s": round(median(r.events_per_s for r in reports), 1),
        "wall_s": round(median(r.wall_s for r in reports), 2),
        "wall_s_max": slowest.wall_s,
        "tasks_per_s": round(tasks / median(r.wall_s for r in reports), 1),
        "events": slowest.events,
        "virtual_s": slowest.virtual_s,
        "done": slowest.done,
        "violations": max(r.violation_count for r in reports),
        "digest": slowest.digest,
    }
    return slowest, rows


def bare_heap_s(*, agents: int, tasks: int, seed: int) -> float:
    """Seconds to run the tasks, one CPU each, as bare events: nobody is told anything."""
    begin = time.perf_counter()
    rng = Random(seed)
    free = [CPUS_OF_AN_AGENT] * agents
    idle = deque(range(agents))
    events: list[tuple[int, int, int]] = []
    waiting, now = tasks, 0
    while waiting or events:
        while waiting and idle:
            agent = idle[0]
            heappush(events, (now + rng.randrange(1_000, 30_000), waiting, agent))
            waiting -= 1
            free[agent] -= 1
            if not free[agent]:
                idle.popleft()
        now, _, agent = heappop(events)
        free[agent] += 1
        if free[agent] == 1:
            idle.append(agent)
    return time.perf_counter() - begin


def main() -> int:
    arguments = parser(__doc__, repeats=1)
    arguments.add_argument("--agents", type=int, default=10_000)
    arguments.add_argument("--frameworks", type=int, default=50)
    arguments.add_argument("--tasks", type=int, default=100_000)
    arguments.add_argument("--seed", type=int, default=7)
    arguments.add_argument("--faults", action="store_true")
    given = arguments.parse_args()
    slowest, rows = measure(
        agents=given.agents,
        frameworks=given.frameworks,
        tasks=given.tasks,
        seed=given.seed,
        repeats=given.repeats,
        faults=given.faults,
    )
    result = {
        "agents": given.agents,
        "frameworks": given.frameworks,
        "tasks": given.tasks,
        "seed": given.seed,
        "faults": given.faults,
        "repeats": given.repeats,
        "audit": True,
        **rows,
        "bare_heap_s": round(bare_heap_s(agents=given.agents, tasks=given.tasks, seed=given.seed), 3),
        "max_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    emit("simulator", result, record=given.record)
    for violation in slowest.violations:
        print(violation, file=sys.stderr)
    return 1 if result["violations"] or result["done"] != given.tasks else 0


if __name__ == "__main__":
    sys.exit(main())
