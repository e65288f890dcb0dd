"""Values for every message class, built from its type hints: a new message is covered without a word here."""

from __future__ import annotations

import pkgutil
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from importlib import import_module
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

import raymesos.wire
from raymesos.model.attributes import Attributes
from raymesos.model.resources import Disk, Items, Key, Reservation, Resources, build
from raymesos.wire.registry import registered, tag_of

for _module in pkgutil.iter_modules(raymesos.wire.__path__, "raymesos.wire."):
    import_module(_module.name)

MESSAGES = registered()

_RESOURCES = st.sampled_from(
    [
        Resources(),
        Resources.parse("cpus:0.1;mem:1024"),
        Resources.parse("cpus(ads):2;ports:[31000-32000,33000-33000];disks:{a,b}"),
        build([(Key("x", (Reservation("r", dynamic=True, labels=(("k", "v"),)),), Disk(persistence_id="p")), 1)]),
        build([(Key("x", revocable=True), Items(["a"]))]),
    ]
)
_ATTRIBUTES = st.sampled_from([Attributes(), Attributes.parse("rack:r1;n:5;zone:[1-3];disks:{a}")])
_PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    int: st.integers(-(2**63), 2**64 - 1) | st.integers(0, 300),
    str: st.text(max_size=8),
    bytes: st.binary(max_size=8),
    bool: st.booleans(),
    float: st.floats(allow_nan=False),
    Resources: _RESOURCES,
    Attributes: _ATTRIBUTES,
}


@cache
def values(hint: Any) -> st.SearchStrategy[Any]:
    """Values of the type `hint`. Raises TypeError for a type that no message has used so far: teach it here."""
    if hint in _PLAIN:
        return _PLAIN[hint]
    origin, args = get_origin(hint), get_args(hint)
    if origin is tuple and args[1:] == (Ellipsis,):
        return st.lists(values(args[0]), max_size=2).map(tuple)
    if origin is tuple:
        return st.tuples(*map(values, args))
    if origin in (Union, UnionType):
        return st.one_of(*[st.none() if a is NoneType else values(a) for a in args])
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(list(hint))
    if is_dataclass(hint):
        hints = get_type_hints(hint)
        return st.tuples(*[values(hints[f.name]) for f in fields(hint)]).map(lambda row: hint(*row))  # type: ignore[operator]
    raise TypeError(f"no values for {hint!r}")


ANY_MESSAGE = st.sampled_from(MESSAGES).flatmap(values)
ENVELOPES = st.tuples(st.text(max_size=6), st.text(max_size=6), ANY_MESSAGE)


def name_by_tag() -> dict[int, str]:
    return {tag_of(cls) or 0: cls.__name__ for cls in MESSAGES}
