"""Two teams share a small cluster: one counts words, the other measures files, of the same real corpus.

    python -m workloads.corpus.demo [--agents 3] [--files N]

Team `search` has weight 1, team `quality` weight 2: while both have work waiting, quality holds twice search's share. At the end the top 20 are checked against a
plain run of the same functions in this process.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

import raymesos as rm
from workloads.corpus.files import corpus
from workloads.corpus.functions import count, statistics, top

WEIGHTS = {"search": 1, "quality": 2}
LOOK_EVERY_S = 0.25
LINE_EVERY_S = 2.0

console = Console()


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Two teams share a small cluster and count words in Python's own source."
    )
    parser.add_argument("--agents", type=int, default=3)
    parser.add_argument("--files", type=int, default=0, help="only so many files (0: all)")
    arguments = parser.parse_args()
    files = corpus()
    files = files[: arguments.files] if arguments.files else files
    size = sum(Path(f).stat().st_size for f in files)
    console.print(f"The corpus: {len(files)} files of Python's standard library, {size / 1e6:.1f} MB.")
    began = time.monotonic()
    with rm.start(agents=arguments.agents) as cluster:
        console.print(f"The cluster: {cluster.resources}, ready after {time.monotonic() - began:.1f} s.\n")
        for role, weight in WEIGHTS.items():
            cluster.set_weight(role, weight)
        counting = cluster.submit(rm.BatchJob("count-words", fn=count, inputs=files, role="search", retries=1))
        measuring = cluster.submit(rm.BatchJob("measure-files", fn=statistics, inputs=files, role="quality", retries=1))
        _watch(cluster, [counting, measuring])
        counted, rows = list(counting.results()), list(measuring.results())
    words, identifiers = top([w for w, _ in counted]), top([i for _, i in counted])
    _print_top(words, identifiers)
    _print_statistics(rows)
    return _check(files, words, identifiers)


# ---------------------------------------------------------------- looking on


def _watch(cluster: rm.Cluster, jobs: list[rm.Job]) -> None:
    """Show both jobs and who holds what until both have ended: a live table in a terminal, a line now and then elsewhere."""
    began = spoke = time.monotonic()
    with Live(console=console, refresh_per_second=8, transient=False) if console.is_terminal else _Quiet() as live:
        while True:
            statuses = [job.status() for job in jobs]
            roles = {row["role"]: row for row in cluster.view("roles")}
            now = time.monotonic()
            live.update(_picture(statuses, roles, now - began))
            done = all(s.done for s in statuses)
            if not console.is_terminal and (done or now - spoke >= LINE_EVERY_S):
                spoke = now
                console.print("  " + "   ".join(_line(s, roles.get(s.role, {})) for s in statuses))
            if done:
                break
            time.sleep(LOOK_EVERY_S)
    console.print(f"Both jobs took {time.monotonic() - began:.1f} s.\n")


class _Quiet:
    """Stands in for the live table where nobody would see it move."""

    def __enter__(self) -> _Quiet:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def update(self, _: Any) -> None:
        return


def _picture(statuses: list[Any], roles: dict[str, Any], elapsed_s: float) -> Group:
    table = Table(title=f"{elapsed_s:4.1f} s", title_justify="left")
    for heading in ("team", "weight", "share of the cluster", "", "job", "files done", ""):
        table.add_column(heading)
    for status in statuses:
        row = roles.get(status.role, {})
        share = row.get("share", 0.0)
        table.add_row(
            status.role,
            str(row.get("weight", "")),
            ProgressBar(total=1.0, completed=share, width=24),
            f"{share:.0%}",
            status.name,
            ProgressBar(total=status.total, completed=status.succeeded, width=24),
            f"{status.succeeded}/{status.total}",
        )
    return Group(table)


def _line(status: Any, row: dict[str, Any]) -> str:
    return f"{status.role}: {status.succeeded}/{status.total} files, holds {row.get('share', 0.0):.0%}"


# ---------------------------------------------------------------- results


def _print_top(words: list[tuple[str, int]], identifiers: list[tuple[str, int]]) -> None:
    table = Table(title="Most frequent", title_justify="left")
    for heading in ("", "word", "times", "identifier", "times"):
        table.add_column(heading, justify="right" if heading in ("", "times") else "left")
    for i, (word, identifier) in enumerate(zip(words, identifiers, strict=False), 1):
        table.add_row(str(i), word[0], f"{word[1]:,}", identifier[0], f"{identifier[1]:,}")
    console.print(table)


def _print_statistics(rows: list[dict[str, Any]]) -> None:
    lines, functions, classes = (sum(r[k] for r in rows) for k in ("lines", "functions", "classes"))
    longest = max(rows, key=lambda r: (r["longest"], r["path"]))
    console.print(f"{lines:,} lines, {functions:,} functions, {classes:,} classes.")
    console.print(f"The longest function has {longest['longest']} lines, in {Path(longest['path']).name}.\n")


def _check(files: list[str], words: list[tuple[str, int]], identifiers: list[tuple[str, int]]) -> int:
    console.print("Checking against a plain run in this process ...", end=" ")
    began = time.monotonic()
    plain = [count(path) for path in files]
    if top([w for w, _ in plain]) == words and top([i for _, i in plain]) == identifiers:
        console.print(f"the same top 20 ({time.monotonic() - began:.1f} s).")
        return 0
    console.print("[red]the top 20 differ[/red]")
    return 1


if __name__ == "__main__":
    sys.exit(main())
