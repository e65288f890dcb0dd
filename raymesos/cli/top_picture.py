"""`raymesos top` as a picture: the data of the views on one screen, as much as fits."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from raymesos.cli.screen import style_of
from raymesos.cli.show import count, counts, job_state
from raymesos.cli.show_sharing import percent, span

Row = Mapping[str, Any]

# A section shows as many rows, however small the screen; more if there is room.
ROWS_AT_LEAST = 3
SORTS = ("newest", "running", "waiting", "failed", "name", "role")
_SORT_KEYS: dict[str, Any] = {
    "newest": lambda j: -j["submitted_ms"],
    "running": lambda j: -j["running"],
    "waiting": lambda j: -j["waiting"],
    "failed": lambda j: -j["failed"],
    "name": lambda j: j["name"],
    "role": lambda j: j["role"],
}


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look found. `events` are the newest, oldest first."""

    name: str
    status: Row
    jobs: Sequence[Row]
    agents: Sequence[Row]
    events: Sequence[Row]
    now_ms: int


def picture(seen: Seen, console: Console, *, sort: str = SORTS[0], keys: bool = False) -> RenderableType:
    """The screen. `keys` says that somebody can press some."""
    room = _Room(console.width, console.options.ascii_only)
    resources = seen.status["resources"]
    free = console.height - 13 - len(resources)
    return Group(
        _title(seen, f"   q quit, s sort: {sort}" if keys else ""),
        _resources(resources, room),
        _tasks(seen.status),
        _roles(seen.status["roles"], room, max(ROWS_AT_LEAST, free // 4)),
        _jobs(seen, sort, room, max(ROWS_AT_LEAST, free // 3)),
        _agents(seen.agents, room, max(ROWS_AT_LEAST, free // 4)),
        _events(seen.events, room, max(ROWS_AT_LEAST, free // 6)),
    )


@dataclass(frozen=True, slots=True)
class _Room:
    """A screen of so many columns; a `plain` one shows ASCII only."""

    width: int
    plain: bool

    def bar(self, *parts: tuple[float, str], mark: float | None = None) -> Text:
        """Parts of 1 one after another in their styles, the rest empty; `mark` is a line across it."""
        size = max(8, min(24, self.width // 8))
        full, empty, line = "#.|" if self.plain else "█░┃"
        cells: list[tuple[str, str]] = []
        at = 0.0
        for part, style in parts:
            at += part
            cells += [(full, style)] * max(0, round(min(at, 1.0) * size) - len(cells))
        cells += [(empty, "dim")] * (size - len(cells))
        if mark is not None:
            cells[min(size - 1, round(mark * size))] = (line, "bold yellow")
        return Text.assemble(*cells)


def _title(seen: Seen, keys: str) -> Text:
    agents, frameworks = seen.status["agents"], seen.status["frameworks"]
    now = time.strftime("%H:%M:%S", time.localtime(seen.now_ms / 1000))
    return Text.assemble(
        ("raymesos ", "bold"), (seen.name, "bold cyan"),
        f"   {agents['active']} of {count(agents['known'], 'agent')} active   {count(frameworks, 'framework')}   {now}", (keys, "dim"),
    )  # fmt: skip


def _resources(resources: Mapping[str, Row], room: _Room) -> RenderableType:
    rows: list[tuple[str | Text, ...]] = []
    for name, r in resources.items():
        whole = r["total"] or 1
        bar = room.bar((r["used"] / whole, "green"), (r["offered"] / whole, "cyan"))
        free = round(max(0.0, r["total"] - r["used"] - r["offered"]), 3)
        rows.append((name, bar, *(f"{v:g}" for v in (r["used"], r["offered"], free, r["total"]))))
    table = _table(room, ("", "", "[green]used", "[cyan]offered", "free", "of"), rows)
    return table if rows else Text("no agent is active: nothing can run", style="yellow")


def _tasks(status: Row) -> Text:
    return Text.assemble(
        ("\nTASKS ", "bold"), counts(status["tasks"], "none yet"), ("   JOBS ", "bold"), counts(status["jobs"], "none yet")
    )  # fmt: skip


def _roles(rows: Sequence[Row], room: _Room, most: int) -> RenderableType:
    shown = []
    for row in sorted(rows, key=lambda r: (-r["share"], r["role"]))[:most]:
        bar = room.bar((row["share"], "green"), mark=row["entitled"])
        told = percent(row["share"]), percent(row["entitled"]), row["weight"], str(row["running"]), str(row["waiting"])
        shown.append((row["role"], bar, *told, row["used"] or "-"))
    table = _table(room, ("ROLE", "", "[green]share", "[yellow]entitled", "weight", "run", "wait", "uses"), shown)
    return _section(table, len(rows), most, "role", "no role is in use yet")


def _jobs(seen: Seen, sort: str, room: _Room, most: int) -> RenderableType:
    shown = []
    for job in sorted(seen.jobs, key=_SORT_KEYS[sort])[:most]:
        whole = job["total"] or 1
        bar = room.bar((job["succeeded"] / whole, "green"), (job["failed"] / whole, "red"))
        numbers = (str(job[n]) for n in ("running", "waiting", "failed"))
        taken = span((job["ended_ms"] or seen.now_ms) - job["submitted_ms"])
        done = f"{job['succeeded']}/{job['total']}"
        shown.append((job["name"], bar, done, *numbers, taken, _state(job_state(job)), job["role"]))
    table = _table(room, ("JOB", "", "[green]done", "run", "wait", "[red]failed", "time", "state", "role"), shown)
    empty = "no job is under way; submit one with `raymesos submit job.yaml`"
    return _section(table, len(seen.jobs), most, "job", empty)


def _agents(rows: Sequence[Row], room: _Room, most: int) -> RenderableType:
    shown = []
    for row in rows[:most]:
        used, whole = row["used"].get("cpus", 0.0), row["quantities"].get("cpus", 0.0)
        bar = room.bar((used / whole if whole else 0.0, "green"))
        shown.append((row["name"], bar, f"{used:g}/{whole:g}", str(row["tasks"]), _state(row["state"]), row["total"]))
    table = _table(room, ("AGENT", "", "[green]cpus", "tasks", "state", "has"), shown)
    return _section(table, len(rows), most, "agent", "no agent has registered yet")


def _events(rows: Sequence[Row], room: _Room, most: int) -> RenderableType:
    shown = [
        (time.strftime("%H:%M:%S", time.localtime(row["at_ms"] / 1000)), row["kind"], row["subject"], row["text"])
        for row in rows[-most:]
    ]
    return _section(_table(room, ("EVENTS", "", "", ""), shown), 0, most, "event", "nothing has happened yet")


def _state(state: str) -> Text:
    return Text(state, style=style_of(state))


def _table(room: _Room, columns: Sequence[str], rows: Sequence[Sequence[str | Text]]) -> Table:
    """Numbers stand to the right. The first column has at most a quarter of the screen; the last gives way where it is too narrow for all."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    last = len(columns) - 1
    for i, heading in enumerate(columns):
        name = Text.from_markup(heading)
        widest = max([len(name), *(len(row[i]) for row in rows)])
        numbers = i > 0 and all(str(row[i])[:1].isdigit() for row in rows)
        table.add_column(
            name,
            justify="right" if numbers else "left",
            no_wrap=True,
            overflow="ellipsis",
            min_width=0 if i == last else min(widest, room.width // 4),
            max_width=room.width // 4 if i == 0 else None,
        )
    for row in rows:
        table.add_row(*row)
    return table


def _section(table: Table, rows: int, most: int, noun: str, empty: str) -> RenderableType:
    if not table.row_count:
        return Text(f"\n{empty}", style="dim")
    more = [Text(f"and {count(rows - most, f'more {noun}')}", style="dim")] if rows > most else []
    return Group(Text(), table, *more)
