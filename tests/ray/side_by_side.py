"""A program of its own: raymesos on a Ray cluster that plain Ray programs use too. Prints what a test checks, as one JSON line.

Run as a process, because a process has one Ray cluster and the tests' own is another.
"""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import ray
from ray._common.utils import get_default_ray_temp_dir
from ray.cluster_utils import Cluster as RayCluster
from ray_functions import interval, marked_with_agent

import raymesos as rm
from raymesos.actors import cluster as clusters

clusters.stay_on_loopback()
# Ray's own test cluster notes its address there, and takes the directory for granted.
Path(get_default_ray_temp_dir()).mkdir(parents=True, exist_ok=True)
OPTIONS = {"include_dashboard": False, "object_store_memory": 100 * 2**20}


@ray.remote(num_cpus=1)
def plain(seconds: float) -> tuple[float, float]:
    return interval(seconds)


def overlap(intervals: list[tuple[float, float]]) -> int:
    """Most intervals that hold one moment."""
    edges = sorted(
        [(b, 1) for b, _ in intervals] + [(e, -1) for _, e in intervals], key=lambda edge: (edge[0], edge[1])
    )
    most = now = 0
    for _, step in edges:
        now += step
        most = max(most, now)
    return most


def agents(cluster: rm.Cluster) -> dict[str, str]:
    return {row["state"]: row["total"].split(";")[0] for row in cluster.view("agents")}


def wait_for(condition: Any) -> None:
    while not condition():
        time.sleep(0.1)


def on_both_nodes(cluster: rm.Cluster) -> dict[str, Any]:
    """Jobs of functions and of commands three wide, which no node is alone: large data and logs go between the nodes by calls."""
    inputs = [bytes([i]) * 100_000 for i in range(60)]
    functions = cluster.submit(rm.BatchJob("far", fn=marked_with_agent, inputs=inputs, isolated=True))
    answers = list(functions.results())
    script = 'echo "$RAYMESOS_INDEX $RAYMESOS_AGENT"; echo "err $RAYMESOS_INDEX" >&2; sleep 0.05'
    commands = cluster.submit(rm.BatchJob("said", command=["sh", "-c", script], size=40))
    done = commands.wait().succeeded
    said = [commands.logs(i).split() for i in range(40)]
    return {
        "far_right": [data for data, _ in answers] == [each + b"!" for each in inputs],
        "far_nodes": len({agent for _, agent in answers}),
        "said_done": done,
        "said_right": [int(index) for index, _ in said] == list(range(40)),
        "said_errors": [commands.logs(i, "stderr") for i in range(40)] == [f"err {i}\n" for i in range(40)],
        "said_nodes": len({agent for _, agent in said}),
    }


def main() -> dict[str, Any]:
    found: dict[str, Any] = {}
    directory = tempfile.mkdtemp(prefix="side-")  # Not a test's own: sockets need short paths.
    nodes = RayCluster(
        initialize_head=True,
        head_node_args={**OPTIONS, "num_cpus": 3, "temp_dir": directory},
    )
    ray.init(address=nodes.address, log_to_driver=False, logging_level=logging.ERROR, namespace="somebody")
    try:
        with rm.start(address=nodes.address, cpus=2, quiet=True) as cluster:
            found["free_for_ray"] = ray.available_resources().get("CPU")
            found["agents"] = agents(cluster)
            job = cluster.submit(rm.BatchJob("ours", fn=interval, inputs=[0.1] * 12))
            theirs = ray.get([plain.remote(0.1) for _ in range(8)])
            found["plain_at_once"] = overlap(theirs)
            found["ours_at_once"] = overlap(list(job.results()))
            found["ours_done"] = job.wait().succeeded

            node = nodes.add_node(num_cpus=1, object_store_memory=100 * 2**20)
            wait_for(lambda: len([a for a in cluster.view("agents") if a["state"] == "active"]) == 2)
            found["after_join"] = sorted(a["total"].split(";")[0] for a in cluster.view("agents"))
            found |= on_both_nodes(cluster)
            nodes.remove_node(node, allow_graceful=True)
            wait_for(lambda: len([a for a in cluster.view("agents") if a["state"] == "active"]) == 1)
            found["after_leave"] = sorted(a["state"] for a in cluster.view("agents"))
            again = cluster.submit(rm.BatchJob("again", fn=interval, inputs=[0.01] * 4))
            found["again_done"] = again.wait().succeeded
        wait_for(lambda: ray.available_resources().get("CPU") == 3.0)
        found["free_at_the_end"] = ray.available_resources().get("CPU")
        found["actors_left"] = [a["name"] for a in ray.util.list_named_actors(all_namespaces=True)]
    finally:
        ray.shutdown()
        nodes.shutdown()
        shutil.rmtree(directory, ignore_errors=True)
    return found


if __name__ == "__main__":
    print(json.dumps(main()))
