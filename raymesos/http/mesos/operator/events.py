"""`SUBSCRIBE` of the operator's API: all that there is, then each change, in order, as records. (Mesos: Master::Subscribers)"""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
from starlette.types import Receive, Send

from raymesos.http.mesos.operator.changes import Changes
from raymesos.http.mesos.operator.gallery import Gallery
from raymesos.http.mesos.operator.picture import Picture
from raymesos.http.mesos.operator.reads import get_state
from raymesos.http.mesos.values import Row
from raymesos.http.security.access import Caller
from raymesos.http.security.scoping import Lens
from raymesos.http.site import Site
from raymesos.http.streaming import Follower
from raymesos.http.streams import Stream
from raymesos.http.views import Watcher

HEARTBEAT_S = 15.0
# As in Mesos: of more, the one that has read longest is let go. (max_operator_event_stream_subscribers)
MAX_STREAMS = 1_000
HEADERS = [(b"content-type", b"application/json")]
HEARTBEAT = orjson.dumps({"type": "HEARTBEAT"})


class Reader:
    """One stream. Until it has been shown what there is, what changes waits."""

    def __init__(self, caller: Caller, stream: Stream) -> None:
        self.caller, self.stream = caller, stream
        self._waiting: list[bytes] | None = []

    def tell(self, record: bytes) -> None:
        if self._waiting is None:
            self.stream.push(record)
        else:
            self._waiting.append(record)

    def begin(self, *records: bytes) -> None:
        waiting, self._waiting = self._waiting or [], None
        for record in (*records, *waiting):
            self.stream.push(record)


class EventStreams:
    """For the event loop's thread."""

    def __init__(self, site: Site, gallery: Gallery) -> None:
        self._site, self._gallery = site, gallery
        self._readers: dict[Reader, None] = {}
        self._watcher: Watcher | None = None
        self._changes: Changes | None = None
        self._follower = Follower(self._follow)

    async def serve(self, caller: Caller, receive: Receive, send: Send) -> None:
        """Answer with the stream until the client leaves."""
        reader = Reader(caller, Stream(HEADERS, lambda: self._leave(reader)))
        with self._follower:
            begun = asyncio.ensure_future(self._begin(reader))
            try:
                await reader.stream.run(receive, send)
            finally:
                begun.cancel()
                self._leave(reader)
                if not self._readers:
                    self._watcher = self._changes = None

    async def _begin(self, reader: Reader) -> None:
        """Between here and the first await nothing is folded: what the picture does not have comes as a change."""
        while self._watcher is None:
            await asyncio.sleep(0)
        self._tell(self._watcher.taken())
        while len(self._readers) >= MAX_STREAMS:
            self._end(next(iter(self._readers)))
        self._readers[reader] = None
        self._site.event_streams = len(self._readers)
        shown = await self._gallery.answer("SUBSCRIBED", self._subscribed, reader.caller)
        reader.begin(shown, HEARTBEAT)

    def _subscribed(self, picture: Picture) -> Row:
        state = get_state(self._site, picture)
        return {
            "type": "SUBSCRIBED",
            "subscribed": {"get_state": state, "heartbeat_interval_seconds": HEARTBEAT_S},
        }

    async def _follow(self) -> None:
        await asyncio.gather(self._tell_all(), self._beat())

    async def _tell_all(self) -> None:
        views = self._site.views
        while True:
            with views.watch() as self._watcher:
                self._changes = Changes(views.state)
                while not self._watcher.lost:
                    self._tell(await self._watcher.next(HEARTBEAT_S))
            # What has changed meanwhile is not known: readers come back and are shown all again.
            for reader in list(self._readers):
                self._end(reader)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            for reader in list(self._readers):
                reader.tell(HEARTBEAT)

    def _tell(self, messages: list[Any]) -> None:
        """What they change, to all readers."""
        assert self._changes is not None
        changes = [change for message in messages if (change := self._changes.of(message)) is not None]
        if not changes:
            return
        for reader in list(self._readers):
            whole = self._site.access.sees_all(reader.caller)
            lens = None if whole else Lens(self._site.access, reader.caller, self._site.views.state)
            for change in changes:
                record = change.record if lens is None else change.seen(lens)
                if record is not None:
                    reader.tell(record)

    def _end(self, reader: Reader) -> None:
        reader.stream.end()
        self._leave(reader)

    def _leave(self, reader: Reader) -> None:
        if reader in self._readers:
            del self._readers[reader]
            self._site.event_streams = len(self._readers)
