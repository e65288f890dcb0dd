"""Mesos' text form of resources: `cpus:2;mem:1024;ports:[31000-32000];cpus(role):2;disks:{a,b}`."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal

from raymesos.errors import InvalidValue
from raymesos.model.resources import Items, Key, Quantity, Ranges, Reservation, Resources, Shared, build, make_ranges
from raymesos.model.roles import validate_role

NAME = re.compile(r"[A-Za-z0-9_.\-]+")
_HEAD = re.compile(rf"\s*({NAME.pattern})\s*(?:\(\s*([^)]*?)\s*\))?\s*")
_RANGE = re.compile(r"\s*([0-9]+)\s*-\s*([0-9]+)\s*")
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,9})?")
_NOT_FINITE = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE)
# Beyond this a scalar in thousandths would leave 63 bits, which msgpack and every peer count in.
_MAX_SCALAR = Decimal(10) ** 15
# Mesos counts ranges in 64 bits without a sign, and so does msgpack.
MAX_IN_RANGE = 2**64 - 1


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
    match = _HEAD.fullmatch(head)
    if match is None:
        raise InvalidValue(field, entry, "must begin with a name, or name(role)")
    name, role = match[1], match[2]
    if role is not None:
        validate_role(role, field=f"{field}.{name} role")
    reservations = () if role in (None, "*") else (Reservation(str(role)),)
    return Key(name, reservations), parse_value(value.strip(), f"{field}.{name}")


def parse_value(text: str, field: str) -> Quantity:
    """The quantity that `text` says. Raises InvalidValue."""
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
    """Thousandths of a scalar, rounded to three decimals as Mesos does (halves away from zero).

    Raises InvalidValue for NaN, infinite, negative, no number, or so little that nothing would be left of it. (Mesos: values.cpp; ResourcesTest.PrecisionRounding, VerySmallValue)
    """
    text = str(value).strip()
    if _NOT_FINITE.fullmatch(text):
        raise InvalidValue(field, value, "must be a finite number")
    if not NUMBER.fullmatch(text):
        raise InvalidValue(field, value, "must be a number, [ranges] or {a,set}")
    number = Decimal(text)
    if number < 0:
        raise InvalidValue(field, value, "must not be negative")
    if number > _MAX_SCALAR:
        raise InvalidValue(field, value, f"must be at most {_MAX_SCALAR:.0e}")
    milli = int((number * 1000).to_integral_value(ROUND_HALF_UP))
    if number and not milli:
        raise InvalidValue(field, value, "is too small: three decimals are kept")
    return milli


def _ranges(text: str, field: str) -> Ranges:
    if not text.endswith("]"):
        raise InvalidValue(field, text, "ranges must end with ]")
    pairs = []
    for part in text[1:-1].split(","):
        match = _RANGE.fullmatch(part)
        if match is None:
            raise InvalidValue(field, text, "ranges must be like [31000-32000,33000-33010]")
        pairs.append(checked_range(int(match[1]), int(match[2]), text, field))
    return make_ranges(pairs)


def checked_range(begin: int, end: int, value: object, field: str) -> tuple[int, int]:
    """The pair itself. Raises InvalidValue if it is empty or leaves 64 bits."""
    if begin > end:
        raise InvalidValue(field, value, f"range {begin}-{end} ends before it begins")
    if begin < 0 or end > MAX_IN_RANGE:
        raise InvalidValue(field, value, f"range {begin}-{end} must lie within 0 and {MAX_IN_RANGE}")
    return begin, end


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
