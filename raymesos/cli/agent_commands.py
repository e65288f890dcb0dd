"""Commands about agents: list, reserve, drain, deactivate, reactivate."""

from __future__ import annotations

from typing import Annotated

import typer

from raymesos.cli import show_sharing as show
from raymesos.cli.doors import AgentName, AsJson, Name, doors
from raymesos.cli.draining import drain_and_wait
from raymesos.cli.screen import Screen

PANEL = "Agents"
Text = Annotated[str, typer.Argument(help="Like cpus(ads):2;mem(ads):512.", metavar="RESOURCES")]


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


def agents(context: typer.Context, name: Name = None, json: AsJson = False) -> None:
    """The agents: their states, what each has, what of it is in use or reserved, and its attributes."""
    rows = doors(context).connect(name).view("agents")
    screen = Screen(as_json=json)
    screen.document(rows)
    show.agents(screen, rows)


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
