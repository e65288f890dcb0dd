"""Tasks a second through Mesos' v1 API, until RUNNING: `python -m load_tests.benchmarks.v1_launch --json`.

`tasks_per_s`: no-op tasks in one custom executor that speaks `/api/v1/executor`; client and executor on plain sockets, pipelined; ACCEPTs of `--batch`. `tasks_per_s_1000`: the
same in ACCEPTs of 1,000, so with up to 1,000 tasks alive. (A real Mesos 1.11 on such a machine: 494 and 144.)
`commands_per_s`: `true` as shell commands, each a process with a sandbox of its own; RUNNING is told only once the process exists. `spawn_per_s`: the same commands from a
plain loop in the same run.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

import raymesos as rm
from load_tests.benchmarks.common import emit, parser, rate, tell
from load_tests.benchmarks.v1_client import Event, Scheduler

CPUS = 2
MEM_MB = 32_768
COMMAND = "true"
EXECUTOR = Path(__file__).with_name("v1_executor.py")
TIMEOUT_S = 120.0
USES = {"cpus": 0.001, "mem": 16}


def rows(uses: dict[str, float]) -> list[Event]:
    return [{"name": name, "type": "SCALAR", "scalar": {"value": value}} for name, value in uses.items()]


class Run:
    """`count` tasks, at most `batch` in one ACCEPT, as offers come: how long they took until RUNNING. One before them, which starts the executor, does not count."""

    def __init__(self, name: str, count: int, batch: int, more: Event) -> None:
        self._left = [f"{name}-{i}" for i in range(count + 1)]
        self._count, self._batch, self._more = count, batch, more
        self._warm = False
        self._asked: dict[str, None] = {}
        """Accepted, and not running yet."""
        self._since = 0.0
        self.spent_s = 0.0
        """While there was such a task: the waits for offers in between are the cluster's, not the API's."""
        self.ended: dict[str, None] = {}

    def on_offer(self, offer: Event) -> list[Event]:
        room = {r["name"]: r["scalar"]["value"] for r in offer["resources"] if r["type"] == "SCALAR"}
        # What the executor takes for itself comes off the first offer: a tenth is more than enough.
        fit = min(int(0.9 * room.get(name, 0) / value) for name, value in USES.items())
        if self._asked and not self._warm:
            return []
        ids = [self._left.pop() for _ in range(min(fit, self._batch if self._warm else 1, len(self._left)))]
        if ids and not self._asked:
            self._since = time.perf_counter()
        self._asked |= dict.fromkeys(ids)
        return [
            {"name": i, "task_id": {"value": i}, "agent_id": offer["agent_id"], "resources": rows(USES)} | self._more
            for i in ids
        ]

    def on_status(self, status: Event) -> None:
        state, task_id = status["state"], status["task_id"]["value"]
        if state == "TASK_RUNNING":
            self._runs(task_id)
        elif state == "TASK_FINISHED":
            self.ended[task_id] = None
        elif state not in ("TASK_STARTING", "TASK_STAGING"):
            raise AssertionError(f"{task_id} is {state}: {status.get('message')}")

    def _runs(self, task_id: str) -> None:
        """Told again it is no news."""
        known = task_id in self._asked
        self._asked.pop(task_id, None)
        if known and not self._asked:
            self.spent_s += time.perf_counter() - self._since if self._warm else 0.0
            self._warm = True

    @property
    def done(self) -> bool:
        return len(self.ended) == self._count + 1 and not self._asked

    @property
    def per_s(self) -> float:
        return self._count / self.spent_s


def launch(url: str, name: str, count: int, batch: int, more: Event) -> float:
    host, _, port = url.removeprefix("http://").partition(":")
    run = Run(name, count, batch, more)
    scheduler = Scheduler(host, int(port), name, run.on_offer, run.on_status)
    scheduler.run_until(lambda: run.done, TIMEOUT_S)
    scheduler.close()
    return run.per_s


def spawn(count: int, repeats: int) -> float:
    def run() -> None:
        for _ in range(count):
            subprocess.Popen(["/bin/sh", "-c", COMMAND]).wait()

    return rate(count, run, repeats)


def main() -> None:
    arguments = parser(__doc__, repeats=3)
    arguments.add_argument("--tasks", type=int, default=4_000)
    arguments.add_argument("--commands", type=int, default=2_000)
    arguments.add_argument("--batch", type=int, default=100)
    arguments.add_argument("--skip-executor", action="store_true")
    given = arguments.parse_args()
    result: dict[str, Any] = {"tasks": given.tasks, "commands": given.commands, "batch": given.batch}
    tell("the machine's own spawns")
    result["spawn_per_s"] = spawn(given.commands, given.repeats)
    executor = {
        "executor": {
            "type": "CUSTOM",
            "executor_id": {"value": "noop"},
            "command": {"value": f"exec {sys.executable} -S {EXECUTOR}"},
            "resources": rows({"cpus": 0.1, "mem": 256}),
        }
    }
    with rm.start(agents=1, cpus=CPUS, mem=MEM_MB, quiet=True, port=0) as cluster:
        numbers = iter(range(1_000))

        def several(kind: str, count: int, batch: int, more: Event) -> float:
            tell(f"{kind}, ACCEPTs of {batch}")
            return round(
                median(
                    launch(cluster.url, f"{kind}-{next(numbers)}", count, batch, more) for _ in range(given.repeats)
                ),
                1,
            )

        command = {"command": {"value": COMMAND}}
        launch(cluster.url, "warm", 50, 50, command)
        result["commands_per_s"] = several("commands", given.commands, given.batch, command)
        if not given.skip_executor:
            result["tasks_per_s"] = several("tasks", given.tasks, given.batch, executor)
            result["tasks_per_s_1000"] = several("tasks", given.tasks, 1_000, executor)
    result["commands_ratio"] = round(result["commands_per_s"] / result["spawn_per_s"], 2)
    emit("v1_launch", result, record=given.record)


if __name__ == "__main__":
    main()
