"""How to find out whether a task is well, and whether it may have traffic: told with the task, done beside it on its agent. (Mesos: mesos.proto, HealthCheck, CheckInfo; docs/checks.md)"""

from __future__ import annotations

from dataclasses import dataclass

from raymesos.wire.registry import message


@dataclass(frozen=True, slots=True)
class Check:
    """What is asked, and how often.

    `kind` is http, tcp or command. Begins `delay_ms` after the task runs, then every `interval_ms`; one that has no answer after `timeout_ms` has failed. Failures in the
    first `grace_ms`, before the first success, do not count. `failures` in a row are one too many. (Mesos: 15 s, 10 s, 20 s, 10 s, 3)
    """

    kind: str
    port: int = 0
    """On the task's host; 0 is the first port that the task has."""
    path: str = "/"
    scheme: str = "http"
    statuses: tuple[int, ...] = ()
    """Of http: what is well; none: 200 to 399."""
    argv: tuple[str, ...] = ()
    """Of command: run in the task's sandbox with its environment; 0 is well."""
    env: tuple[tuple[str, str], ...] = ()
    delay_ms: int = 15_000
    interval_ms: int = 10_000
    timeout_ms: int = 20_000
    grace_ms: int = 10_000
    failures: int = 3
    deadline_ms: int | None = None
    """Of readiness: who has not been ready so long after it began to run is ended. None: it may take for ever."""
    tells_values: bool = False
    """Every change of what was seen (HTTP status, exit code) is told, not only whether it is well. (mesos.proto, CheckInfo)"""


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check has seen last: the HTTP status, the exit code, or 1 and 0 of tcp; None before the first answer, and where none came in time."""

    kind: str
    value: int | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """What the checks of a task have said last, as its statuses tell it. None: it has no such check, or no answer yet."""

    healthy: bool | None = None
    ready: bool | None = None
    checked: Checked | None = None


NOT_CHECKED = Condition()


@message(115)
class Probe:
    """To the prober beside the executor: do the check once, and answer `number` with it."""

    task_id: str
    number: int
    check: Check
    purpose: str = "health"
    """Or `readiness`."""


@message(116)
class Probed:
    """What came of it; `text` says what was seen ("HTTP 503", "connection refused", "exit 1", "no answer in 2 s")."""

    task_id: str
    number: int
    ok: bool
    text: str = ""
    value: int | None = None
    """As `Checked.value`."""
