"""Messages to bytes and back: msgpack behind one version byte.

A batch is `VERSION` + msgpack of `[[to, sender, tag, field, field, ...], ...]`. Fields travel by position, so a field may be added at the end with a
default (an older peer ignores it, a newer one fills it in), and never be moved. Encoders are built once per class from its type hints.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgpack

from raymesos.errors import ProtocolError
from raymesos.machine import Envelope
from raymesos.model.attributes import Attributes
from raymesos.model.resources import Resources
from raymesos.wire.registry import class_of, tag_of

VERSION = 1

_Convert = Callable[[Any], Any]
_PLAIN: tuple[type, ...] = (int, str, bytes, bool, float)
# What reading fields of another shape than their type can raise.
_MISFITS = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError)
_codecs: dict[Any, tuple[_Convert | None, _Convert | None]] = {}


def encode_batch(envelopes: Iterable[Envelope]) -> bytes:
    """Bytes of a batch. Raises ProtocolError for a class without a tag."""
    rows = [[to, sender, *_tagged(message)] for to, sender, message in envelopes]
    body: bytes = msgpack.packb(rows, use_bin_type=True)
    return bytes([VERSION]) + body


def encode_envelope(envelope: Envelope) -> bytes:
    """One row of a batch, to be joined with others by `join_envelopes`: a sender that must cut batches by size knows each row's."""
    to, sender, message = envelope
    row: bytes = msgpack.packb([to, sender, *_tagged(message)], use_bin_type=True)
    return row


def join_envelopes(rows: list[bytes]) -> bytes:
    """The batch that `encode_batch` would make of the same envelopes."""
    return b"".join([bytes([VERSION]), msgpack.Packer().pack_array_header(len(rows)), *rows])


def decode_batch(blob: bytes) -> list[Envelope]:
    """The batch that `encode_batch` made. Raises ProtocolError naming what does not fit."""
    rows = _unpack(blob)
    try:
        return [(_address(row[0]), _address(row[1]), _from_tagged(row[2:])) for row in rows]
    except _MISFITS as error:
        raise ProtocolError(f"a message does not fit its class: {error}") from error


def _address(value: Any) -> str:
    if type(value) is not str:
        raise TypeError(f"{value!r} is no address")
    return value


def encode(message: Any) -> bytes:
    """Bytes of one message, for journals and embedded data."""
    body: bytes = msgpack.packb(_tagged(message), use_bin_type=True)
    return bytes([VERSION]) + body


def decode(blob: bytes) -> Any:
    """The message that `encode` made. Raises ProtocolError."""
    row = _unpack(blob)
    try:
        return _from_tagged(row)
    except _MISFITS as error:
        raise ProtocolError(f"a message does not fit its class: {error}") from error


def _unpack(blob: bytes) -> Any:
    if not blob or blob[0] != VERSION:
        raise ProtocolError(f"wire version {blob[:1].hex() or 'none'}, this side speaks {VERSION:02x}")
    try:
        return msgpack.unpackb(memoryview(blob)[1:], use_list=True, strict_map_key=False)
    except (*_MISFITS, msgpack.UnpackException) as error:
        raise ProtocolError(f"not msgpack: {error}") from error


def _tagged(message: Any) -> list[Any]:
    cls = type(message)
    tag = tag_of(cls)
    if tag is None:
        raise ProtocolError(f"{cls.__name__} has no tag and cannot travel")
    to_row = _codec(cls)[0]
    assert to_row is not None
    return [tag, *to_row(message)]


def _from_tagged(row: list[Any]) -> Any:
    cls = class_of(row[0])
    if cls is None:
        raise ProtocolError(f"unknown message tag {row[0]!r}")
    from_row = _codec(cls)[1]
    assert from_row is not None
    return from_row(row[1:])


def _codec(hint: Any) -> tuple[_Convert | None, _Convert | None]:
    """(to plain, from plain) for a type; None means that the value travels as it is."""
    found = _codecs.get(hint)
    if found is None:
        found = _codecs[hint] = _build(hint)
    return found


def _build(hint: Any) -> tuple[_Convert | None, _Convert | None]:
    if hint in _PLAIN or hint is Any:
        return None, None
    if hint is Resources:
        return Resources.to_wire, Resources.from_wire
    if hint is Attributes:
        return Attributes.to_wire, Attributes.from_wire
    origin = get_origin(hint)
    if origin is tuple:
        return _tuple_codec(get_args(hint))
    if origin in (Union, UnionType):
        return _union_codec(tuple(a for a in get_args(hint) if a is not NoneType), optional=NoneType in get_args(hint))
    if origin is dict:
        return None, None
    if isinstance(hint, type) and issubclass(hint, Enum):
        # A look into the map is five times quicker than the call of the class.
        return (lambda v: v.value), hint._value2member_map_.__getitem__
    if is_dataclass(hint):
        return _row_codec(hint)
    raise ProtocolError(f"the codec has no way to carry {hint!r}")


def _row_codec(cls: Any) -> tuple[_Convert, _Convert]:
    hints = get_type_hints(cls)
    plan = [(f.name, *_codec(hints[f.name])) for f in fields(cls)]
    required = sum(1 for f in fields(cls) if f.default is MISSING and f.default_factory is MISSING)
    source = ", ".join(f"m.{name}" if enc is None else f"e{i}(m.{name})" for i, (name, enc, _) in enumerate(plan))
    scope: dict[str, Any] = {f"e{i}": enc for i, (_, enc, _) in enumerate(plan) if enc is not None}
    # One generated expression per class: 4 times quicker than a loop over the fields, and this runs for every message.
    to_row: _Convert = eval(f"lambda m: [{source}]", scope)
    decoders = [dec for _, _, dec in plan]
    count = len(plan)
    taken = ", ".join(f"r[{i}]" if dec is None else f"d{i}(r[{i}])" for i, dec in enumerate(decoders))
    scope = {"cls": cls} | {f"d{i}": dec for i, dec in enumerate(decoders) if dec is not None}
    whole: _Convert = eval(f"lambda r: cls({taken})", scope)

    def from_row(row: list[Any]) -> Any:
        if len(row) >= count:
            return whole(row)
        if len(row) < required:
            raise ProtocolError(f"{cls.__name__} has {required} required fields, got {len(row)}")
        return cls(*[v if d is None else d(v) for v, d in zip(row[:count], decoders, strict=False)])

    return to_row, from_row


def _tuple_codec(args: tuple[Any, ...]) -> tuple[_Convert | None, _Convert]:
    if len(args) == 2 and args[1] is Ellipsis:
        enc, dec = _codec(args[0])
        return (
            None if enc is None else lambda v: [enc(x) for x in v],
            tuple if dec is None else lambda v: tuple([dec(x) for x in v]),
        )
    pairs = [_codec(a) for a in args]
    return (
        lambda v: [x if e is None else e(x) for x, (e, _) in zip(v, pairs, strict=True)],
        lambda v: tuple([x if d is None else d(x) for x, (_, d) in zip(v, pairs, strict=True)]),
    )


def _union_codec(args: tuple[Any, ...], *, optional: bool) -> tuple[_Convert | None, _Convert | None]:
    if len(args) == 1:
        enc, dec = _codec(args[0])
        return (
            None if enc is None else lambda v: None if v is None else enc(v),
            None if dec is None else lambda v: None if v is None else dec(v),
        )
    if all(tag_of(a) is not None for a in args):
        return (lambda v: None if v is None else _tagged(v)), (lambda v: _one_of(args, v, optional=optional))
    raise ProtocolError(f"a union of {args!r} has no tags to tell its members apart")


def _one_of(args: tuple[Any, ...], row: Any, *, optional: bool) -> Any:
    if row is None and optional:
        return None
    made = _from_tagged(row)
    if type(made) not in args:
        raise ProtocolError(f"{type(made).__name__} is none of {', '.join(a.__name__ for a in args)}")
    return made
