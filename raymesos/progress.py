"""What a person sees while something takes time: a bar in a terminal or notebook, single lines elsewhere, nothing in a pipe."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any


def say(text: str) -> None:
    """A line for the person who looks on; on stderr, so that stdout stays data."""
    print(f"raymesos: {text}", file=sys.stderr, flush=True)  # noqa: T201


class JobProgress:
    """A bar of how many inputs of a job are done. Shows nothing unless stderr is a terminal or this is a notebook."""

    def __init__(self, name: str, total: int) -> None:
        self._name, self._total = name, total
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> JobProgress:
        if sys.stderr.isatty() or _in_notebook():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TextColumn("{task.fields[more]}"),
            )
            self._bar = Progress(*columns, console=Console(stderr=True), transient=False)
            self._bar.start()
            self._task = self._bar.add_task(self._name, total=self._total, more="")
        return self

    def show(self, status: dict[str, Any]) -> None:
        if self._bar is None:
            return
        more = f"{status['running']} running"
        if status["failed"]:
            more += f", [red]{status['failed']} failed[/red]"
        self._bar.update(self._task, completed=status["succeeded"] + status["failed"], more=more)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()


def _in_notebook() -> bool:
    shell = sys.modules.get("IPython")
    if shell is None:
        return False
    found = shell.get_ipython()
    return found is not None and "IPKernelApp" in getattr(found, "config", {})
