"""Rows of JSON that are made once for each note: of ten thousand tasks a few change between two looks."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

import orjson

# Rows of about 600 bytes; beyond this they are made anew.
ROWS_KEPT = 50_000

N = TypeVar("N")


class Fragments(Generic[N]):
    """`make(note)` as a fragment for orjson, kept until the note of that key is another."""

    def __init__(self, make: Callable[[N], Any]) -> None:
        self._make = make
        self._kept: dict[Hashable, tuple[N, orjson.Fragment]] = {}

    def of(self, key: Hashable, note: N) -> orjson.Fragment:
        found = self._kept.get(key)
        if found is not None and found[0] is note:
            return found[1]
        if len(self._kept) >= ROWS_KEPT:
            self._kept.clear()
        row = orjson.Fragment(orjson.dumps(self._make(note)))
        self._kept[key] = note, row
        return row
