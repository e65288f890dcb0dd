"""The link between two hosts, over a network that loses, repeats and reorders: in order, once, and a new life is noticed."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from raymesos.actors.link import BATCH_BYTES, MAX_QUEUED, WINDOW, Batch, Incoming, Outgoing, Reply, accept
from raymesos.wire.codec import decode_batch
from raymesos.wire.messages import Rescind


def envelopes(*numbers: int) -> list[Any]:
    return [("b", "a", Rescind(str(n))) for n in numbers]


def numbers(batch: Batch) -> list[int]:
    return [int(m.offer_id) for _, _, m in decode_batch(batch.blob)] if batch.count else []


class Network(RuleBasedStateMachine):
    """Host a sends numbers to host b. Either may be born again; calls and answers may be lost, late, doubled."""

    def __init__(self) -> None:
        super().__init__()
        self.now_ms = 0
        self.link, self.a_epoch = Outgoing("b"), 1
        self.incoming, self.b_epoch = Incoming(), 1
        self.calls: list[tuple[int, Batch]] = []
        self.answers: list[tuple[int, Batch, Reply | None]] = []
        self.sent = 0
        self.got: list[int] = []
        """What b's present life has had from a's present life."""
        self.owed: list[int] = []
        """What a's present life has queued for b's present life, as far as a can know."""

    def flush(self) -> None:
        for batch in self.link.ready(self.now_ms):
            self.calls.append((self.a_epoch, batch))

    @rule(count=st.integers(1, 5))
    def send(self, count: int) -> None:
        fresh = list(range(self.sent, self.sent + count))
        self.sent += count
        assert self.link.push(envelopes(*fresh))
        self.owed += fresh
        self.flush()

    @precondition(lambda self: self.calls)
    @rule(data=st.data(), keep=st.booleans())
    def a_call_arrives(self, data: Any, keep: bool) -> None:
        position = data.draw(st.integers(0, len(self.calls) - 1))
        epoch, batch = self.calls[position] if keep else self.calls.pop(position)
        verdict = accept(self.incoming, self.b_epoch, epoch, batch)
        if verdict.reborn or verdict.gap:
            self.got.clear()
        if verdict.take:
            self.got += numbers(batch)
        self.answers.append((epoch, batch, verdict.reply))

    @precondition(lambda self: self.calls)
    @rule(data=st.data())
    def a_call_is_lost(self, data: Any) -> None:
        epoch, batch = self.calls.pop(data.draw(st.integers(0, len(self.calls) - 1)))
        self.answers.append((epoch, batch, None))

    @precondition(lambda self: self.answers)
    @rule(data=st.data(), lose=st.booleans())
    def an_answer_arrives(self, data: Any, lose: bool) -> None:
        epoch, batch, reply = self.answers.pop(data.draw(st.integers(0, len(self.answers) - 1)))
        if epoch == self.a_epoch:
            self.take(batch, None if lose else reply)

    def take(self, batch: Batch, reply: Reply | None) -> None:
        """As the host does."""
        if batch.session != self.link.session:
            return
        if reply is None:
            self.link.failed(self.now_ms)
        elif reply.refused:
            self.link.reborn(reply.epoch)
            self.owed.clear()
        else:
            self.link.answered(reply, batch)
        self.flush()

    @rule(ms=st.sampled_from([10, 100, 2_000]))
    def time_passes(self, ms: int) -> None:
        self.now_ms += ms
        self.flush()

    @rule()
    def b_is_born_again(self) -> None:
        self.incoming, self.b_epoch = Incoming(), self.b_epoch + 1
        self.got.clear()

    @rule()
    def a_is_born_again(self) -> None:
        self.link, self.a_epoch = Outgoing("b"), self.a_epoch + 1
        self.owed.clear()

    @invariant()
    def what_came_is_in_order_and_came_once(self) -> None:
        assert self.got == sorted(set(self.got))
        assert self.got == list(range(self.got[0], self.got[0] + len(self.got))) if self.got else True
        assert len(self.link.unacked) <= WINDOW

    def teardown(self) -> None:
        """Once nothing is lost any more, everything that is owed arrives."""
        for _ in range(40):
            self.now_ms += 2_000
            self.flush()
            if not self.link.unacked and not self.link.waiting and not self.calls and (probe := self.link.probe()):
                self.calls.append((self.a_epoch, probe))
            while self.calls or self.answers:
                while self.calls:
                    epoch, batch = self.calls.pop(0)
                    verdict = accept(self.incoming, self.b_epoch, epoch, batch)
                    if verdict.reborn or verdict.gap:
                        self.got.clear()
                    if verdict.take:
                        self.got += numbers(batch)
                    self.answers.append((epoch, batch, verdict.reply))
                epoch, batch, reply = self.answers.pop(0)
                if epoch == self.a_epoch:
                    self.take(batch, reply)
        assert not self.link.unacked
        assert not self.link.waiting
        assert self.link.epoch == self.b_epoch
        assert self.got[len(self.got) - len(self.owed) :] == self.owed


Network.TestCase.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)
TestNetwork = Network.TestCase


def test_a_batch_stays_below_the_transports_limit_and_a_window_is_in_flight() -> None:
    link = Outgoing("b", epoch=1)
    link.push([("b", "a", Rescind("x" * 1000)) for _ in range(1000)])
    batches = link.ready(0)
    assert len(batches) == WINDOW
    assert all(len(b.blob) <= BATCH_BYTES + 10 for b in batches)
    assert link.ready(0) == []
    assert batches[1].first_seq == batches[0].first_seq + batches[0].count


def test_until_the_peer_has_answered_once_a_single_batch_is_under_way() -> None:
    link = Outgoing("b")
    link.push([("b", "a", Rescind("x" * 1000)) for _ in range(1000)])
    assert len(link.ready(0)) == 1


def test_a_failed_call_is_tried_again_after_longer_and_longer_waits() -> None:
    link = Outgoing("b", epoch=1)
    link.push(envelopes(1))
    now, waits = 0, []
    for _ in range(8):
        assert len(link.ready(now)) == 1
        link.failed(now)
        assert link.ready(now) == []
        waits.append(link.next_retry_ms() - now)
        now = link.next_retry_ms()
    assert waits == [50, 100, 200, 400, 800, 1_600, 1_600, 1_600]


def test_a_queue_that_nobody_empties_is_refused_in_the_end() -> None:
    link = Outgoing("b")
    link.waiting.extend([b""] * MAX_QUEUED)
    assert not link.push(envelopes(1))


def test_a_probe_is_empty_and_a_peer_of_another_life_refuses_it() -> None:
    link = Outgoing("b", epoch=1)
    probe = link.probe()
    assert (probe.count, probe.to_epoch) == (0, 1)
    assert accept(Incoming(1, 1, 0), 1, 1, probe).reply == Reply(1, 0, refused=False)
    assert accept(Incoming(), 2, 1, probe).reply.refused
    link.push(envelopes(1))
    assert link.probe() is None


def test_batches_cut_before_the_peers_first_answer_are_for_the_life_that_gave_it() -> None:
    link = Outgoing("b")
    link.push([("b", "a", Rescind("x" * 50_000)) for _ in range(4)])
    (first,) = link.ready(0)
    link.answered(accept(Incoming(), 7, 1, first).reply, first)
    rest = link.ready(0)
    assert [b.to_epoch for b in rest] == [7] * len(rest)
    assert accept(Incoming(), 8, 1, rest[0]).reply.refused
