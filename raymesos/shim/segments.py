"""Segments: many small values in one block of bytes, each reachable by its index, each with a status byte.

Layout: `RMS1`, count (u32), count × status (u8), padding to 8, (count + 1) × end offset (u64, from the payload's start), payload. Inputs and results of
functions travel so: a slice is taken without looking at the rest, and one bad value spoils nobody else's.
"""

from __future__ import annotations

import mmap
import os
import struct
from array import array
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

MAGIC = b"RMS1"
OK = 0
ERROR = 1
_HEAD = struct.Struct("<4sI")


class BadSegment(Exception):
    """The bytes are no segment."""


def encode(values: Sequence[bytes], statuses: bytes | bytearray | None = None) -> bytes:
    """The segment of `values`; all OK unless `statuses` has a byte for each."""
    count = len(values)
    offsets = array("Q", bytes(8 * (count + 1)))
    end = 0
    for i, value in enumerate(values):
        end += len(value)
        offsets[i + 1] = end
    head = _HEAD.pack(MAGIC, count) + (bytes(statuses) if statuses is not None else bytes(count))
    return b"".join([head, bytes(-len(head) % 8), offsets.tobytes(), *values])


class Segment:
    """A segment in memory or in a file (mapped). `close` it, or use it as a context, when it came from a file."""

    __slots__ = ("_ends", "_map", "_payload", "_view", "count", "statuses")

    def __init__(self, data: bytes | memoryview, mapped: mmap.mmap | None = None) -> None:
        self._view = memoryview(data)
        self._map = mapped
        if len(self._view) < _HEAD.size:
            raise BadSegment(f"{len(self._view)} bytes are no segment")
        magic, count = _HEAD.unpack_from(self._view)
        self.count: int = count
        table = _HEAD.size + self.count
        table += -table % 8
        start = table + 8 * (self.count + 1)
        if magic != MAGIC or len(self._view) < start:
            raise BadSegment("not a segment, or cut short")
        self.statuses = bytes(self._view[_HEAD.size : _HEAD.size + self.count])
        self._ends = self._view[table:start].cast("Q")
        self._payload = self._view[start:]
        if len(self._payload) < self._ends[self.count]:
            raise BadSegment(f"cut short: {len(self._payload)} of {self._ends[self.count]} bytes")

    @classmethod
    def open(cls, path: str | Path) -> Segment:
        """Map the file. Raises OSError, BadSegment."""
        with Path(path).open("rb") as file:
            if not os.fstat(file.fileno()).st_size:
                raise BadSegment("an empty file is no segment")
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return cls(memoryview(mapped), mapped)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> memoryview:
        """The bytes of one value, not copied."""
        return self._payload[self._ends[index] : self._ends[index + 1]]

    def slice(self, lo: int, hi: int) -> list[memoryview]:
        ends, payload = self._ends, self._payload
        bounds = ends[lo : hi + 1].tolist()
        return [payload[a:b] for a, b in pairwise(bounds)]

    def close(self) -> None:
        self._ends.release()
        self._payload.release()
        self._view.release()
        if self._map is not None:
            self._map.close()

    def __enter__(self) -> Segment:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
