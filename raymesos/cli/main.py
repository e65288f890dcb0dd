"""`raymesos`: the command line. Here are the list of commands and the one place where errors become exit codes.

0 done, 1 job failed, 2 bad input, 3 unknown id, 4 no cluster, 5 refused, 130 interrupted, 70 a bug of ours (`RaymesosError.exit_code` says which).
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from raymesos import __version__
from raymesos.cli import (
    agent_commands,
    cluster_commands,
    job_commands,
    maintenance_commands,
    sharing_commands,
    token_commands,
    top,
    volume_commands,
)
from raymesos.cli.doors import Doors
from raymesos.errors import RaymesosError

INTERRUPTED, BUG = 130, 70

app = typer.Typer(
    name="raymesos",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"raymesos {__version__}")
        raise typer.Exit


@app.callback(
    invoke_without_command=True,
    epilog="Exit codes: 0 done, 1 job failed, 2 bad input, 3 unknown id, 4 no cluster, 5 refused.",
)
def raymesos(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Teams share one Ray cluster: start one, submit jobs to it, see who holds what.

    A first tour: [bold]raymesos up --agents 2[/bold], [bold]raymesos submit job.yaml[/bold], [bold]raymesos status[/bold], [bold]raymesos down[/bold].
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


cluster_commands.add_to(app)
top.add_to(app)
job_commands.add_to(app)
sharing_commands.add_to(app)
agent_commands.add_to(app)
volume_commands.add_to(app)
maintenance_commands.add_to(app)
token_commands.add_to(app)


def main(argv: Sequence[str] | None = None, doors: Doors | None = None) -> int:
    """Run one command. Returns its exit code; whatever goes wrong is one line on stderr, or one document on stdout with `--json`."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["--json"]:
        arguments = [*arguments[1:], "--json"]  # Written before the command it means the same.
    try:
        code = app(arguments, prog_name="raymesos", standalone_mode=False, obj=doors or Doors())
        sys.stdout.flush()
    except RaymesosError as error:
        code = _tell(arguments, str(error), _field(error), error.exit_code)
    except typer.TyperException as error:
        code = _tell(arguments, error.format_message(), _parameter(error), 2)
    except typer.Abort:
        code = INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Python flushes stdout once more as it ends.
        code = 1
    except Exception as error:
        if os.environ.get("RAYMESOS_DEBUG"):
            raise
        text = str(error).strip().splitlines()[-1:] or [""]
        code = _tell(arguments, f"{type(error).__name__}: {text[0]} (RAYMESOS_DEBUG=1 shows where)", None, BUG)
    if code == INTERRUPTED and "--json" in arguments:
        _tell(arguments, "interrupted", None, INTERRUPTED)
    return code if isinstance(code, int) else 0


def _tell(arguments: list[str], message: str, field: str | None, code: int) -> int:
    text = " ".join(message.split())
    if "--json" in arguments:
        sys.stdout.write(f"{json.dumps({'error': text, 'field': field})}\n")
    else:
        sys.stderr.write(f"raymesos: {text}\n")
    return code


def _field(error: RaymesosError) -> str | None:
    """The field that was refused, or the kind of what is not there."""
    found = getattr(error, "field", None) or getattr(error, "kind", None)
    return found if isinstance(found, str) else None


def _parameter(error: typer.TyperException) -> str | None:
    """The name of the option or argument that was wrong."""
    name = getattr(getattr(error, "param", None), "name", None) or getattr(error, "option_name", None)
    return name.lstrip("-") if isinstance(name, str) else None


if __name__ == "__main__":
    sys.exit(main())
