"""Records in a file: `length | crc32 of the length | crc32 of the record | record`, one after another.

The length has a sum of its own: zeros, which a file may end in after a power cut, are no record, and a damaged length is not taken for a torn tail.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from raymesos.errors import ProtocolError
from raymesos.store.journal import MAX_RECORD_BYTES

_LENGTH = struct.Struct("<I")
_HEAD = struct.Struct("<III")


def framed(record: bytes) -> bytes:
    length = len(record)
    return _HEAD.pack(length, zlib.crc32(_LENGTH.pack(length)), zlib.crc32(record)) + record


def records(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(end offset, record) of each good record, up to the first that is not."""
    at = 0
    while (end := _good_end(data, at)) is not None:
        yield end, data[at + _HEAD.size : end]
        at = end


def good_length(data: bytes, path: Path) -> int:
    """Where the last good record ends. Raises ProtocolError when a damaged record has a good one behind it: that is no torn tail."""
    good = 0
    for end, _ in records(data):
        good = end
    # One damaged record is at most so long; behind it the next would begin.
    horizon = min(len(data), good + _HEAD.size + MAX_RECORD_BYTES + 1)
    behind = next((at for at in range(good + 1, horizon) if _good_end(data, at) is not None), None)
    if behind is not None:
        raise ProtocolError(f"{path}: the record at offset {good} is damaged, and a good one follows at {behind}")
    return good


def _good_end(data: bytes, at: int) -> int | None:
    """Where the record that begins at `at` ends; None if there is no good one."""
    if at + _HEAD.size > len(data):
        return None
    length, sum_of_length, sum_of_record = _HEAD.unpack_from(data, at)
    if zlib.crc32(data[at : at + _LENGTH.size]) != sum_of_length:
        return None
    end = at + _HEAD.size + length
    if (
        length > MAX_RECORD_BYTES
        or end > len(data)
        or zlib.crc32(memoryview(data)[at + _HEAD.size : end]) != sum_of_record
    ):
        return None
    return int(end)
