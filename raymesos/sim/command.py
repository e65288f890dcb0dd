"""The command `raymesos sim`: a generated run with its progress, its report and its exit code."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

from raymesos.errors import RaymesosError
from raymesos.sim.cluster import OURS, Makers
from raymesos.sim.report import Report, in_short, in_words
from raymesos.sim.run import run

CLEAR_LINE = "\r\x1b[K"
VIOLATED, INTERRUPTED = 1, 130


def main(argv: Sequence[str] | None = None) -> int:
    """The command line of `python -m raymesos.sim`. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="raymesos sim", description="Run a generated cluster in the simulator, watched by an auditor."
    )
    parser.add_argument("--agents", type=int, default=100)
    parser.add_argument("--frameworks", type=int, default=10)
    parser.add_argument("--tasks", type=int, default=2_000)
    parser.add_argument("--jobs", type=int, default=0, help="batch jobs beside the frameworks' tasks")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--faults", action="store_true", help="crashes, cut links, delays and doubled updates, drawn from the seed"
    )
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    given = parser.parse_args(argv)
    try:
        return command(
            given.agents,
            given.frameworks,
            given.tasks,
            given.seed,
            jobs=given.jobs,
            faults=given.faults,
            as_json=given.json,
        )
    except RaymesosError as error:
        sys.stderr.write(f"raymesos sim: {error}\n")
        return error.exit_code


def command(
    agents: int,
    frameworks: int,
    tasks: int,
    seed: int,
    *,
    jobs: int = 0,
    faults: bool,
    as_json: bool,
    makers: Makers = OURS,
) -> int:
    """Run and print the report, in words or as one line of JSON; the last line has the digest.

    Returns 0; 1 if anything was violated, with the story of it; 130 if it was interrupted. Raises InvalidValue.
    """
    screen = _Screen(shows=sys.stderr.isatty())
    try:
        report = run(agents, frameworks, tasks, seed, jobs=jobs, faults=faults, progress=screen.show, makers=makers)
    except KeyboardInterrupt:
        screen.clear()
        sys.stderr.write(f"raymesos sim: interrupted at {screen.last}\n")
        return INTERRUPTED
    screen.clear()
    if as_json and report.violation_count:
        sys.stderr.write("\n".join([*report.violations, f"again: {report.again}\n"]))
    sys.stdout.write(f"{json.dumps(asdict(report)) if as_json else in_words(report)}\n")
    return VIOLATED if report.violation_count else 0


class _Screen:
    """One line on stderr that is written over and over, where a person looks on; `last` is what it says or would say."""

    def __init__(self, *, shows: bool) -> None:
        self.last = "the start"
        self._shows = shows

    def show(self, report: Report) -> None:
        self.last = in_short(report)
        if self._shows:
            sys.stderr.write(f"{CLEAR_LINE}{self.last}")
            sys.stderr.flush()

    def clear(self) -> None:
        if self._shows:
            sys.stderr.write(CLEAR_LINE)
            sys.stderr.flush()
