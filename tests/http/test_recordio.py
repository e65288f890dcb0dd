"""RecordIO: any chunking gives the same records, and what is no record is refused at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raymesos.errors import ProtocolError
from raymesos.http.recordio import Reader, frame, frames


@given(st.lists(st.binary(max_size=300), max_size=12), st.data())
def test_any_chunking_gives_the_same_records(records, data):
    stream = frames(records)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=20)))
    reader, got = Reader(), []
    for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        got += reader.feed(stream[begin:end])
    assert got == records
    assert reader.between


@given(st.binary(max_size=200), st.integers(1, 7))
def test_bytes_from_anywhere_are_records_or_refused_however_they_come(noise, step):
    whole, pieces = _outcome([noise]), _outcome([noise[i : i + step] for i in range(0, len(noise), step)])
    assert whole[1] == pieces[1]
    if not whole[1]:
        assert whole[0] == pieces[0]


def test_records_are_framed_as_mesos_frames_them():
    assert frame(b'{"type":"HEARTBEAT"}') == b'20\n{"type":"HEARTBEAT"}'
    assert frames([b"", b"ab"]) == b"0\n2\nab"


@pytest.mark.parametrize(
    "garbage", [b"{", b"-1\n", b"+5\nhello", b" 5\nhello", b"5 \nhello", b"0x5\n", b"\n", b"1_0\n"]
)
def test_what_is_no_length_is_refused_and_ends_the_reading(garbage):
    reader = Reader()
    with pytest.raises(ProtocolError, match="no length"):
        reader.feed(garbage)
    with pytest.raises(ProtocolError):
        reader.feed(frame(b"good"))


def test_a_record_above_the_bound_is_refused_before_it_is_held():
    reader = Reader(max_record_bytes=10)
    assert reader.feed(frame(b"x" * 10)) == [b"x" * 10]
    with pytest.raises(ProtocolError, match="at most 10"):
        reader.feed(b"11\n")


def test_a_length_that_never_ends_is_refused():
    reader = Reader(max_record_bytes=10)
    with pytest.raises(ProtocolError, match="no length"):
        reader.feed(b"000")


def test_half_a_record_is_seen_as_such():
    reader = Reader()
    assert reader.between
    assert reader.feed(b"3") == [] and not reader.between
    assert reader.feed(b"\nab") == [] and not reader.between
    assert reader.feed(b"c") == [b"abc"] and reader.between


def _outcome(chunks):
    reader, got = Reader(max_record_bytes=50), []
    try:
        for chunk in chunks:
            got += reader.feed(chunk)
    except ProtocolError:
        return got, True
    return got, False
