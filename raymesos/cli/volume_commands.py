"""Commands about persistent volumes: list, create, destroy, grow, shrink."""

from __future__ import annotations

from typing import Annotated

import typer

from raymesos.cli import show_sharing as show
from raymesos.cli.doors import AgentName, AsJson, Name, doors
from raymesos.cli.groups import add_group, stands_alone
from raymesos.cli.screen import Screen

PANEL = "Agents"
VolumeId = Annotated[str, typer.Argument(help="The volume's id.", metavar="ID")]
OfRole = Annotated[str, typer.Option("--role", help="Whose volume, where several roles have one of this id.")]
Size = Annotated[str, typer.Argument(help="MB, or like 512MB or 1GB.", metavar="SIZE")]


def add_to(app: typer.Typer) -> None:
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


def volumes(context: typer.Context, name: Name = None, json: AsJson = False) -> None:
    """Persistent volumes: directories on agents, made of reserved disk, that outlive tasks and agents' processes."""
    if stands_alone(context, name, json=json):
        volumes_list(context, name=name, json=json)


def volumes_list(context: typer.Context, name: Name = None, json: AsJson = False) -> None:
    """The volumes of all agents."""
    rows = doors(context).connect(name).view("volumes")
    screen = Screen(as_json=json)
    screen.document(rows)
    show.volumes(screen, rows)


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
