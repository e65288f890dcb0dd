"""The views of sharing as a person reads them: roles, quotas, explanations, agents, volumes, maintenance."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from raymesos.cli.screen import Screen

Row = Mapping[str, Any]


def roles(screen: Screen, rows: Sequence[Row]) -> None:
    screen.table(
        ("ROLE", "WEIGHT", "SHARE", "ENTITLED", "OF", "GUARANTEE", "LIMIT", "RUN", "WAIT", "OFFERED", "USED"),
        [
            (
                r["role"],
                r["weight"],
                percent(r["share"]),
                percent(r["entitled"]),
                r["dominant"] or "-",
                r["guarantee"] or "-",
                r["limit"] or "-",
                r["running"],
                r["waiting"],
                r["offered"] or "-",
                r["used"] or "-",
            )
            for r in rows
        ],
        empty="no role is in use yet: a role is there once a job or a framework asks for offers in it",
    )


def history(screen: Screen, points: Mapping[str, Sequence[Sequence[float]]]) -> None:
    """One row a point; a plot is drawn from `--json`."""
    screen.table(
        ("ROLE", "SINCE", "SHARE", "ENTITLED"),
        [
            (role, moment(at_ms), percent(share), percent(entitled))
            for role, rows in points.items()
            for at_ms, share, entitled in rows
        ],
        empty="no role has had a share yet",
    )


def weights(screen: Screen, rows: Sequence[Row]) -> None:
    screen.table(
        ("ROLE", "WEIGHT"),
        [(r["role"], r["weight"]) for r in rows],
        empty="no role is in use yet: every role begins with weight 1",
    )


def quotas(screen: Screen, rows: Sequence[Row]) -> None:
    screen.table(
        ("ROLE", "GUARANTEE", "LIMIT", "OFFERED", "USED"),
        [(r["role"], r["guarantee"] or "-", r["limit"] or "-", r["offered"] or "-", r["used"] or "-") for r in rows],
        empty="no role has a quota",
    )


def explanation(screen: Screen, view: Row) -> None:
    """Who, the verdict, and one line a reason."""
    screen.line(f"{_subject(view)}: {view['verdict']}")
    for reason in view["reasons"]:
        screen.line(f"  - {reason}")


def _subject(view: Row) -> str:
    if view["kind"] == "role":
        return f"role {view['role']}"
    return f"{view['kind']} {view['name']} ({view['subject']}) in role {view['role']}"


def agents(screen: Screen, rows: Sequence[Row]) -> None:
    screen.table(
        ("AGENT", "STATE", "HOST", "TASKS", "ATTRIBUTES", "USED", "TOTAL"),
        [
            (
                a["name"],
                a["state"],
                a["hostname"],
                a["tasks"],
                a["attributes"] or "-",
                ";".join(f"{n}:{v:g}" for n, v in a["used"].items()) or "-",
                a["total"],
            )
            for a in rows
        ],
        empty="no agent has registered",
    )


def volumes(screen: Screen, rows: Sequence[Row]) -> None:
    screen.table(
        ("VOLUME", "AGENT", "ROLE", "MB", "DISK", "SHARED", "PATH"),
        [
            (v["id"], v["agent"], v["role"], v["size_mb"], v["disk"], "yes" if v["shared"] else "no", v["path"])
            for v in rows
        ],
        empty="there is no volume; make one with `raymesos volumes create`",
    )


def maintenance(screen: Screen, view: Row) -> None:
    down = [(m["hostname"], m["ip"]) for m in view["down"]]
    said: dict[str, list[str]] = {}
    for row in view.get("answers", ()):
        said.setdefault(row["hostname"], []).append(f"{row['framework']}: {row['answer'].lower()}")
    screen.table(
        ("MACHINE", "STATE", "FROM", "FOR", "FRAMEWORKS SAY"),
        [
            (
                _machine(m),
                "down" if (m["hostname"], m["ip"]) in down else "scheduled",
                moment(window["start_ms"]),
                "ever" if window["duration_ms"] is None else span(window["duration_ms"]),
                ", ".join(said.get(m["hostname"], ())),
            )
            for window in view["windows"]
            for m in window["machines"]
        ],
        empty="no maintenance is scheduled",
    )


def _machine(machine: Row) -> str:
    return " ".join(part for part in (machine["hostname"], machine["ip"]) if part)


def moment(at_ms: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at_ms / 1000))


def percent(part: float) -> str:
    return f"{part * 100:.0f} %"


def span(ms: int) -> str:
    seconds = max(0, ms) // 1000
    if seconds < 60:
        return f"{seconds}s"
    if seconds < 3600:
        return f"{seconds // 60}m{seconds % 60:02}s"
    return f"{seconds // 3600}h{seconds % 3600 // 60:02}m"
