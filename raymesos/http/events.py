"""`GET /api/events`: what has happened in the cluster, as server-sent events: the last `n`, then `live`, then each as it comes.

The id of an event is its number and its time. A reader that comes back with the last id it saw goes on where it was. If that event is not known any more (the observer began anew, or forgot
it), a `reset` says so, and it is told as if it were new.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import lru_cache
from itertools import islice

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from raymesos.errors import InvalidValue
from raymesos.http.signal import Signal
from raymesos.http.site import Site
from raymesos.http.streaming import PING, PING_S, Follower, sse_json, stream
from raymesos.http.views import Readable
from raymesos.observe.state import EVENTS_KEPT
from raymesos.wire.notes import EventNote

LAST = 50
# What is told at once is put together in one piece of this many.
PIECE = 200


def routes(site: Site) -> list[BaseRoute]:
    async def events(request: Request) -> Response:
        last = _count(request.query_params.get("last", str(LAST)))
        feed = site.views_for(request).once(EventFeed)
        return stream(feed.read(last, request.headers.get("last-event-id", "")))

    return [Route("/api/events", events)]


class EventFeed:
    """The events of the views, for any number of readers."""

    def __init__(self, views: Readable) -> None:
        self._views = views
        self._news = Signal()
        self._follower = Follower(self._follow)

    async def read(self, last: int, seen_id: str) -> AsyncIterator[bytes]:
        """From after `seen_id`, else from the `last` events on; never ends."""
        with self._follower:
            after, known = self._after(last, seen_id)
            if not known:
                yield sse_json("reset", {})
            lived = False
            while True:
                told, pieces = self._place(), self._since(after)
                for piece in pieces:
                    yield piece
                if not lived:
                    lived = True
                    yield sse_json("live", {"next": told[0]})
                while self._place() == told:
                    if not await self._news.wait(PING_S):
                        yield PING
                after = told[0]
                if after and self._id_of(after) != told[1]:
                    after = 0
                    yield sse_json("reset", {})

    def _after(self, last: int, seen_id: str) -> tuple[int, bool]:
        """(number of the last event that the reader has, whether that is still known)."""
        number = seen_id.partition(".")[0]
        if number.isascii() and number.isdigit() and self._id_of(int(number)) == seen_id:
            return int(number), True
        return max(0, self._views.state.events_seen - last), not seen_id

    def _place(self) -> tuple[int, str]:
        """(number, id) of the newest."""
        newest = self._views.state.events_seen
        return newest, self._id_of(newest)

    def _id_of(self, number: int) -> str:
        state = self._views.state
        back = state.events_seen - number
        if number <= 0 or not 0 <= back < len(state.events):
            return ""
        return _id(number, state.events[-1 - back])

    def _since(self, after: int) -> list[bytes]:
        """Those with a greater number that are still known, in pieces."""
        state = self._views.state
        first = state.events_seen - len(state.events) + 1
        skipped = max(0, after - first + 1)
        told = [_text(first + skipped + i, e) for i, e in enumerate(islice(state.events, skipped, None)) if e.kind]
        return [b"".join(told[i : i + PIECE]) for i in range(0, len(told), PIECE)]

    async def _follow(self) -> None:
        seen = self._place()
        while True:
            await self._views.changed.wait(PING_S)
            now = self._place()
            if now != seen:
                seen = now
                self._news.set()


def _id(number: int, event: EventNote) -> str:
    return f"{number}.{event.at_ms}"


@lru_cache(maxsize=EVENTS_KEPT)
def _text(number: int, event: EventNote) -> bytes:
    row = {"n": number, "at_ms": event.at_ms, "kind": event.kind, "subject": event.subject, "text": event.text}
    return sse_json("event", row, _id(number, event))


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) > EVENTS_KEPT:
        raise InvalidValue("last", text, f"must be 0 to {EVENTS_KEPT}")
    return int(text)
