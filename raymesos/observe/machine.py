"""The observer: folds notes, answers with views. Nothing in the cluster waits for it, and it may lose its memory at any time.

A replica is folded elsewhere from what the observer relays, for readers who would be too many for it.
"""

from __future__ import annotations

from typing import Any

from raymesos.errors import InvariantBroken, UnknownId
from raymesos.machine import OBSERVER, LinkDown, LinkUp, Outbox, Wake
from raymesos.observe.relay import send_snapshot
from raymesos.observe.state import View, fold
from raymesos.observe.views import VIEWS
from raymesos.wire.notes import NotesBegin, WatchNotes

# A replica that hears nothing asks again after so long.
WATCH_AGAIN_MS = 1_000


class ObserverMachine:
    def __init__(self) -> None:
        self.state = View()
        self._replicas: dict[str, None] = {}

    def handle(self, now_ms: int, sender: str, message: Any, out: Outbox) -> None:
        match message:
            case WatchNotes():
                self._replicas[sender] = None
                send_snapshot(self.state, sender, out, now_ms)
            case LinkDown(peer):
                self._replicas.pop(peer, None)
            case LinkUp(peer, restarted):
                if restarted:
                    self._replicas.pop(peer, None)
            case Wake():
                pass
            case _:
                fold(self.state, message)
                for replica in self._replicas:
                    out.send(replica, message)

    def view(self, now_ms: int, name: str, arguments: dict[str, Any]) -> Any:
        """The view called `name` as plain data. Raises UnknownId for a view or subject that is not there."""
        make = VIEWS.get(name)
        if make is None:
            raise UnknownId("view", name)
        return make(self.state, now_ms, **arguments)

    def check(self) -> None:
        both = [t for t in self.state.tasks if t in self.state.ended_tasks]
        if both:
            raise InvariantBroken("observer.tasks", f"{both[0]} is both live and ended")


class ReplicaMachine:
    """Hears from the observer what it knows and keeps none of it: the host takes the messages after each turn, for `relay.take`."""

    def __init__(self) -> None:
        self._taken: list[Any] = []

    def take_messages(self) -> list[Any]:
        """Those that came since the last call, oldest first."""
        taken, self._taken = self._taken, []
        return taken

    def handle(self, now_ms: int, sender: str, message: Any, out: Outbox) -> None:
        match message:
            case Wake():
                _watch(out)
            case LinkDown(peer) | LinkUp(peer):
                if peer == OBSERVER:  # What was relayed meanwhile may be lost.
                    _watch(out)
            case _:
                if isinstance(message, NotesBegin):
                    out.sleep("watch")
                self._taken.append(message)

    def check(self) -> None:
        return


def _watch(out: Outbox) -> None:
    out.send(OBSERVER, WatchNotes())
    out.wake("watch", WATCH_AGAIN_MS)
