"""`raymesos drain`: ask for it, then look on until the agent is drained, if a person does."""

from __future__ import annotations

import sys
from typing import Any

from raymesos.cli.doors import Doors
from raymesos.cli.screen import Screen
from raymesos.progress import say

# A person does not see a shorter delay.
LOOK_S = 0.3
ENDED = ("drained", "gone")


def drain_and_wait(
    doors: Doors,
    name: str | None,
    agent: str,
    grace: str | None,
    *,
    mark_gone: bool,
    wait: bool | None,
    screen: Screen,
) -> None:
    """The agent drains; it is drained where that was waited for. `wait` None waits only if somebody sits at a terminal. Ctrl-C ends the waiting only."""
    handle = doors.connect(name).agents[agent]
    handle.drain(_grace(grace), mark_gone=mark_gone)
    if not (sys.stdout.isatty() if wait is None else wait):
        screen.said(
            {"agent": agent, "state": "draining"}, f"agent {agent} is draining; `raymesos agents` shows how far it is"
        )
        return
    try:
        state = _looked_on(doors, handle)
    except KeyboardInterrupt:
        say(f"agent {agent} goes on draining; `raymesos agents` shows how far it is")
        raise
    screen.said({"agent": agent, "state": state}, f"agent {agent} is {state}")


def _grace(text: str | None) -> float | str | None:
    """A bare number is seconds."""
    try:
        return None if text is None else float(text)
    except ValueError:
        return text


def _looked_on(doors: Doors, handle: Any) -> str:
    """Its state when it has ended; says how many tasks are left whenever that changes."""
    told: tuple[str, int] | None = None
    while (row := handle.row)["state"] not in ENDED:
        if told != (row["state"], row["tasks"]):
            told = row["state"], row["tasks"]
            say(f"agent {handle.name}: {row['state']}, {row['tasks']} task{'' if row['tasks'] == 1 else 's'} left")
        doors.pause(LOOK_S)
    return str(row["state"])
