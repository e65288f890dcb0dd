"""Commands about sharing: roles, weights, quota, explain. A group (`quota set`) alone lists."""

from __future__ import annotations

from typing import Annotated

import typer

from raymesos.cli import show_sharing as show
from raymesos.cli.doors import AsJson, Name, doors
from raymesos.cli.groups import add_group, stands_alone
from raymesos.cli.screen import Screen

PANEL = "Sharing"
RoleName = Annotated[str, typer.Argument(help="The role, like ads or eng/search.", metavar="ROLE")]


def add_to(app: typer.Typer) -> None:
    app.command(rich_help_panel=PANEL, epilog="Example: raymesos roles --history --json")(roles)
    add_group(app, "weights", weights, [(weights_list, ""), (weights_set, "ads 3")], PANEL)
    add_group(
        app,
        "quota",
        quota,
        [
            (quota_list, ""),
            (quota_set, "ads --guarantee 'cpus:4;mem:8192' --limit cpus:8"),
            (quota_remove, "ads"),
        ],
        PANEL,
    )
    app.command(rich_help_panel=PANEL, epilog="Example: raymesos explain render")(explain)


def roles(
    context: typer.Context,
    history: Annotated[
        bool, typer.Option("--history", help="How the shares were over the last hour: role → [at_ms, share, entitled].")
    ] = False,
    name: Name = None,
    json: AsJson = False,
) -> None:
    """Who holds what: each role with its weight, quota, what it uses and is offered, its share of the cluster and the one it is entitled to."""
    cluster = doors(context).connect(name)
    screen = Screen(as_json=json)
    if history:
        points = cluster.view("history")
        screen.document(points)
        show.history(screen, points)
        return
    rows = cluster.view("roles")
    screen.document(rows)
    show.roles(screen, rows)


# ---------------------------------------------------------------- weights


def weights(context: typer.Context, name: Name = None, json: AsJson = False) -> None:
    """The weights of the roles: a role of weight 3 is entitled to three times as much as one of weight 1."""
    if stands_alone(context, name, json=json):
        weights_list(context, name=name, json=json)


def weights_list(context: typer.Context, name: Name = None, json: AsJson = False) -> None:
    """Each role and its weight."""
    rows = doors(context).connect(name).view("weights")
    screen = Screen(as_json=json)
    screen.document(rows)
    show.weights(screen, rows)


def weights_set(
    context: typer.Context,
    role: RoleName,
    weight: Annotated[
        str, typer.Argument(help="A number greater than 0; 1 is what roles begin with.", metavar="WEIGHT")
    ],
    name: Name = None,
    json: AsJson = False,
) -> None:
    """Give a role a weight, from the next allocation on."""
    doors(context).connect(name).set_weight(role, weight)
    Screen(as_json=json).said({"role": role, "weight": weight}, f"role {role} has weight {weight}")


# ---------------------------------------------------------------- quota


def quota(context: typer.Context, name: Name = None, json: AsJson = False) -> None:
    """Quotas: what is guaranteed to a role, and how much it may have at most."""
    if stands_alone(context, name, json=json):
        quota_list(context, name=name, json=json)


def quota_list(context: typer.Context, name: Name = None, json: AsJson = False) -> None:
    """The roles that have a quota, and what they use of it."""
    rows = doors(context).connect(name).view("quotas")
    screen = Screen(as_json=json)
    screen.document(rows)
    show.quotas(screen, rows)


def quota_set(
    context: typer.Context,
    role: RoleName,
    guarantee: Annotated[
        str | None,
        typer.Option(help="Like cpus:4;mem:8192; what is not named is not guaranteed.", show_default="nothing"),
    ] = None,
    limit: Annotated[
        str | None, typer.Option(help="Like cpus:8; what is not named is not limited.", show_default="none")
    ] = None,
    force: Annotated[
        bool,
        typer.Option("--force", help="Also guarantees beyond what the agents have, and limits below what is in use."),
    ] = False,
    name: Name = None,
    json: AsJson = False,
) -> None:
    """Replace a role's quota, its guarantee and its limit. Ends with 5, and changes nothing, where it cannot be met."""
    doors(context).connect(name).quota.set(role, guarantee=guarantee, limit=limit, force=force)
    document = {"role": role, "guarantee": guarantee or "", "limit": limit or ""}
    Screen(as_json=json).said(document, f"role {role}: guarantee {guarantee or 'none'}, limit {limit or 'none'}")


def quota_remove(context: typer.Context, role: RoleName, name: Name = None, json: AsJson = False) -> None:
    """Nothing is guaranteed to the role any more, and nothing limits it."""
    doors(context).connect(name).quota.remove(role)
    Screen(as_json=json).said({"role": role, "guarantee": "", "limit": ""}, f"role {role} has no quota any more")


# ---------------------------------------------------------------- why


def explain(
    context: typer.Context,
    subject: Annotated[
        str, typer.Argument(help="A job, a framework (each by id or name), or a role.", metavar="JOB|FRAMEWORK|ROLE")
    ],
    kind: Annotated[
        str | None,
        typer.Option(
            "--kind",
            help="job, service, framework or role, where one name is several of them.",
            show_default="the first that is there",
        ),
    ] = None,
    name: Name = None,
    json: AsJson = False,
) -> None:
    """Why a job, a framework or a role has nothing now: its share, limits, headroom kept for others, filters, constraints, agents too small or draining."""
    view = doors(context).connect(name).view("explain", subject=subject, **({"kind": kind} if kind else {}))
    screen = Screen(as_json=json)
    screen.document(view)
    show.explanation(screen, view)
