"""Attributes of agents: text, scalars, ranges and sets, and their three forms."""

from __future__ import annotations

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raymesos.errors import InvalidValue
from raymesos.model.attributes import Attributes
from raymesos.model.resources import Items

parse = Attributes.parse


def test_the_four_types_are_told_apart() -> None:
    read = parse("zone:[1-3,5-6]; rack:r1 ;n:5.5;disks:{b,a}")
    assert read.get("zone") == ((1, 3), (5, 6))
    assert read.get("rack") == "r1"
    assert read.get("n") == 5_500
    assert read.get("disks") == Items(["a", "b"])
    assert read.get("nothing") is None
    assert str(read) == "disks:{a,b};n:5.5;rack:r1;zone:[1-3,5-6]"
    assert [name for name, _ in read] == ["disks", "n", "rack", "zone"]


@pytest.mark.parametrize(
    "value", ["nan", "inf", "-infinity", "-5", "1_000", "1.2.3", "r1", "10.0.0.1", "０", "http://x/"]
)
def test_what_is_no_number_is_text(value: str) -> None:
    assert parse(f"a:{value}").get("a") == value


@pytest.mark.parametrize(
    ("text", "field", "reason"),
    [
        ("rack", "attributes", "name:value"),
        (":r1", "attributes", "name:value"),
        ("rack:", "attributes", "name:value"),
        ("zone:[1-", "attributes.zone", "end with ]"),
        ("zone:[b-a]", "attributes.zone", "ranges must be like"),
        ("zone:{a", "attributes.zone", "end with }"),
        ("n:1e16", "attributes.n", "at most"),
    ],
)
def test_a_refusal_of_an_attribute_names_it(text: str, field: str, reason: str) -> None:
    with pytest.raises(InvalidValue, match=reason) as refusal:
        parse(text)
    assert refusal.value.field == field


def test_no_attributes_are_false() -> None:
    assert not parse("")
    assert parse("") == Attributes() == parse(" ; ")
    assert str(Attributes()) == ""
    assert parse("a:1")


def test_equal_attributes_are_equal_in_any_order() -> None:
    assert parse("a:1;b:x") == parse("b:x;a:1.0")
    assert hash(parse("a:1;b:x")) == hash(parse("b:x;a:1.0"))
    assert parse("a:1") != parse("a:2")
    assert parse("a:1") != "a:1"


def test_the_json_is_that_of_mesos() -> None:
    assert parse("zone:[1-3];rack:r1;n:5.5;disks:{a}").to_json() == [
        {"name": "disks", "type": "SET", "set": {"item": ["a"]}},
        {"name": "n", "type": "SCALAR", "scalar": {"value": 5.5}},
        {"name": "rack", "type": "TEXT", "text": {"value": "r1"}},
        {"name": "zone", "type": "RANGES", "ranges": {"range": [{"begin": 1, "end": 3}]}},
    ]


_VALUES = st.sampled_from(["r1", "5", "0", "0.001", "[1-2]", "[1-2,9-9]", "{a}", "{a,b}", "1e3", "x y", "ü"])


@given(st.dictionaries(st.sampled_from("abcdef"), _VALUES))
def test_attributes_keep_their_value_in_text_and_on_the_wire(values: dict[str, str]) -> None:
    read = parse(";".join(f"{name}:{value}" for name, value in values.items()))
    assert parse(str(read)) == read
    packed = msgpack.unpackb(msgpack.packb(read.to_wire()))
    assert Attributes.from_wire(packed) == read
    assert str(Attributes.from_wire(packed)) == str(read)


@given(st.text(alphabet="ab:;[]{}-,.01e ü", max_size=20))
def test_garbage_among_attributes_is_refused_or_read(text: str) -> None:
    try:
        read = parse(text)
    except InvalidValue:
        return
    assert parse(str(read)) == read
