"""How many calls of a function that does nothing go through a second, each with its own result: `python -m load_tests.benchmarks.batch_functions --json`.

raymesos: one job of `--inputs` inputs on one agent of 2 CPUs, from submit to the last result, in order. Rivals, in the same run on as many CPUs: `ray.remote` call by
call, and Ray batched by hand at 100 inputs a call, the results taken apart again. Each is warmed up; medians of the repeats.
"""

from __future__ import annotations

import resource
from typing import Any

import raymesos as rm
from load_tests.benchmarks.common import emit, parser, plain_ray, rate, tell

CPUS = 2
PER_CALL = 100


def nothing(x: int) -> int:
    return x


def nothing_each(xs: list[int]) -> list[int]:
    return [nothing(x) for x in xs]


def raymesos(inputs: int, repeats: int) -> tuple[float, float]:
    """(inputs a second, peak resident memory of this client in MB)"""
    names = iter(range(1_000_000))
    with rm.start(agents=1, cpus=CPUS, quiet=True) as cluster:

        def run(count: int = inputs) -> None:
            job = cluster.submit(rm.BatchJob(f"nothing-{next(names)}", fn=nothing, inputs=range(count)))
            assert list(job.results()) == list(range(count))

        run(1_000)
        return rate(inputs, run, repeats), round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def ray_alone(inputs: int, single: int, repeats: int) -> tuple[float, float]:
    """(inputs a second call by call, batched by hand)"""
    with plain_ray(CPUS) as ray:
        one, many = ray.remote(num_cpus=1)(nothing), ray.remote(num_cpus=1)(nothing_each)

        def run_one(count: int = single) -> None:
            assert ray.get([one.remote(x) for x in range(count)]) == list(range(count))

        def run_many(count: int = inputs) -> None:
            calls = [many.remote(list(range(at, at + PER_CALL))) for at in range(0, count, PER_CALL)]
            assert [x for rows in ray.get(calls) for x in rows] == list(range(count))

        run_one(200)
        run_many(2_000)
        return rate(single, run_one, repeats), rate(inputs, run_many, repeats)


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--inputs", type=int, default=100_000)
    arguments.add_argument("--single", type=int, default=5_000, help="inputs of the call-by-call rival")
    given = arguments.parse_args()
    tell("raymesos")
    ours, peak = raymesos(given.inputs, given.repeats)
    tell("plain Ray")
    single, batched = ray_alone(given.inputs, given.single, given.repeats)
    result: dict[str, Any] = {
        "inputs": given.inputs,
        "repeats": given.repeats,
        "raymesos_per_s": ours,
        "ray_per_s": single,
        "ray_batched_per_s": batched,
        "ratio": round(ours / single, 1),
        "ratio_to_batched": round(ours / batched, 2),
        "peak_rss_mb": peak,
    }
    emit("batch_functions", result, record=given.record)


if __name__ == "__main__":
    main()
