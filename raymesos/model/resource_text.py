"""Mesos' text form of resources: `cpus:2;mem:1024;ports:[31000-32000];cpus(role):2;disks:{a,b}`."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

from raymesos.errors import InvalidValue
from raymesos.model.resources import Items, Key, Quantity, Ranges, Reservation, Resources, Shared, build, make_ranges
from raymesos.model.roles import validate_role

_HEAD = re.compile(r"^\s*([A-Za-z0-9_.\-]+)\s*(?:\(\s*([^)]*?)\s*\))?\s*$")
_RANGE = re.compile(r"^\s*(\d+)\s*-\s*(\d+)\s*$")
# Beyond this a scalar in thousandths would leave 63 bits, which msgpack and every peer count in.
_MAX_SCALAR = Decimal(10) ** 15


def parse_resources(text: str, field: str = "resources") -> Resources:
    """What `text` says; entries of one kind add up. Raises InvalidValue naming the entry and the reason."""
    if not isinstance(text, str):
        raise InvalidValue(field, text, "must be text like cpus:2;mem:1024")
    entries = text.split(";")
    if entries and not entries[-1].strip():
        entries.pop()  # Mesos accepts one at the end.
    return build([_entry(entry, field) for entry in entries])


def _entry(entry: str, field: str) -> tuple[Key, Quantity]:
    head, colon, value = entry.partition(":")
    if not colon:
        raise InvalidValue(field, entry, "must be name:value")
    match = _HEAD.match(head)
    if match is None:
        raise InvalidValue(field, entry, "must begin with a name, or name(role)")
    name, role = match[1], match[2]
    if role is not None:
        validate_role(role, field=f"{field}.{name} role")
    reservations = () if role in (None, "*") else (Reservation(str(role)),)
    return Key(name, reservations), _value(value.strip(), f"{field}.{name}")


def _value(text: str, field: str) -> Quantity:
    if text.startswith("["):
        return _ranges(text, field)
    if text.startswith("{"):
        if not text.endswith("}"):
            raise InvalidValue(field, text, "a set must end with }")
        names = [part.strip() for part in text[1:-1].split(",")]
        if not all(names):
            raise InvalidValue(field, text, "a set must hold names separated by commas")
        return Items(sorted(set(names)))
    return scalar_milli(text, field)


def scalar_milli(value: str | int | float | Decimal, field: str) -> int:
    """Thousandths of a scalar, rounded to three decimals as Mesos does. Raises InvalidValue for NaN, infinite, negative or no number."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise InvalidValue(field, value, "must be a number, [ranges] or {a,set}") from None
    if not number.is_finite():
        raise InvalidValue(field, value, "must be a finite number")
    if number < 0:
        raise InvalidValue(field, value, "must not be negative")
    if number > _MAX_SCALAR:
        raise InvalidValue(field, value, f"must be at most {_MAX_SCALAR:.0e}")
    return int((number * 1000).to_integral_value(ROUND_HALF_EVEN))


def _ranges(text: str, field: str) -> Ranges:
    if not text.endswith("]"):
        raise InvalidValue(field, text, "ranges must end with ]")
    pairs = []
    for part in text[1:-1].split(","):
        match = _RANGE.match(part)
        if match is None:
            raise InvalidValue(field, text, "ranges must be like [31000-32000,33000-33010]")
        begin, end = int(match[1]), int(match[2])
        if begin > end:
            raise InvalidValue(field, text, f"range {begin}-{end} ends before it begins")
        pairs.append((begin, end))
    return make_ranges(pairs)


def resources_text(resources: Resources) -> str:
    """Names in order. What the text form cannot say (labels, disks, revocable, shared) stands in braces behind the name."""
    return ";".join(f"{key.name}{_kind(key)}:{quantity_text(quantity)}" for key, quantity in resources)


def quantity_text(quantity: Quantity) -> str:
    if isinstance(quantity, int):
        whole, part = divmod(quantity, 1000)
        return f"{whole}.{part:03d}".rstrip("0") if part else str(whole)
    if isinstance(quantity, Shared):
        return f"{quantity_text(quantity.value)}<SHARED>x{quantity.holders}"
    if isinstance(quantity, Items):
        return "{" + ",".join(quantity) + "}"
    return "[" + ",".join(f"{begin}-{end}" for begin, end in quantity) + "]"


def _kind(key: Key) -> str:
    text = ""
    if key.reservations:
        text = "(" + ",".join(r.role for r in key.reservations) + ")"
    if key.disk is not None:
        text += f"[{key.disk.source or 'ROOT'}{',' + key.disk.persistence_id if key.disk.persistence_id else ''}]"
    return text + ("{REV}" if key.revocable else "")
