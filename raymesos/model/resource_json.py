"""The v1 API's JSON of resources."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from raymesos.errors import InvalidValue
from raymesos.model.resource_text import NAME, checked_range, scalar_milli
from raymesos.model.resources import Disk, Items, Key, Quantity, Reservation, Resources, Shared, build, make_ranges
from raymesos.model.roles import validate_role


def resources_from_json(rows: Any, field: str = "resources") -> Resources:
    """The sum of the list. `allocation_info` and unknown fields are ignored; the older `role` + `reservation` form is understood."""
    if not isinstance(rows, list):
        raise InvalidValue(field, rows, "must be a list of resources")
    return build([_checked_item(row, f"{field}[{i}]") for i, row in enumerate(rows)])


def resources_to_json(resources: Resources) -> list[dict[str, Any]]:
    """One row a kind, shared ones once a holder; names in order."""
    rows: list[dict[str, Any]] = []
    for key, quantity in resources:
        count = quantity.holders if isinstance(quantity, Shared) else 1
        rows.extend(_row(key, quantity) for _ in range(count))
    return rows


def _checked_item(row: Any, field: str) -> tuple[Key, Quantity]:
    if not isinstance(row, dict) or not isinstance(row.get("name"), str):
        raise InvalidValue(field, row, "must be an object with a name")
    if not NAME.fullmatch(row["name"]):
        raise InvalidValue(f"{field}.name", row["name"], "must be letters, digits, _ . and -")
    try:
        return _item(row, field)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidValue(f"{field}.{row['name']}", row, "does not have the form of a resource") from error


def _item(row: dict[str, Any], field: str) -> tuple[Key, Quantity]:
    shared = "shared" in row
    quantity = _quantity(row, f"{field}.{row['name']}")
    key = Key(row["name"], _reservations(row, field), _disk(row.get("disk"), field), shared, "revocable" in row)
    return key, Shared(quantity, 1) if shared and isinstance(quantity, int) else quantity


def _quantity(row: dict[str, Any], field: str) -> Quantity:
    kind = row.get("type")
    try:
        if kind == "SCALAR":
            return scalar_milli(row["scalar"]["value"], field)
        if kind == "RANGES":
            pairs = [(_whole(r["begin"]), _whole(r["end"])) for r in row["ranges"].get("range", [])]
            return make_ranges([checked_range(begin, end, row["ranges"], field) for begin, end in pairs])
        if kind == "SET":
            return Items(sorted({_text(item) for item in _list(row["set"].get("item", []))}))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidValue(field, row, f"does not fit type {kind}") from error
    raise InvalidValue(f"{field}.type", kind, "must be SCALAR, RANGES or SET")


def _whole(value: Any) -> int:
    """64-bit integers may be text in JSON. Raises ValueError, TypeError."""
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        raise ValueError(f"{value!r} is no whole number")
    return int(value)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{value!r} is no name")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"{value!r} is no list")
    return value


def _reservations(row: dict[str, Any], field: str) -> tuple[Reservation, ...]:
    stack = row.get("reservations")
    if stack is None:
        role = row.get("role", "*")
        if role == "*":
            return ()
        old = row.get("reservation")
        stack = [{**(old or {}), "type": "DYNAMIC" if old is not None else "STATIC", "role": role}]
    if not isinstance(stack, list):
        raise InvalidValue(f"{field}.reservations", stack, "must be a list")
    return tuple(_reservation(each, f"{field}.reservations") for each in stack)


def _reservation(row: Any, field: str) -> Reservation:
    if not isinstance(row, dict) or not isinstance(row.get("role"), str):
        raise InvalidValue(field, row, "must be an object with a role")
    validate_role(row["role"], field=f"{field}.role")
    if row["role"] == "*":
        raise InvalidValue(f"{field}.role", "*", "is everybody: nothing can be reserved to it")
    if row.get("type", "STATIC") not in ("STATIC", "DYNAMIC"):
        raise InvalidValue(f"{field}.type", row["type"], "must be STATIC or DYNAMIC")
    rows = (row.get("labels") or {}).get("labels", [])
    labels = tuple((str(each["key"]), str(each.get("value", ""))) for each in rows)
    return Reservation(row["role"], row.get("type") == "DYNAMIC", str(row.get("principal", "")), labels)


def _disk(row: Any, field: str) -> Disk | None:
    if row is None:
        return None
    if not isinstance(row, dict):
        raise InvalidValue(f"{field}.disk", row, "must be an object")
    source, persistence, volume = row.get("source") or {}, row.get("persistence") or {}, row.get("volume") or {}
    kind = str(source.get("type", ""))
    return Disk(
        source=kind,
        root=str((source.get(kind.lower()) or {}).get("root", "")) if kind else "",
        id=str(source.get("id", "")),
        profile=str(source.get("profile", "")),
        persistence_id=str(persistence.get("id", "")),
        persistence_principal=str(persistence.get("principal", "")),
        container_path=str(volume.get("container_path", "")),
        mode=str(volume.get("mode", "")),
    )


def _row(key: Key, quantity: Quantity) -> dict[str, Any]:
    row: dict[str, Any] = {"name": key.name}
    if isinstance(quantity, Shared):
        row |= {"type": "SCALAR", "scalar": {"value": _number(quantity.value)}, "shared": {}}
    elif isinstance(quantity, int):
        row |= {"type": "SCALAR", "scalar": {"value": _number(quantity)}}
    elif isinstance(quantity, Items):
        row |= {"type": "SET", "set": {"item": list(quantity)}}
    else:
        row |= {"type": "RANGES", "ranges": {"range": [{"begin": b, "end": e} for b, e in quantity]}}
    if key.shared:
        row["shared"] = {}
    if key.reservations:
        row["reservations"] = [_reservation_row(r) for r in key.reservations]
    if key.disk is not None:
        row["disk"] = _disk_row(key.disk)
    if key.revocable:
        row["revocable"] = {}
    return row


def _number(milli: int) -> float:
    """Exactly the float that a JSON reader makes of the decimal text."""
    return float(Decimal(milli) / 1000)


def _reservation_row(reservation: Reservation) -> dict[str, Any]:
    row: dict[str, Any] = {"type": "DYNAMIC" if reservation.dynamic else "STATIC", "role": reservation.role}
    if reservation.principal:
        row["principal"] = reservation.principal
    if reservation.labels:
        row["labels"] = {"labels": [{"key": k, "value": v} for k, v in reservation.labels]}
    return row


def _disk_row(disk: Disk) -> dict[str, Any]:
    row: dict[str, Any] = {}
    if disk.persistence_id:
        row["persistence"] = {"id": disk.persistence_id}
        if disk.persistence_principal:
            row["persistence"]["principal"] = disk.persistence_principal
    if disk.container_path or disk.mode:
        row["volume"] = {"container_path": disk.container_path, "mode": disk.mode}
    if disk.source:
        row["source"] = {"type": disk.source}
        if disk.root:
            row["source"][disk.source.lower()] = {"root": disk.root}
        for name in ("id", "profile"):
            if getattr(disk, name):
                row["source"][name] = getattr(disk, name)
    return row
