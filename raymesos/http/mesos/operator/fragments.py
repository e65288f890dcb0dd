"""Rows of JSON that are made once for each note: of ten thousand tasks a few change between two looks."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import lru_cache
from typing import Any, Generic, TypeVar

import orjson

# Rows of about 600 bytes; beyond this they are made anew.
ROWS_KEPT = 50_000

# Different amounts of resources that are remembered in one form, of about a KB each: of ten thousand tasks most are alike.
AMOUNTS_KEPT = 4_096

N = TypeVar("N")


def remembered(make: Callable[..., Any]) -> Callable[..., Any]:
    """`make(resources, ...)` as a fragment for orjson, made once for equal arguments."""
    return lru_cache(maxsize=AMOUNTS_KEPT)(lambda *given: orjson.Fragment(orjson.dumps(make(*given))))


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
