"""Segments: what went in comes out, and what is none is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raymesos.shim.segments import ERROR, OK, BadSegment, Segment, encode

VALUES = st.lists(st.binary(max_size=20), max_size=12)


@given(VALUES, st.data())
def test_each_value_and_its_status_come_back(values: list[bytes], data: st.DataObject) -> None:
    statuses = bytes(data.draw(st.lists(st.sampled_from([OK, ERROR]), min_size=len(values), max_size=len(values))))
    with Segment(encode(values, statuses)) as segment:
        assert len(segment) == segment.count == len(values)
        assert [bytes(segment[i]) for i in range(len(values))] == values
        assert segment.statuses == statuses
    with Segment(encode(values)) as segment:
        assert segment.statuses == bytes(len(values))


@given(VALUES, st.data())
def test_any_slice_is_that_of_the_list(values: list[bytes], data: st.DataObject) -> None:
    lo = data.draw(st.integers(0, len(values)))
    hi = data.draw(st.integers(lo, len(values)))
    assert [bytes(each) for each in Segment(encode(values)).slice(lo, hi)] == values[lo:hi]


@given(VALUES, st.data())
def test_a_segment_cut_anywhere_is_refused(values: list[bytes], data: st.DataObject) -> None:
    whole = encode(values)
    with pytest.raises(BadSegment):
        Segment(whole[: data.draw(st.integers(0, len(whole) - 1))])


@given(st.binary(max_size=64))
def test_other_bytes_are_refused(garbage: bytes) -> None:
    with pytest.raises(BadSegment):
        Segment(garbage)
    with pytest.raises(BadSegment):
        Segment(b"RMS1" + b"\xff\xff\xff\x7f" + garbage)


def test_a_file_is_a_segment(tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.write_bytes(encode([b"a", b"", b"ccc"]))
    with Segment.open(path) as segment:
        assert [bytes(segment[i]) for i in range(3)] == [b"a", b"", b"ccc"]
    for content in (b"", b"RMS1", b"something else that is long enough"):
        path.write_bytes(content)
        with pytest.raises(BadSegment):
            Segment.open(path)
    with pytest.raises(FileNotFoundError):
        Segment.open(tmp_path / "missing")
