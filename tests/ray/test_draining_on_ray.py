"""Agents that operators drain, take down and give up, on Ray: what ran there ends, and goes on elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

import raymesos as rm

pytestmark = pytest.mark.ray

SOON_S = 30.0


def soon(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + SOON_S
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def test_work_goes_on_elsewhere_when_its_agent_is_drained_down_or_gone(home: Path, tmp_path: Path) -> None:
    pids = tmp_path / "pids"

    def states() -> list[tuple[str, str]]:
        """(name, state) of the agents that are not gone."""
        return [(a["name"], a["state"]) for a in cluster.view("agents") if a["state"] != "gone"]

    def runs_anew() -> tuple[str, int]:
        """(agent, pid) of an attempt that was not seen before, once it runs."""

        def new() -> list[dict[str, str]]:
            return [t for t in cluster.view("tasks") if t["state"] == "TASK_RUNNING" and t["id"] not in seen]

        soon(lambda: bool(new()), "nothing runs")
        (task,) = new()
        seen.append(task["id"])
        soon(lambda: pids.exists() and len(pids.read_text().split()) == len(seen), "its command has not begun")
        return {a["id"]: a["name"] for a in cluster.view("agents")}[task["agent"]], int(pids.read_text().split()[-1])

    seen: list[str] = []
    with rm.start(agents=2, cpus=1, mem=2048, quiet=True) as cluster:
        job = cluster.submit(rm.BatchJob("wanderer", command=f"echo $$ >> {pids}; sleep 600", retries=0, role="drain"))
        first, pid = runs_anew()

        cluster.agents[first].drain(grace="1s")
        assert cluster.agents[first].wait_drained(SOON_S)
        soon(lambda: not alive(pid), "the drained task lives")
        second, pid = runs_anew()
        assert second != first
        cluster.agents[first].reactivate()

        cluster.agents[second].mark_gone()
        soon(lambda: not alive(pid), "the task of the agent that is gone lives")
        third, pid = runs_anew()
        assert (third, states()) == (first, [(first, "active")])

        machine = cluster.view("agents")[0]["hostname"]
        cluster.maintenance.schedule([{"machines": [machine], "start": "2030-01-01T00:00:00Z"}])
        cluster.maintenance.start([machine])
        soon(lambda: not alive(pid), "the task of the machine that is down lives")
        assert states() == []
        cluster.maintenance.stop([machine])
        fourth, _ = runs_anew()
        assert (fourth, states()) == (first, [(first, "active")])
        job.cancel()
        assert job.wait(SOON_S).why == "cancelled"
