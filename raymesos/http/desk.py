"""Where clients that keep a stream open are attended to: a machine of the host speaks for each, and the event loop has its stream.

The machine is on the host's thread: it puts what its client is to hear into `told`, under its own address. After each turn the loop is given all of that in one call,
and hands it to who has opened a place under that address. What the client wants goes to the machine as a message.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from raymesos.machine import Envelope, Machine

Told = list[tuple[str, Any]]
"""(address of the machine that says it, what), oldest first."""


class Hosting(Protocol):
    """What the desk needs of `raymesos.actors.host.Host`; all of it from any thread."""

    def seat(self, address: str, machine: Machine) -> None: ...

    def unseat(self, address: str) -> None: ...

    def post_all(self, envelopes: list[Envelope]) -> None: ...


class Desk:
    """One per HTTP process. `name` is its host's."""

    def __init__(self, host: Hosting, name: str) -> None:
        self.name = name
        self.told: Told = []
        """For the host's thread alone."""
        self._host = host
        self._hearers: dict[str, Callable[[Any], None]] = {}
        self._wanted: list[Envelope] = []

    # ------------------------------------------------------------ the host's thread

    def take_told(self) -> Told:
        """What the machines have said since the last call."""
        taken = self.told[:]
        # The list itself stays: the machines hold it.
        self.told.clear()
        return taken

    # ------------------------------------------------------------ the event loop

    def address(self, kind: str, name: str) -> str:
        """Where a machine for a client lives."""
        return f"{kind}/{name}@{self.name}"

    def open(self, address: str, machine: Machine, hear: Callable[[Any], None]) -> None:
        """`machine` sits at `address` from now on, and `hear` gets what it says."""
        self._hearers[address] = hear
        self._pass_on()
        self._host.seat(address, machine)

    def close(self, address: str) -> None:
        """The machine leaves after it has heard what it was told before; nobody hears it any more."""
        if self._hearers.pop(address, None) is not None:
            self._pass_on()
            self._host.unseat(address)

    def tell(self, address: str, message: Any) -> None:
        """The client behind the machine at `address` wants this. The machine sees itself as the sender. What is told in one turn of the loop goes to the host at once."""
        if not self._wanted:
            asyncio.get_running_loop().call_soon(self._pass_on)
        self._wanted.append((address, address, message))

    def _pass_on(self) -> None:
        if self._wanted:
            wanted, self._wanted = self._wanted, []
            self._host.post_all(wanted)

    def hand_out(self, told: Told) -> None:
        """Give each of `told` to whom it is for. What the gone have said is dropped."""
        for address, message in told:
            hear = self._hearers.get(address)
            if hear is not None:
                hear(message)
