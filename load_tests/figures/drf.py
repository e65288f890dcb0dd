"""The figure of docs/drf.md: `python -m load_tests.figures.drf` runs the experiment in the simulator, writes its data and draws them.

Two jobs on 48 machines of 4 CPUs and 14 GB, after the DRF paper (NSDI 2011, section 6.1): each has always more tasks, whose demands change every two minutes. What is
drawn is what was recorded once a virtual second: docs/figures/drf.json holds it, docs/figures/drf.svg shows it. `--no-plot` writes the data alone.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from raymesos.model.resources import Resources
from raymesos.sim import Simulation
from raymesos.sim.events import Offer, Task
from raymesos.sim.scripted import Framework

FIGURES = Path(__file__).parents[2] / "docs" / "figures"

MACHINES, CPUS, MEM_GB = 48, 4, 14
PERIOD_S = 120
DEMANDS = {
    "job 1": ((1, 10), (2, 4), (1, 7)),
    "job 2": ((1, 1), (1, 3), (1, 4)),
}
"""(CPUs, GB) of a task, in each period."""
MORE_TASKS_THAN_CAN_RUN = 100_000


def task_seconds(number: int) -> int:
    """Tasks take 5 to 10 s: some end every second."""
    return 5 + number % 6


@dataclass(slots=True)
class Job:
    """A framework that runs as many tasks of its shape as it is offered room for."""

    framework: Framework
    shape: Resources = field(default_factory=Resources)
    running: dict[str, tuple[int, Task]] = field(default_factory=dict)
    """By task id: when it ends, and the task."""
    started: int = 0

    def want(self, cpus: int, gb: int) -> None:
        self.shape = Resources.parse(f"cpus:{cpus};mem:{gb * 1024}")
        self.framework.revive(demand=[(self.shape, MORE_TASKS_THAN_CAN_RUN)])

    def take(self, offer: Offer, now_s: int) -> None:
        fits = min(offer.resources.scalar(name) // size for name, size in self.shape.quantities().items())
        ops = [self.framework.launch_op(self.shape) for _ in range(fits)]
        for task in self.framework.accept([offer], ops, refuse_seconds=0):
            self.running[task.id] = (now_s + task_seconds(self.started), task)
            self.started += 1

    def share(self) -> dict[str, float]:
        """What its running tasks hold of the cluster, by resource."""
        held = Resources()
        for _, task in self.running.values():
            held = held + task.resources
        return {
            "cpus": held.scalar("cpus") / (MACHINES * CPUS * 1000),
            "mem": held.scalar("mem") / (MACHINES * MEM_GB * 1024 * 1000),
        }


def run(seconds: int = 3 * PERIOD_S) -> list[dict[str, Any]]:
    """A row a second: what each job's tasks held at its end."""
    sim = Simulation(seed=1)
    for number in range(MACHINES):
        sim.add_agent(f"m{number}", f"cpus:{CPUS};mem:{MEM_GB * 1024}")
    jobs = {name: Job(sim.add_framework(name.replace(" ", ""), roles=[name.replace(" ", "")])) for name in DEMANDS}
    for job in jobs.values():
        job.framework.suppress()
    sim.settle()
    rows = []
    for now_s in range(seconds):
        if now_s % PERIOD_S == 0:
            for name, job in jobs.items():
                job.want(*DEMANDS[name][now_s // PERIOD_S])
        for job in jobs.values():
            _end_due(sim, job, now_s)
        _launch(sim, list(jobs.values()), now_s)
        rows.append({"t": now_s, **{name: job.share() for name, job in jobs.items()}})
        sim.advance(1.0)
    sim.check()
    return rows


def dominant(share: dict[str, float]) -> float:
    return max(share.values())


def mean_shares(rows: list[dict[str, Any]], period: int) -> dict[str, dict[str, float]]:
    """Over the period, without the 20 s in which the tasks of the one before end."""
    window = [row for row in rows if period * PERIOD_S + 20 <= row["t"] < (period + 1) * PERIOD_S]
    return {
        name: {r: round(sum(row[name][r] for row in window) / len(window), 3) for r in ("cpus", "mem")}
        for name in DEMANDS
    }


def _end_due(sim: Simulation, job: Job, now_s: int) -> None:
    for task_id, (end_s, task) in list(job.running.items()):
        if end_s <= now_s:
            sim.finish(task)
            del job.running[task_id]


def _launch(sim: Simulation, jobs: list[Job], now_s: int) -> None:
    """Every offer is used at once, until there is none."""
    sim.settle()
    while any(job.framework.offers for job in jobs):
        for job in jobs:
            for offer in job.framework.offers:
                job.take(offer, now_s)
        sim.settle()


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Three panels under each other: CPU, memory and dominant share of each job."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "raymesos"  # Else every run names its elements anew.
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(3, 1, figsize=(8, 7.5), sharex=True, layout="constrained")
    times = [row["t"] for row in rows]
    titles = ("Share of CPUs", "Share of memory", "Dominant share")
    values = (lambda share: share["cpus"], lambda share: share["mem"], dominant)
    for axis, title, value in zip(axes, titles, values, strict=True):
        # Where both are the same, the wider line shows on both sides of the other.
        for name, colour, width in (("job 1", "#1f4e79", 3.0), ("job 2", "#f0a04b", 1.2)):
            axis.plot(times, [100 * value(row[name]) for row in rows], color=colour, linewidth=width, label=name)
        for period in (1, 2):
            axis.axvline(period * PERIOD_S, color="#999999", linewidth=0.8, linestyle=":")
        axis.set_ylim(0, 100)
        axis.set_ylabel(f"{title}, %")
        axis.grid(axis="y", linewidth=0.4, color="#dddddd")
        axis.spines[["top", "right"]].set_visible(False)
    for period in range(3):
        said = "\n".join(f"{name}: {c} CPU, {gb} GB" for name, (c, gb) in ((n, d[period]) for n, d in DEMANDS.items()))
        axes[0].text((period + 0.5) * PERIOD_S, 98, said, ha="center", va="top", fontsize=8, color="#444444")
    axes[2].set_xlabel("virtual time, s")
    axes[2].set_xlim(0, times[-1])
    axes[2].set_xticks(range(0, len(times) + 1, 60))
    axes[2].legend(loc="lower right", frameon=False, ncols=2)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--no-plot", action="store_true", help="write the data alone")
    chosen = arguments.parse_args()
    rows = run()
    FIGURES.mkdir(exist_ok=True)
    means = {f"{n * PERIOD_S}-{(n + 1) * PERIOD_S} s": mean_shares(rows, n) for n in range(3)}
    lines = ",\n".join(json.dumps(_rounded(row)) for row in rows)
    (FIGURES / "drf.json").write_text(f'{{"means": {json.dumps(means, indent=1)},\n"rows": [\n{lines}\n]}}\n')
    if not chosen.no_plot:
        draw(rows, FIGURES / "drf.svg")
    print(json.dumps(means))


def _rounded(row: dict[str, Any]) -> dict[str, Any]:
    return {k: {r: round(s, 4) for r, s in v.items()} if isinstance(v, dict) else v for k, v in row.items()}


if __name__ == "__main__":
    main()
