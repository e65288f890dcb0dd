"""Which agents a framework wants to be offered: Mesos 1.11's offer constraints, in the JSON of the v1 API.

    {"role_constraints": {"ads": {"groups": [{"attribute_constraints": [{"selector": {"attribute_name": "rack"}, "predicate": {"text_equals": {"value": "r1"}}}]}]}}}

Groups are alternatives; the constraints of a group must all hold. They decide what is offered from now on, not what is offered already.
(Mesos: offer_constraints_filter.cpp; docs/scheduler-http-api.md)
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import re2

from raymesos.errors import InvalidValue
from raymesos.model.attributes import Attribute, Attributes

# Mesos' bounds for a regular expression: a framework's pattern must not cost the allocator more than this.
MAX_REGEX_MEMORY = 4_096
MAX_REGEX_PROGRAM = 100
PSEUDO = ("HOSTNAME", "REGION", "ZONE")

Predicate = Callable[[Attribute | None], bool]


@dataclass(frozen=True, slots=True)
class Place:
    """What constraints can see of an agent."""

    hostname: str
    attributes: Attributes
    region: str = ""
    zone: str = ""


@dataclass(frozen=True, slots=True)
class Constraint:
    """A predicate on an attribute, or on one of PSEUDO."""

    attribute: str
    pseudo: str
    predicate: Predicate

    def holds(self, place: Place) -> bool:
        return self.predicate(self._value(place))

    def _value(self, place: Place) -> Attribute | None:
        match self.pseudo:
            case "HOSTNAME":
                return place.hostname
            case "REGION":
                return place.region or None
            case "ZONE":
                return place.zone or None
            case _:
                return place.attributes.get(self.attribute)


@dataclass(frozen=True, slots=True)
class RoleConstraints:
    """The alternatives for one role."""

    groups: tuple[tuple[Constraint, ...], ...]

    def allow(self, place: Place) -> bool:
        return any(all(constraint.holds(place) for constraint in group) for group in self.groups)


def parse_offer_constraints(value: str | Mapping[str, Any], roles: tuple[str, ...]) -> dict[str, RoleConstraints]:
    """By role; empty for an empty text. Raises InvalidValue naming the field, for a role that is not one of `roles` too."""
    field = "offer_constraints"
    if isinstance(value, str):
        if not value:
            return {}
        try:
            value = json.loads(value)
        except ValueError as error:
            raise InvalidValue(field, value, f"is not JSON: {error}") from None
    by_role = _object(value, field).get("role_constraints", {})
    found = {}
    for role, constraints in _object(by_role, f"{field}.role_constraints").items():
        if role not in roles:
            raise InvalidValue(f"{field}.role_constraints", role, "is a role that the framework is not subscribed to")
        found[role] = _role(constraints, f"{field}.role_constraints.{role}")
    return found


def constraints_text(value: str | Mapping[str, Any] | None) -> str:
    """The JSON text that travels. Raises InvalidValue for what is no JSON."""
    if value is None or isinstance(value, str):
        return value or ""
    try:
        return json.dumps(value, sort_keys=True)
    except (TypeError, ValueError) as error:
        raise InvalidValue("offer_constraints", value, f"is not JSON: {error}") from None


def _role(value: Any, field: str) -> RoleConstraints:
    groups = _list(_object(value, field).get("groups", []), f"{field}.groups")
    if not groups:
        raise InvalidValue(f"{field}.groups", groups, "must hold at least one group")
    return RoleConstraints(tuple(_group(group, f"{field}.groups[{i}]") for i, group in enumerate(groups)))


def _group(value: Any, field: str) -> tuple[Constraint, ...]:
    field = f"{field}.attribute_constraints"
    rows = _list(_object(value, field).get("attribute_constraints", []), field)
    if not rows:
        raise InvalidValue(field, rows, "must hold at least one constraint")
    return tuple(_constraint(_object(row, f"{field}[{i}]"), f"{field}[{i}]") for i, row in enumerate(rows))


def _constraint(row: Mapping[str, Any], field: str) -> Constraint:
    selector = _object(row.get("selector"), f"{field}.selector")
    attribute, pseudo = selector.get("attribute_name"), selector.get("pseudoattribute_type")
    if (attribute is None) == (pseudo is None):
        raise InvalidValue(f"{field}.selector", selector, "must have either attribute_name or pseudoattribute_type")
    if pseudo is not None and pseudo not in PSEUDO:
        raise InvalidValue(f"{field}.selector.pseudoattribute_type", pseudo, f"must be one of {', '.join(PSEUDO)}")
    if attribute is not None and (not isinstance(attribute, str) or not attribute):
        raise InvalidValue(f"{field}.selector.attribute_name", attribute, "must be text")
    return Constraint(attribute or "", pseudo or "", _predicate(row.get("predicate"), f"{field}.predicate"))


def _predicate(value: Any, field: str) -> Predicate:
    row = _object(value, field)
    if len(row) != 1:
        raise InvalidValue(field, row, "must be exactly one predicate")
    ((kind, options),) = row.items()
    match kind:
        case "exists":
            return lambda found: found is not None
        case "not_exists":
            return lambda found: found is None
        case "text_equals" | "text_not_equals":
            wanted = _text(options, "value", f"{field}.{kind}")
            return _text_predicate(lambda text: text == wanted, negated=kind == "text_not_equals")
        case "text_matches" | "text_not_matches":
            pattern = _regex(_text(options, "regex", f"{field}.{kind}"), f"{field}.{kind}.regex")
            return _text_predicate(lambda text: pattern.fullmatch(text) is not None, negated=kind == "text_not_matches")
    raise InvalidValue(field, kind, "is no predicate")


def _text_predicate(test: Callable[[str], bool], *, negated: bool) -> Predicate:
    """Of an attribute that is there and no text everything is true; of one that is not there only what is negated."""

    def holds(found: Attribute | None) -> bool:
        if found is None:
            return negated
        return not isinstance(found, str) or test(found) != negated

    return holds


def _regex(text: str, field: str) -> Any:
    options = re2.Options()
    options.max_mem = MAX_REGEX_MEMORY
    options.log_errors = False
    try:
        pattern = re2.compile(text, options)
    except re2.error as error:
        reason = error.args[0] if error.args else "is no regular expression"
        raise InvalidValue(field, text, reason.decode() if isinstance(reason, bytes) else str(reason)) from None
    if pattern.programsize > MAX_REGEX_PROGRAM:
        raise InvalidValue(
            field, text, f"is too costly: its program has {pattern.programsize} steps, at most {MAX_REGEX_PROGRAM}"
        )
    return pattern


def _text(options: Any, name: str, field: str) -> str:
    found = _object(options, field).get(name)
    if not isinstance(found, str):
        raise InvalidValue(f"{field}.{name}", found, "must be text")
    return found


def _object(value: Any, field: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidValue(field, value, "must be an object")
    return value


def _list(value: Any, field: str) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise InvalidValue(field, value, "must be a list")
    return list(value)
