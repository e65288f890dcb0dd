"""Kills that were asked for: nobody may confirm them, so they are repeated, and given up after some attempts."""

from __future__ import annotations

from dataclasses import dataclass

from raymesos.frameworks.base import Subscription
from raymesos.machine import MASTER, Outbox
from raymesos.wire import messages


@dataclass(slots=True)
class Kill:
    """A kill that was asked for: why (Titus' code), and when it counts as unconfirmed."""

    why: str
    until_ms: int
    attempts: int = 1


def asked(kill: Kill | None, why: str, until_ms: int) -> Kill:
    """The kill once it is asked for (again): for the reason given first."""
    return Kill(why, until_ms) if kill is None else Kill(kill.why, until_ms, kill.attempts + 1)


def send(sub: Subscription, task_id: str, agent_id: str, out: Outbox, grace_ms: int | None = None) -> None:
    """Have the master kill the task."""
    out.send(MASTER, messages.Kill(sub.framework_id, task_id, agent_id, grace_ms))
