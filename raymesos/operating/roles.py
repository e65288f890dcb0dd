"""`cluster.roles`: who shares, and how."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from raymesos.errors import InvalidValue, UnknownId
from raymesos.model.roles import validate_role
from raymesos.operating.asking import operate
from raymesos.operating.listing import NamedListing
from raymesos.wire.operating import SetWeights


@dataclass(frozen=True, slots=True)
class Role:
    """A role as it was when it was asked for. Shares are parts of 1, weight not applied; resources are text like `cpus:4;mem:8192`, empty for none."""

    role: str
    weight: str
    guarantee: str
    limit: str
    used: str
    offered: str
    held: str
    """Used and offered together."""
    dominant: str
    """The resource that it has the largest part of."""
    share: float
    """Its part of that resource."""
    entitled: float
    """The share that its weight gives it among those that now want something."""
    tasks: int
    running: int
    waiting: int


class Roles(NamedListing[Role]):
    """The roles in the order of their names; `cluster.roles["ads"]` is one of them. Each look asks the cluster."""

    def set_weight(self, role: str, weight: float | str) -> None:
        """Give the role `weight` times the share of a role of weight 1. Raises InvalidValue."""
        text = weight_text(validate_role(role), weight)
        operate(self._door, SetWeights(((role, text),)))

    def _rows(self) -> list[Role]:
        return [Role(**row) for row in self._door.view("roles", {})]

    def _named(self, name: str) -> Role:
        found = next((row for row in self if row.role == name), None)
        if found is None:
            raise UnknownId("role", name)
        return found

    def __repr__(self) -> str:
        return f"<roles {', '.join(row.role for row in self) or 'none yet'}>"


def weight_text(role: str, weight: float | str) -> str:
    """The weight as the text that the master takes. Raises InvalidValue unless it is a number greater than 0."""
    try:
        value = Fraction(str(weight))
    except (ValueError, ZeroDivisionError):
        raise InvalidValue("weight", weight, f"the weight of {role} must be a number greater than 0") from None
    if value <= 0:
        raise InvalidValue("weight", weight, f"the weight of {role} must be greater than 0")
    return str(weight)
