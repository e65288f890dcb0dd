"""The batch framework's side of the data: files that hold functions, inputs and results, and clients that wait for news.

Data never passes through the machine. It is named by keys (`<job id>/<file>`), files in one directory; who is on this node opens them, others call.
Inputs are put before the job is submitted; result files are moved in when the machine takes their report.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from raymesos.actors.host import Host
from raymesos.actors.waiting import Waiting
from raymesos.errors import InvalidValue, UnknownId
from raymesos.machine import Outbox
from raymesos.wire.work import Blob, WorkReport

# Results above this go to a file instead of the journal and our memory.
INLINE_BYTES = 1024

_KEY = re.compile(r"[A-Za-z0-9_.-]{1,200}/[A-Za-z0-9_.-]{1,200}")


# What a client knows of a job: its id, the results parts it has had, the version of the status it has seen.
Seen = tuple[str, int, int]


class BatchSide:
    """Stands before the machine: takes the data out of reports before the machine books them, and passes everything else on."""

    def __init__(self, directory: Path, host: Host, machine: Any) -> None:
        self.directory, self._host, self._machine = directory / "data", host, machine
        self.directory.mkdir(parents=True, exist_ok=True)
        self._waiting = Waiting(host)

    # ------------------------------------------------------------ as the machine at the framework's address

    def handle(self, now_ms: int, sender: str, message: Any, out: Outbox) -> None:
        if isinstance(message, WorkReport):
            message = self._with_own_file(message)
        self._machine.handle(now_ms, sender, message, out)
        while self._machine.state.dropped:
            shutil.rmtree(self.directory / self._machine.state.dropped.pop(), ignore_errors=True)

    def check(self) -> None:
        self._machine.check()

    def _with_own_file(self, report: WorkReport) -> WorkReport:
        """The report with its results in a file of ours: the executor drops its own once the report is taken.

        A repeated report finds its file moved already. Small results stay inline; in a file they cost the journal and our memory nothing.
        """
        results = report.results
        key = f"{report.job_id}/{report.task_id}.{report.part}.results"
        if results.path:
            target = self.path(key)
            with contextlib.suppress(FileNotFoundError):
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.move(results.path, target)
            return replace(report, results=Blob(path=str(target), size=results.size, key=key))
        if len(results.inline) > INLINE_BYTES:
            self.put(key, results.inline)
            return replace(report, results=Blob(path=str(self.path(key)), size=len(results.inline), key=key))
        return report

    # ------------------------------------------------------------ files

    def path(self, key: str) -> Path:
        """The file of `key`. Raises InvalidValue for a key that could leave the directory."""
        if not _KEY.fullmatch(key) or ".." in key:
            raise InvalidValue("key", key, "must be <job id>/<file>, of letters, digits, _ . and -")
        return self.directory / key

    def put(self, key: str, data: bytes) -> None:
        """Keep `data` under `key`; whole or not at all."""
        path = self.path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"{path.name}.{os.getpid()}.new")
        temporary.write_bytes(data)
        temporary.replace(path)

    def read(self, key: str, offset: int, length: int) -> bytes:
        """`length` bytes (all if negative) from `offset` on. Raises UnknownId."""
        try:
            with self.path(key).open("rb") as file:
                file.seek(offset)
                return file.read(length)
        except FileNotFoundError as error:
            raise UnknownId("data", key) from error

    def poll(self, seen: list[Seen], wait_s: float) -> list[Any]:
        """(new parts, next cursor, status) of each job that has news, None of the others: as soon as one has, else of all after `wait_s` seconds.

        Raises UnknownId.
        """
        return self._waiting.wait(wait_s, lambda _: self._news(seen), lambda _: [self._all(each) for each in seen])

    def _news(self, seen: list[Seen]) -> list[Any] | None:
        news = [None if self._machine.progress(s[0]) == (s[2], s[1]) else self._all(s) for s in seen]
        return news if any(each is not None for each in news) else None

    def _all(self, seen: Seen) -> Any:
        job_id, cursor, _ = seen
        parts = self._machine.results_after(job_id, cursor)
        return parts, cursor + len(parts), self._machine.status(job_id)
