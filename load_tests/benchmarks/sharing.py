"""Does every team get what it is owed: `python -m load_tests.benchmarks.sharing --json`.

Two agents of 4 CPUs. Roles `one` and `three` (weights 1 and 3) have deep queues of 50 ms functions of 1 CPU: measured is the part that `one` has of all results in every
window of 5 s in which both have work, a window every quarter of a second (due: 0.25 within 10 %, so 0.225 to 0.275). Then both hold the cluster with functions of a
minute, and role `owed`, with a guarantee of 2 CPUs, arrives with two more of them: measured is the time from its submit until both run, which takes tasks of the others
(`guarantee_s`; aim 2 s). The rival, in the same run: the same drivers with plain Ray tasks, which knows neither weights nor guarantees.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Any

import raymesos as rm
from load_tests.benchmarks.common import emit, parser, plain_ray, tell
from load_tests.benchmarks.drivers import RAY, RAYMESOS, Driver

AGENTS = 2
CPUS = 4
"""Of each agent."""
WEIGHTS = {"one": 1, "three": 3}
CALL_S = 0.05
LONG_S = 60.0
OWED = 2
"""CPUs of the guarantee."""
WINDOW_S = 5.0
STEP_S = 0.25
SETTLE_S = 1.0
"""Not looked at after the later of the two began: its workers start."""
RUN_S = 15.0
WAIT_S = 20.0
"""So long is waited for the guarantee; plain Ray gives none."""


def long_call(where: str, _: int = 0) -> None:
    """Says that it runs, by a file, and goes on for long."""
    (Path(where) / f"{os.getpid()}").touch()
    time.sleep(LONG_S)


def parts(program: str, where: str) -> list[float]:
    """The part of role `one` in each window."""
    calls = int(RUN_S * AGENTS * CPUS / CALL_S)
    end = time.time() + RUN_S
    drivers = [Driver(program, where, role, calls=calls, call_s=CALL_S, until=end) for role in WEIGHTS]
    one, three = (driver.told().results for driver in drivers)
    at, until = max(one[0], three[0]) + SETTLE_S, min(one[-1], three[-1])
    found = []
    while at + WINDOW_S <= until:
        mine, theirs = (sum(at <= t < at + WINDOW_S for t in times) for times in (one, three))
        found.append(mine / (mine + theirs))
        at += STEP_S
    return found


def running(directory: str, count: int) -> bool:
    """Waits until so many long calls run; whether they came to."""
    deadline = time.monotonic() + WAIT_S
    while len(list(Path(directory).iterdir())) < count:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


def guaranteed(cluster: rm.Cluster) -> float:
    """Seconds from the submit until the guarantee is in use."""
    with tempfile.TemporaryDirectory() as full, tempfile.TemporaryDirectory() as mine:
        others = [
            cluster.submit(rm.BatchJob(f"long-{role}", fn=long_call, inputs=[full] * AGENTS * CPUS, role=role))
            for role in WEIGHTS
        ]
        assert running(full, AGENTS * CPUS), "the cluster is not full"
        cluster.quota.set("owed", guarantee=f"cpus:{OWED}")
        began = time.monotonic()
        job = cluster.submit(rm.BatchJob("owed", fn=long_call, inputs=[mine] * OWED, role="owed"))
        assert running(mine, OWED), "the guarantee is not met"
        took = time.monotonic() - began
        for each in (job, *others):
            each.cancel()
            each.wait(WAIT_S)
        cluster.quota.remove("owed")
        return took


def guaranteed_by_ray(ray: Any) -> float | None:
    with tempfile.TemporaryDirectory() as full, tempfile.TemporaryDirectory() as mine:
        call = ray.remote(num_cpus=1, max_retries=0)(long_call)
        others = [call.remote(full) for _ in range(2 * AGENTS * CPUS)]
        assert running(full, AGENTS * CPUS), "Ray is not full"
        began = time.monotonic()
        late = [call.remote(mine) for _ in range(OWED)]
        took = time.monotonic() - began if running(mine, OWED) else None
        for each in (*late, *others):
            ray.cancel(each, force=True)
        return took


def main() -> None:
    given = parser(__doc__, repeats=3).parse_args()
    tell("raymesos")
    windows, waits = [], []
    with rm.start(agents=AGENTS, cpus=CPUS, quiet=True) as cluster:
        for role, weight in WEIGHTS.items():
            cluster.set_weight(role, weight)
        for _ in range(given.repeats):
            windows += parts(RAYMESOS, cluster.name)
            waits.append(guaranteed(cluster))
    tell("plain Ray")
    with plain_ray(AGENTS * CPUS) as ray:
        bare = parts(RAY, ray.get_runtime_context().gcs_address)
        late = guaranteed_by_ray(ray)
    emit(
        "sharing",
        {
            "repeats": given.repeats,
            "windows": len(windows),
            "part_of_one": [round(min(windows), 3), round(sum(windows) / len(windows), 3), round(max(windows), 3)],
            "due": 0.25,
            "guarantee_s": round(sorted(waits)[len(waits) // 2], 3),
            "guarantee_max_s": round(max(waits), 3),
            "ray_part_of_one": [round(min(bare), 3), round(sum(bare) / len(bare), 3), round(max(bare), 3)],
            "ray_guarantee_s": round(late, 3) if late is not None else f"none in {WAIT_S:.0f}",
        },
        record=given.record,
    )


if __name__ == "__main__":
    main()
