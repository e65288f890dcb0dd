"""How many `/bin/true` a second, each a process with its own exit status: `python -m load_tests.benchmarks.batch_commands --json`.

raymesos: one job of `--size` commands on one agent of 2 CPUs, each with a sandbox, stdout and stderr of its own, from submit to the end. Rivals in the same run: HyperQueue
through its Python LocalCluster with a worker of 2 cores; Ray tasks that call subprocess; `xargs -P2`, which keeps nothing. `--skip-hyperqueue` where it is not installed.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import raymesos as rm
from load_tests.benchmarks.common import emit, parser, plain_ray, rate, tell

CPUS = 2
TRUE = "/bin/true"


def call_true() -> int:
    return subprocess.run([TRUE], check=False).returncode


def raymesos(size: int, repeats: int) -> float:
    names = iter(range(1_000_000))
    with rm.start(agents=1, cpus=CPUS, quiet=True) as cluster:

        def run(count: int = size) -> None:
            status = cluster.submit(rm.BatchJob(f"true-{next(names)}", command=[TRUE], size=count)).wait()
            assert status.succeeded == count, status

        run(50)
        return rate(size, run, repeats)


def hyperqueue(size: int, repeats: int) -> float:
    from hyperqueue import Job, LocalCluster
    from hyperqueue.cluster import WorkerConfig

    before = Path.cwd()
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        try:
            with LocalCluster() as cluster:
                cluster.start_worker(WorkerConfig(cores=CPUS))
                client = cluster.client()

                def run(count: int = size) -> None:
                    job = Job()
                    for _ in range(count):
                        job.program([TRUE])
                    client.wait_for_jobs([client.submit(job)])

                run(50)
                return rate(size, run, repeats)
        finally:
            os.chdir(before)


def ray_alone(size: int, repeats: int) -> float:
    with plain_ray(CPUS) as ray:
        call = ray.remote(num_cpus=1)(call_true)

        def run(count: int = size) -> None:
            assert sum(ray.get([call.remote() for _ in range(count)])) == 0

        run(50)
        return rate(size, run, repeats)


def xargs(size: int, repeats: int) -> float:
    numbers = "".join(f"{n}\n" for n in range(size))

    def run() -> None:
        subprocess.run(["xargs", f"-P{CPUS}", "-n1", TRUE], input=numbers, text=True, check=True)

    return rate(size, run, repeats)


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--size", type=int, default=2_000)
    arguments.add_argument("--skip-hyperqueue", action="store_true")
    given = arguments.parse_args()
    tell("raymesos")
    ours = raymesos(given.size, given.repeats)
    tell("xargs")
    bare = xargs(given.size, given.repeats)
    tell("plain Ray")
    tasks = ray_alone(given.size, given.repeats)
    queue = 0.0
    if not given.skip_hyperqueue:
        tell("HyperQueue")
        queue = hyperqueue(given.size, given.repeats)
    result: dict[str, Any] = {
        "size": given.size,
        "repeats": given.repeats,
        "raymesos_per_s": ours,
        "hyperqueue_per_s": queue,
        "ray_per_s": tasks,
        "xargs_per_s": bare,
        "ratio": round(ours / queue, 2) if queue else None,
    }
    emit("batch_commands", result, record=given.record)


if __name__ == "__main__":
    main()
