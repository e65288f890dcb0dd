"""From submit of one small function to its result, on a warm idle cluster: `python -m load_tests.benchmarks.latency --json`.

raymesos: a job of one input after the other, each with submit, wait and result. The rival, in the same run: `ray.get(f.remote())` on a warm Ray.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import raymesos as rm
from load_tests.benchmarks.common import emit, parser, percentile, plain_ray, tell

CPUS = 2
WARM = 20


def nothing(x: int) -> int:
    return x


def times_ms(run: Callable[[int], Any], count: int) -> list[float]:
    found = []
    for number in range(WARM + count):
        began = time.perf_counter()
        run(number)
        found.append((time.perf_counter() - began) * 1000)
    return found[WARM:]


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--calls", type=int, default=300)
    given = arguments.parse_args()
    tell("raymesos")
    with rm.start(agents=1, cpus=CPUS, quiet=True) as cluster:

        def submit(number: int) -> None:
            job = cluster.submit(rm.BatchJob(f"one-{number}", fn=nothing, inputs=[number]))
            assert list(job.results()) == [number]

        ours = times_ms(submit, given.calls)
    tell("plain Ray")
    with plain_ray(CPUS) as ray:
        call = ray.remote(num_cpus=1)(nothing)
        alone = times_ms(lambda number: ray.get(call.remote(number)), given.calls)
    result = {
        "calls": given.calls,
        "p50_ms": round(percentile(ours, 0.5), 2),
        "p99_ms": round(percentile(ours, 0.99), 2),
        "ray_p50_ms": round(percentile(alone, 0.5), 2),
        "ray_p99_ms": round(percentile(alone, 0.99), 2),
    }
    emit("latency", result, record=given.record)


if __name__ == "__main__":
    main()
