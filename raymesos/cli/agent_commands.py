"""Commands about agents: list, reserve, volumes, drain, maintenance."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from raymesos.cli import show_sharing as show
from raymesos.cli.doors import AsJson, Name, doors
from raymesos.cli.draining import drain_and_wait
from raymesos.cli.groups import add_group, stands_alone
from raymesos.cli.screen import Screen
from raymesos.errors import InvalidValue

PANEL = "Agents"
AgentName = Annotated[str, typer.Argument(help="The agent's id or name.", metavar="AGENT")]
Text = Annotated[str, typer.Argument(help="Like cpus(ads):2;mem(ads):512.", metavar="RESOURCES")]
VolumeId = Annotated[str, typer.Argument(help="The volume's id.", metavar="ID")]
OfRole = Annotated[str, typer.Option("--role", help="Whose volume, where several roles have one of this id.")]
Size = Annotated[str, typer.Argument(help="MB, or like 512MB or 1GB.", metavar="SIZE")]
Machines = Annotated[list[str], typer.Argument(help="Hostnames of scheduled machines.", metavar="HOST...")]


def add_to(app: typer.Typer) -> None:
    for command, example in (
        (agents, "raymesos agents"),
        (reserve, "raymesos reserve agent1 'cpus(ads):2;disk(ads):1024'"),
        (unreserve, "raymesos unreserve agent1 'cpus(ads):2'"),
        (drain, "raymesos drain agent1 --grace 30s"),
        (deactivate, "raymesos deactivate agent1"),
        (reactivate, "raymesos reactivate agent1"),
    ):
        app.command(rich_help_panel=PANEL, epilog=f"Example: {example}")(command)
    add_group(
        app,
        "volumes",
        volumes,
        [
            (volumes_list, ""),
            (volumes_create, "agent1 index 'disk(ads):1024' --path data"),
            (volumes_destroy, "agent1 index"),
            (volumes_grow, "agent1 index 512MB"),
            (volumes_shrink, "agent1 index 512MB"),
        ],
        PANEL,
    )
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


def agents(context: typer.Context, name: Name = None, json: AsJson = False) -> None:
    """The agents: their states, what each has, what of it is in use or reserved, and its attributes."""
    _table(context, name, "agents", show.agents, as_json=json)


# ---------------------------------------------------------------- reservations


def reserve(context: typer.Context, agent: AgentName, resources: Text, name: Name = None, json: AsJson = False) -> None:
    """Keep resources of an agent for the roles that they name. Ends with 5 where the agent has less than that free."""
    doors(context).connect(name).reserve(agent, resources)
    Screen(as_json=json).said({"agent": agent, "reserved": resources}, f"{resources} of agent {agent} is reserved")


def unreserve(
    context: typer.Context, agent: AgentName, resources: Text, name: Name = None, json: AsJson = False
) -> None:
    """Give reserved resources back to everybody. Ends with 5 while they are in use, or under a volume."""
    doors(context).connect(name).unreserve(agent, resources)
    Screen(as_json=json).said(
        {"agent": agent, "unreserved": resources}, f"{resources} of agent {agent} is for everybody again"
    )


# ---------------------------------------------------------------- volumes


def volumes(context: typer.Context, name: Name = None, json: AsJson = False) -> None:
    """Persistent volumes: directories on agents, made of reserved disk, that outlive tasks and agents' processes."""
    if stands_alone(context, name, json=json):
        volumes_list(context, name=name, json=json)


def volumes_list(context: typer.Context, name: Name = None, json: AsJson = False) -> None:
    """The volumes of all agents."""
    _table(context, name, "volumes", show.volumes, as_json=json)


def volumes_create(
    context: typer.Context,
    agent: AgentName,
    id: VolumeId,
    disk: Annotated[str, typer.Argument(help="Reserved disk, like disk(ads):1024.", metavar="DISK")],
    path: Annotated[str, typer.Option(help="Where its tasks see it, in their sandbox.")],
    shared: Annotated[bool, typer.Option("--shared", help="Several tasks may use it at once.")] = False,
    root: Annotated[
        str, typer.Option(help="The PATH or MOUNT disk that it is made of.", show_default="the root disk")
    ] = "",
    name: Name = None,
    json: AsJson = False,
) -> None:
    """Make a volume."""
    doors(context).connect(name).volumes.create(agent, id, disk, path=path, shared=shared, root=root)
    Screen(as_json=json).said({"agent": agent, "volume": id}, f"volume {id} is on agent {agent}: {disk}")


def volumes_destroy(
    context: typer.Context, agent: AgentName, id: VolumeId, role: OfRole = "", name: Name = None, json: AsJson = False
) -> None:
    """Destroy a volume and what is in it. Its disk stays reserved. Ends with 5 while a task uses it."""
    doors(context).connect(name).volumes.destroy(agent, id, role=role)
    Screen(as_json=json).said({"agent": agent, "volume": id}, f"volume {id} of agent {agent} is gone")


def volumes_grow(
    context: typer.Context,
    agent: AgentName,
    id: VolumeId,
    by: Size,
    role: OfRole = "",
    name: Name = None,
    json: AsJson = False,
) -> None:
    """Make a volume larger by so much of the disk that it is of."""
    doors(context).connect(name).volumes.grow(agent, id, _size(by), role=role)
    Screen(as_json=json).said(
        {"agent": agent, "volume": id, "grown": by}, f"volume {id} of agent {agent} has {by} more"
    )


def volumes_shrink(
    context: typer.Context,
    agent: AgentName,
    id: VolumeId,
    by: Size,
    role: OfRole = "",
    name: Name = None,
    json: AsJson = False,
) -> None:
    """Make a volume smaller; what it loses stays reserved disk."""
    doors(context).connect(name).volumes.shrink(agent, id, _size(by), role=role)
    Screen(as_json=json).said(
        {"agent": agent, "volume": id, "shrunk": by}, f"volume {id} of agent {agent} has {by} less"
    )


def _size(text: str) -> float | str:
    """A bare number is MB."""
    try:
        return float(text)
    except ValueError:
        return text


# ---------------------------------------------------------------- drain


def drain(
    context: typer.Context,
    agent: AgentName,
    grace: Annotated[
        str | None, typer.Option(help="How long its tasks may take to end, like 30s.", show_default="their own")
    ] = None,
    mark_gone: Annotated[
        bool, typer.Option("--mark-gone", help="Remove the agent for ever when its last task has ended.")
    ] = False,
    wait: Annotated[
        bool | None,
        typer.Option("--wait/--no-wait", help="Stay until it is drained.", show_default="wait in a terminal"),
    ] = None,
    name: Name = None,
    json: AsJson = False,
) -> None:
    """Offer nothing more of an agent and kill its tasks; their frameworks start them elsewhere.

    Ctrl-C ends the waiting, not the draining. `raymesos reactivate` brings the agent back once it is drained.
    """
    drain_and_wait(doors(context), name, agent, grace, mark_gone=mark_gone, wait=wait, screen=Screen(as_json=json))


def deactivate(context: typer.Context, agent: AgentName, name: Name = None, json: AsJson = False) -> None:
    """Offer nothing more of an agent; its tasks run on."""
    doors(context).connect(name).agents[agent].deactivate()
    Screen(as_json=json).said(
        {"agent": agent, "state": "deactivated"}, f"agent {agent} is deactivated: its tasks run on"
    )


def reactivate(context: typer.Context, agent: AgentName, name: Name = None, json: AsJson = False) -> None:
    """Offer an agent again that was drained or deactivated. Ends with 5 while it is draining."""
    doors(context).connect(name).agents[agent].reactivate()
    Screen(as_json=json).said({"agent": agent, "state": "active"}, f"agent {agent} is active again")


# ---------------------------------------------------------------- maintenance


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


def _table(context: typer.Context, name: str | None, view: str, shown: Any, *, as_json: bool) -> None:
    rows = doors(context).connect(name).view(view)
    screen = Screen(as_json=as_json)
    screen.document(rows)
    shown(screen, rows)
