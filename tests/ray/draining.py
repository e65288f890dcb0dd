"""Run by a test in a process of its own, since it loses an agent for ever: a command goes on elsewhere when its agent is drained, gone, or its machine down. Its argument is a file that the
command's attempts write their process ids into."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import raymesos as rm

SOON_S = 30.0


def soon(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + SOON_S
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def main(pids: Path) -> None:
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
        assert third == first
        soon(lambda: states() == [(first, "active")], "the agent that is gone is shown")

        machine = cluster.view("agents")[0]["hostname"]
        cluster.maintenance.schedule([{"machines": [machine], "start": "2030-01-01T00:00:00Z"}])
        cluster.maintenance.start([machine])
        soon(lambda: not alive(pid), "the task of the machine that is down lives")
        soon(lambda: states() == [], "an agent of the machine that is down is shown")
        cluster.maintenance.stop([machine])
        fourth, _ = runs_anew()
        assert fourth == first
        soon(lambda: states() == [(first, "active")], "the agent that came back is not shown")
        job.cancel()
        assert job.wait(SOON_S).why == "cancelled"
    print("done", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
