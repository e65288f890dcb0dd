"""What an idle cluster takes, and what a million queued inputs add: `python -m load_tests.benchmarks.footprint --json`.

Proportional set sizes (shared pages count in part) of each process of a cluster of one agent, idle after some work; then again with a job of `--queued` inputs that no agent
is large enough for, so that all of them wait.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import ray

import raymesos as rm
from load_tests.benchmarks.common import emit, parser, pss_mb, tell

HOSTS = ("master", "allocator", "framework/batch", "observer", "agent/agent1")


def nothing(x: int) -> int:
    return x


def pids(cluster: rm.Cluster) -> dict[str, int]:
    """Of each host, its executors (`executor/1`, ...), and of the shim and its zygote."""
    names = [a["name"] for a in ray.util.list_named_actors(all_namespaces=True) if a["namespace"] == cluster.name]
    executors = sorted(name for name in names if name.startswith("executor/"))
    found = {name: ray.get(ray.get_actor(name, cluster.name).pid.remote()) for name in HOSTS}
    for number, name in enumerate(executors, 1):
        found[f"executor/{number}"] = ray.get(ray.get_actor(name, cluster.name).pid.remote())
    (shim,) = [
        pid for pid in _processes() if f"{cluster.work_dir}/agents/agent1/shim" in _command(pid) and _is_shim(pid)
    ]
    return found | {"shim": shim}


def _processes() -> list[int]:
    return [int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit()]


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def _is_shim(pid: int) -> bool:
    """The shim itself, not the zygote and workers that it forks."""
    status = Path(f"/proc/{pid}/status").read_text()
    parent = int(next(line.split()[1] for line in status.splitlines() if line.startswith("PPid")))
    return "shim" not in _command(parent)


def sizes(found: dict[str, int]) -> dict[str, float]:
    return {name: pss_mb(pid) for name, pid in found.items()}


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--queued", type=int, default=1_000_000)
    given = arguments.parse_args()
    with rm.start(agents=1, cpus=2, quiet=True) as cluster:
        list(cluster.submit(rm.BatchJob("warm", fn=nothing, inputs=range(1_000))).results())
        time.sleep(2)
        found = pids(cluster)
        idle = sizes(found)
        children = [pid for pid in _processes() if _parent(pid) == found["shim"]]
        zygotes = [pss_mb(pid) for pid in children]
        tell(f"queueing {given.queued} inputs")
        cpus = (os.cpu_count() or 1) * 100
        job = cluster.submit(rm.BatchJob("queued", fn=nothing, inputs=range(given.queued), cpus=cpus))
        time.sleep(3)
        queued = sizes(found)
        job.cancel()
    result: dict[str, Any] = {
        "agent_pss_mb": idle["agent/agent1"],
        "executor_pss_mb": idle["executor/1"],
        "shim_pss_mb": idle["shim"],
        "shim_children_pss_mb": zygotes,
        "master_pss_mb": idle["master"],
        "allocator_pss_mb": idle["allocator"],
        "batch_pss_mb": idle["framework/batch"],
        "observer_pss_mb": idle["observer"],
        "queued": given.queued,
        "master_growth_mb": round(queued["master"] - idle["master"], 1),
        "batch_growth_mb": round(queued["framework/batch"] - idle["framework/batch"], 1),
    }
    emit("footprint", result, record=given.record)


def _parent(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("PPid")))


if __name__ == "__main__":
    main()
