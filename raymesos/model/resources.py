"""Resources: what agents have, offers hold and tasks use. Immutable values with exact arithmetic.

A value is a map from a key to a quantity. The key says what kind of thing it is: name, reservations, disk, shared, revocable, type; only equal keys add up.
The quantity is a scalar in thousandths (Mesos keeps three decimals), ranges of integers, or a set of names. Most resources of a cluster are *plain*: unreserved,
unshared, non-revocable scalars; these are kept apart in a dict of integers so that the arithmetic of the hot path is that of integers.

The quantities live in `quantities`, the text and JSON forms in `resource_text` and `resource_json`. (Mesos: resources.cpp, docs/attributes-resources.md)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from raymesos.errors import InvalidValue, InvariantBroken
from raymesos.model import quantities
from raymesos.model.quantities import Items as Items
from raymesos.model.quantities import Quantity as Quantity
from raymesos.model.quantities import Ranges as Ranges
from raymesos.model.quantities import Shared as Shared
from raymesos.model.quantities import make_ranges as make_ranges


class Reservation(NamedTuple):
    """One level of a reservation stack."""

    role: str
    dynamic: bool = False
    principal: str = ""
    labels: tuple[tuple[str, str], ...] = ()


class Disk(NamedTuple):
    """A disk that is more than free space of the root disk."""

    source: str = ""
    """PATH, MOUNT, BLOCK, RAW, or empty for the root disk."""
    root: str = ""
    id: str = ""
    profile: str = ""
    persistence_id: str = ""
    persistence_principal: str = ""
    container_path: str = ""
    mode: str = ""


class Key(NamedTuple):
    """What kind of resource a quantity is of."""

    name: str
    reservations: tuple[Reservation, ...] = ()
    disk: Disk | None = None
    shared: bool = False
    revocable: bool = False
    type: str = "SCALAR"
    """SCALAR, RANGES or SET. One name may be a scalar here and a set there: they never add up."""

    @property
    def role(self) -> str:
        """The role that it is reserved to; `*` if unreserved."""
        return self.reservations[-1].role if self.reservations else "*"


class Resources:
    """An immutable bag of resources. `a + b`, `a - b`, `a.contains(b)`, `==`; false when empty.

    `a - b` raises InvariantBroken unless `a.contains(b)`: nothing is ever negative.
    """

    __slots__ = ("_hash", "_plain", "_quantities", "_rest")

    _plain: dict[str, int]
    _rest: dict[Key, Quantity]

    def __init__(self, plain: Mapping[str, int] | None = None, rest: Mapping[Key, Quantity] | None = None) -> None:
        self._plain = {n: v for n, v in plain.items() if v} if plain else {}
        self._rest = dict(rest) if rest else {}
        self._hash: int | None = None
        self._quantities: dict[str, int] | None = None
        for name, value in self._plain.items():
            if value < 0:
                raise InvalidValue(name, value / 1000, "must not be negative")

    # ------------------------------------------------------------ making

    @staticmethod
    def parse(text: str) -> Resources:
        """Mesos' text form: `cpus:2;mem:1024;ports:[31000-32000]`, `cpus(role):2`. Raises InvalidValue."""
        from raymesos.model.resource_text import parse_resources

        return parse_resources(text)

    @staticmethod
    def of(value: Resources | str) -> Resources:
        """`value` itself, or what its text says."""
        return value if isinstance(value, Resources) else Resources.parse(value)

    @staticmethod
    def of_milli(quantities: Mapping[str, int]) -> Resources:
        """Plain scalars in thousandths of the unit. Raises InvalidValue for a negative one."""
        return Resources(quantities)

    @staticmethod
    def from_json(rows: list[dict[str, Any]]) -> Resources:
        """The v1 API's list of resources. Raises InvalidValue."""
        from raymesos.model.resource_json import resources_from_json

        return resources_from_json(rows)

    def to_json(self) -> list[dict[str, Any]]:
        """The v1 API's list of resources."""
        from raymesos.model.resource_json import resources_to_json

        return resources_to_json(self)

    @staticmethod
    def from_wire(row: Any) -> Resources:
        """What `to_wire` made."""
        if isinstance(row, dict):
            made = _make(row, {})
            return made if made._plain else EMPTY
        plain, rest = row
        return _make(plain, dict(_item_from_wire(item) for item in rest))

    def to_wire(self) -> Any:
        """Plain lists, dicts, strings and integers; just {name: milli} when all is plain."""
        if not self._rest:
            return self._plain
        return [self._plain, [_item_to_wire(key, value) for key, value in self._sorted_rest()]]

    # ------------------------------------------------------------ algebra

    def __add__(self, other: Resources) -> Resources:
        if not other._plain and not other._rest:
            return self
        if not self._plain and not self._rest:
            return other
        plain = self._plain.copy()
        for name, value in other._plain.items():
            plain[name] = plain.get(name, 0) + value
        if not self._rest and not other._rest:
            return _make(plain, {})
        rest = self._rest.copy()
        for key, quantity in other._rest.items():
            mine = rest.get(key)
            rest[key] = quantity if mine is None else quantities.add(mine, quantity)
        return _make(plain, rest)

    def __sub__(self, other: Resources) -> Resources:
        if not other._plain and not other._rest:
            return self
        plain = self._plain.copy()
        for name, value in other._plain.items():
            left = plain.get(name, 0) - value
            if left > 0:
                plain[name] = left
            elif left == 0:
                del plain[name]
            else:
                raise InvariantBroken("resources.negative", f"{self} does not contain {other}")
        if not other._rest:
            return _make(plain, self._rest)
        if not self.contains(other):
            raise InvariantBroken("resources.negative", f"{self} does not contain {other}")
        rest = self._rest.copy()
        for key, quantity in other._rest.items():
            remaining = quantities.subtract(rest[key], quantity)
            if remaining is None:
                del rest[key]
            else:
                rest[key] = remaining
        return _make(plain, rest)

    def contains(self, other: Resources) -> bool:
        """Whether `other` could be taken out of this, kind by kind."""
        mine = self._plain
        for name, value in other._plain.items():
            if mine.get(name, 0) < value:
                return False
        if not other._rest:
            return True
        rest = self._rest
        return all(key in rest and quantities.contains(rest[key], quantity) for key, quantity in other._rest.items())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Resources):
            return NotImplemented
        return self._plain == other._plain and self._rest == other._rest

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash((frozenset(self._plain.items()), frozenset(self._rest.items())))
        return self._hash

    def __bool__(self) -> bool:
        return bool(self._plain or self._rest)

    def __iter__(self) -> Iterator[tuple[Key, Quantity]]:
        """(key, quantity) pairs, names in order."""
        items: list[tuple[Key, Quantity]] = [(Key(name), value) for name, value in self._plain.items()]
        items.extend(self._rest.items())
        items.sort(key=_order)
        return iter(items)

    def __str__(self) -> str:
        from raymesos.model.resource_text import resources_text

        return resources_text(self)

    def __repr__(self) -> str:
        return f"Resources.parse({str(self)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _make, (self._plain, self._rest)

    # ------------------------------------------------------------ looking

    @property
    def is_plain(self) -> bool:
        """True when all of it is unreserved, unshared, non-revocable scalars."""
        return not self._rest

    def quantities(self) -> dict[str, int]:
        """{name: thousandths} over all kinds of the name; scalars only; shared ones once. Not to be changed."""
        if not self._rest:
            return self._plain
        if self._quantities is None:
            total = dict(self._plain)
            for key, quantity in self._rest.items():
                value = quantity.value if isinstance(quantity, Shared) else quantity
                if isinstance(value, int):
                    total[key.name] = total.get(key.name, 0) + value
            self._quantities = total
        return self._quantities

    def scalar(self, name: str) -> int:
        """Thousandths of the scalar `name` over all kinds; 0 if there is none."""
        return self.quantities().get(name, 0)

    def ranges(self, name: str) -> Ranges:
        """The ranges of `name` over all kinds, coalesced."""
        found: Ranges = ()
        for key, quantity in self._rest.items():
            if key.name == name and quantities.is_ranges(quantity):
                found = quantities.coalesce([*found, *quantity])  # type: ignore[misc]
        return found

    def unreserved(self) -> Resources:
        """What is reserved to nobody."""
        return _make(self._plain, {k: q for k, q in self._rest.items() if not k.reservations})

    def reserved_to(self, role: str) -> Resources:
        """What is reserved to exactly this role."""
        return _make({}, {k: q for k, q in self._rest.items() if k.reservations and k.role == role})

    def available_to(self, role: str) -> Resources:
        """What may be offered to `role`: unreserved, or reserved to it or one of its ancestors."""
        if not self._rest:
            return self
        return _make(
            self._plain,
            {
                k: q
                for k, q in self._rest.items()
                if not k.reservations or role == k.role or role.startswith(k.role + "/")
            },
        )

    @property
    def is_reserved(self) -> bool:
        """True when all of it is reserved to somebody."""
        return not self._plain and all(key.reservations for key in self._rest)

    def reserved_roles(self) -> list[str]:
        """Whom something of it is reserved to."""
        return list(dict.fromkeys(key.role for key in self._rest if key.reservations))

    def revocable(self) -> Resources:
        """What may be taken away again at any time."""
        return _make({}, {k: q for k, q in self._rest.items() if k.revocable})

    def non_revocable(self) -> Resources:
        """What stays with whom it was given to."""
        return self if not self._rest else _make(self._plain, {k: q for k, q in self._rest.items() if not k.revocable})

    def scalars(self) -> Resources:
        """Without ranges and sets."""
        return _make(self._plain, {k: q for k, q in self._rest.items() if isinstance(q, int | Shared)})

    def filter(self, keep: Any) -> Resources:
        """What is of a key for which `keep(key)` is true."""
        plain = {n: v for n, v in self._plain.items() if keep(Key(n))}
        return _make(plain, {k: q for k, q in self._rest.items() if keep(k)})

    def filter_special(self, keep: Callable[[Key], bool]) -> Resources:
        """The same where every plain scalar is kept; itself if all is."""
        rest = {k: q for k, q in self._rest.items() if keep(k)}
        return self if len(rest) == len(self._rest) else _make(self._plain, rest)

    def _sorted_rest(self) -> list[tuple[Key, Quantity]]:
        return sorted(self._rest.items(), key=_order)


def take_ports(available: Resources, count: int, name: str = "ports") -> tuple[Resources, Resources] | None:
    """(`count` single values of the ranges `name`, the rest), lowest first; None if there are not so many."""
    taken: dict[Key, Quantity] = {}
    wanted = count
    for key, quantity in available._sorted_rest():
        if key.name != name or wanted == 0:
            continue
        if isinstance(quantity, int | Items | Shared):
            continue
        picked: list[tuple[int, int]] = []
        for begin, end in quantity:
            if wanted:
                size = min(wanted, end - begin + 1)
                picked.append((begin, begin + size - 1))
                wanted -= size
        taken[key] = tuple(picked)
    if wanted:
        return None
    chosen = _make({}, taken)
    return chosen, available - chosen


def fractional_gpus(resources: Resources) -> bool:
    """Whether a GPU is asked for in part."""
    return resources.scalar("gpus") % 1000 != 0


def _make(plain: dict[str, int], rest: dict[Key, Quantity]) -> Resources:
    made = Resources.__new__(Resources)
    made._plain = plain
    made._rest = rest
    made._hash = None
    made._quantities = None
    return made


def build(items: list[tuple[Key, Quantity]]) -> Resources:
    """The sum of (key, quantity) pairs; zero and empty quantities leave nothing. Raises InvalidValue for one shared thing of two sizes."""
    total = EMPTY
    for untyped, quantity in items:
        if not quantity and not isinstance(quantity, Shared):
            continue
        key = untyped._replace(type=quantities.type_of(quantity))
        before = total._rest.get(key)
        if isinstance(before, Shared) and isinstance(quantity, Shared) and before.value != quantity.value:
            raise InvalidValue(key.name, quantity.value / 1000, f"is shared, and also given as {before.value / 1000}")
        plain = isinstance(quantity, int) and key == Key(key.name)
        total = total + (_make({key.name: quantity}, {}) if plain else _make({}, {key: quantity}))  # type: ignore[dict-item]
    return total


def _order(item: tuple[Key, Quantity]) -> tuple[Any, ...]:
    key = item[0]
    return key.name, key.reservations, key.disk or (), key.shared, key.revocable, key.type


def _item_to_wire(key: Key, quantity: Quantity) -> list[Any]:
    kind = (
        3
        if isinstance(quantity, Shared)
        else 2
        if isinstance(quantity, Items)
        else 0
        if isinstance(quantity, int)
        else 1
    )
    reservations = [[r.role, r.dynamic, r.principal, [list(p) for p in r.labels]] for r in key.reservations]
    value = quantity if kind == 0 else [list(x) if kind == 1 else x for x in quantity]  # type: ignore[union-attr,call-overload,arg-type]
    return [key.name, reservations, list(key.disk) if key.disk else None, key.shared, key.revocable, kind, value]


def _item_from_wire(row: list[Any]) -> tuple[Key, Quantity]:
    name, reservations, disk, shared, revocable, kind, value = row
    key = Key(
        name,
        tuple(Reservation(r[0], r[1], r[2], tuple((k, v) for k, v in r[3])) for r in reservations),
        Disk(*disk) if disk else None,
        shared,
        revocable,
        ("SCALAR", "RANGES", "SET", "SCALAR")[kind],
    )
    if kind == 0:
        return key, value
    if kind == 1:
        return key, tuple((b, e) for b, e in value)
    return key, Items(value) if kind == 2 else Shared(*value)


EMPTY = Resources()
