"""Clients of the HTTP API against a real cluster: the jobs API, and programs and commands in processes without Ray."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import raymesos as rm
from raymesos.actors.door import Door
from raymesos.actors.plan import HTTP

pytestmark = pytest.mark.ray

DESCRIPTOR: dict[str, Any] = {
    "owner": {"teamEmail": "t@x"},
    "applicationName": "over-http",
    "capacityGroup": "http-jobs",
    "container": {
        "resources": {"cpu": 0.5, "memoryMB": 64},
        "entryPoint": ["/bin/sh", "-c"],
        "command": ["echo index $RAYMESOS_INDEX; exit $RAYMESOS_INDEX"],
    },
    "batch": {"size": 2, "retryPolicy": {"immediate": {"retries": 1}}},
}

PROGRAM = """
import sys
import raymesos as rm

def square(n):
    return n * n

def bulk(n):
    return bytes(range(256)) * (n // 256)

cluster = rm.connect(sys.argv[1])
job = cluster.submit(rm.BatchJob("no-ray", fn=square, inputs=range(50), role="http-client", cpus=0.5))
assert list(job.results()) == [n * n for n in range(50)]
(large,) = cluster.submit(rm.BatchJob("bulk", fn=bulk, inputs=[200_000_000], role="http-client", cpus=0.5, mem="1GB")).results()
assert large == bulk(200_000_000)
with cluster.executor("http-client", cpus=0.5) as executor:
    assert list(executor.map(square, range(5))) == [0, 1, 4, 9, 16]
sent = cluster.submit(rm.BatchJob("sent", fn=len, inputs=[b"y" * 20_000_000], role="http-client", cpus=0.5))
assert list(sent.results()) == [20_000_000]
cluster.set_weight("http-client", 2)
cluster.quota.set("http-client", guarantee="cpus:0.5")
while "http-client" not in [q.role for q in cluster.quota]:
    pass  # The observer hears of it a moment later.
cluster.quota.remove("http-client")
assert {a["state"] for a in cluster.view("agents")} == {"active"}
try:
    cluster.job("nosuch")
except rm.errors.UnknownId as error:
    print(error)
assert not [m for m in sys.modules if m == "ray" or m.startswith("ray.")]
print("done")
"""


def run(*argv: str, home: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """A program on a machine that knows of no cluster."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("RAY")}
    return subprocess.run(
        [sys.executable, *argv],
        env={**clean, "RAYMESOS_HOME": str(home), **env},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def events(response: httpx.Response) -> Iterator[tuple[str, Any]]:
    event = ""
    for line in response.iter_lines():
        if line.startswith("event: "):
            event = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield event, json.loads(line.removeprefix("data: "))


def test_a_job_of_titus_form_runs_is_watched_to_its_end_and_its_logs_are_read(cluster: rm.Cluster) -> None:
    with httpx.Client(base_url=f"{cluster.url}/api/v3", timeout=60) as client:
        answer = client.post("/jobs", json=DESCRIPTOR)
        assert answer.status_code == 202, answer.text
        job = answer.json()["id"]
        assert client.get(f"/jobs/{job}").json()["jobDescriptor"]["owner"] == {"teamEmail": "t@x"}
        with client.stream("GET", f"/jobs/{job}/stream") as response:
            last = [data["jobUpdate"]["job"] for event, data in events(response) if event == "jobUpdate"][-1]
        assert (last["status"]["state"], last["progress"]["succeeded"], last["progress"]["failed"]) == (
            "Finished",
            1,
            1,
        )
        tasks = client.get("/tasks", params={"jobIds": job}).json()["items"]
        ends = {(t["index"], t["resubmitNumber"]): t["status"]["reasonCode"] for t in tasks}
        assert ends == {(0, 0): "normal", (1, 0): "failed", (1, 1): "failed"}
        again = next(t for t in tasks if t["resubmitNumber"])
        assert (
            again["resubmitOf"]
            == again["originalId"]
            == next(t["id"] for t in tasks if (t["index"], t["resubmitNumber"]) == (1, 0))
        )
        states = [s["state"] for s in [*again["statusHistory"], again["status"]]]
        assert states == ["Accepted", "Launched", "StartInitiated", "Started", "Finished"]
        assert client.get(f"/tasks/{again['id']}/logs/stdout").text == "index 1\n"


def test_a_program_without_ray_uses_the_cluster_by_its_url(cluster: rm.Cluster, tmp_path: Path) -> None:
    done = run("-c", PROGRAM, cluster.url, home=tmp_path)
    assert done.stdout.splitlines() == ["no job 'nosuch'", "done"], done.stderr


def test_commands_work_over_the_url(cluster: rm.Cluster, tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    file.write_text(
        "{kind: batch, name: cli-http, command: 'echo hello $RAYMESOS_INDEX', size: 2, role: http-cli, cpus: 0.5}"
    )
    cli = ["-m", "raymesos.cli.main"]
    done = run(*cli, "submit", str(file), "--name", cluster.url, "--json", home=tmp_path)
    assert done.returncode == 0 and json.loads(done.stdout)["succeeded"] == 2, done.stderr
    job = json.loads(done.stdout)["id"]
    for argv, wish in (
        (("logs", job, "1"), "hello 1\n"),
        (("ps", "--all", "--json"), job),
        (("status", "--json"), '"agents"'),
        (("agents", "--json"), "agent1"),
    ):
        done = run(*cli, *argv, home=tmp_path, RAYMESOS_URL=cluster.url)
        assert done.returncode == 0 and wish in done.stdout, done.stderr
    done = run(*cli, "down", "--url", cluster.url, home=tmp_path)
    assert done.returncode == 2 and "ended on its own machine" in done.stderr


def test_a_client_goes_on_when_the_server_was_restarted(cluster: rm.Cluster) -> None:
    remote = rm.connect(cluster.url)
    door = Door(cluster.name)
    job = remote.submit(
        rm.BatchJob("outlives", command="sleep 2; echo done", size=1, role="http-cli", cpus=0.5), detach=True
    )
    os.kill(door.call(HTTP, "pid"), signal.SIGKILL)
    assert job.wait().ok and job.logs() == "done\n"
