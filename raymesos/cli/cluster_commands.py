"""Commands about the cluster: up, down, status, events, sim."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from raymesos.actors.plan import HttpPlan
from raymesos.actors.running import check_name, home_dir, is_url
from raymesos.cli import show
from raymesos.cli.doors import AsJson, Name, doors
from raymesos.cli.screen import Screen
from raymesos.cli.wish import Wish
from raymesos.errors import Conflict, InvalidValue
from raymesos.http.security.loopback import is_loopback
from raymesos.http.security.opening import check_opening, read_acls
from raymesos.http.security.tokens import tokens_path
from raymesos.progress import say

DEFAULT_NAME = "raymesos"
DEFAULT_PORT = HttpPlan().port
# A person does not see a shorter delay; a poll is one small call.
FOLLOW_S = 0.5
# As many as the observer keeps.
ALL_EVENTS = 2_000


def add_to(app: typer.Typer) -> None:
    panel = "Cluster"
    for command, example in (
        (up, "raymesos up --agents 2"),
        (down, "raymesos down"),
        (status, "raymesos status --json"),
        (events, "raymesos events -f"),
        (sim, "raymesos sim --agents 1000 --frameworks 20 --tasks 20000 --seed 7 --faults"),
    ):
        app.command(rich_help_panel=panel, epilog=f"Example: {example}")(command)


def up(
    context: typer.Context,
    agents: Annotated[
        int | None, typer.Option(min=1, help="Agents of a local cluster.", show_default="1", metavar="N")
    ] = None,
    cpus: Annotated[
        float | None, typer.Option(help="CPUs of each agent.", show_default="an even share of the machine", metavar="C")
    ] = None,
    mem: Annotated[
        int | None, typer.Option(help="MB of each agent.", show_default="an even share of the machine", metavar="MB")
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(
            help="Go on the Ray cluster at this address (or 'auto') instead: one agent a node, of what is free there."
        ),
    ] = None,
    name: Annotated[str, typer.Option(help="The cluster's name.")] = DEFAULT_NAME,
    work_dir: Annotated[
        Path | None,
        typer.Option(
            help="Keep journals, results and logs here, beyond the cluster's end.", show_default="a temporary directory"
        ),
    ] = None,
    host: Annotated[str, typer.Option(help="Address that the HTTP API listens at.", metavar="HOST")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Port of the HTTP API; 0 takes any free one.", metavar="PORT")
    ] = DEFAULT_PORT,
    http: Annotated[bool, typer.Option("--http/--no-http", help="Serve the HTTP API.")] = True,
    auth: Annotated[
        bool,
        typer.Option(
            "--auth",
            help="Callers of the HTTP API show a token (`raymesos token create`); always so where HOST is not loopback.",
        ),
    ] = False,
    acls: Annotated[
        Path | None, typer.Option(help="Who may do what over HTTP: a JSON file as of Mesos' --acls.", metavar="FILE")
    ] = None,
    tls_cert: Annotated[
        Path | None, typer.Option(help="Serve HTTPS with this certificate (PEM).", metavar="FILE")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(help="The certificate's key (PEM).", metavar="FILE")] = None,
    rate_limit: Annotated[
        int | None,
        typer.Option(min=1, help="Requests a second that one caller may send over HTTP.", show_default="no limit"),
    ] = None,
    rate_limits: Annotated[
        Path | None,
        typer.Option(
            help="How many messages a second each principal's frameworks may send: a JSON file as of Mesos' --rate_limits.",
            metavar="FILE",
        ),
    ] = None,
    preemption: Annotated[
        str,
        typer.Option(
            help="Who gets resources back from running tasks: roles below their guarantee, or below their fair share too (fair), or nobody (off)."
        ),
    ] = "guarantee",
    scoring: Annotated[
        str,
        typer.Option(help="Which agent is offered first: any (shuffle), the fullest (pack), the emptiest (spread)."),
    ] = "shuffle",
    block: Annotated[
        bool, typer.Option("--block", help="Stay; Ctrl-C ends the cluster. Without it the cluster goes on behind.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Start a cluster, and return when it is ready for work.

    Without --address it gets a local Ray cluster of its own on this machine, shared by --agents agents; `raymesos down` ends it.
    """
    check_name(name)
    if address is not None and agents is not None:
        raise InvalidValue("agents", agents, "is for a local cluster; with --address each Ray node gets one")
    screen = Screen(as_json=json)
    plan = HttpPlan(
        host=host,
        port=port,
        auth=auth,
        tokens=str(tokens_path(home_dir(), name).absolute()),
        acls=_acls(acls),
        tls_cert=_absolute(tls_cert),
        tls_key=_absolute(tls_key),
        rate=rate_limit,
    )
    if http:
        check_opening(host, auth=auth, tokens=Path(plan.tokens), tls_cert=plan.tls_cert, tls_key=plan.tls_key)
        if not is_loopback(host) and not tls_cert:
            say(
                f"{host} can be reached from other machines and has no TLS: tokens can be read on their way; see --tls-cert"
            )
    wish = Wish(
        name=name,
        agents=agents or 1,
        cpus=cpus,
        mem_mb=mem,
        work_dir=None if work_dir is None else _made(work_dir),
        address=address,
        block=block,
        preemption=preemption,
        rate_limits=_text(rate_limits, "rate_limits"),
        scoring=scoring,
        http=asdict(plan) if http else None,
    )
    wish.settings()
    kept = doors(context).up(wish, say)
    screen.document(kept.info)
    show.ready(screen, kept.info, block=block)
    if block:
        kept.hold()


def down(context: typer.Context, name: Name = None, json: AsJson = False) -> None:
    """End a cluster and everything that runs in it, and wait until nothing of it is left."""
    found = doors(context)
    if is_url(name):
        raise InvalidValue("name", name, "a cluster is ended on its own machine, by its name there")
    running = found.find(name)
    if name is None and running.pid and not found.is_keeper(running):
        raise Conflict(
            f"cluster {running.namespace} belongs to a script (process {running.pid}) and ends with it; "
            f"`raymesos down --name {running.namespace}` ends both"
        )
    found.down(running, say)
    screen = Screen(as_json=json)
    screen.document({"name": running.namespace, "ended": True})
    screen.line(f"cluster {running.namespace} has ended")


def status(context: typer.Context, name: Name = None, json: AsJson = False) -> None:
    """The cluster on one screen: agents, what is in use, roles, jobs and tasks."""
    cluster = doors(context).connect(name)
    view = {"name": cluster.name, **cluster.view("status")}
    screen = Screen(as_json=json)
    screen.document(view)
    show.status(screen, view)


def events(
    context: typer.Context,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on as they happen, until Ctrl-C.")] = False,
    last: Annotated[
        int, typer.Option("-n", "--last", min=0, max=ALL_EVENTS, help="How many past events to begin with.")
    ] = 50,
    name: Name = None,
    json: AsJson = False,
) -> None:
    """What has happened in the cluster: agents, jobs, frameworks coming and going.

    With --json and -f each event is a document on a line of its own.
    """
    screen = Screen(as_json=json)
    found = doors(context)
    cluster = found.connect(name)
    view = cluster.view("events", limit=ALL_EVENTS)
    shown = view["events"][-last:] if last else []
    if not follow:
        screen.document(shown)
        show.events(screen, shown, empty="nothing has happened yet")
        return
    _print_events(screen, shown)
    try:
        while True:
            found.pause(FOLLOW_S)
            # An observer that was restarted counts from 1 again.
            after = view["next"] if cluster.view("events", limit=1)["next"] >= view["next"] else 0
            view = cluster.view("events", after=after, limit=ALL_EVENTS)
            _print_events(screen, view["events"])
    except KeyboardInterrupt:
        return


def sim(
    agents: Annotated[int, typer.Option(help="Agents of the generated cluster.", metavar="N")] = 100,
    frameworks: Annotated[int, typer.Option(help="Frameworks that compete for it.", metavar="N")] = 10,
    tasks: Annotated[int, typer.Option(help="Tasks of all frameworks together.", metavar="N")] = 2_000,
    jobs: Annotated[int, typer.Option(help="Batch jobs beside them.", metavar="N")] = 0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same run, and digest.", metavar="N")] = 0,
    faults: Annotated[
        bool, typer.Option("--faults", help="Crashes, cut links, delays and doubled updates, drawn from the seed.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Run a generated cluster in the simulator, watched by an auditor. No cluster is needed.

    Ends with 1 if the auditor saw anything wrong. The last line is the digest of all that happened.
    """
    from raymesos.sim.command import command

    raise typer.Exit(command(agents, frameworks, tasks, seed, jobs=jobs, faults=faults, as_json=json))


def _absolute(path: Path | None) -> str:
    """The keeper works in another directory."""
    return "" if path is None else str(path.expanduser().absolute())


def _acls(path: Path | None) -> str:
    """The rules in the file, as text. Raises InvalidValue."""
    if path is None:
        return ""
    read_acls(path)
    return path.read_text()


def _text(path: Path | None, field: str) -> str:
    """What the file has; empty without one. Raises InvalidValue."""
    if path is None:
        return ""
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidValue(field, str(path), f"cannot be read: {error}") from None


def _made(directory: Path) -> str:
    """The directory, there and absolute. Raises InvalidValue."""
    path = directory.expanduser().resolve()
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidValue("work_dir", str(path), (error.strerror or str(error)).lower()) from None
    return str(path)


def _print_events(screen: Screen, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        screen.document(row)
        screen.line(show.event_line(row))
