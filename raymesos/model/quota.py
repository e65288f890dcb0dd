"""A role's quota: what is guaranteed to it, and how much it may have at most. Quantities in thousandths, by name.

A name that a guarantee does not have is guaranteed nothing; a name that a limit does not have is unlimited, and a limit of 0 is a limit. (Mesos 1.9: UPDATE_QUOTA)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from raymesos.errors import InvalidValue
from raymesos.model.resource_text import NAME, quantity_text, scalar_milli

Quantities = tuple[tuple[str, int], ...]
"""(name, thousandths) pairs, names in order. Unlike in Resources a 0 stays."""

# Beyond these nobody means it. (Mesos: quota.cpp; cpus 10^12, mem and disk 2^40 MB)
_MOST = {"cpus": 10**12, "mem": 2**40, "disk": 2**40}


@dataclass(frozen=True, slots=True)
class Quota:
    """`guarantee` and `limit` of `role`, its sub-roles included. Both empty: it has none."""

    role: str
    guarantee: Quantities = ()
    limit: Quantities = ()

    @property
    def is_default(self) -> bool:
        return not any(milli for _, milli in self.guarantee) and not self.limit


def parse_quantities(text: str | None, field: str) -> Quantities:
    """`cpus:4;mem:8192` as sorted pairs, `cpus:0` included; none for None or an empty text. Raises InvalidValue naming the entry and the reason."""
    found: dict[str, int] = {}
    for entry in (text or "").split(";"):
        if not entry.strip():
            continue
        name, colon, value = (part.strip() for part in entry.partition(":"))
        if not colon or not NAME.fullmatch(name):
            raise InvalidValue(field, entry, "must be name:value, scalars only and unreserved")
        if name in found:
            raise InvalidValue(field, entry, f"names {name} twice")
        milli = scalar_milli(value, f"{field}.{name}")
        if milli > 1000 * _MOST.get(name, 10**15):
            raise InvalidValue(f"{field}.{name}", value, f"must be at most {_MOST.get(name, 10**15)}")
        found[name] = milli
    return tuple(sorted(found.items()))


def quantities_text(quantities: Quantities | Mapping[str, int]) -> str:
    """The text that `parse_quantities` reads."""
    pairs = quantities.items() if isinstance(quantities, Mapping) else quantities
    return ";".join(f"{name}:{quantity_text(milli)}" for name, milli in sorted(pairs))
