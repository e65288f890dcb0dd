"""The codec: every message there and back, and bytes that are none of ours refused."""

from __future__ import annotations

from dataclasses import MISSING, FrozenInstanceError, dataclass, fields, is_dataclass
from typing import Any

import msgpack
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from message_values import ANY_MESSAGE, ENVELOPES, MESSAGES, values

from raymesos.errors import ProtocolError
from raymesos.wire.codec import (
    VERSION,
    decode,
    decode_batch,
    encode,
    encode_batch,
    encode_envelope,
    join_envelopes,
)
from raymesos.wire.messages import Decline, StartWork, Teardown
from raymesos.wire.registry import tag_of
from raymesos.wire.work import CommandWork

FEW = settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("cls", MESSAGES, ids=lambda cls: cls.__name__)
def test_a_message_comes_back_equal_and_of_the_same_types(cls: type[Any]) -> None:
    @FEW
    @given(values(cls))
    def there_and_back(sent: Any) -> None:
        came = decode(encode(sent))
        assert came == sent
        assert type(came) is cls
        assert_same_types(came, sent)

    there_and_back()


def assert_same_types(came: Any, sent: Any) -> None:
    """Equality alone would take a list of ints for True and an enum for its text."""
    assert type(came) is type(sent)
    if isinstance(sent, tuple):
        for a, b in zip(came, sent, strict=True):
            assert_same_types(a, b)
    elif is_dataclass(sent):
        for f in fields(sent):
            assert_same_types(getattr(came, f.name), getattr(sent, f.name))


@pytest.mark.parametrize("cls", MESSAGES, ids=lambda cls: cls.__name__)
def test_a_message_is_a_frozen_slots_dataclass(cls: type[Any]) -> None:
    assert is_dataclass(cls)
    assert "__slots__" in cls.__dict__
    for f in fields(cls):
        with pytest.raises(FrozenInstanceError):
            setattr(cls.__new__(cls), f.name, None)


@settings(max_examples=40)
@given(st.lists(ENVELOPES, max_size=4))
def test_a_batch_comes_back_in_order(envelopes: list[Any]) -> None:
    assert decode_batch(encode_batch(envelopes)) == envelopes


@settings(max_examples=40)
@given(st.lists(ENVELOPES, max_size=4))
def test_rows_joined_are_the_batch_itself(envelopes: list[Any]) -> None:
    assert join_envelopes([encode_envelope(e) for e in envelopes]) == encode_batch(envelopes)


@pytest.mark.parametrize("count", [0, 1, 15, 16, 65_535, 65_536])
def test_batches_of_every_length_class_can_be_joined(count: int) -> None:
    row = encode_envelope(("a", "b", Teardown("f")))
    assert join_envelopes([row] * count) == encode_batch([("a", "b", Teardown("f"))] * count)


@pytest.mark.parametrize("version", [0, VERSION + 1, 255])
def test_another_version_is_refused_by_number(version: int) -> None:
    for blob, read in ((encode(Teardown("f")), decode), (encode_batch([("a", "b", Teardown("f"))]), decode_batch)):
        with pytest.raises(ProtocolError, match=f"wire version {version:02x}, this side speaks {VERSION:02x}"):
            read(bytes([version]) + blob[1:])


def test_nothing_at_all_is_refused() -> None:
    for read in (decode, decode_batch):
        with pytest.raises(ProtocolError, match="wire version none"):
            read(b"")


@settings(max_examples=30)
@given(st.lists(ENVELOPES, min_size=1, max_size=2), st.data())
def test_a_batch_cut_anywhere_is_refused(envelopes: list[Any], data: st.DataObject) -> None:
    blob = encode_batch(envelopes)
    cut = data.draw(st.integers(0, len(blob) - 1))
    with pytest.raises(ProtocolError):
        decode_batch(blob[:cut])
    with pytest.raises(ProtocolError):
        decode_batch(blob + b"\x00")


@settings(max_examples=100)
@given(ANY_MESSAGE, st.data())
def test_a_flipped_byte_is_refused_or_read_never_worse(message: Any, data: st.DataObject) -> None:
    blob = bytearray(encode_batch([("to", "from", message)]))
    at = data.draw(st.integers(0, len(blob) - 1))
    blob[at] ^= data.draw(st.integers(1, 255))
    try:
        decode_batch(bytes(blob))
    except ProtocolError as refusal:
        assert str(refusal)


@settings(max_examples=200)
@given(st.binary(max_size=40))
def test_garbage_behind_the_version_is_refused_or_read_never_worse(garbage: bytes) -> None:
    for read in (decode, decode_batch):
        try:
            read(bytes([VERSION]) + garbage)
        except ProtocolError as refusal:
            assert str(refusal)


_TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 300) | st.floats() | st.text(max_size=3) | st.binary(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.integers(0, 3) | st.text(max_size=1), inner, max_size=2)
    ),
    max_leaves=10,
)


@settings(max_examples=300)
@given(st.sampled_from(MESSAGES), st.lists(_TREES, max_size=6))
def test_fields_of_other_types_are_refused_or_read_never_worse(cls: type[Any], row: list[Any]) -> None:
    body = msgpack.packb([["to", "from", tag_of(cls), *row]])
    try:
        decode_batch(bytes([VERSION]) + body)
    except ProtocolError as refusal:
        assert str(refusal)


def packed(*row: Any) -> bytes:
    return bytes([VERSION]) + msgpack.packb(list(row))


@pytest.mark.parametrize("tag", [0, -1, 10_000, "1", None, [1], {}])
def test_an_unknown_tag_is_refused(tag: Any) -> None:
    with pytest.raises(ProtocolError):
        decode(packed(tag))
    with pytest.raises(ProtocolError):
        decode_batch(packed(["to", "from", tag]))


@pytest.mark.parametrize("row", [[], ["to"], ["to", "from"], [5, "from", 3, "f"], ["to", None, 3, "f"], 5, "abc", None])
def test_a_row_without_addresses_and_tag_is_refused(row: Any) -> None:
    with pytest.raises(ProtocolError):
        decode_batch(packed(row))


@pytest.mark.parametrize("cls", MESSAGES, ids=lambda cls: cls.__name__)
def test_too_few_fields_are_refused_and_missing_optional_ones_filled_in(cls: type[Any]) -> None:
    required = sum(f.default is MISSING and f.default_factory is MISSING for f in fields(cls))
    tag = tag_of(cls)
    if required:
        with pytest.raises(ProtocolError, match=f"{cls.__name__} has {required} required fields"):
            decode(packed(tag, *[0] * (required - 1)))

    @settings(max_examples=2, suppress_health_check=[HealthCheck.too_slow])
    @given(values(cls))
    def shortened(sent: Any) -> None:
        whole = msgpack.unpackb(encode(sent)[1:], strict_map_key=False)
        short = decode(packed(*whole[: required + 1]))
        for f in fields(cls)[:required]:
            assert getattr(short, f.name) == getattr(sent, f.name)
        for f in fields(cls)[required:]:
            assert getattr(short, f.name) == (f.default if f.default_factory is MISSING else f.default_factory())
        assert decode(packed(*whole, "of a newer peer")) == sent

    shortened()


def test_a_class_that_is_no_message_cannot_travel() -> None:
    @dataclass
    class Stranger:
        x: int = 1

    for send in (encode, lambda m: encode_batch([("a", "b", m)]), lambda m: encode_envelope(("a", "b", m))):
        with pytest.raises(ProtocolError, match="Stranger has no tag"):
            send(Stranger())


def test_a_union_takes_its_members_only() -> None:
    row = msgpack.unpackb(encode(StartWork("t", CommandWork(("true",)), "ads"))[1:])
    at = next(i for i, each in enumerate(row) if isinstance(each, list) and each[:1] == [tag_of(CommandWork)])
    row[at] = [tag_of(Teardown), "f"]
    with pytest.raises(ProtocolError, match="Teardown is none of ChunkWork, CommandWork"):
        decode(packed(*row))
    row[at] = None
    with pytest.raises(ProtocolError):
        decode(packed(*row))


def test_a_key_that_cannot_be_one_is_refused() -> None:
    with pytest.raises(ProtocolError, match="not msgpack"):
        decode(bytes([VERSION]) + b"\x81\x90\x01")


def test_equal_messages_are_equal_bytes() -> None:
    assert encode(Decline("f", ("o1",))) == encode(Decline("f", ("o1",)))
    assert encode(Decline("f", ("o1",))) != encode(Decline("f", ("o2",)))
