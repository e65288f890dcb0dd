"""Whether a message from outside the cluster is what its class says: the codec trusts its peers, and a machine must never meet a text where a number belongs."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from raymesos.errors import InvalidValue, ProtocolError
from raymesos.model.resources import Resources

# As far as a machine's arithmetic, and other languages' integers, go.
_BOUND = 2**63


def check_fit(value: Any, where: str = "") -> None:
    """Every field of the dataclass is of its type, however deep. Raises ProtocolError naming the first that is not."""
    cls = type(value)
    hints = _hints.get(cls)
    if hints is None:
        found = get_type_hints(cls)
        hints = _hints[cls] = [(f.name, found[f.name]) for f in fields(cls)]
    for name, hint in hints:
        _check(getattr(value, name), hint, f"{where}.{name}" if where else name)


_hints: dict[Any, list[tuple[str, Any]]] = {}


def _check(value: Any, hint: Any, where: str) -> None:
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        _check_union(value, get_args(hint), where)
    elif origin is tuple:
        _check_tuple(value, get_args(hint), where)
    elif hint is Resources:
        _check_resources(value, where)
    elif type(value) is not hint:
        raise ProtocolError(f"{where}: {str(value)[:80]!r} is no {getattr(hint, '__name__', hint)}")
    elif hint is int and not -_BOUND <= value < _BOUND:
        raise ProtocolError(f"{where}: the number is too large")
    elif hint is str:
        _check_text(value, where)
    elif is_dataclass(value):
        check_fit(value, where)


def _check_union(value: Any, hints: tuple[Any, ...], where: str) -> None:
    if value is None and NoneType in hints:
        return
    fitting = [h for h in hints if (get_origin(h) or h) is type(value)]
    if not fitting:
        raise ProtocolError(f"{where}: {str(value)[:80]!r} does not fit")
    _check(value, fitting[0], where)


def _check_tuple(value: Any, hints: tuple[Any, ...], where: str) -> None:
    if type(value) is not tuple:
        raise ProtocolError(f"{where}: must be a list")
    many = len(hints) == 2 and hints[1] is Ellipsis
    if not many and len(value) != len(hints):
        raise ProtocolError(f"{where}: must have {len(hints)} members")
    for i, each in enumerate(value):
        _check(each, hints[0] if many else hints[i], f"{where}[{i}]")


def _check_resources(value: Any, where: str) -> None:
    """What Mesos' JSON of it says is what it is."""
    try:
        same = type(value) is Resources and Resources.from_json(value.to_json()) == value
    except (InvalidValue, TypeError, ValueError, LookupError, AttributeError, ArithmeticError):
        same = False
    if not same:
        raise ProtocolError(f"{where}: are no resources")


def _check_text(value: str, where: str) -> None:
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ProtocolError(f"{where}: is no text that UTF-8 can carry") from None
