"""`raymesos top`: the cluster live in a terminal; one look where there is none."""

from __future__ import annotations

import contextlib
import os
import select
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import typer
from rich.console import Console
from rich.live import Live

from raymesos.cli.doors import AsJson, Name, doors
from raymesos.cli.screen import Screen
from raymesos.cli.top_picture import SORTS, Seen, picture

EVERY_S = 1.0
EVENTS = 50

Key = Callable[[float], str]
"""A key that is pressed within so many seconds, else an empty text."""


def add_to(app: typer.Typer) -> None:
    app.command(rich_help_panel="Cluster", epilog="Example: raymesos top")(top)


def top(context: typer.Context, name: Name = None, json: AsJson = False) -> None:
    """The cluster live: who uses what, shares, jobs, agents, events; q quits, s sorts the jobs. One look where there is no terminal, or with --json."""
    cluster = doors(context).connect(name)
    console = Console()
    if json or not (console.is_terminal and sys.stdin.isatty()):
        seen = look(cluster)
        screen = Screen(as_json=json)
        screen.document({"status": seen.status, "jobs": seen.jobs, "agents": seen.agents, "events": seen.events})
        if not json:
            console.print(picture(seen, console))
        return
    with contextlib.suppress(KeyboardInterrupt), keyboard(sys.stdin.fileno()) as key:
        watch(cluster, console, key)


def look(cluster: Any) -> Seen:
    return Seen(
        name=cluster.name,
        status=cluster.view("status"),
        jobs=cluster.view("jobs", everything=False),
        agents=cluster.view("agents"),
        events=cluster.view("events", limit=EVENTS)["events"],
        now_ms=time.time_ns() // 1_000_000,
    )


def watch(cluster: Any, console: Console, key: Key) -> None:
    """Look once a second until q is pressed."""
    sort = 0
    with Live(console=console, screen=True, auto_refresh=False, redirect_stderr=False) as live:
        while True:
            seen = look(cluster)
            live.update(picture(seen, console, sort=SORTS[sort], keys=True), refresh=True)
            due = time.monotonic() + EVERY_S
            while (left := due - time.monotonic()) > 0:
                pressed = key(left)
                if pressed in ("q", "Q", "\x1b"):
                    return
                if pressed == "s":
                    sort = (sort + 1) % len(SORTS)
                    live.update(picture(seen, console, sort=SORTS[sort], keys=True), refresh=True)


@contextlib.contextmanager
def keyboard(terminal: int) -> Iterator[Key]:
    """Keys as they are pressed, without Enter and unseen. The terminal is as it was afterwards."""
    import termios
    import tty

    before = termios.tcgetattr(terminal)

    def key(timeout_s: float) -> str:
        ready, _, _ = select.select([terminal], [], [], timeout_s)
        return os.read(terminal, 1).decode(errors="replace") if ready else ""

    try:
        tty.setcbreak(terminal)
        yield key
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
