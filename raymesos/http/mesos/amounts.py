"""The v1 API's JSON of resources, quantities and attributes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from raymesos.errors import InvalidValue
from raymesos.http.mesos.values import Row, list_of, object_of, require, text_of, whole_of
from raymesos.model.attributes import Attribute, Attributes
from raymesos.model.quota import Quantities
from raymesos.model.resource_json import resources_from_json, resources_to_json
from raymesos.model.resource_text import scalar_milli
from raymesos.model.resources import Items, Resources, make_ranges


def resources_json(resources: Resources, *, allocated_to: str = "") -> list[Row]:
    """In the form of offers and tasks. `allocated_to` is the role that holds them, if one does."""
    rows = resources_to_json(resources)
    if allocated_to:
        for row in rows:
            row["allocation_info"] = {"role": allocated_to}
    return rows


def endpoint_resources_json(resources: Resources, *, allocated_to: str = "") -> list[Row]:
    """In the form of the operator's answers: what is reserved at most once says so in the older way too. (Mesos: convertResourceFormat, ENDPOINT)"""
    rows = resources_json(resources, allocated_to=allocated_to)
    for row in rows:
        stack = row.get("reservations", [])
        if not stack:
            row["role"] = "*"
        elif len(stack) == 1:
            row["role"] = stack[0]["role"]
            if stack[0]["type"] == "DYNAMIC":
                row["reservation"] = {k: v for k, v in stack[0].items() if k not in ("type", "role")}
    return rows


def resources_of(rows: Any, field: str) -> Resources:
    """The sum; an absent list is empty. `allocation_info` is left aside."""
    return resources_from_json(list_of(rows, field), field)


def quantities_json(quantities: Quantities) -> Row:
    """{name: {value}} as quotas have them."""
    return {name: {"value": milli / 1000} for name, milli in quantities}


def quantities_of(row: Any, field: str) -> Quantities:
    found = object_of({} if row is None else row, field)
    pairs = [(name, scalar_of(each, f"{field}.{name}")) for name, each in found.items()]
    return tuple(sorted(pairs))


def scalar_of(row: Any, field: str) -> int:
    """In thousandths, of {value}."""
    found = object_of(row, field)
    require(found, "value", at=field)
    return scalar_milli(found["value"], field)


def attributes_json(attributes: Attributes) -> list[Row]:
    return attributes.to_json()


def attributes_of(rows: Any, field: str) -> Attributes:
    found: dict[str, Attribute] = {}
    for i, each in enumerate(list_of(rows, field)):
        row = object_of(each, f"{field}[{i}]")
        require(row, "name", "type", at=f"{field}[{i}]")
        found[text_of(row["name"], f"{field}.name")] = _attribute(row, f"{field}.{row['name']}")
    return Attributes(found)


def _attribute(row: Mapping[str, Any], field: str) -> Attribute:
    kind = row["type"]
    try:
        if kind == "TEXT":
            return text_of(row["text"]["value"], field)
        if kind == "SCALAR":
            return scalar_milli(row["scalar"]["value"], field)
        if kind == "SET":
            return Items(sorted(text_of(item, field) for item in row["set"].get("item", [])))
        if kind == "RANGES":
            rows = row["ranges"].get("range", [])
            return make_ranges([(whole_of(r["begin"], field), whole_of(r["end"], field)) for r in rows])
    except (KeyError, TypeError, AttributeError):
        raise InvalidValue(field, dict(row), f"does not fit type {kind}") from None
    raise InvalidValue(f"{field}.type", kind, "must be SCALAR, RANGES, SET or TEXT")
