"""The journal of one machine on disk: records in, the same records back after a restart, a snapshot when it has grown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from raymesos.store.file import FileJournal
from raymesos.wire.codec import decode, encode

# Replaying this much takes well under a second; a snapshot of a large cluster is far smaller.
SNAPSHOT_AFTER_BYTES = 16 * 1024 * 1024


class JournalKeeper:
    """Keeps records of one machine. `snapshot` returns what the whole journal so far amounts to."""

    def __init__(self, directory: Path, name: str) -> None:
        self._journal = FileJournal(directory, name=name)
        self.snapshot: Callable[[], list[Any]] | None = None
        self._grown = 0

    @property
    def epoch(self) -> int:
        """Grows with each opening of the journal."""
        return self._journal.epoch

    def replay(self) -> list[Any]:
        """All records, oldest first, as messages."""
        return [decode(record) for record in self._journal.replay()]

    def append(self, records: list[Any]) -> None:
        rows = [encode(record) for record in records]
        self._journal.append(rows)
        self._grown += sum(map(len, rows))

    def commit(self) -> None:
        """Everything appended is durable when this returns."""
        self._journal.sync()
        if self._grown > SNAPSHOT_AFTER_BYTES and self.snapshot is not None:
            self._journal.snapshot([encode(record) for record in self.snapshot()])
            self._grown = 0

    def close(self) -> None:
        self._journal.close()
