"""Commands about maintenance: status, schedule, start, stop."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from raymesos.cli import show_sharing as show
from raymesos.cli.doors import AsJson, Name, doors
from raymesos.cli.groups import add_group, stands_alone
from raymesos.cli.screen import Screen
from raymesos.errors import InvalidValue

PANEL = "Agents"
Machines = Annotated[list[str], typer.Argument(help="Hostnames of scheduled machines.", metavar="HOST...")]


def add_to(app: typer.Typer) -> None:
    add_group(
        app,
        "maintenance",
        maintenance,
        [
            (maintenance_status, ""),
            (maintenance_schedule, "windows.yaml"),
            (maintenance_start, "host1 host2"),
            (maintenance_stop, "host1 host2"),
        ],
        PANEL,
    )


def maintenance(context: typer.Context, name: Name = None, json: AsJson = False) -> None:
    """Maintenance: when machines will be down, so that frameworks can leave them in time."""
    if stands_alone(context, name, json=json):
        maintenance_status(context, name=name, json=json)


def maintenance_status(context: typer.Context, name: Name = None, json: AsJson = False) -> None:
    """The schedule, and which of its machines are down."""
    view = doors(context).connect(name).view("maintenance")
    screen = Screen(as_json=json)
    screen.document(view)
    show.maintenance(screen, view)


def maintenance_schedule(
    context: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(
            help="YAML or JSON: a list of windows, {machines: [host1], start: '2026-01-05T22:00:00Z', duration: 2h}.",
            metavar="FILE",
        ),
    ],
    name: Name = None,
    json: AsJson = False,
) -> None:
    """Replace the whole schedule by that of a file. An empty list ends it."""
    windows = _windows(file)
    doors(context).connect(name).maintenance.schedule(windows)
    count = f"{len(windows)} window{'' if len(windows) == 1 else 's'}"
    Screen(as_json=json).said({"windows": len(windows)}, f"the schedule has {count}")


def maintenance_start(context: typer.Context, machines: Machines, name: Name = None, json: AsJson = False) -> None:
    """Scheduled machines are down now: their agents are shut down and may not register."""
    doors(context).connect(name).maintenance.start(machines)
    Screen(as_json=json).said({"machines": machines, "state": "down"}, f"down: {', '.join(machines)}")


def maintenance_stop(context: typer.Context, machines: Machines, name: Name = None, json: AsJson = False) -> None:
    """Machines are up again, and off the schedule."""
    doors(context).connect(name).maintenance.stop(machines)
    Screen(as_json=json).said({"machines": machines, "state": "up"}, f"up: {', '.join(machines)}")


def _windows(file: Path) -> list[Any]:
    """The windows of a file. Raises InvalidValue."""
    import yaml

    try:
        found = yaml.safe_load(file.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidValue("file", str(file), str(error)) from None
    if isinstance(found, dict):
        found = found.get("windows")
    if not isinstance(found, list):
        raise InvalidValue("file", str(file), "must hold a list of windows")
    return found
