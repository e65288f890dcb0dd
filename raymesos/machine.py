"""Machines, their outbox, and the Pump that drives the machines of one host.

A machine has one way in, `handle(now_ms, sender, message, out)`. It changes only itself and fills `out`. It never waits, logs, tells
time or rolls dice: time comes in as `now_ms`, and an answer is a later message. The same machines run as Ray actors and in the simulator;
a machine never learns which.

Addresses are strings. `master`, `allocator`, `observer`, `agent/<name>`, `executor/<agent name>/<executor id>`,
`launcher/<agent name>`, `shim/<agent name>/<executor id>`, `framework/<name>`, `client/<id>`. Text after `@` names the host that the machine lives in;
without it the host has the machine's own address.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import Any, Protocol

from raymesos.errors import InvariantBroken

MASTER = "master"
ALLOCATOR = "allocator"
OBSERVER = "observer"
BATCH = "framework/batch"
"""The built-in framework for batch jobs."""
SERVICE = "framework/service"
"""That for services."""

Envelope = tuple[str, str, Any]
"""(to, sender, message)"""

# A chain of local messages longer than this in one delivery is two machines answering each other for ever.
MAX_LOCAL_STEPS = 1_000_000
# A machine that puts a far wake off again and again leaves an entry behind each time; beyond twice as many as are due they are swept.
SPARE_TIMERS = 64


@dataclass(frozen=True, slots=True)
class Wake:
    """Sent to a machine by its own host when the time that it asked for has come; `key` is the machine's own."""

    key: str


@dataclass(frozen=True, slots=True)
class LinkDown:
    """Sent by the host: nothing sent to `peer` arrives any more, and what was sent lately may be lost."""

    peer: str


@dataclass(frozen=True, slots=True)
class LinkUp:
    """Sent by the host: `peer` answers again. `restarted` is true when its memory is gone since we last spoke."""

    peer: str
    restarted: bool


@dataclass(slots=True)
class Outbox:
    """What one machine wants done. The host carries it out after `handle` returns, records first, messages after."""

    sends: list[tuple[str, Any]] = field(default_factory=list)
    wakes: list[tuple[str, int | None]] = field(default_factory=list)
    notes: list[Any] = field(default_factory=list)
    records: list[Any] = field(default_factory=list)

    def send(self, to: str, message: Any) -> None:
        self.sends.append((to, message))

    def wake(self, key: str, after_ms: int) -> None:
        """Deliver `Wake(key)` once, `after_ms` from now; a second call with the same key replaces the first."""
        self.wakes.append((key, after_ms))

    def sleep(self, key: str) -> None:
        """Forget the wake asked for under `key`, if any."""
        self.wakes.append((key, None))

    def note(self, note: Any) -> None:
        """Tell the observer. A note may be lost; nothing may depend on it."""
        self.notes.append(note)

    def persist(self, record: Any) -> None:
        """Keep `record` (a wire message) in the journal. Whatever this batch sends leaves only after it is durable."""
        self.records.append(record)


class Machine(Protocol):
    def handle(self, now_ms: int, sender: str, message: Any, out: Outbox) -> None:
        """Take one message. Raises InvariantBroken only for our own bug; a peer's mistake is answered."""

    def check(self) -> None:
        """Cross-check the machine's own books. Raises InvariantBroken with the story."""


@dataclass(slots=True)
class Departure:
    """What leaves the host after a delivery: records to make durable first, then messages by destination, then notes."""

    records: list[tuple[str, Any]] = field(default_factory=list)
    messages: dict[str, list[Envelope]] = field(default_factory=dict)
    notes: list[Any] = field(default_factory=list)


class Pump:
    """Delivers batches to the machines of one host, runs what they cause locally, and keeps their wakes.

    `deliver` and `fire` return a Departure; its messages are grouped by destination host in the order in which they were sent.
    """

    def __init__(self) -> None:
        self._machines: dict[str, Machine] = {}
        self._queue: deque[Envelope] = deque()
        self._timers: list[tuple[int, int, str, str]] = []
        self._due: dict[tuple[str, str], tuple[int, int]] = {}
        self._order = 0

    def add(self, address: str, machine: Machine) -> None:
        self._machines[address] = machine

    def remove(self, address: str) -> Machine | None:
        """Take the machine out; its wakes and its queued messages go with it."""
        for owner, key in [k for k in self._due if k[0] == address]:
            del self._due[owner, key]
        kept = [e for e in self._queue if e[0] != address]
        self._queue.clear()
        self._queue.extend(kept)
        return self._machines.pop(address, None)

    def machine(self, address: str) -> Machine | None:
        return self._machines.get(address)

    def addresses(self) -> list[str]:
        return sorted(self._machines)

    def next_wake_ms(self) -> int | None:
        """When the earliest wake is due, in the clock of `now_ms`; None if no machine waits."""
        while self._timers:
            at, order, owner, key = self._timers[0]
            if self._due.get((owner, key)) == (at, order):
                return at
            heappop(self._timers)
        return None

    def deliver(self, now_ms: int, envelopes: Iterable[Envelope]) -> Departure:
        """Hand `envelopes` to their machines in order, with every local consequence. Those to unknown addresses are dropped.

        Raises InvariantBroken when the machines answer each other without end.
        """
        self._queue.extend(envelopes)
        departure = Departure()
        self._drain(now_ms, departure)
        return departure

    def fire(self, now_ms: int) -> Departure:
        """Deliver the wakes that are due at `now_ms`, earliest first, each with its consequences: one that these cancel or put off does not come.

        A wake that is asked for meanwhile waits for the next call, even one after 0 ms.
        """
        due: list[tuple[int, int, str, str]] = []
        while self._timers and self._timers[0][0] <= now_ms:
            due.append(heappop(self._timers))
        departure = Departure()
        for at, order, owner, key in due:
            if self._due.get((owner, key)) == (at, order):
                del self._due[owner, key]
                self._queue.append((owner, owner, Wake(key)))
                self._drain(now_ms, departure)
        return departure

    def _drain(self, now_ms: int, departure: Departure) -> None:
        steps = 0
        queue, machines = self._queue, self._machines
        out = Outbox()  # One for all: making one for each message costs 4 % of a simulation.
        while queue:
            to, sender, message = queue.popleft()
            machine = machines.get(to)
            if machine is None:
                continue  # It left while the message was on its way: the same as a message lost with its host.
            machine.handle(now_ms, sender, message, out)
            self._carry_out(now_ms, to, out, departure)
            steps += 1
            if steps > MAX_LOCAL_STEPS:
                raise InvariantBroken("pump.livelock", f"{steps} local steps; last {type(message).__name__} to {to}")

    def _carry_out(self, now_ms: int, owner: str, out: Outbox, departure: Departure) -> None:
        """Do what `out` asks for, and leave it empty."""
        if out.records:
            departure.records.extend([(owner, record) for record in out.records])
            out.records.clear()
        if out.wakes:
            for key, after_ms in out.wakes:
                self._set_wake(now_ms, owner, key, after_ms)
            out.wakes.clear()
        if out.notes:
            departure.notes.extend(out.notes)
            out.notes.clear()
        if out.sends:
            for to, message in out.sends:
                if to in self._machines:
                    self._queue.append((to, owner, message))
                else:
                    departure.messages.setdefault(host_of(to), []).append((to, owner, message))
            out.sends.clear()

    def _set_wake(self, now_ms: int, owner: str, key: str, after_ms: int | None) -> None:
        if after_ms is None:
            self._due.pop((owner, key), None)
            return
        self._order += 1
        at = now_ms + max(0, after_ms)
        self._due[owner, key] = (at, self._order)
        heappush(self._timers, (at, self._order, owner, key))
        if len(self._timers) > 2 * len(self._due) + SPARE_TIMERS:
            self._timers = [t for t in self._timers if self._due.get((t[2], t[3])) == (t[0], t[1])]
            heapify(self._timers)


def host_of(address: str) -> str:
    """The host that the machine at `address` lives in."""
    return address.rpartition("@")[2]
