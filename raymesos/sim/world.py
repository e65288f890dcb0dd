"""A world of hosts under a virtual clock. Each host has a Pump; the network carries batches between them; journals outlive their machines.

Time is an integer in ms and moves only in `advance`. Within an instant everything happens in rounds: all that has arrived is delivered, host by host in the
order of arrival; only when nothing waits, what is due by time happens. Nothing here depends on hashing: equal calls give equal histories.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any

from raymesos.errors import Conflict, InvariantBroken, UnknownId
from raymesos.machine import Departure, Envelope, LinkDown, LinkUp, Machine, Pump, Wake
from raymesos.sim.network import Network, Pair, pair_of
from raymesos.store.journal import MemoryJournal
from raymesos.wire.codec import encode

# More rounds than this in one instant: machines that answer each other for ever. (Published cases with 19,500 tasks take 140)
MAX_ROUNDS = 10_000


@dataclass(slots=True)
class Host:
    """One simulated process group: what lives here reaches each other without the network. `peers` are the hosts it ever spoke with."""

    name: str
    pump: Pump = field(default_factory=Pump)
    peers: dict[str, None] = field(default_factory=dict)
    wake_ms: int | None = None


class World:
    """Hosts, machines and what lies between them. `now_ms` is what the machines are told."""

    def __init__(self, now_ms: int = 0) -> None:
        self.now_ms = now_ms
        self.network = Network()
        self.journals: dict[str, MemoryJournal] = {}
        self.on_note: Callable[[Any], None] | None = None
        self._hosts: dict[str, Host] = {}
        self._homes: dict[str, str] = {}
        self._lives: dict[str, int] = {}
        self._met: dict[Pair, dict[str, int]] = {}
        self._inbox: dict[str, list[Envelope]] = {}
        self._timers: list[tuple[int, int, str]] = []
        self._order = 0

    # ------------------------------------------------------------ machines

    def add(self, address: str, machine: Machine, host: str = "") -> None:
        """`machine` lives at `address`, on `host` (of its own if none is named), and has its `Wake("start")` waiting. Raises Conflict.

        An address that was there before begins a new life: its peers hear `LinkUp(address, restarted=True)`.
        """
        if self.alive(address):
            raise Conflict(f"{address} is running")
        home = self._homes.setdefault(address, host or address)
        found = self._hosts.get(home)
        if found is None:
            found = self._hosts[home] = Host(home)
        found.pump.add(address, machine)
        self._lives[address] = self._lives.get(address, 0) + 1
        if self._lives[address] > 1:
            self._announce(found, address, LinkUp(address, True))
        self._arrive(home, [(address, address, Wake("start"))])

    def remove(self, address: str) -> None:
        """The machine is gone, with its memory and what waits for it; its peers hear `LinkDown(address)`. Raises UnknownId."""
        host = self._host_of(address)
        if host.pump.remove(address) is None:
            raise UnknownId("machine", address)
        waiting = self._inbox.get(host.name)
        if waiting is not None:
            self._inbox[host.name] = [e for e in waiting if e[0] != address]
        journal = self.journals.get(address)
        if journal is not None:
            journal.crash()
        self._announce(host, address, LinkDown(address))

    def drop_host(self, name: str) -> None:
        """The host and everything on it are gone for good."""
        for address in self._hosts[name].pump.addresses():
            self.remove(address)
        self._inbox.pop(name, None)

    def machine(self, address: str) -> Machine | None:
        """The machine at `address`; None while it is not running."""
        home = self._homes.get(address)
        return self._hosts[home].pump.machine(address) if home is not None else None

    def alive(self, address: str) -> bool:
        return self.machine(address) is not None

    def machines(self) -> list[tuple[str, Machine]]:
        """(address, machine) of all that run, hosts in the order in which they came."""
        found = [(a, h.pump.machine(a)) for h in self._hosts.values() for a in h.pump.addresses()]
        return [(address, machine) for address, machine in found if machine is not None]

    def journal(self, address: str) -> MemoryJournal:
        """The journal of the machine at `address`; it survives the machine."""
        return self.journals.setdefault(address, MemoryJournal())

    # ------------------------------------------------------------ messages

    def post(self, sender: str, to: str, message: Any) -> None:
        """Send as `sender`, over its host's links. Raises UnknownId if nobody ever lived at `to`."""
        source, target = self._host_of(sender), self._host_of(to)
        self._route(source, target.name, [(to, sender, message)])

    # ------------------------------------------------------------ time

    def settle(self) -> None:
        """Do everything that is due now, and what follows from it; time stands still. Raises InvariantBroken if it never ends."""
        for _ in range(MAX_ROUNDS):
            if self._inbox:
                self._deliver_round()
            elif not self._begin_due():
                return
        raise InvariantBroken(
            "sim.livelock", f"{MAX_ROUNDS} rounds at {self.now_ms} ms; last for {list(self._inbox)[:5]}"
        )

    def settle_until(self, done: Callable[[], bool]) -> None:
        """Deliver what is on its way, and what follows from it, only until `done`; what is due by time happens only if nothing else is left."""
        for _ in range(MAX_ROUNDS):
            if done():
                return
            if self._inbox:
                self._deliver_round()
            elif not self._begin_due():
                return

    def advance(self, ms: int) -> None:
        """Let `ms` pass, stopping at each moment at which something is due."""
        end_ms = self.now_ms + ms
        self.settle()
        while (at := self.next_event_ms()) is not None and at <= end_ms:
            self.now_ms = at
            self.settle()
        self.now_ms = end_ms

    def next_event_ms(self) -> int | None:
        """When the next thing happens that is not due yet; None if nothing will by itself."""
        while self._timers and self._hosts[self._timers[0][2]].wake_ms != self._timers[0][0]:
            heappop(self._timers)
        at = self._timers[0][0] if self._timers else None
        arrival = self.network.next_arrival_ms()
        return min(t for t in (at, arrival) if t is not None) if at is not None or arrival is not None else None

    # ------------------------------------------------------------ links

    def cut(self, a: str, b: str) -> None:
        """Cut the link between two hosts; both sides are told."""
        if self.network.connected(a, b):
            self._part(a, b)
            self.network.cut(a, b)

    def heal(self, a: str, b: str) -> None:
        self.network.heal(a, b)
        if self.network.connected(a, b):
            self._rejoin(a, b)

    def isolate(self, name: str) -> None:
        """Cut all links of a host."""
        if self.network.isolated(name):
            return
        for peer in self._hosts[name].peers:
            if self.network.connected(name, peer):
                self._part(name, peer)
        self.network.isolate(name)

    def rejoin(self, name: str) -> None:
        """Heal what `isolate` cut."""
        if not self.network.isolated(name):
            return
        self.network.rejoin(name)
        for peer in self._hosts[name].peers:
            if self.network.connected(name, peer):
                self._rejoin(name, peer)

    # ------------------------------------------------------------ rounds

    def _deliver_round(self) -> None:
        inbox, self._inbox = self._inbox, {}
        now_ms, hosts = self.now_ms, self._hosts
        for name, envelopes in inbox.items():
            host = hosts[name]
            self._depart(host, host.pump.deliver(now_ms, envelopes))

    def _begin_due(self) -> bool:
        """Let arrive and fire what is due. False if nothing was."""
        arrived = self.network.due(self.now_ms)
        for name, envelopes in arrived:
            self._arrive(name, envelopes)
        fired = False
        due = []
        while self._timers and self._timers[0][0] <= self.now_ms:
            at, _, name = heappop(self._timers)
            host = self._hosts[name]
            if host.wake_ms == at:
                host.wake_ms = None
                due.append(host)
        for host in due:
            fired = True
            self._depart(host, host.pump.fire(self.now_ms))
        return fired or bool(arrived)

    def _depart(self, host: Host, departure: Departure) -> None:
        if departure.records:
            self._keep(departure.records)
        if departure.notes and self.on_note is not None:
            for note in departure.notes:
                self.on_note(note)
        homes = self._homes
        for destination, envelopes in departure.messages.items():
            home = homes.get(destination)
            if home is not None:
                self._route(host, home, envelopes)
        wake_ms = host.pump.next_wake_ms()
        if wake_ms is not None and (host.wake_ms is None or wake_ms < host.wake_ms):
            host.wake_ms = wake_ms
            self._order += 1
            heappush(self._timers, (wake_ms, self._order, host.name))

    def _keep(self, records: list[tuple[str, Any]]) -> None:
        """Append and sync before anything of the same batch leaves."""
        written: dict[str, MemoryJournal] = {}
        for owner, record in records:
            journal = written[owner] = self.journal(owner)
            journal.append([encode(record)])
        for journal in written.values():
            journal.sync()

    def _route(self, source: Host, target: str, envelopes: list[Envelope]) -> None:
        if target not in source.peers and target != source.name:
            self._meet(source, self._hosts[target])
        if not self.network.quiet:
            envelopes = self.network.carry(self.now_ms, source.name, target, envelopes)
        if envelopes:
            self._arrive(target, envelopes)

    def _arrive(self, name: str, envelopes: list[Envelope]) -> None:
        waiting = self._inbox.get(name)
        if waiting is None:
            self._inbox[name] = envelopes
        else:
            waiting.extend(envelopes)

    # ------------------------------------------------------------ news of links

    def _meet(self, a: Host, b: Host) -> None:
        a.peers[b.name] = None
        b.peers[a.name] = None
        self._met[pair_of(a.name, b.name)] = self._lives_on(a) | self._lives_on(b)

    def _announce(self, host: Host, address: str, news: LinkDown | LinkUp) -> None:
        """Tell everyone who can talk to the machine, behind what it sent earlier."""
        self._tell(host, host, news, but=address)
        for peer in host.peers:
            if not self.network.connected(host.name, peer):
                continue
            if isinstance(news, LinkUp):
                # What the former life sent may not reach those who know of the new one, nor the new one what was sent to the former.
                self.network.lose_of(host.name, peer, address)
                self._met[pair_of(host.name, peer)][address] = self._lives[address]
            self._tell(host, self._hosts[peer], news)

    def _part(self, a: str, b: str) -> None:
        for one, other in ((a, b), (b, a)):
            self._met[pair_of(a, b)].update(self._lives_on(self._hosts[one]))
            for address in _faces(self._hosts[one]):
                self._tell_now(self._hosts[other], LinkDown(address))

    def _rejoin(self, a: str, b: str) -> None:
        met = self._met[pair_of(a, b)]
        for one, other in ((a, b), (b, a)):
            for address in _faces(self._hosts[one]):
                life = self._lives[address]
                self._tell_now(self._hosts[other], LinkUp(address, met.get(address, life) != life))
                met[address] = life

    def _tell(self, source: Host, target: Host, news: LinkDown | LinkUp, but: str = "") -> None:
        envelopes: list[Envelope] = [(own, own, news) for own in target.pump.addresses() if own != but]
        if source is not target and not self.network.quiet:
            envelopes = self.network.carry(self.now_ms, source.name, target.name, envelopes)
        if envelopes:
            self._arrive(target.name, envelopes)

    def _tell_now(self, target: Host, news: LinkDown | LinkUp) -> None:
        envelopes: list[Envelope] = [(own, own, news) for own in target.pump.addresses()]
        if envelopes:
            self._arrive(target.name, envelopes)

    def _lives_on(self, host: Host) -> dict[str, int]:
        return {address: self._lives[address] for address in host.pump.addresses()}

    def _host_of(self, address: str) -> Host:
        home = self._homes.get(address)
        if home is None:
            raise UnknownId("machine", address)
        return self._hosts[home]


def _faces(host: Host) -> list[str]:
    """The machines of a host that others talk to: launchers, shims and probers speak only with their own agent's."""
    return [a for a in host.pump.addresses() if not a.startswith(("launcher/", "shim/", "prober/"))]
