"""The link layer: what makes one-way messages between two hosts reliable and ordered while both live, and says so when one of them was reborn.

Each host has an epoch, a number that is larger for every later life. To each peer a host keeps a queue; batches of at most `BATCH_BYTES` go out with a
sequence number, at most `WINDOW` unanswered; the reply to a batch is a cumulative acknowledgement. A batch that may have been lost is sent again, and the
receiver drops what it has seen. A receiver of another epoch than the sender expects refuses: its memory is gone, what was queued for its former
life is dropped, and the machines are told (`LinkUp(peer, restarted=True)`), who then register or subscribe again.

This module knows neither Ray nor clocks: the host drives it and carries the batches.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

from raymesos.machine import Envelope
from raymesos.wire.codec import encode_envelope, join_envelopes

# At 100 KB an actor call leaves the fast path and goes through the object store, three times slower.
BATCH_BYTES = 96_000
# Unanswered batches per peer: enough to hide the round trip, few enough that a dead peer is noticed.
WINDOW = 4
# A peer that does not take its messages for so long is as good as gone; what it missed is healed by re-registration.
MAX_QUEUED = 500_000
RETRY_MS = (50, 100, 200, 400, 800, 1_600)


@dataclass(frozen=True, slots=True)
class Batch:
    """`count` messages with the sequence numbers from `first_seq` on, for the life `to_epoch` of the peer (0: any)."""

    to_epoch: int
    session: int
    """Grows each time the sender gives up what was queued and counts anew."""
    first_seq: int
    count: int
    blob: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """The receiver's answer: its epoch, the last sequence number it has in order, and whether it refused the batch for its epoch."""

    epoch: int
    last_seq: int
    refused: bool


class Carrier(Protocol):
    def carry(self, peer: str, from_epoch: int, batch: Batch, done: Callable[[Reply | None, bool], None]) -> None:
        """Move `batch` to `peer` without waiting; call `done(reply, gone)` once, from any thread.

        `reply` is None when the call may not have arrived; `gone` is true when the peer does not exist any more.
        """


@dataclass(slots=True)
class Outgoing:
    """What is on its way to one peer."""

    peer: str
    epoch: int = 0
    """The peer's life that we speak to; 0 until it first answered."""
    session: int = 1
    up: bool = True
    next_seq: int = 1
    waiting: deque[bytes] = field(default_factory=deque)
    unacked: deque[Batch] = field(default_factory=deque)
    sent: int = 0
    """How many of `unacked`, from the left, are in flight."""
    retry_at_ms: int = 0
    failures: int = 0

    def push(self, envelopes: list[Envelope]) -> bool:
        """Queue messages. False when the peer has not taken any for so long that the queue is full."""
        if len(self.waiting) + len(envelopes) > MAX_QUEUED:
            return False
        self.waiting.extend(encode_envelope(e) for e in envelopes)
        return True

    def ready(self, now_ms: int) -> list[Batch]:
        """The batches to send now."""
        if now_ms < self.retry_at_ms:
            return []
        while self.waiting and len(self.unacked) < WINDOW:
            self.unacked.append(self._next_batch())
        batches = list(self.unacked)[self.sent :]
        if self.epoch == 0:
            # Until the peer has answered once, one batch is enough: its first answer may be a refusal.
            batches = batches[:1] if self.sent == 0 else []
        self.sent += len(batches)
        # Cut before the peer's first answer, a batch would still be for any life: one that missed the first would wait for it for ever.
        return [replace(batch, to_epoch=self.epoch) for batch in batches]

    def probe(self) -> Batch | None:
        """An empty batch, whose answer tells which life the peer is in; None while real ones are on their way."""
        return None if self.unacked or self.waiting else Batch(self.epoch, self.session, self.next_seq, 0, b"")

    def next_retry_ms(self) -> int | None:
        """When `ready` is worth asking again without any news; None if nothing waits for time."""
        return self.retry_at_ms if (self.unacked or self.waiting) and self.sent == 0 else None

    def answered(self, reply: Reply, batch: Batch) -> None:
        """Take the answer of the peer's present life to `batch`: drop what it has, send again from where it has a gap."""
        self.failures = 0
        self.retry_at_ms = 0
        self.up = True
        self.epoch = reply.epoch
        while self.unacked and self.unacked[0].first_seq + self.unacked[0].count - 1 <= reply.last_seq:
            self.unacked.popleft()
            self.sent = max(0, self.sent - 1)
        if reply.last_seq < batch.first_seq + batch.count - 1:
            self.sent = 0

    def failed(self, now_ms: int) -> None:
        """The call did not get through, or not surely: try again after a while."""
        self.retry_at_ms = now_ms + RETRY_MS[min(self.failures, len(RETRY_MS) - 1)]
        self.failures += 1
        self.sent = 0

    def reborn(self, epoch: int) -> None:
        """The peer has a new life: what was meant for the former one is dropped."""
        self.clear()
        self.epoch = epoch
        self.up = True

    def clear(self) -> None:
        """Give up what is queued; a later message begins a new session."""
        self.session += 1
        self.waiting.clear()
        self.unacked.clear()
        self.sent = 0
        self.next_seq = 1
        self.failures = 0
        self.retry_at_ms = 0
        self.epoch = 0

    def _next_batch(self) -> Batch:
        rows: list[bytes] = []
        size = 0
        while self.waiting:
            row = self.waiting[0]
            if rows and size + len(row) > BATCH_BYTES:
                break
            self.waiting.popleft()
            rows.append(row)
            size += len(row)
        batch = Batch(self.epoch, self.session, self.next_seq, len(rows), join_envelopes(rows))
        self.next_seq += len(rows)
        return batch


@dataclass(slots=True)
class Incoming:
    """What has come from one peer."""

    epoch: int = 0
    session: int = 0
    last_seq: int = 0


@dataclass(frozen=True, slots=True)
class Accepted:
    """Whether to take the batch. `reborn`: the sender has a new life; `gap`: it gave up messages."""

    reply: Reply
    take: bool
    reborn: bool = False
    gap: bool = False


def accept(incoming: Incoming, own_epoch: int, from_epoch: int, batch: Batch) -> Accepted:
    """Judge a batch of the sender's life `from_epoch` and book it in `incoming`.

    A batch for another life of ours, or from an older life or session of the sender, is refused. A gap is answered with the last number in order.
    """
    if batch.to_epoch not in (0, own_epoch) or (from_epoch, batch.session) < (incoming.epoch, incoming.session):
        return Accepted(Reply(own_epoch, 0, refused=True), take=False)
    reborn = from_epoch > incoming.epoch
    gap = not reborn and batch.session > incoming.session
    if reborn or gap:
        incoming.epoch, incoming.session, incoming.last_seq = from_epoch, batch.session, 0
    # A batch is sent again as it was, so it is the next one, or known, or beyond a gap: never partly new.
    if batch.first_seq != incoming.last_seq + 1 or not batch.count:
        return Accepted(Reply(own_epoch, incoming.last_seq, refused=False), take=False, reborn=reborn, gap=gap)
    incoming.last_seq += batch.count
    return Accepted(Reply(own_epoch, incoming.last_seq, refused=False), take=True, reborn=reborn, gap=gap)
