"""What the readers of one HTTP process read: a View of its own, folded on the thread of its event loop from what the observer relays.

Nothing here locks or waits: who serves a request reads the view as it is between two batches of notes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar, cast

from raymesos.errors import ClusterUnavailable, UnknownId
from raymesos.http.signal import Signal
from raymesos.observe.relay import take
from raymesos.observe.state import View
from raymesos.observe.views import VIEWS
from raymesos.wire.notes import NotesBegin, NotesComplete

# A watcher that is so many messages behind is told to begin again: a slow reader must not hold the memory of a fast cluster.
MAX_BEHIND = 50_000

T = TypeVar("T")


class Readable(Protocol):
    """What readers need: a view of the cluster, all of it or what they may see."""

    @property
    def state(self) -> View: ...

    @property
    def revision(self) -> int:
        """It grows with every change."""

    @property
    def ready(self) -> bool:
        """Whether the observer has told all that it knew."""

    @property
    def changed(self) -> Signal: ...

    def view(self, name: str, arguments: dict[str, Any], /) -> Any: ...

    def once(self, make: Callable[[Any], T], /) -> T: ...


class Reading:
    """What every Readable does with what it has."""

    def __init__(self) -> None:
        self._made: dict[Any, Any] = {}

    def view(self: Readable, name: str, arguments: dict[str, Any]) -> Any:
        """The view called `name` as plain data. Raises UnknownId, ClusterUnavailable before the first snapshot."""
        if not self.ready:
            raise ClusterUnavailable("the views are not ready yet; try again in a moment")
        make = VIEWS.get(name)
        if make is None:
            raise UnknownId("view", name)
        return make(self.state, int(time.time() * 1000), **arguments)

    def once(self, make: Callable[[Any], T]) -> T:
        """What `make` makes of these views, made when it is first asked for: readers share it, and it goes when they do."""
        found = self._made.get(make)
        if found is None:
            found = self._made[make] = make(self)
        return cast(T, found)


class Listener(Protocol):
    """Told of each batch of messages once the view has taken it. It must not wait."""

    def tell(self, messages: Sequence[Any], /) -> None: ...


class Watcher:
    """The messages that came since it began, oldest first. `lost` once it fell too far behind, or the view began anew: its reader starts over."""

    def __init__(self) -> None:
        self.messages: list[Any] = []
        self.lost = False
        self._news = asyncio.Event()

    def tell(self, messages: Sequence[Any]) -> None:
        if self.lost:
            return
        if len(self.messages) + len(messages) > MAX_BEHIND or any(isinstance(m, NotesBegin) for m in messages):
            self.lost = True
            self.messages = []
        else:
            self.messages += messages
        self._news.set()

    async def next(self, timeout_s: float) -> list[Any]:
        """What is new, waiting up to `timeout_s`; empty if nothing came."""
        if not self.messages and not self.lost:
            try:
                await asyncio.wait_for(self._news.wait(), timeout_s)
            except TimeoutError:
                return []
        return self.taken()

    def taken(self) -> list[Any]:
        """What is new already."""
        self._news.clear()
        taken, self.messages = self.messages, []
        return taken


class Views(Reading):
    """For the event loop's thread only. `revision` grows with every change; `ready` once the observer has told all that it knew."""

    def __init__(self) -> None:
        super().__init__()
        self.state = View()
        self.revision = 0
        self.ready = False
        self.changed = Signal()
        self._watchers: dict[Listener, None] = {}
        self._coming: View | None = None
        """The view that a snapshot is making."""

    def take(self, messages: Iterable[Any]) -> None:
        """Fold messages of the relay, and tell the watchers of them. Readers keep the old view while a new snapshot comes in."""
        batch = list(messages)
        for message in batch:
            self._take(message)
        if batch:
            self.revision += 1
            self.changed.set()
            for watcher in list(self._watchers):
                watcher.tell(batch)

    async def until(self, shown: Callable[[View], bool], timeout_s: float) -> bool:
        """Whether the view shows it, after waiting for that."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        while not shown(self.state):
            left_s = deadline - loop.time()
            if left_s <= 0:
                return False
            await self.changed.wait(left_s)
        return True

    @property
    def watchers(self) -> int:
        return len(self._watchers)

    def listen(self, listener: Listener) -> None:
        """It is told of all that comes from now on, for ever."""
        self._watchers[listener] = None

    @contextmanager
    def watch(self) -> Iterator[Watcher]:
        """A Watcher of all that comes from now on."""
        watcher = Watcher()
        self._watchers[watcher] = None
        try:
            yield watcher
        finally:
            del self._watchers[watcher]

    def _take(self, message: Any) -> None:
        if isinstance(message, NotesBegin):
            self._coming = take(self.state, message)
        elif self._coming is not None:
            self._coming = take(self._coming, message)
            if isinstance(message, NotesComplete):
                self.state, self._coming, self.ready = self._coming, None, True
        else:
            take(self.state, message)
