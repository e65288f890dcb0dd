"""Between the gateway's machine and the side that speaks to HAProxy, both in one process: orders go there, answers come back.

A *slot* is one of HAProxy's backends, declared when it starts: backends cannot be added while it runs. A service that has a route has a slot.
"""

from __future__ import annotations

from dataclasses import dataclass

READY, DRAIN, MAINT = "ready", "drain", "maint"
"""What a server may have: requests; only what it has already; nothing new, and it will be removed."""


@dataclass(frozen=True, slots=True)
class SetRoute:
    """Requests to `service` go to `slot` by `rules` (`speech.rules_text`) from now on. `known`: it has a route already."""

    service: str
    slot: str
    rules: str
    known: bool


@dataclass(frozen=True, slots=True)
class DropRoute:
    """`service` is unknown from now on."""

    service: str


@dataclass(frozen=True, slots=True)
class AddServer:
    """A server for `task_id`, in `mode`."""

    slot: str
    task_id: str
    host: str
    port: int
    mode: str


@dataclass(frozen=True, slots=True)
class SetMode:
    """The server is in `mode` from now on; open requests go on."""

    slot: str
    task_id: str
    mode: str


@dataclass(frozen=True, slots=True)
class RemoveServer:
    """The server, one in maintenance without open requests, is gone. HAProxy refuses while a connection is left, idle ones among them."""

    slot: str
    task_id: str


@dataclass(frozen=True, slots=True)
class Settle:
    """All routes are told: a service without one does not exist."""


Command = SetRoute | DropRoute | AddServer | SetMode | RemoveServer | Settle


@dataclass(frozen=True, slots=True)
class Begin:
    """Find HAProxy running, or start it. Answered with Up."""


@dataclass(frozen=True, slots=True)
class Look:
    """Read back all that HAProxy has. Answered with Looked, or Unreached."""

    life: int


@dataclass(frozen=True, slots=True)
class Run:
    """Carry these out, in order. Answered with Ran."""

    life: int
    commands: tuple[Command, ...]


@dataclass(frozen=True, slots=True)
class Count:
    """Read who waits, the sessions of the servers of `slots`, and, if asked, the `traffic` of all. Answered with Counted, or Unreached."""

    life: int
    slots: tuple[str, ...]
    traffic: bool


# `life` is that of Up: an order that was meant for a HAProxy that has ended is dropped.
Order = Begin | Look | Run | Count


@dataclass(frozen=True, slots=True)
class Up:
    """HAProxy answers at `address` (host:port). `fresh`: it has just been started, and has no routes."""

    life: int
    address: str
    fresh: bool


@dataclass(frozen=True, slots=True)
class Ended:
    """HAProxy has ended, and `why`; the side starts another by itself and says Up."""

    why: str


@dataclass(frozen=True, slots=True)
class Unreached:
    """HAProxy did not answer a Look or Count."""


@dataclass(frozen=True, slots=True)
class ServerRow:
    """A server as HAProxy has it."""

    slot: str
    task_id: str
    port: int
    mode: str


@dataclass(frozen=True, slots=True)
class Looked:
    """All servers, and the routes as (service, slot, rules). `settled`: Settle was carried out."""

    servers: tuple[ServerRow, ...]
    routes: tuple[tuple[str, str, str], ...]
    settled: bool


@dataclass(frozen=True, slots=True)
class Ran:
    """The commands of the last Run are carried out, except those in `failed`: (index, HAProxy's words)."""

    failed: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class SlotCount:
    """Of one slot since HAProxy began: requests, 5xx answers, and answers by time to their head (`traffic.BOUNDS_MS`); `open` now."""

    slot: str
    requests: int
    open: int
    errors: int
    times: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Counted:
    """`waiting`: (slot, requests held now); `sessions`: (slot, task id, open requests)."""

    waiting: tuple[tuple[str, int], ...]
    sessions: tuple[tuple[str, str, int], ...]
    traffic: tuple[SlotCount, ...] | None
