"""Where commands print: JSON, rich tables in a terminal, aligned plain text in a pipe. stdout carries the answer, stderr what goes on meanwhile."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any


class Screen:
    """`document` is what `--json` prints; the other methods are for people and print nothing then."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self._rich = sys.stdout.isatty() and not as_json

    def document(self, value: Any) -> None:
        """The answer as one JSON document, if that is wanted. Followed answers (`-f`) print one a line."""
        if self.as_json:
            sys.stdout.write(f"{json.dumps(value, default=str)}\n")
            sys.stdout.flush()

    def line(self, text: str = "") -> None:
        if not self.as_json:
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()

    def said(self, document: Any, text: str) -> None:
        """An answer of one line: `document` with `--json`, `text` for people."""
        self.document(document)
        self.line(text)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[object]], *, empty: str) -> None:
        """Rows under their columns, or the sentence `empty`. Numbers stand to the right; only the last column is folded where a terminal is narrow."""
        if self.as_json:
            return
        if not rows:
            self.line(empty)
        elif self._rich:
            _rich_table(columns, rows)
        else:
            self.line(_plain_table(columns, rows))

    def raw(self, text: str) -> None:
        """Text of the user's own, as it is."""
        sys.stdout.write(text)
        sys.stdout.flush()


def _plain_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [list(columns), *([_one_line(cell) for cell in row] for row in rows)]
    right = _numeric(rows)
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    return "\n".join(
        "  ".join(c.rjust(w) if r else c.ljust(w) for c, w, r in zip(line, widths, right, strict=True)).rstrip()
        for line in lines
    )


def _rich_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    last = len(columns) - 1
    for i, (name, right) in enumerate(zip(columns, _numeric(rows), strict=True)):
        table.add_column(name, justify="right" if right else "left", overflow="fold", no_wrap=i != last)
    for row in rows:
        table.add_row(*(Text(_one_line(cell), style=style_of(cell)) for cell in row))
    Console().print(table)


_STYLES = {
    "active": "green",
    "running": "green",
    "Accepted": "cyan",
    "waiting": "yellow",
    "blocked": "red",
    "KillInitiated": "yellow",
    "draining": "yellow",
    "drained": "cyan",
    "deactivated": "yellow",
    "disconnected": "red",
    "unreachable": "red",
    "gone": "dim",
    "failed": "red",
    "succeeded": "green",
    "cancelled": "yellow",
}


def style_of(cell: object) -> str:
    return _STYLES.get(cell, "") if isinstance(cell, str) else ""


def _numeric(rows: Sequence[Sequence[object]]) -> list[bool]:
    """Whether each column holds numbers (or percentages) only."""
    return [all(_is_number(row[i]) for row in rows) for i in range(len(rows[0]))]


def _is_number(cell: object) -> bool:
    return isinstance(cell, int | float) or (isinstance(cell, str) and cell.removesuffix(" %").isdigit())


def _one_line(cell: object) -> str:
    return f"{cell:g}" if isinstance(cell, float) else " ".join(str(cell).split())
