"""The journal's interface, and the one in memory.

A journal keeps records (bytes) in order. `append` books them, `sync` makes all that was appended durable (group commit: one sync for many appends).
`snapshot` replaces everything so far by records that amount to the same. `replay` gives back the snapshot's records and then those appended since.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from raymesos.errors import InvalidValue

# One record is a message; anything near this is data that belongs in a file of its own.
MAX_RECORD_BYTES = 32 * 1024 * 1024


class Journal(Protocol):
    """`epoch` grows with each opening; an opener with an older epoch may not write any more."""

    epoch: int

    def append(self, records: list[bytes]) -> None: ...

    def sync(self) -> None: ...

    def snapshot(self, records: list[bytes]) -> None: ...

    def replay(self) -> Iterator[bytes]: ...

    def close(self) -> None: ...


def check_records(records: list[bytes]) -> list[bytes]:
    """`records` themselves. Raises InvalidValue if one is too large to be one."""
    for record in records:
        if len(record) > MAX_RECORD_BYTES:
            reason = f"has {len(record)} bytes, at most {MAX_RECORD_BYTES} are allowed"
            raise InvalidValue("record", record[:20], reason)
    return records


class MemoryJournal:
    """The simulator's disk: what is synced survives `crash`, what is only appended does not."""

    def __init__(self) -> None:
        self.epoch = 1
        self._durable: list[bytes] = []
        self._pending: list[bytes] = []

    def append(self, records: list[bytes]) -> None:
        self._pending.extend(check_records(records))

    def sync(self) -> None:
        self._durable.extend(self._pending)
        self._pending.clear()

    def snapshot(self, records: list[bytes]) -> None:
        self._durable = list(check_records(records))
        self._pending.clear()

    def replay(self) -> Iterator[bytes]:
        return iter([*self._durable, *self._pending])

    def crash(self, *, torn: int = 0) -> None:
        """Lose what was not synced, but for the first `torn` records of it, which happened to reach the disk."""
        self._durable.extend(self._pending[:torn])
        self._pending.clear()
        self.epoch += 1

    def close(self) -> None:
        return
