"""Commands about tokens: who may call the HTTP API. They work on the cluster's file, whether it runs or not."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from raymesos.actors.running import check_name, home_dir
from raymesos.cli.cluster_commands import DEFAULT_NAME
from raymesos.cli.doors import AsJson
from raymesos.cli.groups import add_group, stands_alone
from raymesos.cli.screen import Screen
from raymesos.http.security.tokens import Token, create_token, read_tokens, revoke_tokens, tokens_path
from raymesos.model.units import milliseconds
from raymesos.progress import say

Cluster = Annotated[
    str | None, typer.Option("--name", help="The cluster that they are for.", show_default=DEFAULT_NAME)
]


def add_to(app: typer.Typer) -> None:
    words: list[tuple[Any, str]] = [
        (token_list, ""),
        (token_create, "ana --role ads --expires 30d"),
        (token_revoke, "ana"),
    ]
    add_group(app, "token", token, words, "Cluster")


def token(context: typer.Context, name: Cluster = None, json: AsJson = False) -> None:
    """Tokens: who may call the HTTP API, where it asks (`raymesos up --auth`)."""
    if stands_alone(context, name, json=json):
        token_list(name=name, json=json)


def token_list(name: Cluster = None, json: AsJson = False) -> None:
    """The tokens that there are, by id; what they are was shown when they were made."""
    rows = [_row(each) for each in read_tokens(_path(name))]
    screen = Screen(as_json=json)
    screen.document(rows)
    columns = ("id", "principal", "roles", "rights", "expires")
    screen.table(
        columns,
        [
            (r["id"], r["principal"], ", ".join(r["roles"]) or "all", "reads" if r["reads_only"] else "all", _when(r))
            for r in rows
        ],
        empty="no token has been made; `raymesos token create PRINCIPAL` makes one",
    )


def token_create(
    principal: Annotated[str, typer.Argument(help="Whom it stands for, like ana or a framework.", metavar="PRINCIPAL")],
    role: Annotated[
        list[str] | None,
        typer.Option(
            help="It is good for this role and those below it only; may be given several times.", show_default="all"
        ),
    ] = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="It changes nothing.")] = False,
    expires: Annotated[
        str | None, typer.Option(help="When it ends, like 12h or 30d.", show_default="never", metavar="SPAN")
    ] = None,
    name: Cluster = None,
    json: AsJson = False,
) -> None:
    """Make a token and print it. It is shown this once: the cluster keeps its hash alone."""
    made, secret = create_token(
        _path(name),
        principal,
        int(time.time() * 1000),
        lasts_ms=None if expires is None else milliseconds(expires, "expires"),
        roles=tuple(role or ()),
        reads_only=read_only,
    )
    screen = Screen(as_json=json)
    screen.said({**_row(made), "token": secret}, secret)
    say(f"token {made.id} of {principal}; it is not shown again")


def token_revoke(
    token: Annotated[
        str, typer.Argument(help="A token's id, or a principal: then all of its tokens.", metavar="ID|PRINCIPAL")
    ],
    name: Cluster = None,
    json: AsJson = False,
) -> None:
    """The token opens nothing any more, from a second later on. Streams that it has open go on until they end."""
    gone = [each.id for each in revoke_tokens(_path(name), token)]
    Screen(as_json=json).said({"revoked": gone}, f"revoked {', '.join(gone)}")


def _path(name: str | None) -> Path:
    name = DEFAULT_NAME if name is None else name
    check_name(name)
    return tokens_path(home_dir(), name)


def _row(token: Token) -> dict[str, Any]:
    return {
        "id": token.id,
        "principal": token.principal,
        "roles": list(token.roles),
        "reads_only": token.reads_only,
        "created_ms": token.created_ms,
        "expires_ms": token.expires_ms,
    }


def _when(row: dict[str, Any]) -> str:
    if row["expires_ms"] is None:
        return "never"
    at = time.strftime("%Y-%m-%d %H:%M", time.localtime(row["expires_ms"] / 1000))
    return at if row["expires_ms"] > time.time() * 1000 else f"{at} (over)"
