"""Start clusters that outlive the command, and end them: what `up` and `down` do."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from raymesos.actors.running import Running, refuse_if_running, remove_run_file, run_dir
from raymesos.cli.wish import Wish, describe
from raymesos.errors import ClusterUnavailable

if TYPE_CHECKING:
    import psutil

    from raymesos.actors.cluster import Started

# Agents get 10 s to end what runs, then Ray goes down: far more than both take.
END_TIMEOUT_S = 60.0
# What still lives so long after the keeper has gone is killed.
LEFT_TIMEOUT_S = 10.0
LOOK_S = 0.05

Tell = Callable[[str], None]


class Kept(Protocol):
    """A cluster that is up. `hold` returns when it has ended; Ctrl-C ends it."""

    info: dict[str, Any]

    def hold(self) -> None: ...


def up(wish: Wish, tell: Tell) -> Kept:
    """The cluster, ready for work. Raises what the start raised, Conflict if one of that name runs; nothing is left behind then."""
    refuse_if_running(wish.name)
    return _on_ray(wish, tell) if wish.address else _with_keeper(wish, tell)


def down(running: Running, tell: Tell) -> None:
    """End the cluster and wait until no process of it is left. Raises ClusterUnavailable if some stay."""
    if not running.pid:
        _end_on_ray(running, tell)
        return
    family = _family(running)
    tell(f"ending cluster {running.namespace}")
    with contextlib.suppress(ProcessLookupError):
        os.kill(running.pid, signal.SIGTERM)
    deadline = time.monotonic() + END_TIMEOUT_S
    while running.alive and time.monotonic() < deadline:
        time.sleep(LOOK_S)
    remove_run_file(running.namespace)
    _see_off(family, tell)
    if Path(running.own_dir).name.startswith("raymesos-"):
        # A keeper has removed it; a script that dies of the signal has not.
        shutil.rmtree(running.own_dir, ignore_errors=True)


def is_keeper(running: Running) -> bool:
    """Whether `raymesos up` started it, and not a script that may have other things to do."""
    try:
        return b"raymesos.cli.keeper" in Path(f"/proc/{running.pid}/cmdline").read_bytes()
    except OSError:
        return False


# ---------------------------------------------------------------- a local cluster and its keeper


class _WithKeeper:
    def __init__(self, info: dict[str, Any], process: subprocess.Popen[bytes], tell: Tell) -> None:
        self.info, self._process, self._tell = info, process, tell

    def hold(self) -> None:
        try:
            self._process.wait()
        except KeyboardInterrupt:
            self._tell(f"ending cluster {self.info['name']}")
            _end(self._process)


def _with_keeper(wish: Wish, tell: Tell) -> Kept:
    log = run_dir() / f"{wish.name}.log"
    process, pipe = _spawn(wish, log)
    try:
        while True:
            try:
                kind, value = pipe.recv()
            except EOFError:
                raise ClusterUnavailable(f"the cluster's keeper ended before it was ready; its log is {log}") from None
            if kind == "error":
                raise value
            if kind == "ready":
                return _WithKeeper({**value, "log": str(log)}, process, tell)
            tell(value)
    except BaseException:
        _end(process)
        raise
    finally:
        pipe.close()


def _spawn(wish: Wish, log: Path) -> tuple[subprocess.Popen[bytes], Connection]:
    """The keeper in a session of its own: a Ctrl-C at our terminal, or its end, is not the keeper's."""
    log.parent.mkdir(parents=True, exist_ok=True)
    read_fd, write_fd = os.pipe()
    pipe = Connection(read_fd, writable=False)
    try:
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "raymesos.cli.keeper", json.dumps(asdict(wish)), str(write_fd)],
                stdin=subprocess.PIPE if wish.block else subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd="/",
                start_new_session=True,
                pass_fds=[write_fd],
            )
    finally:
        os.close(write_fd)
    return process, pipe


def _end(process: subprocess.Popen[bytes]) -> None:
    """Have the keeper end its cluster; a second Ctrl-C leaves it to do that alone."""
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(END_TIMEOUT_S)


# ---------------------------------------------------------------- on a Ray cluster of others


class _OnRay:
    def __init__(self, info: dict[str, Any], started: Started, tell: Tell) -> None:
        self.info, self._started, self._tell = info, started, tell

    def hold(self) -> None:
        from raymesos.actors.cluster import stop

        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                time.sleep(LOOK_S)
        self._tell(f"ending cluster {self.info['name']}")
        stop(self._started)


def _on_ray(wish: Wish, tell: Tell) -> Kept:
    from raymesos.actors.cluster import start_on

    assert wish.address is not None
    started = start_on(
        address=wish.address,
        cpus=wish.cpus,
        mem_mb=wish.mem_mb,
        name=wish.name,
        work_dir=wish.work_dir,
        progress=tell,
        settings=wish.settings(),
        http=wish.http_plan(),
    )
    for line in started.said:
        tell(line)
    return _OnRay(describe(started), started, tell)


def _end_on_ray(running: Running, tell: Tell) -> None:
    from raymesos.actors.cluster import stop_found

    tell(f"ending cluster {running.namespace} on Ray at {running.address}")
    try:
        stop_found(running)
    except ClusterUnavailable as error:
        remove_run_file(running.namespace)
        tell(f"{error}; it is forgotten")


# ---------------------------------------------------------------- what is left


def _family(running: Running) -> list[psutil.Process]:
    """The cluster's processes now: the keeper's children, and the shims (which have no parent of ours) with theirs."""
    import psutil

    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter(["cmdline"]):
        words = " ".join(process.info["cmdline"] or ())
        if process.pid == running.pid or ("raymesos.shim" in words and f"{running.work_dir}/" in words):
            with contextlib.suppress(psutil.NoSuchProcess):
                found |= {p.pid: p for p in (process, *process.children(recursive=True))}
    return list(found.values())


def _see_off(family: list[psutil.Process], tell: Tell) -> None:
    """Wait for the last of them; kill what does not go. Raises ClusterUnavailable if even that does not help."""
    import psutil

    left = psutil.wait_procs(family, timeout=LEFT_TIMEOUT_S)[1]
    if left:
        tell(f"{len(left)} of its processes did not end by themselves and are killed")
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        left = psutil.wait_procs(left, timeout=LEFT_TIMEOUT_S)[1]
    if left:
        raise ClusterUnavailable(f"processes {', '.join(str(p.pid) for p in left)} of the cluster do not end")
