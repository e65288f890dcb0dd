"""The queue of waiting ranges against a plain list of inputs: nothing is lost, doubled or reordered past its due time."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from raymesos.frameworks.batch.queue import OK, Queue, Span

TOTAL = 24
RANGES = st.tuples(st.integers(0, TOTAL - 1), st.integers(1, 6)).map(lambda r: (r[0], min(TOTAL, r[0] + r[1])))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["add", "front", "later", "out"]), RANGES, st.integers(0, 2)),
        st.tuples(st.just("take"), RANGES, st.integers(1, 5)),
        st.tuples(st.just("release"), RANGES, st.integers(0, 9)),
        st.tuples(st.just("decide"), RANGES, st.just(0)),
    ),
    max_size=40,
)


@settings(max_examples=300, deadline=None)
@given(STEPS)
def test_the_queue_holds_what_a_list_of_inputs_holds(steps: list[tuple[str, tuple[int, int], int]]) -> None:
    queue, inputs = Queue(), bytearray(TOTAL)
    ready: list[tuple[int, int]] = []
    later: list[tuple[int, int, int]] = []
    for kind, (lo, hi), n in steps:
        match kind:
            case "add":
                queue.add(Span(lo, hi, n))
                ready += [(i, n) for i in range(lo, hi)]
            case "front":
                queue.add_in_front(Span(lo, hi, n))
                ready[:0] = [(i, n) for i in range(lo, hi)]
            case "later":
                queue.add_later(n, Span(lo, hi, n))
                later += [(n, i, n) for i in range(lo, hi)]
            case "release":
                assert queue.release(n) is any(due <= n for due, _, _ in later)
                ready += [(i, k) for due, i, k in later if due <= n]
                later = [each for each in later if each[0] > n]
            case "out":
                queue.take_out(lo, hi)
                ready = [each for each in ready if not lo <= each[0] < hi]
            case "decide":
                inputs[lo:hi] = bytes([OK]) * (hi - lo)
            case "take":
                ready = _take(queue, inputs, ready, n)
        assert queue.count == sum(s.hi - s.lo for s in queue.spans())
        assert sorted(_open(queue, inputs)) == sorted((i, k) for i, k in ready if not inputs[i])
        assert queue.next_due_ms() == min((due for due, _, _ in later), default=None)


def _take(queue: Queue, inputs: bytearray, ready: list[tuple[int, int]], most: int) -> list[tuple[int, int]]:
    """Take from both; returns what the list has left. What is taken is open, in one row, of one past, and no more than asked for."""
    span = queue.first(inputs)
    if span is None:
        assert not any(not inputs[i] for i, _ in ready)
        return ready
    got = queue.take(span, most, inputs)
    assert 0 < got.hi - got.lo <= most
    assert not any(inputs[got.lo : got.hi])
    left = list(ready)
    for index in range(got.lo, got.hi):
        left.remove((index, got.failed))
    return left


def _open(queue: Queue, inputs: bytearray) -> list[tuple[int, int]]:
    return [(i, s.failed) for s in queue.ready for i in range(s.lo, s.hi) if not inputs[i]]
