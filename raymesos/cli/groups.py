"""Commands of two words, like `quota set`. The first word alone shows what there is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import typer

from raymesos.errors import InvalidValue


def add_group(
    app: typer.Typer,
    name: str,
    alone: Callable[..., None],
    words: Sequence[tuple[Callable[..., None], str]],
    panel: str,
) -> None:
    """Add `name` with its words: each function is called `name_word`, and stands with the arguments of its example."""
    made = typer.Typer(name=name, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
    made.callback(epilog=f"Example: {_line(name, *words[1])}")(alone)
    for function, arguments in words:
        made.command(_word(function), epilog=f"Example: {_line(name, function, arguments)}")(function)
    app.add_typer(made, rich_help_panel=panel)


def stands_alone(context: typer.Context, name: str | None, *, json: bool) -> bool:
    """Whether the first word was all. Raises InvalidValue for an option between the two words: it would be the first one's, and be lost."""
    word = context.invoked_subcommand
    if word is None:
        return True
    if name is not None or json:
        option = "json" if json else "name"
        raise InvalidValue(option, True if json else name, f"must stand behind {word!r}")
    return False


def _word(function: Callable[..., Any]) -> str:
    return function.__name__.partition("_")[2]


def _line(name: str, function: Callable[..., Any], arguments: str) -> str:
    return f"raymesos {name} {_word(function)} {arguments}".rstrip()
