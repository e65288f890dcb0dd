"""A load test over HTTP: locust as a process of its own against a cluster of its own (or `--url`), a table, an HTML report, and thresholds.

    .venv/bin/python -m load_tests.over_http.run --shape burst --seconds 60

Ends with 0 if all thresholds hold, 1 if not.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from load_tests.benchmarks.common import tell
from load_tests.over_http.outcome import Outcome, read_outcome
from load_tests.over_http.own_cluster import environ_of_this_tree, own_cluster
from load_tests.over_http.shapes import SHAPES
from load_tests.over_http.thresholds import RATIOS, YARDSTICK, complaints, ratio
from raymesos.cli.screen import Screen

LOCUSTFILE = Path(__file__).parents[1] / "locustfile.py"
REPORTS = Path(__file__).parents[1] / "reports"
# A job or a round of tasks that has begun when the time is over may still end well.
STOP_TIMEOUT_S = 130
# What locust takes beside the test and the last tasks.
SPARE_S = 60


def main(words: list[str] | None = None) -> int:
    options = _parser().parse_args(words)
    options.reports.mkdir(parents=True, exist_ok=True)
    report = options.reports / f"{options.shape}-{time.strftime('%Y%m%d-%H%M%S')}.html"
    if options.url:
        wrong = _load(options, options.url, report)
    else:
        tell("starting a cluster")
        with own_cluster() as cluster:
            wrong = _load(options, cluster.url, report)
            if wrong:
                _keep(cluster.logs, report.with_suffix(".logs"))
        wrong += [f"left behind: {process}" for process in cluster.left]
    for each in wrong:
        print(f"FAILED  {each}")
    print(f"report: {report}")
    return 1 if wrong else 0


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--shape", choices=list(SHAPES), default="ramp", help="how many users there are when")
    made.add_argument("--seconds", type=float, default=45.0, help="how long the users come and go")
    made.add_argument("--most", type=int, default=24, help="users at the most")
    made.add_argument("--url", default="", help="a cluster that runs already, instead of one of its own")
    made.add_argument("--reports", type=Path, default=REPORTS, help="directory for the HTML report")
    return made


def _load(options: argparse.Namespace, url: str, report: Path) -> list[str]:
    """What was wrong, once the table is printed."""
    tell(f"{options.shape}, at most {options.most} users for {options.seconds:g} s at {url}")
    with TemporaryDirectory(prefix="load-test-") as directory:
        path = Path(directory) / "outcome.json"
        log = _locust(options, url, report, path)
        try:
            outcome = read_outcome(path)
        except (OSError, ValueError):
            return [f"locust: no outcome; its log ends with\n{log[-2_000:]}"]
    _show(outcome)
    return complaints(outcome) + [f"said: {error}" for error in outcome.errors]


def _locust(options: argparse.Namespace, url: str, report: Path, outcome: Path) -> str:
    """Runs it, and returns its log. Its own exit code says less than the outcome."""
    command = [
        *(sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--headless", "--host", url),
        *("--only-summary", "--stop-timeout", str(STOP_TIMEOUT_S), "--html", str(report), "--outcome", str(outcome)),
        *("--shape", options.shape, "--seconds", str(options.seconds), "--most", str(options.most)),
    ]
    with contextlib.suppress(subprocess.TimeoutExpired):
        done = subprocess.run(
            command,
            env=environ_of_this_tree(),
            timeout=options.seconds + STOP_TIMEOUT_S + SPARE_S,
            check=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        return done.stderr
    return "(it did not end in time and was killed)"


def _keep(logs: Path, to: Path) -> None:
    # Files come and go while they are copied; what can be had of them is enough.
    with contextlib.suppress(OSError):
        shutil.copytree(logs, to, ignore_dangling_symlinks=True)
    print(f"logs: {to}")


def _show(outcome: Outcome) -> None:
    rows = []
    for each in outcome.endpoints:
        found, bound = ratio(each, outcome), RATIOS.get(each.name)
        rows.append(
            (
                each.name,
                each.requests,
                each.failures,
                f"{each.per_s:.1f}",
                f"{each.p50_ms:.0f}",
                f"{each.p99_ms:.0f}",
                "" if found is None else f"{found:.1f}",
                "" if bound is None else f"{bound:g}",
            )
        )
    columns = ("request", "count", "failed", "/s", "p50 ms", "p99 ms", f"p99 / {YARDSTICK}", "at most")
    screen = Screen(as_json=False)
    screen.table(columns, rows, empty="nobody asked for anything")
    screen.line()
    for what, count in sorted(outcome.counts.items()):
        screen.line(f"{what}: {count}")


if __name__ == "__main__":
    sys.exit(main())
