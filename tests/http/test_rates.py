"""A bucket of tokens with a bounded queue, in virtual time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from raymesos.http.security.rates import MILLISECOND, SECOND, Bucket, Buckets, Rate, Turn, rate_of
from raymesos.model.settings import HttpSettings

TEN = Rate(gap_ns=100 * MILLISECOND, burst=3, queue_ns=200 * MILLISECOND)


def waits(bucket: Bucket, now_ms: int, calls: int) -> list[int | str]:
    """Of so many calls at that moment: ms until the turn, or `no` with the ms after which to try again."""
    turns = [bucket.take(now_ms * MILLISECOND, TEN) for _ in range(calls)]
    return [t.wait_ns // MILLISECOND if t.taken else f"no {t.wait_ns // MILLISECOND}" for t in turns]


def test_a_burst_at_once_then_a_queue_then_refusals() -> None:
    assert waits(Bucket(0, TEN), 0, 7) == [0, 0, 0, 100, 200, "no 100", "no 100"]


def test_a_refused_call_takes_no_turn() -> None:
    bucket = Bucket(0, TEN)
    waits(bucket, 0, 50)
    assert waits(bucket, 100, 2) == [200, "no 100"]


def test_who_tries_again_when_told_is_taken() -> None:
    bucket = Bucket(0, TEN)
    refused = waits(bucket, 0, 6)[-1]
    assert refused == "no 100"
    assert waits(bucket, 100, 1) == [200]


def test_a_rest_earns_no_more_than_a_burst() -> None:
    bucket = Bucket(0, TEN)
    assert waits(bucket, 3_600_000, 4) == [0, 0, 0, 100]


def test_a_steady_caller_at_its_rate_never_waits() -> None:
    bucket = Bucket(0, TEN)
    assert [waits(bucket, n * 100, 1) for n in range(100)] == [[0]] * 100


@given(st.lists(st.integers(0, 400), max_size=200))
def test_no_second_sees_more_than_a_burst_and_its_rate(gaps: list[int]) -> None:
    bucket, now, turns = Bucket(0, TEN), 0, []
    for gap in gaps:
        now += gap * MILLISECOND
        turn = bucket.take(now, TEN)
        assert 0 <= turn.wait_ns <= (TEN.queue_ns if turn.taken else SECOND)
        if turn.taken:
            turns.append(now + turn.wait_ns)
    assert turns == sorted(turns)
    for i, begin in enumerate(turns):
        assert len([t for t in turns[i:] if t < begin + SECOND]) <= TEN.burst + 10


def test_callers_have_a_bucket_each_and_the_oldest_is_forgotten() -> None:
    buckets = Buckets(Rate(SECOND, 1, 0), known=2)
    assert buckets.take("a", 0) == buckets.take("b", 0) == Turn(True, 0)
    assert buckets.take("a", 0) == Turn(False, SECOND)
    buckets.take("c", 0)
    assert buckets.take("a", 0) == Turn(False, SECOND)
    assert buckets.take("b", 0) == Turn(True, 0)


def test_the_rate_comes_from_the_settings() -> None:
    assert rate_of(HttpSettings()) is None
    rate = rate_of(HttpSettings(rate=100, rate_burst_ms=500, rate_queue_ms=250))
    assert rate == Rate(10 * MILLISECOND, 50, 250 * MILLISECOND)
    assert rate_of(HttpSettings(rate=1, rate_burst_ms=0)) == Rate(SECOND, 1, SECOND)
