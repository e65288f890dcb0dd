"""Frames on a socket: any cut of the bytes gives the same frames, and what is no frame breaks the stream."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raymesos.shim.protocol import MAX_FRAME, Broken, Stream, pack

FIELDS = st.dictionaries(
    st.text(max_size=4), st.none() | st.integers(-9, 2**40) | st.binary(max_size=9) | st.text(max_size=9), max_size=3
)
FRAMES = st.lists(st.tuples(st.sampled_from(["hello", "report", ""]), FIELDS), min_size=1, max_size=4)


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, Stream]]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    yield theirs, Stream(ours)
    ours.close()
    theirs.close()


@given(FRAMES, st.data())
def test_frames_come_whole_however_their_bytes_come(frames: list[Any], data: st.DataObject) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        stream = Stream(ours)
        blob = b"".join(pack(kind, fields) for kind, fields in frames)
        cuts = sorted(data.draw(st.lists(st.integers(0, len(blob)), max_size=5)))
        came: list[Any] = []
        for begin, end in zip([0, *cuts], [*cuts, len(blob)], strict=True):
            theirs.sendall(blob[begin:end])
            came += stream.pump()
        assert came == frames


@given(FRAMES)
def test_a_blocking_reader_gets_the_same_frames(frames: list[Any]) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        sender, reader = Stream(theirs), Stream(ours)
        for kind, fields in frames:
            sender.send_now(kind, fields)
        assert [reader.receive() for _ in frames] == frames


def test_frames_before_the_end_are_heard_before_it(ends: tuple[socket.socket, Stream]) -> None:
    theirs, stream = ends
    theirs.sendall(pack("last", {"a": 1}))
    theirs.close()
    assert stream.pump() == [("last", {"a": 1})]
    with pytest.raises(Broken, match="closed"):
        stream.pump()


@pytest.mark.parametrize(
    ("blob", "why"),
    [
        (struct.pack("<I", MAX_FRAME + 1), f"a frame of {MAX_FRAME + 1} bytes"),
        (struct.pack("<I", 1) + b"\xc1", "not a frame"),
        (struct.pack("<I", 1) + b"\x05", "not a frame"),
        (struct.pack("<I", 0), "not a frame"),
        (b"GET / HTTP/1.1\r\n\r\n", "a frame of"),
    ],
)
def test_what_is_no_frame_breaks_the_stream(ends: tuple[socket.socket, Stream], blob: bytes, why: str) -> None:
    theirs, stream = ends
    theirs.sendall(blob)
    with pytest.raises(Broken, match=why):
        stream.pump()


def test_a_slow_reader_gets_everything_in_pieces(ends: tuple[socket.socket, Stream]) -> None:
    theirs, stream = ends
    reader = Stream(theirs)
    for n in range(20):
        stream.queue("data", {"n": n, "data": bytes(100_000)})
    assert stream.flush() is False
    theirs.setblocking(False)
    got: list[int] = []
    while len(got) < 20:
        got += [fields["n"] for _, fields in reader.pump()]
        stream.flush()
    assert got == list(range(20))
    assert stream.flush() is True


def test_writing_to_one_who_left_breaks(ends: tuple[socket.socket, Stream]) -> None:
    theirs, stream = ends
    theirs.close()
    stream.queue("data", {})
    with pytest.raises(Broken):
        stream.flush()
    with pytest.raises(Broken):
        stream.send_now("data", {})
