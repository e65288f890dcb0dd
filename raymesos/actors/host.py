"""The shell around machines: one thread that takes what came in, pumps, makes records durable, and sends one batch per destination.

Everything that a machine must not know lives here: the clock, the thread, the journal, the links. The host itself does not know Ray: a `Carrier` moves
batches to other hosts, so the whole shell runs in tests between two hosts of one process.

Order of a turn: deliver all that waits → append and sync the records → only then queue what leaves. A turn whose records could not be kept ends the process.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, Protocol, TypeVar

from raymesos.actors.inbox import Ask, Came, Local, Replied
from raymesos.actors.link import Batch, Carrier, Incoming, Outgoing, Reply, accept
from raymesos.errors import InvariantBroken, ProtocolError
from raymesos.machine import OBSERVER, Departure, Envelope, LinkDown, LinkUp, Machine, Pump, Wake
from raymesos.wire.codec import decode_batch

T = TypeVar("T")
log = logging.getLogger("raymesos.host")

# Notes leave at most this often: readers need fractions of a second, the hot path needs its messages to itself.
NOTES_EVERY_MS = 100
# More notes than this between two departures and the oldest are dropped: a note may be lost, memory may not.
MAX_NOTES = 20_000
# So many failed deliveries in a row (about 8 s) and the peer counts as down.
DOWN_AFTER_FAILURES = 8
FORGET_EVERY_MS = 60_000
# One turn takes at most so many batches, so that wakes are not starved.
MAX_TURN_ITEMS = 256


class Keeper(Protocol):
    """Where the records of one machine go."""

    def append(self, records: list[Any]) -> None: ...

    def commit(self) -> None:
        """Everything appended is durable when this returns."""


@dataclass(slots=True)
class _Peer:
    epoch: int = 0
    addresses: dict[str, None] = field(default_factory=dict)


class Host:
    """One host: `name` is its address, `epoch` the number of this life. Nothing runs before `start`."""

    def __init__(self, name: str, epoch: int, carrier: Carrier, keepers: dict[str, Keeper] | None = None) -> None:
        self.name, self.epoch = name, epoch
        self.pump = Pump()
        self._carrier = carrier
        self._keepers = keepers or {}
        self._inbox: SimpleQueue[Any] = SimpleQueue()
        self._links: dict[str, Outgoing] = {}
        self._watched: dict[str, tuple[int, int]] = {}
        """Peers whose life is asked for: every so many ms, and when next."""
        self._incoming: dict[str, Incoming] = {}
        self._peers: dict[str, _Peer] = {}
        self._waiters: dict[str, Future[Any]] = {}
        self._after_turn: list[Callable[[int], int | None]] = []
        self._notes: list[Any] = []
        self._notes_due_ms = 0
        self._hook_times: tuple[int, ...] = ()
        self._clock_base_ms = int(time.time() * 1000) - int(time.monotonic() * 1000)
        self._receiving = threading.Lock()
        self._thread = threading.Thread(target=self._run, name=f"host {name}", daemon=True)
        self._stopping = False
        self.broken: BaseException | None = None
        self.on_broken: Callable[[BaseException], None] = _die

    # ------------------------------------------------------------ used by the owner before start

    def add(self, address: str, machine: Machine) -> None:
        self.pump.add(address, machine)

    def after_turn(self, hook: Callable[[int], int | None]) -> None:
        """Call `hook(now_ms)` after each turn; it may return when it wants to be called again."""
        self._after_turn.append(hook)

    def every(self, ms: int, act: Callable[[int], None]) -> None:
        """Call `act(now_ms)` after a turn, every so often."""
        due_ms = 0

        def hook(now_ms: int) -> int:
            nonlocal due_ms
            if now_ms >= due_ms:
                due_ms = now_ms + ms
                act(now_ms)
            return due_ms

        self.after_turn(hook)

    def note_every(self, ms: int, make: Callable[[int], list[Any]]) -> None:
        """Have the notes of `make(now_ms)` told every so often: what a machine counts and does not tell by itself."""
        self.every(ms, lambda now_ms: self._note(now_ms, make(now_ms)))

    def forget_seats(self, known: Callable[[str], bool], every_ms: int = FORGET_EVERY_MS) -> None:
        """Forget now and then the seats on other hosts that no machine here knows any more: a server has a new one for each of its clients, and its own address for ever."""

        def forget(now_ms: int) -> None:
            for peer in self._peers.values():
                for address in [a for a in peer.addresses if "@" in a and not known(a)]:
                    del peer.addresses[address]

        self.every(every_ms, forget)

    def watch(self, peer: str, every_ms: int) -> None:
        """Ask `peer` now and then, while there is nothing else to send: who only listens would never learn that it has a new life, or none."""
        self._watched[peer] = (every_ms, 0)
        self._links[peer] = Outgoing(peer)

    def start(self) -> None:
        """Begin: each machine gets `Wake("start")`."""
        self._inbox.put(Local([(a, a, Wake("start")) for a in self.pump.addresses()]))
        self._thread.start()

    @property
    def idle(self) -> bool:
        """Whether the peers have taken all that was sent. For the host's own thread (`ask`)."""
        return not any(link.waiting or link.unacked for link in self._links.values())

    # ------------------------------------------------------------ used from any thread

    def now_ms(self) -> int:
        """Wall-clock milliseconds that never run backwards in this life."""
        return self._clock_base_ms + int(time.monotonic() * 1000)

    def receive(self, from_host: str, from_epoch: int, batch: Batch) -> Reply:
        """Take a batch from another host's carrier. Returns at once; the machines see it in their turn."""
        with self._receiving:
            incoming = self._incoming.setdefault(from_host, Incoming())
            verdict = accept(incoming, self.epoch, from_epoch, batch)
            if verdict.take or verdict.reborn or verdict.gap:
                try:
                    envelopes = decode_batch(batch.blob) if verdict.take else []
                except ProtocolError:
                    log.exception("%s: dropped a batch of %d messages from %s", self.name, batch.count, from_host)
                    envelopes = []
                self._inbox.put(Came(from_host, envelopes, from_epoch, verdict.gap))
        return verdict.reply

    def reaches(self, peer: str) -> bool:
        """Whether `peer`, one that is watched, took what was sent last, as far as is known now."""
        return self._links[peer].up

    def post(self, to: str, sender: str, message: Any) -> None:
        """Hand a message to a local machine."""
        self.post_all([(to, sender, message)])

    def post_all(self, envelopes: list[Envelope]) -> None:
        """Hand messages to local machines, in one turn."""
        self._inbox.put(Local(envelopes))

    def call(self, to: str, client_id: str, message: Any, timeout_s: float) -> Any:
        """Send `message` as a client and wait for the one answer. Raises TimeoutError."""
        address = f"client/{client_id}@{self.name}"
        answer: Future[Any] = Future()
        self._waiters[address] = answer
        try:
            self.post(to, address, message)
            return answer.result(timeout_s)
        finally:
            self._waiters.pop(address, None)

    def ask(self, run: Callable[[int], T], timeout_s: float = 30.0) -> T:
        """Run `run(now_ms)` on the host's thread between two turns, where machines may be read. Raises what it raises."""
        answer: Future[T] = Future()
        self._inbox.put(Ask(run, answer))
        return answer.result(timeout_s)

    def seat(self, address: str, machine: Machine) -> None:
        """The machine lives here from the end of the present turn on, and starts. What comes for it earlier is lost."""

        def add(now_ms: int) -> None:
            self.pump.add(address, machine)
            self.post(address, address, Wake("start"))

        self._inbox.put(Ask(add, Future()))

    def unseat(self, address: str) -> None:
        """The machine leaves after it has heard what was posted to it before."""
        self._inbox.put(Ask(lambda now_ms: self.pump.remove(address), Future()))

    def stop(self, timeout_s: float = 5.0) -> None:
        self._stopping = True
        self._inbox.put(Local([]))
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(timeout_s)

    # ------------------------------------------------------------ the thread

    def _run(self) -> None:
        try:
            while not self._stopping:
                self._turn(self._wait())
        except BaseException as error:
            self.broken = error
            log.critical("%s stops: %r", self.name, error, exc_info=error)
            self.on_broken(error)

    def _wait(self) -> list[Any]:
        due = self._next_due_ms()
        items: list[Any] = []
        try:
            if due is None:
                items.append(self._inbox.get())
            else:
                items.append(self._inbox.get(timeout=max(0, due - self.now_ms()) / 1000))
            while len(items) < MAX_TURN_ITEMS:
                items.append(self._inbox.get_nowait())
        except Empty:
            pass
        return items

    def _next_due_ms(self) -> int | None:
        times = [t for t in (link.next_retry_ms() for link in self._links.values()) if t is not None]
        wake = self.pump.next_wake_ms()
        if wake is not None:
            times.append(wake)
        if self._notes:
            times.append(self._notes_due_ms)
        times.extend(due for _, due in self._watched.values())
        times.extend(self._hook_times)
        return min(times) if times else None

    def _turn(self, items: list[Any]) -> None:
        now_ms = self.now_ms()
        envelopes: list[Envelope] = []
        asks: list[Ask] = []
        for item in items:
            match item:
                case Came():
                    envelopes.extend(self._learn(item.host, item.epoch, gap=item.gap))
                    self._know(item.host, item.envelopes)
                    envelopes.extend(item.envelopes)
                case Replied():
                    envelopes.extend(self._replied(now_ms, item))
                case Local():
                    envelopes.extend(item.envelopes)
                case Ask():
                    asks.append(item)
        self._depart(now_ms, self.pump.deliver(now_ms, envelopes))
        self._depart(now_ms, self.pump.fire(now_ms))
        for ask in asks:
            ask.carry_out(now_ms)
        self._send_notes(now_ms)
        self._flush(now_ms)
        self._hook_times = tuple(t for t in [hook(now_ms) for hook in self._after_turn] if t is not None)

    def _depart(self, now_ms: int, departure: Departure) -> None:
        if departure.records:
            self._keep(departure.records)
        self._note(now_ms, departure.notes)
        for host, messages in departure.messages.items():
            if host == self.name:
                self._hand_out(messages)
            else:
                self._queue(host, messages)

    def _note(self, now_ms: int, notes: list[Any]) -> None:
        if not notes:
            return
        if not self._notes:
            self._notes_due_ms = now_ms + NOTES_EVERY_MS
        self._notes.extend(notes)
        del self._notes[:-MAX_NOTES]

    def _keep(self, records: list[tuple[str, Any]]) -> None:
        by_owner: dict[str, list[Any]] = {}
        for owner, record in records:
            by_owner.setdefault(owner, []).append(record)
        for owner, rows in by_owner.items():
            keeper = self._keepers.get(owner)
            if keeper is None:
                raise InvariantBroken("host.journal", f"{owner} persists {type(rows[0]).__name__} and has no journal")
            keeper.append(rows)
            keeper.commit()

    def _hand_out(self, messages: list[Envelope]) -> None:
        for to, _, message in messages:
            waiter = self._waiters.get(to)
            if waiter is not None and not waiter.done():
                waiter.set_result(message)

    def _queue(self, host: str, messages: list[Envelope]) -> None:
        link = self._links.get(host)
        if link is None:
            link = self._links[host] = Outgoing(host)
            link.epoch = self._peers[host].epoch if host in self._peers else 0
        self._know(host, [(sender, to, m) for to, sender, m in messages])
        if not link.push(messages):
            log.error("%s: %s has not taken anything for too long, its queue is dropped", self.name, host)
            self._inbox.put(Local(self._down(host, link)))

    def _know(self, host: str, envelopes: list[Envelope]) -> None:
        """Remember which machines live behind `host`, to tell ours of them when its link changes."""
        known = self._peers.setdefault(host, _Peer()).addresses
        for _, address, _ in envelopes:
            known[address] = None

    # ------------------------------------------------------------ links

    def _learn(self, host: str, epoch: int, *, gap: bool) -> list[Envelope]:
        """Book the peer's life as seen in what it sent. Returns what our machines must hear first."""
        peer = self._peers.setdefault(host, _Peer())
        news: list[Envelope] = []
        if gap and epoch == peer.epoch:
            news = self._tell(host, LinkDown) + self._tell_up(host, restarted=False)
        if epoch > peer.epoch:
            if peer.epoch:
                news = self._tell_up(host, restarted=True)
                link = self._links.get(host)
                if link is not None and link.epoch != epoch:
                    link.reborn(epoch)
            peer.epoch = epoch
        return news

    def _replied(self, now_ms: int, item: Replied) -> list[Envelope]:
        link = self._links.get(item.peer)
        if link is None or item.batch.session != link.session:
            return []
        if item.reply is None:
            link.failed(now_ms)
            if item.gone or link.failures >= DOWN_AFTER_FAILURES:
                return self._down(item.peer, link)
            return []
        peer = self._peers.setdefault(item.peer, _Peer())
        was_up, link.up = link.up, True
        if item.reply.refused:
            reborn = item.reply.epoch > peer.epoch > 0
            peer.epoch = max(peer.epoch, item.reply.epoch)
            link.reborn(item.reply.epoch)
            return self._tell_up(item.peer, restarted=True) if reborn else []
        reborn = item.reply.epoch > peer.epoch > 0
        peer.epoch = max(peer.epoch, item.reply.epoch)
        link.answered(item.reply, item.batch)
        if reborn or not was_up:
            return self._tell_up(item.peer, restarted=reborn)
        return []

    def _down(self, host: str, link: Outgoing) -> list[Envelope]:
        was_up, link.up = link.up, False
        link.clear()
        return self._tell(host, LinkDown) if was_up else []

    def _tell(self, host: str, news: type[LinkDown]) -> list[Envelope]:
        return [
            (own, own, news(address))
            for address in self._peers.setdefault(host, _Peer()).addresses
            for own in self.pump.addresses()
        ]

    def _tell_up(self, host: str, *, restarted: bool) -> list[Envelope]:
        return [
            (own, own, LinkUp(address, restarted))
            for address in self._peers.setdefault(host, _Peer()).addresses
            for own in self.pump.addresses()
        ]

    def _flush(self, now_ms: int) -> None:
        for peer, (every_ms, due_ms) in self._watched.items():
            if now_ms >= due_ms:
                self._watched[peer] = (every_ms, now_ms + every_ms)
                probe = self._links[peer].probe()
                if probe is not None:
                    self._carrier.carry(peer, self.epoch, probe, self._on_done(peer, probe))
        for peer, link in self._links.items():
            for batch in link.ready(now_ms):
                self._carrier.carry(peer, self.epoch, batch, self._on_done(peer, batch))

    def _on_done(self, peer: str, batch: Batch) -> Callable[[Reply | None, bool], None]:
        return lambda reply, gone: self._inbox.put(Replied(peer, batch, reply, gone))

    def _send_notes(self, now_ms: int) -> None:
        if not self._notes or now_ms < self._notes_due_ms:
            return
        notes, self._notes = self._notes, []
        if OBSERVER in self.pump.addresses():
            self._inbox.put(Local([(OBSERVER, self.name, note) for note in notes]))
        else:
            # It sends nothing by itself; who lives here is to hear when it has begun anew.
            self._peers.setdefault(OBSERVER, _Peer()).addresses[OBSERVER] = None
            self._queue(OBSERVER, [(OBSERVER, self.name, note) for note in notes])


def _die(error: BaseException) -> None:
    """Our own bug, or a journal that cannot be written: end the process, so that the machine begins again from its records."""
    logging.shutdown()
    os._exit(70)
