"""The text and JSON forms of resources: what they say, and what they refuse."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raymesos.errors import InvalidValue
from raymesos.model.resources import EMPTY, Resources, fractional_gpus

parse = Resources.parse


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cpus:2;mem:1024;ports:[31000-32000]", "cpus:2;mem:1024;ports:[31000-32000]"),
        ("mem:1024;cpus:2", "cpus:2;mem:1024"),
        (" cpus : 2 ; mem:1.50 ;", "cpus:2;mem:1.5"),
        ("cpus(role):2;cpus:1", "cpus:1;cpus(role):2"),
        ("cpus(a/b):2", "cpus(a/b):2"),
        ("cpus(*):2", "cpus:2"),
        ("cpus:1;cpus:0.5", "cpus:1.5"),
        ("ports:[3-4, 1-2]", "ports:[1-4]"),
        ("ports:[1-4,2-6,9-9]", "ports:[1-6,9-9]"),
        ("ports:[21000-21010];ports(ads):[31000-31001]", "ports:[21000-21010];ports(ads):[31000-31001]"),
        ("disks:{b, a,b}", "disks:{a,b}"),
        ("cpus:1e3", "cpus:1000"),
        ("cpus:.5", "cpus:0.5"),
        ("cpus:0;mem:1", "mem:1"),
        ("", ""),
    ],
)
def test_the_text_form_is_that_of_mesos(text: str, shown: str) -> None:
    assert str(parse(text)) == shown


@pytest.mark.parametrize(
    ("text", "milli"),
    [
        ("1.5011", 1_501),
        ("1.5015", 1_502),  # ResourcesTest.PrecisionRounding: away from zero at the half-way point.
        ("1.0005", 1_001),
        ("1.0025", 1_003),
        ("0.0005", 1),
        ("1.001", 1_001),
        ("999999999999999", 999_999_999_999_999_000),
    ],
)
def test_three_decimals_are_kept_and_halves_go_away_from_zero(text: str, milli: int) -> None:
    assert parse(f"cpus:{text}").scalar("cpus") == milli


@given(st.integers(0, 10**9), st.integers(0, 9))
def test_a_fourth_decimal_rounds_to_the_nearest(milli: int, fourth: int) -> None:
    text = f"{milli // 1000}.{milli % 1000:03d}{fourth}"
    if milli == 0 and 0 < fourth < 5:
        return  # Refused, see below.
    assert parse(f"cpus:{text}").scalar("cpus") == milli + (fourth >= 5)


@pytest.mark.parametrize(
    ("text", "field", "value", "reason"),
    [
        ("cpus:nan", "resources.cpus", "nan", "finite"),
        ("cpus:-NaN", "resources.cpus", "-NaN", "finite"),
        ("cpus:inf", "resources.cpus", "inf", "finite"),
        ("cpus:-Infinity", "resources.cpus", "-Infinity", "finite"),
        ("cpus:-1", "resources.cpus", "-1", "negative"),
        ("cpus:-0.0001", "resources.cpus", "-0.0001", "negative"),
        ("cpus:0.00001", "resources.cpus", "0.00001", "small"),
        ("cpus:1e16", "resources.cpus", "1e16", "at most"),
        ("cpus:1e999999999", "resources.cpus", "1e999999999", "at most"),
        ("cpus:1e9999999999", "resources.cpus", "1e9999999999", "number"),
        ("cpus:", "resources.cpus", "", "number"),
        ("cpus:two", "resources.cpus", "two", "number"),
        ("cpus:1_000", "resources.cpus", "1_000", "number"),
        ("cpus:0x10", "resources.cpus", "0x10", "number"),
        ("cpus:１", "resources.cpus", "１", "number"),
        ("cpus:1 2", "resources.cpus", "1 2", "number"),
        ("cpus", "resources", "cpus", "name:value"),
        ("cpus:1;;mem:1", "resources", "", "name:value"),
        (":1", "resources", ":1", "name"),
        ("c pus:1", "resources", "c pus:1", "name"),
        ("cpus(:1", "resources", "cpus(:1", "name"),
        ("cpus():1", "resources.cpus role", "", "Empty role"),
        ("cpus(-a):1", "resources.cpus role", "-a", "dash"),
        ("cpus(a//b):1", "resources.cpus role", "a//b", "two adjacent slashes"),
        ("ports:[]", "resources.ports", "[]", "ranges must be like"),
        ("ports:[1]", "resources.ports", "[1]", "ranges must be like"),
        ("ports:[1-2", "resources.ports", "[1-2", "end with ]"),
        ("ports:[2-1]", "resources.ports", "[2-1]", "ends before it begins"),
        ("ports:[-1-2]", "resources.ports", "[-1-2]", "ranges must be like"),
        ("ports:[１-２]", "resources.ports", "[１-２]", "ranges must be like"),
        ("ports:[1-18446744073709551616]", "resources.ports", "[1-18446744073709551616]", "must lie within"),
        ("disks:{a", "resources.disks", "{a", "end with }"),
        ("disks:{}", "resources.disks", "{}", "names separated by commas"),
        ("disks:{a,,b}", "resources.disks", "{a,,b}", "names separated by commas"),
    ],
)
def test_a_refusal_names_the_field_the_value_and_the_reason(text: str, field: str, value: str, reason: str) -> None:
    with pytest.raises(InvalidValue) as refusal:
        parse(text)
    assert (refusal.value.field, refusal.value.value) == (field, value)
    assert reason in refusal.value.reason
    assert field in str(refusal.value)
    assert repr(value) in str(refusal.value)


@given(st.text(alphabet="cpus():;[]{}-,.0123456789e ~é\n", max_size=24))
def test_garbage_is_refused_or_read_never_worse(text: str) -> None:
    try:
        read = parse(text)
    except InvalidValue:
        return
    assert parse(str(read)) == read


@pytest.mark.parametrize("value", [None, 5, b"cpus:1", ["cpus:1"]])
def test_only_text_is_text(value: Any) -> None:
    with pytest.raises(InvalidValue, match="must be text"):
        parse(value)


def row(value: Any = 1, **more: Any) -> dict[str, Any]:
    return {"name": "cpus", "type": "SCALAR", "scalar": {"value": value}, **more}


def ranges_row(begin: Any, end: Any) -> dict[str, Any]:
    return {"name": "ports", "type": "RANGES", "ranges": {"range": [{"begin": begin, "end": end}]}}


def test_the_json_of_a_master_is_read_and_written() -> None:
    rows = [
        {"name": "cpus", "type": "SCALAR", "scalar": {"value": 2.5}, "allocation_info": {"role": "ads"}},
        {"name": "disks", "type": "SET", "set": {"item": ["b", "a"]}},
        {
            "name": "mem",
            "type": "SCALAR",
            "scalar": {"value": 128.0},
            "reservations": [{"type": "STATIC", "role": "ads"}],
        },
        {"name": "ports", "type": "RANGES", "ranges": {"range": [{"begin": 1, "end": 3}, {"begin": "4", "end": 5.0}]}},
    ]
    read = Resources.from_json(rows)
    assert str(read) == "cpus:2.5;disks:{a,b};mem(ads):128;ports:[1-5]"
    assert read.to_json() == [
        {"name": "cpus", "type": "SCALAR", "scalar": {"value": 2.5}},
        {"name": "disks", "type": "SET", "set": {"item": ["a", "b"]}},
        rows[2],
        {"name": "ports", "type": "RANGES", "ranges": {"range": [{"begin": 1, "end": 5}]}},
    ]


def test_the_older_form_of_a_reservation_is_understood() -> None:
    assert Resources.from_json([row(role="ads")]) == parse("cpus(ads):1")
    assert Resources.from_json([row(role="*")]) == parse("cpus:1")
    dynamic = Resources.from_json([row(role="ads", reservation={"principal": "ops"})])
    assert dynamic.to_json()[0]["reservations"] == [{"type": "DYNAMIC", "role": "ads", "principal": "ops"}]


def test_an_empty_list_and_empty_quantities_are_nothing() -> None:
    assert Resources.from_json([]) == EMPTY
    nothing = [row(0), {"name": "x", "type": "RANGES", "ranges": {}}, {"name": "y", "type": "SET", "set": {}}]
    assert Resources.from_json(nothing) == EMPTY


@pytest.mark.parametrize(
    ("rows", "field"),
    [
        (None, "resources"),
        ({}, "resources"),
        ("cpus:1", "resources"),
        ([1], "resources[0]"),
        ([{}], "resources[0]"),
        ([row(), {"name": 5}], "resources[1]"),
        ([{"name": ""}], "resources[0].name"),
        ([row(), {**row(), "name": "a;b"}], "resources[1].name"),
        ([{"name": "x"}], "resources[0].x.type"),
        ([{"name": "x", "type": "TEXT", "text": {"value": "y"}}], "resources[0].x.type"),
        ([{"name": "x", "type": "SCALAR"}], "resources[0].x"),
        ([row(math.nan)], "resources[0].cpus"),
        ([row(math.inf)], "resources[0].cpus"),
        ([row(-1)], "resources[0].cpus"),
        ([row(True)], "resources[0].cpus"),
        ([row(None)], "resources[0].cpus"),
        ([row([1])], "resources[0].cpus"),
        ([ranges_row(5, 1)], "resources[0].ports"),
        ([ranges_row(-5, 1)], "resources[0].ports"),
        ([ranges_row(1.5, 3)], "resources[0].ports"),
        ([ranges_row(True, 3)], "resources[0].ports"),
        ([ranges_row(0, 2**64)], "resources[0].ports"),
        ([{"name": "x", "type": "RANGES", "ranges": []}], "resources[0].x"),
        ([{"name": "x", "type": "SET", "set": {"item": "abc"}}], "resources[0].x"),
        ([{"name": "x", "type": "SET", "set": {"item": [1]}}], "resources[0].x"),
        ([row(role=5)], "resources[0].reservations"),
        ([row(reservations=5)], "resources[0].reservations"),
        ([row(reservations=["ads"])], "resources[0].reservations"),
        ([row(reservations=[{"role": "/a"}])], "resources[0].reservations.role"),
        ([row(reservations=[{"role": "*"}])], "resources[0].reservations.role"),
        ([row(reservations=[{"role": "a", "type": "OTHER"}])], "resources[0].reservations.type"),
        ([row(reservations=[{"role": "a", "labels": 5}])], "resources[0].cpus"),
        ([row(reservations=[{"role": "a", "labels": {"labels": [{}]}}])], "resources[0].cpus"),
        ([row(disk=3)], "resources[0].disk"),
        ([row(disk={"source": 3})], "resources[0].cpus"),
    ],
)
def test_json_that_does_not_fit_is_refused_by_its_place(rows: Any, field: str) -> None:
    with pytest.raises(InvalidValue) as refusal:
        Resources.from_json(rows)
    assert refusal.value.field == field
    assert refusal.value.reason


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["cpus", "ads", "SCALAR", "MOUNT", ""]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                [
                    "name",
                    "type",
                    "scalar",
                    "value",
                    "ranges",
                    "range",
                    "begin",
                    "end",
                    "set",
                    "item",
                    "reservations",
                    "role",
                    "disk",
                    "source",
                    "labels",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from(["disk", "reservations", "role", "reservation", "scalar", "shared", "revocable"]), _JSON
    )
)
def test_no_json_does_worse_than_be_refused(more: dict[str, Any]) -> None:
    try:
        read = Resources.from_json([row(**more)])
    except InvalidValue:
        return
    assert Resources.from_json(read.to_json()) == read


def test_negative_quantities_cannot_be_made() -> None:
    with pytest.raises(InvalidValue, match="negative"):
        Resources.of_milli({"cpus": -1})


def test_numbers_in_json_are_the_floats_of_their_decimals() -> None:
    for milli in (1, 1_001, 999_999, 123_456_789_012):
        value = Resources.of_milli({"cpus": milli}).to_json()[0]["scalar"]["value"]
        assert value == float(Decimal(milli) / 1000)


def test_part_of_a_gpu_is_noticed() -> None:
    assert fractional_gpus(parse("gpus:0.5"))
    assert not fractional_gpus(parse("gpus:2;cpus:0.5"))
