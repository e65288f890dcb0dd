"""`cluster.quota`: what roles are guaranteed, and how much they may have at most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from raymesos.errors import InvalidValue, UnknownId
from raymesos.model.quota import Quota, parse_quantities
from raymesos.model.resource_text import quantity_text, scalar_milli
from raymesos.model.roles import validate_role
from raymesos.operating.asking import operate
from raymesos.operating.listing import NamedListing
from raymesos.wire.operating import SetQuotas

Amount = str | Mapping[str, float] | None
"""`cpus:4;mem:8192`, or {"cpus": 4, "mem": 8192}. None for none: nothing guaranteed, no limit."""


@dataclass(frozen=True, slots=True)
class RoleQuota:
    """A role's quota as text like `cpus:4;mem:8192`, empty for none, and what the role uses and is offered of it."""

    role: str
    guarantee: str
    limit: str
    used: str
    offered: str


class Quotas(NamedListing[RoleQuota]):
    """The roles that have a quota, in the order of their names; `cluster.quota["ads"]` is one of them. Each look asks the cluster."""

    def set(
        self,
        role: str | Mapping[str, tuple[Amount, Amount]],
        guarantee: Amount = None,
        limit: Amount = None,
        *,
        force: bool = False,
    ) -> None:
        """Replace the quota of a role, or of several at once ({role: (guarantee, limit)}): all of them or none.

        What a guarantee does not name is not guaranteed; what a limit does not name is unlimited. Guarantees that exceed what the agents have, and limits below what
        is in use, are refused unless `force`. Raises QuotaRefused, InvalidValue, with the numbers.
        """
        if isinstance(role, Mapping):
            if guarantee is not None or limit is not None:
                raise InvalidValue("quota", dict(role), "is for several roles: give each its own guarantee and limit")
            quotas = tuple(_quota(each, *_pair(each, pair)) for each, pair in role.items())
        else:
            quotas = (_quota(role, guarantee, limit),)
        operate(self._door, SetQuotas(quotas, force=force))

    def remove(self, role: str) -> None:
        """Nothing is guaranteed to the role any more and nothing limits it. Raises InvalidValue, QuotaRefused."""
        operate(self._door, SetQuotas((Quota(validate_role(role)),)))

    def _rows(self) -> list[RoleQuota]:
        return [RoleQuota(**row) for row in self._door.view("quotas", {})]

    def _named(self, name: str) -> RoleQuota:
        found = next((row for row in self if row.role == name), None)
        if found is None:
            raise UnknownId("quota of role", name)
        return found

    def __repr__(self) -> str:
        return f"<quotas {', '.join(row.role for row in self) or 'none'}>"


def _pair(role: str, pair: object) -> tuple[Amount, Amount]:
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise InvalidValue(f"quota.{role}", pair, "must be (guarantee, limit)")
    guarantee, limit = pair
    return guarantee, limit


def _quota(role: str, guarantee: Amount, limit: Amount) -> Quota:
    validate_role(role)
    return Quota(
        role,
        parse_quantities(_text(guarantee, "guarantee"), "guarantee"),
        parse_quantities(_text(limit, "limit"), "limit"),
    )


def _text(amount: Amount, field: str) -> str | None:
    if amount is None or isinstance(amount, str):
        return amount
    if not isinstance(amount, Mapping):
        raise InvalidValue(field, amount, "must be text like cpus:4;mem:8192, or {'cpus': 4}")
    return ";".join(f"{name}:{quantity_text(scalar_milli(value, f'{field}.{name}'))}" for name, value in amount.items())
