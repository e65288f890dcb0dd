"""What the benchmarks share: repeats, memory, plain Ray as a rival, and one line of JSON at the end, kept in the history when asked."""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

HISTORY = Path(__file__).parents[1] / "history.jsonl"


def parser(description: str | None, repeats: int = 5) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--repeats", type=int, default=repeats)
    made.add_argument("--json", action="store_true", help="one line of JSON (the only form there is)")
    made.add_argument("--record", action="store_true", help="append the line to load_tests/history.jsonl")
    return made


def rate(count: int, run: Callable[[], Any], repeats: int) -> float:
    """Median of `count` per second of `run` over the repeats."""
    rates = []
    for _ in range(repeats):
        began = time.perf_counter()
        run()
        rates.append(count / (time.perf_counter() - began))
    return round(median(rates), 1)


def percentile(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def pss_mb(pid: int | str = "self") -> float:
    """Proportional set size of a process: shared pages count in part."""
    rows = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    (line,) = [row for row in rows if row.startswith("Pss:")]
    return round(int(line.split()[1]) / 1024, 1)


def tell(text: str) -> None:
    """Progress, for who looks on."""
    print(f"# {text}", file=sys.stderr, flush=True)


def emit(name: str, result: dict[str, Any], *, record: bool) -> None:
    line = json.dumps({"benchmark": name, **result, **_machine()})
    print(line)
    if record:
        with HISTORY.open("a") as file:
            file.write(line + "\n")


def _machine() -> dict[str, Any]:
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=HISTORY.parent, check=False
    )
    return {
        "date": time.strftime("%Y-%m-%d"),
        "commit": commit.stdout.strip(),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "load_1m": round(os.getloadavg()[0], 2),
    }


@contextlib.contextmanager
def plain_ray(cpus: int) -> Iterator[Any]:
    """Ray by itself, on loopback, with a directory of its own and workers at ordinary priority, as raymesos has it."""
    import ray

    from raymesos.actors.cluster import stay_on_loopback

    stay_on_loopback()
    directory = tempfile.mkdtemp(prefix="bench-")
    ray.init(
        address="local",
        num_cpus=cpus,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
        _temp_dir=directory,
        _node_ip_address="127.0.0.1",
    )
    try:
        yield ray
    finally:
        ray.shutdown()
        shutil.rmtree(directory, ignore_errors=True)
