"""`python -m raymesos.cli.keeper WISH FD`: the process that stays behind `raymesos up` and owns the local Ray cluster, because Ray's processes end with
the driver that made them. What happens is told through the pipe FD; afterwards it waits for a signal (or, held by `up --block`, for the end of that) and
ends the cluster.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import sys
import traceback
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any, NoReturn

from raymesos.actors.running import run_dir
from raymesos.cli.wish import Wish, describe
from raymesos.errors import ClusterUnavailable, Conflict, RaymesosError

# A signal that falls between two looks is noticed at the next.
LOOK_S = 1.0


class Teller:
    """Messages for `raymesos up`: ("say", text), ("ready", description), ("error", RaymesosError). Nobody may be listening any more."""

    def __init__(self, fd: int) -> None:
        os.set_inheritable(fd, False)
        self._pipe = Connection(fd, readable=False)

    def tell(self, kind: str, value: Any) -> None:
        with contextlib.suppress(OSError):
            self._pipe.send((kind, value))

    def say(self, text: str) -> None:
        self.tell("say", text)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._pipe.close()


def main(argv: list[str]) -> int:
    """Keep a cluster until told to end. Returns 0, or the exit code of what went wrong at the start."""
    wish, teller = Wish(**json.loads(argv[1])), Teller(int(argv[2]))
    _leave_when_told()
    try:
        with _only_one(wish.name):
            _keep(wish, teller)
    except RaymesosError as error:
        teller.tell("error", error)
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - whoever waits at the pipe must hear of it
        traceback.print_exc()
        teller.tell("error", ClusterUnavailable(f"the cluster did not start: {type(error).__name__}: {error}"))
        return ClusterUnavailable.exit_code
    return 0


def _keep(wish: Wish, teller: Teller) -> None:
    from raymesos.actors import cluster

    started = cluster.start_local(
        agents=wish.agents,
        cpus=wish.cpus,
        mem_mb=wish.mem_mb,
        name=wish.name,
        work_dir=wish.work_dir,
        progress=teller.say,
        settings=wish.settings(),
        http=wish.http_plan(),
    )
    try:
        _leave_when_told()  # Ray has put its own handlers in place.
        for line in started.said:
            teller.say(line)
        teller.tell("ready", describe(started))
        teller.close()
        _wait(held=wish.block)
    finally:
        _leave_undisturbed()
        cluster.stop(started)


def _wait(*, held: bool) -> None:
    """Until a signal, or if `held` the end of whoever holds our stdin."""
    stdin = [sys.stdin.fileno()] if held else []
    while True:
        if select.select(stdin, [], [], LOOK_S)[0]:
            return


@contextlib.contextmanager
def _only_one(name: str) -> Iterator[None]:
    """Two that start at the same moment have not seen each other's file. Raises Conflict."""
    run_dir().mkdir(parents=True, exist_ok=True)
    with (run_dir() / f"{name}.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(
                f"a cluster named {name!r} is being started, runs or is being ended; `raymesos down --name {name}` ends it"
            ) from None
        yield


def _leave(number: int, frame: object) -> NoReturn:
    raise SystemExit(0)


def _leave_when_told() -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)


def _leave_undisturbed() -> None:
    """A second signal must not cut the ending short."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
