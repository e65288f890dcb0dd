"""What the gateway's machine knows: what services should have, and what HAProxy has as far as is known."""

from __future__ import annotations

from dataclasses import dataclass, field

from raymesos.errors import InvariantBroken
from raymesos.gateway.orders import SlotCount
from raymesos.wire.routes import Route

QUIET = 2
"""A server is without requests when so many looks in a row found none: one that was just being sent there is counted by the next."""


@dataclass(slots=True)
class Server:
    """`host` is empty where it was read back: HAProxy knows addresses only. `quiet`: looks in a row without a request, since it gets no new ones."""

    host: str
    port: int
    mode: str
    quiet: int = 0


@dataclass(slots=True)
class Slot:
    """A slot in use. `service` is whose it is, or was; `rules` is empty while HAProxy sends it nothing. `open`: requests there when last counted, held ones among them."""

    service: str
    rules: str = ""
    servers: dict[str, Server] = field(default_factory=dict)
    """By task id."""
    open: int = 0


@dataclass(slots=True)
class Books:
    """All of it. `free` are slots without a trace of a service, the longest free first."""

    free: list[str]
    wanted: dict[str, Route] = field(default_factory=dict)
    known: bool = False
    """Whether the service framework has told all its routes."""
    version: int = 0
    told_version: int = -1
    """The last that was said to be followed; -1: none, to the framework as it is now."""
    settled: bool = False
    slots: dict[str, Slot] = field(default_factory=dict)
    slot_of: dict[str, str] = field(default_factory=dict)
    """By service. An index of `slots`."""
    refused: dict[tuple[str, str], None] = field(default_factory=dict)
    """(slot, task id) of servers that HAProxy did not take; tried again after a while."""
    unplaced: dict[str, None] = field(default_factory=dict)
    """Services for which no slot is left."""
    drained: dict[str, None] = field(default_factory=dict)
    """Draining instances that were said to be without requests."""
    counts: dict[str, SlotCount] = field(default_factory=dict)
    """By slot, also of services that have left it: HAProxy goes on counting."""
    waiting: dict[str, int] = field(default_factory=dict)
    """Requests held, by slot."""

    def take(self, service: str) -> str | None:
        """A slot for the service, from now on; None if none is left."""
        if not self.free:
            return None
        name = self.free.pop(0)
        self.slots[name] = Slot(service)
        self.slot_of[service] = name
        return name

    def leave(self, name: str) -> None:
        """Nothing of the slot's service is left there."""
        slot = self.slots.pop(name)
        self.slot_of.pop(slot.service, None)
        self.free.append(name)

    def forget_all(self) -> None:
        """HAProxy has nothing any more: it has begun anew."""
        for name in list(self.slots):
            self.leave(name)
        self.settled = False
        self.waiting.clear()
        self.refused.clear()
        self.counts.clear()

    def check(self) -> None:
        """Raises InvariantBroken where index and slots differ."""
        found = {slot.service: name for name, slot in self.slots.items() if slot.service}
        if found != self.slot_of:
            raise InvariantBroken("gateway.slots", f"{found} in the slots, {self.slot_of} in the index")
        twice = [name for name in self.free if name in self.slots]
        if twice or len(dict.fromkeys(self.free)) != len(self.free):
            raise InvariantBroken("gateway.free", f"{twice} free and in use; free: {self.free}")
