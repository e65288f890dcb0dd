"""The v1 API's JSON of small values: ids, bytes, times, labels, machines, domains. Those of resources are in `amounts`.

Functions that end in `_json` make what goes out, those that end in `_of` read what comes in and raise InvalidValue naming the field as the API spells it.
A field that Mesos requires and that is not there has the reason MISSING. Unknown fields are ignored.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Iterable
from typing import Any

import orjson

from raymesos.errors import InvalidValue
from raymesos.wire.maintenance import MachineId, Unavailability

Row = dict[str, Any]
Labels = tuple[tuple[str, str], ...]

MISSING = "Missing required fields"
"""Mesos says `Missing required fields: a, b`: the names are in the error's field."""


# ---------------------------------------------------------------- what a body holds


def object_of(value: Any, field: str) -> Row:
    if not isinstance(value, dict):
        raise InvalidValue(field, value, "must be an object")
    return value


def list_of(value: Any, field: str) -> list[Any]:
    """The list; an absent one is empty."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise InvalidValue(field, value, "must be a list")
    return value


def text_of(value: Any, field: str) -> str:
    """The text; an absent one is empty."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidValue(field, value, "must be a string")
    return value


def bool_of(value: Any, field: str) -> bool:
    """The flag; an absent one is false."""
    if value is None:
        return False
    if not isinstance(value, bool):
        raise InvalidValue(field, value, "must be true or false")
    return value


def whole_of(value: Any, field: str) -> int:
    """A whole number; 64-bit ones may be text in JSON."""
    try:
        if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
            raise ValueError
        return int(value)
    except (TypeError, ValueError):
        raise InvalidValue(field, value, "must be a whole number") from None


def require(row: Row, *names: str, at: str = "") -> None:
    """All of `names` are in the row, which is found at the path `at`."""
    absent = [f"{at}.{name}" if at else name for name in names if row.get(name) is None]
    if absent:
        raise InvalidValue(", ".join(absent), None, MISSING)


def complaint(error: InvalidValue) -> str:
    """The error in the words that Mesos uses of what it cannot convert."""
    return f"{MISSING}: {error.field}" if error.reason == MISSING else str(error)


# ---------------------------------------------------------------- ids and bytes


def id_json(value: str) -> Row:
    return {"value": value}


def id_of(row: Any, field: str) -> str:
    found = object_of(row, field)
    require(found, "value", at=field)
    return text_of(found["value"], f"{field}.value")


def bytes_json(value: bytes) -> str:
    return base64.b64encode(value).decode()


def bytes_of(text: Any, field: str) -> bytes:
    try:
        return base64.b64decode(text_of(text, field), validate=True)
    except binascii.Error:
        raise InvalidValue(field, text, "must be base64") from None


def uuid_json(uuid: str) -> str:
    """The 16 bytes of the UUID that we write as text, in base64."""
    return bytes_json(bytes.fromhex(uuid.replace("-", "")))


def uuid_of(text: Any, field: str) -> str:
    """As text. Raises InvalidValue unless it is base64 of 16 bytes."""
    found = bytes_of(text, field)
    if len(found) != 16:
        raise InvalidValue(field, text, "Not a valid UUID")
    digits = found.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def passed_through(v1: bytes) -> Row:
    """What came as JSON and is shown as JSON."""
    found: Row = orjson.loads(v1) if v1 else {}
    return found


# ---------------------------------------------------------------- times


def nanoseconds_json(ms: int) -> Row:
    """A moment (since 1970) or a span."""
    return {"nanoseconds": ms * 1_000_000}


def nanoseconds_of(row: Any, field: str) -> int:
    """In ms."""
    found = object_of(row, field)
    require(found, "nanoseconds", at=field)
    return whole_of(found["nanoseconds"], f"{field}.nanoseconds") // 1_000_000


def seconds_json(ms: int) -> float:
    return ms / 1000


def seconds_of(value: Any, field: str) -> int:
    """In ms, of seconds as a number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InvalidValue(field, value, "must be a number of seconds")
    return round(value * 1000)


def unavailability_json(when: Unavailability) -> Row:
    row: Row = {"start": nanoseconds_json(when.start_ms)}
    if when.duration_ms is not None:
        row["duration"] = nanoseconds_json(when.duration_ms)
    return row


def unavailability_of(row: Any, field: str) -> Unavailability:
    found = object_of(row, field)
    require(found, "start", at=field)
    duration = found.get("duration")
    return Unavailability(
        nanoseconds_of(found["start"], f"{field}.start"),
        None if duration is None else nanoseconds_of(duration, f"{field}.duration"),
    )


# ---------------------------------------------------------------- labels, machines, domains


def labels_json(labels: Labels) -> Row:
    return {"labels": [{"key": key, "value": value} if value else {"key": key} for key, value in labels]}


def labels_of(row: Any, field: str) -> Labels:
    """(key, value) pairs; an absent value is empty."""
    if row is None:
        return ()
    found = []
    for i, each in enumerate(list_of(object_of(row, field).get("labels"), f"{field}.labels")):
        label = object_of(each, f"{field}.labels[{i}]")
        require(label, "key", at=f"{field}.labels[{i}]")
        found.append((text_of(label["key"], f"{field}.key"), text_of(label.get("value"), f"{field}.value")))
    return tuple(found)


def machine_json(machine: MachineId) -> Row:
    return {name: value for name, value in (("hostname", machine.hostname), ("ip", machine.ip)) if value}


def machine_of(row: Any, field: str) -> MachineId:
    found = object_of(row, field)
    return MachineId(text_of(found.get("hostname"), f"{field}.hostname"), text_of(found.get("ip"), f"{field}.ip"))


def domain_json(region: str, zone: str) -> Row:
    """Of an agent that has one; see that `region` is not empty."""
    return {"fault_domain": {"region": {"name": region}, "zone": {"name": zone}}}


def types_json(names: Iterable[str]) -> list[Row]:
    """Capabilities, of frameworks, agents and masters."""
    return [{"type": name} for name in names]


def types_of(rows: Any, field: str) -> tuple[str, ...]:
    """Their names; those without one are of a newer peer, and left out."""
    found = [object_of(row, f"{field}[{i}]") for i, row in enumerate(list_of(rows, field))]
    return tuple(text_of(row["type"], f"{field}.type") for row in found if row.get("type") is not None)
