"""What the commands reach out to: the real things by default, small fakes in tests. Nothing here imports Ray before it is needed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from raymesos.actors.running import Running, find_running, is_url
from raymesos.cli.wish import Wish

if TYPE_CHECKING:
    from raymesos.cli.keeping import Kept

Tell = Callable[[str], None]

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout, errors too.")]
AgentName = Annotated[str, typer.Argument(help="The agent's id or name.", metavar="AGENT")]
Name = Annotated[
    str | None,
    typer.Option(
        "--name",
        "--url",
        help="Which cluster: its name, where several run here, or its URL, from anywhere (with $RAYMESOS_TOKEN, where it asks who calls).",
        envvar="RAYMESOS_URL",
        show_envvar=True,
        show_default="the only one",
        metavar="NAME|URL",
    ),
]


def connect(name: str | None) -> Any:
    """A `raymesos.client.Cluster`; of a URL without Ray. Raises ClusterUnavailable, at once where no cluster is noted."""
    from raymesos.client import connect as join

    return join(name if is_url(name) else find_running(name).namespace)


def up(wish: Wish, tell: Tell) -> Kept:
    from raymesos.cli import keeping

    return keeping.up(wish, tell)


def down(running: Running, tell: Tell) -> None:
    from raymesos.cli import keeping

    keeping.down(running, tell)


def is_keeper(running: Running) -> bool:
    from raymesos.cli import keeping

    return keeping.is_keeper(running)


@dataclass(frozen=True, slots=True)
class Doors:
    """`connect` gives what has the methods of `raymesos.client.Cluster`."""

    find: Callable[[str | None], Running] = find_running
    connect: Callable[[str | None], Any] = connect
    up: Callable[[Wish, Tell], Kept] = up
    down: Callable[[Running, Tell], None] = down
    is_keeper: Callable[[Running], bool] = is_keeper
    pause: Callable[[float], None] = time.sleep


def doors(context: typer.Context) -> Doors:
    found = context.obj
    return found if isinstance(found, Doors) else Doors()
