"""Attributes of agents: `rack:r1;n:5;zone:[1-3]`, passed through in offers. Scalars, ranges, sets or text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from raymesos.errors import InvalidValue
from raymesos.model.resource_text import NUMBER, parse_value, quantity_text
from raymesos.model.resources import Items, Quantity

Attribute = str | Quantity
"""Text, a scalar in thousandths, ranges, or a set."""


class Attributes:
    """Immutable name → value pairs in the order of their names. `get` gives None for an absent name."""

    __slots__ = ("_values",)

    def __init__(self, values: dict[str, Attribute] | None = None) -> None:
        self._values = dict(sorted(values.items())) if values else {}

    @staticmethod
    def parse(text: str) -> Attributes:
        """Mesos' text form. What is not a number, [ranges] or {set} is text. Raises InvalidValue."""
        values: dict[str, Attribute] = {}
        for entry in [e for e in text.split(";") if e.strip()]:
            name, colon, value = entry.partition(":")
            if not colon or not name.strip() or not value.strip():
                raise InvalidValue("attributes", entry, "must be name:value")
            values[name.strip()] = _parsed(value.strip(), f"attributes.{name.strip()}")
        return Attributes(values)

    @staticmethod
    def from_wire(row: list[list[Any]]) -> Attributes:
        return Attributes({name: _from_plain(kind, value) for name, kind, value in row})

    def to_wire(self) -> list[list[Any]]:
        return [[name, *_to_plain(value)] for name, value in self._values.items()]

    def to_json(self) -> list[dict[str, Any]]:
        """The v1 API's list of attributes."""
        return [{"name": name, **_json(value)} for name, value in self._values.items()]

    def get(self, name: str) -> Attribute | None:
        return self._values.get(name)

    def __iter__(self) -> Iterator[tuple[str, Attribute]]:
        return iter(self._values.items())

    def __eq__(self, other: object) -> bool:
        return self._values == other._values if isinstance(other, Attributes) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self._values.items()))

    def __bool__(self) -> bool:
        return bool(self._values)

    def __str__(self) -> str:
        return ";".join(f"{n}:{v if isinstance(v, str) else quantity_text(v)}" for n, v in self._values.items())

    def __repr__(self) -> str:
        return f"Attributes.parse({str(self)!r})"


def _parsed(text: str, field: str) -> Attribute:
    number = NUMBER.fullmatch(text) and not text.startswith("-")
    return parse_value(text, field) if text[0] in "[{" or number else text


def _to_plain(value: Attribute) -> list[Any]:
    if isinstance(value, str):
        return [0, value]
    if isinstance(value, int):
        return [1, value]
    if isinstance(value, Items):
        return [3, list(value)]
    return [2, [list(pair) for pair in value]]  # type: ignore[arg-type]


def _from_plain(kind: int, value: Any) -> Attribute:
    if kind == 2:
        return tuple((b, e) for b, e in value)
    return Items(value) if kind == 3 else value  # type: ignore[no-any-return]


def _json(value: Attribute) -> dict[str, Any]:
    if isinstance(value, str):
        return {"type": "TEXT", "text": {"value": value}}
    if isinstance(value, int):
        return {"type": "SCALAR", "scalar": {"value": value / 1000}}
    if isinstance(value, Items):
        return {"type": "SET", "set": {"item": list(value)}}
    return {"type": "RANGES", "ranges": {"range": [{"begin": b, "end": e} for b, e in value]}}  # type: ignore[misc]
