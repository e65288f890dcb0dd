"""The batch framework's side of the data: files that hold functions, inputs and results, and clients that wait for news.

Data never passes through the machine. It is named by keys (`<job id>/<file>`), files in one directory; who is on this node opens them, others call.
Inputs are put before the job is submitted; result files are moved in when the machine takes their report.
"""

from __future__ import annotations

import os
import re
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raymesos.actors.host import Host
from raymesos.errors import InvalidValue, UnknownId

_KEY = re.compile(r"[A-Za-z0-9_.-]{1,200}/[A-Za-z0-9_.-]{1,200}")


@dataclass(slots=True)
class _Waiter:
    job_id: str
    cursor: int
    seen: int
    until_ms: int
    answer: Future[Any]


class BatchSide:
    def __init__(self, directory: Path, host: Host, machine: Any) -> None:
        self.directory, self._host, self._machine = directory / "data", host, machine
        self.directory.mkdir(parents=True, exist_ok=True)
        self._waiters: list[_Waiter] = []

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

    def poll(self, job_id: str, cursor: int, seen: int, wait_s: float) -> Any:
        """(parts since `cursor`, next cursor, status) as soon as there is news, else after `wait_s` seconds. Raises UnknownId."""
        waiter = _Waiter(job_id, cursor, seen, self._host.now_ms() + int(wait_s * 1000), Future())
        news = self._host.ask(lambda now_ms: self._news_or_wait(waiter))
        return news if news is not None else waiter.answer.result(wait_s + 30)

    def after_turn(self, now_ms: int) -> int | None:
        """Answer the waiters that have news or have waited long enough. Returns when the next one has."""
        left = []
        for waiter in self._waiters:
            news = self._news(waiter)
            if news is None and now_ms < waiter.until_ms:
                left.append(waiter)
            else:
                waiter.answer.set_result(news if news is not None else self._all(waiter))
        self._waiters = left
        return min((w.until_ms for w in left), default=None)

    def _news_or_wait(self, waiter: _Waiter) -> Any:
        news = self._news(waiter)
        if news is None:
            self._waiters.append(waiter)
        return news

    def _news(self, waiter: _Waiter) -> Any:
        version, results = self._machine.progress(waiter.job_id)
        if version == waiter.seen and results == waiter.cursor:
            return None
        return self._all(waiter)

    def _all(self, waiter: _Waiter) -> Any:
        parts = self._machine.results_after(waiter.job_id, waiter.cursor)
        return parts, waiter.cursor + len(parts), self._machine.status(waiter.job_id)
