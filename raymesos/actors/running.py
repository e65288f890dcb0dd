"""The run directory: one file for each raymesos cluster of this machine's user says where it is. Reading it needs no Ray."""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeGuard

from raymesos.errors import ClusterUnavailable, Conflict, InvalidValue
from raymesos.shim.process import read, start_time
from raymesos.store.whole import write_whole

# A cluster's name is a file's name and a Ray namespace.
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}")


@dataclass(frozen=True, slots=True)
class Running:
    """Where a running cluster is: what its file says."""

    namespace: str
    address: str
    work_dir: str
    pid: int
    """The process whose end takes a local cluster with it; 0 on a Ray cluster that is not ours."""
    pid_start: int = 0
    """When that process started, in the kernel's ticks: a pid alone may be somebody else's by now. 0 if unknown."""
    own_dir: str = ""
    """A directory that was made for this cluster and is removed with it (on a Ray cluster of several nodes: this node's). Empty if there is none."""
    url: str = ""
    """Where its HTTP API is; empty if it has none."""

    @property
    def alive(self) -> bool:
        """Whether its process lives; without one of its own, nobody can tell from here."""
        if not self.pid:
            return True
        started = start_time(self.pid)
        return started != 0 and self.pid_start in (0, started) and not _ended(self.pid)


def _ended(pid: int) -> bool:
    """Whether it only waits for its parent to take note of its end."""
    try:
        return read(f"/proc/{pid}/stat").rpartition(b")")[2].split()[:1] in ([b"Z"], [b"X"])
    except OSError:
        return True


def is_url(name: str | None) -> TypeGuard[str]:
    """Whether what a cluster is called is where its HTTP API is."""
    return name is not None and name.startswith(("http://", "https://"))


def check_name(name: str) -> None:
    """Raises InvalidValue."""
    if not _NAME.fullmatch(name):
        raise InvalidValue(
            "name", name, "must be 1 to 63 letters, digits, _ . and -, beginning with a letter, digit or _"
        )


def home_dir() -> Path:
    """`$RAYMESOS_HOME` or `~/.raymesos`."""
    return Path(os.environ.get("RAYMESOS_HOME") or Path.home() / ".raymesos")


def run_dir() -> Path:
    """Where running clusters are noted."""
    return home_dir() / "run"


def write_run_file(running: Running) -> None:
    run_dir().mkdir(parents=True, exist_ok=True)
    write_whole(run_dir() / f"{running.namespace}.json", json.dumps(asdict(running)), 0o600)


def remove_run_file(name: str) -> None:
    (run_dir() / f"{name}.json").unlink(missing_ok=True)


def running_clusters() -> list[Running]:
    """All of them, by name. Of a process that is gone (it was killed) the file and the directory of its own are removed."""
    found = []
    for path in sorted(run_dir().glob("*.json")) if run_dir().is_dir() else []:
        try:
            running = Running(**json.loads(path.read_text()))
        except (OSError, ValueError, TypeError):
            continue
        if running.alive:
            found.append(running)
        else:
            path.unlink(missing_ok=True)
            if Path(running.own_dir).name.startswith("raymesos-"):
                shutil.rmtree(running.own_dir, ignore_errors=True)
    return found


def find_running(name: str | None = None) -> Running:
    """The running cluster called `name`, or the only one. Raises ClusterUnavailable."""
    found = [r for r in running_clusters() if name in (None, r.namespace)]
    if not found:
        raise ClusterUnavailable(
            f"no running raymesos cluster{f' named {name!r}' if name else ''}; start one with `raymesos up` or rm.start()"
        )
    if len(found) > 1:
        names = ", ".join(r.namespace for r in found)
        raise ClusterUnavailable(f"several raymesos clusters run here ({names}); say which one by name")
    return found[0]


def refuse_if_running(name: str) -> None:
    """Raises Conflict if a cluster of this name is noted, and says how to end it."""
    for running in running_clusters():
        if running.namespace == name:
            by = f"in process {running.pid}" if running.pid else f"on Ray at {running.address}"
            raise Conflict(f"a cluster named {name!r} runs already ({by}); `raymesos down --name {name}` ends it")
