"""A cluster for one load test, by the command line as a user starts it, and what is left of it afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from raymesos.shim.process import environment

ROOT = Path(__file__).parents[2]
AGENTS, CPUS, MEM_MB = 2, 2, 2048
START_TIMEOUT_S = 180
END_TIMEOUT_S = 120
# What has been told to end may take so long to be gone.
GONE_TIMEOUT_S = 10.0
LOOK_S = 0.1
MARK = "LOAD_TEST"
"""In the environment of every process of the cluster: children inherit it, whoever their parent is by then."""


def environ_of_this_tree() -> dict[str, str]:
    """Ours, with the code beside this file before any that is installed: a cluster's processes start elsewhere."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))}


class OwnCluster:
    def __init__(self) -> None:
        self.url = ""
        self.logs = Path()
        """Where its processes write them; gone with it."""
        self.left: list[str] = []
        """Once it has ended: its processes that live on."""


@contextmanager
def own_cluster() -> Iterator[OwnCluster]:
    """Started with a run directory of its own, so that it neither meets nor disturbs another; ended afterwards. Raises CalledProcessError if it does not start."""
    made, mark = OwnCluster(), uuid4().hex
    with TemporaryDirectory(prefix="load-test-") as home:
        environ = environ_of_this_tree() | {"RAYMESOS_HOME": home, MARK: mark}
        try:
            wish = ["--agents", str(AGENTS), "--cpus", str(CPUS), "--mem", str(MEM_MB), "--port", "0"]
            said = json.loads(_raymesos(["up", *wish, "--json"], environ, START_TIMEOUT_S))
            made.url, made.logs = said["url"], Path(said["work_dir"]).parent / "session_latest" / "logs"
            yield made
        finally:
            if made.url:
                _raymesos(["down", "--json"], environ, END_TIMEOUT_S)
            made.left = left_behind(mark, GONE_TIMEOUT_S)


def _raymesos(words: list[str], environ: dict[str, str], timeout_s: float) -> str:
    command = [sys.executable, "-m", "raymesos.cli.main", *words]
    return subprocess.run(command, env=environ, timeout=timeout_s, check=True, stdout=subprocess.PIPE, text=True).stdout


def left_behind(mark: str, wait_s: float) -> list[str]:
    """The processes that bear the mark and do not end within `wait_s`: pid and command of each."""
    deadline = time.monotonic() + wait_s
    while (left := _marked(mark)) and time.monotonic() < deadline:
        time.sleep(LOOK_S)
    return left


def _marked(mark: str) -> list[str]:
    pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [_describe(pid) for pid in pids if environment(pid, MARK.encode()) == mark.encode()]


def _describe(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    except OSError:
        return str(pid)
    return f"{pid} {b' '.join(words).decode(errors='replace')[:80]}"
