"""Whether JSON fits a message of Mesos' v1 API, in Mesos' words where it does not. (Mesos: stout's protobuf.hpp; `schema_table` has the fields)

Mesos reads JSON into protobuf: unknown fields are skipped, null is the same as absent, a value that an optional enum does not have is absent, a repeated field may be
one value, and what is required is looked for only at the end, all of it at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from raymesos.errors import ProtocolError
from raymesos.http.mesos.schema_table import TABLE

Row = dict[str, Any]
Fit = Callable[[Any, "Field"], Any]

ABSENT = object()
"""What a value becomes that counts as not there."""
# Deeper than any message is on purpose; below Python's own bound.
MAX_DEPTH = 100
_INTEGERS = {
    "int32": (-(2**31), 2**31 - 1),
    "uint32": (0, 2**32 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint64": (0, 2**64 - 1),
}
_NOT_FINITE = {"Infinity": float("inf"), "-Infinity": float("-inf"), "NaN": float("nan")}
_BASE64 = re.compile(r"[A-Za-z0-9+/]*")
_DURATION = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,9})?s")


@dataclass(slots=True)
class Field:
    """What it holds is a message (`inner`), one of `names`, or what `read` takes."""

    name: str
    type: str
    required: bool
    repeated: bool
    map: bool
    inner: Message | None = None
    names: dict[str, None] | None = None
    read: Fit | None = None
    plain: Any = None
    """Of what type values are that `read` takes as they are; None where each has to be looked at."""


@dataclass(slots=True)
class Message:
    name: str
    fields: dict[str, Field] = field(default_factory=dict)
    required: tuple[str, ...] = ()


def fit(name: str, value: Any) -> Row:
    """`value`, read from JSON, made to fit the message: what is unknown or counts as absent is taken out of it, integers are integers, single values of repeated
    fields are lists. Raises ProtocolError with what Mesos says."""
    if not isinstance(value, dict):
        raise ProtocolError("Expecting a JSON object")
    message = MESSAGES[name]
    if not _fit_message(message, value, 0):
        raise ProtocolError("Missing required fields: " + ", ".join(_missing(message, value, "")))
    return value


def fit_list(name: str, value: Any) -> list[Row]:
    """Each of a list, as `fit` does. Raises ProtocolError."""
    if not isinstance(value, list):
        raise ProtocolError("Expecting a JSON array")
    return [fit(name, each) for each in value]


# ---------------------------------------------------------------- fitting


def _fit_message(message: Message, row: Row, depth: int) -> bool:
    """Whether all that is required is there, here and below."""
    if depth > MAX_DEPTH:
        raise ProtocolError(f"Nested deeper than {MAX_DEPTH} messages")
    fields = message.fields
    complete = True
    # In the order in which Mesos meets them: its maps are sorted, and the first misfit is the one that it tells.
    for name in sorted(row):
        found, value = fields.get(name), row[name]
        if found is None or value is None:
            del row[name]
            continue
        if type(value) is found.plain:
            continue
        if found.map or found.repeated:
            complete = _fit_several(found, row, value, depth) and complete
        elif found.inner is not None and type(value) is dict:
            complete = _fit_message(found.inner, value, depth + 1) and complete
        else:
            fitted = _fit_scalar(found, value)
            if fitted is ABSENT:
                del row[name]
            else:
                row[name] = fitted
    for name in message.required:
        if name not in row:
            return False
    return complete


def _fit_several(found: Field, row: Row, value: Any, depth: int) -> bool:
    """All values of a map, or of a field that repeats."""
    if found.map:
        if not isinstance(value, dict):
            raise _unexpected(value, found)
        return _fit_map(found, value, depth)
    values = value if isinstance(value, list) else [value]
    complete, inner, fitted = True, found.inner, []
    for each in values:
        if inner is not None and type(each) is dict:
            complete = _fit_message(inner, each, depth + 1) and complete
            fitted.append(each)
        elif each is not None and (one := _fit_scalar(found, each)) is not ABSENT:
            fitted.append(one)
    row[found.name] = fitted
    return complete


def _fit_map(found: Field, value: Row, depth: int) -> bool:
    complete, inner = True, found.inner
    for key in sorted(value):
        each = value[key]
        if inner is not None and type(each) is dict:
            complete = _fit_message(inner, each, depth + 1) and complete
        elif each is None or (one := _fit_scalar(found, each)) is ABSENT:
            del value[key]
        else:
            value[key] = one
    return complete


def _fit_scalar(found: Field, value: Any) -> Any:
    if found.read is not None:
        return found.read(value, found)
    if found.names is None:
        raise _unexpected(value, found)
    return _fit_enum(found, value, found.names)


def _fit_enum(found: Field, value: Any, names: dict[str, None]) -> Any:
    if not isinstance(value, str):
        raise _unexpected(value, found)
    if value in names:
        return value
    if found.required:
        raise ProtocolError(f"Failed to find enum for '{value}'")
    return ABSENT


def _text(value: Any, found: Field) -> Any:
    if not isinstance(value, str):
        raise _unexpected(value, found)
    return value


def _flag(value: Any, found: Field) -> Any:
    if not isinstance(value, bool):
        raise _unexpected(value, found)
    return value


def _number(value: Any, found: Field) -> Any:
    if isinstance(value, str) and value in _NOT_FINITE:
        return _NOT_FINITE[value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _unexpected(value, found)
    return value


def _integer(value: Any, found: Field) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _unexpected(value, found)
    low, high = _INTEGERS[found.type]
    return low if value < low else high if value > high else int(value)


def _bytes(value: Any, found: Field) -> Any:
    """Base64 as it is written properly. Mesos skips blanks, and reads to the first padding."""
    if not isinstance(value, str):
        raise _unexpected(value, found)
    digits = "".join(value.partition("=")[0].split())
    good = _BASE64.match(digits)
    end = good.end() if good is not None else 0
    if end < len(digits):
        raise ProtocolError(f"Failed to base64 decode bytes field '{found.name}': Invalid character '{digits[end]}'")
    if len(digits) % 4 == 1:
        digits = digits[:-1]  # Six bits are no byte.
    return digits + "=" * (-len(digits) % 4)


def _duration(value: Any, found: Field) -> Any:
    """google.protobuf.Duration: seconds and an s."""
    if not isinstance(value, str):
        raise _unexpected(value, found)
    if not _DURATION.fullmatch(value):
        raise ProtocolError(f"Failed to parse the duration '{value}' of field '{found.name}'")
    return value


_SCALARS: dict[str, Fit] = {
    "string": _text,
    "bytes": _bytes,
    "bool": _flag,
    "double": _number,
    "Duration": _duration,
    **dict.fromkeys(_INTEGERS, _integer),
}

# A call through two functions for each of its texts was half of what reading a call took.
_PLAIN: dict[str, type] = {"string": str, "bool": bool, "double": float}


def _unexpected(value: Any, found: Field) -> ProtocolError:
    match value:
        case bool():
            kind = "boolean"
        case str():
            kind = "string"
        case int() | float():
            kind = "number"
        case list():
            kind = "array"
        case _:
            kind = "object"
    return ProtocolError(f"Not expecting a JSON {kind} for field '{found.name}'")


# ---------------------------------------------------------------- what is missing


def _missing(message: Message, row: Row, prefix: str) -> list[str]:
    """The paths of all that is required and not there: first what this message lacks, then what the ones in it do."""
    paths = [prefix + name for name in message.required if name not in row]
    for name, found in message.fields.items():
        if found.inner is None or name not in row:
            continue
        value = row[name]
        within = [(f"{name}.", value)]
        if found.map or found.repeated:
            pairs = value.items() if found.map else enumerate(value)
            within = [(f"{name}[{key}].", each) for key, each in pairs]
        for path, each in within:
            paths += _missing(found.inner, each, prefix + path)
    return paths


# ---------------------------------------------------------------- the table


def _read(table: str) -> dict[str, Message]:
    messages: dict[str, Message] = {}
    enums: dict[str, dict[str, None]] = {}
    for line in table.replace("\n    ", " ").splitlines():
        head, _, rest = line.partition(" ")
        if head.endswith("="):
            enums[head[:-1]] = dict.fromkeys(rest.split())
        else:
            fields = [_field(word) for word in rest.split()]
            required = tuple(found.name for found in fields if found.required)
            messages[head[:-1]] = Message(head[:-1], {found.name: found for found in fields}, required)
    for message in messages.values():
        for found in message.fields.values():
            found.inner, found.names = messages.get(found.type), enums.get(found.type)
            found.read = None if found.inner or found.names else _SCALARS[found.type]
            found.plain = None if found.repeated or found.map else _PLAIN.get(found.type)
    return messages


def _field(word: str) -> Field:
    name, _, kind = word.partition("=")
    return Field(name.rstrip("!*%"), kind, name.endswith("!"), name.endswith("*"), name.endswith("%"))


MESSAGES = _read(TABLE)
