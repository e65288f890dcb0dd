"""`GET /api/live?view=roles&view=jobs%3Flimit%3D50`: views as they change, as server-sent events named by what was asked for. The page reads this.

A view is made, and put into text, once for all who look at it, and told only if it differs from what was told before. Making them takes at most a tenth of the event loop's time,
and large ones come less often.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from raymesos.errors import InvalidValue, RaymesosError
from raymesos.http.reading import Shown, arguments
from raymesos.http.signal import Signal
from raymesos.http.site import Site
from raymesos.http.streaming import PING, PING_S, Follower, sse, sse_json, stream
from raymesos.http.views import Readable

VIEWS_AT_MOST = 16
# As often as a person looks; a hundred kilobytes of text are worth a tenth of that.
EVERY_S = 1.0
BYTES_PER_S = 500_000
PART_OF_LOOP = 0.1


def routes(site: Site) -> list[BaseRoute]:
    async def watch(request: Request) -> Response:
        live = site.views_for(request).once(_live)
        return stream(live.read(wanted(request.query_params.getlist("view"))))

    return [Route("/api/live", watch)]


def _live(views: Readable) -> Live:
    return Live(views.once(Shown))


def wanted(views: Sequence[str]) -> dict[str, tuple[str, dict[str, Any]]]:
    """What was asked for: the view's name and arguments by the text that named them. Raises InvalidValue, UnknownId."""
    if not 0 < len(views) <= VIEWS_AT_MOST:
        raise InvalidValue("view", ", ".join(views)[:200], f"must be given 1 to {VIEWS_AT_MOST} times")
    found = {}
    for text in views:
        name, _, query = text.partition("?")
        found[text] = name, arguments(name, parse_qsl(query, keep_blank_values=True))
    return found


@dataclass(slots=True)
class _Look:
    """One view that somebody looks at: the event that tells it, and how often it changed."""

    name: str
    arguments: dict[str, Any]
    readers: int = 0
    version: int = 0
    event: bytes = b""
    revision: int = -1
    """Of the views, when it was made."""
    due: float = 0.0
    """When it may be made again."""


class Live:
    """All who look at the views of one server."""

    def __init__(self, shown: Shown) -> None:
        self._shown = shown
        self._looks: dict[str, _Look] = {}
        self._news = Signal()
        self._follower = Follower(self._follow)

    async def read(self, views: dict[str, tuple[str, dict[str, Any]]]) -> AsyncIterator[bytes]:
        """Each view as it is, then again whenever it has changed; never ends."""
        looks = self._join(views)
        told = dict.fromkeys(looks, 0)
        try:
            with self._follower:
                while True:
                    new = [text for text, look in looks.items() if look.version != told[text]]
                    if new:
                        told |= {text: looks[text].version for text in new}
                        yield b"".join([looks[text].event for text in new])
                    elif not await self._news.wait(PING_S):
                        yield PING
        finally:
            self._leave(looks)

    def _join(self, views: dict[str, tuple[str, dict[str, Any]]]) -> dict[str, _Look]:
        looks = {}
        for text, (name, given) in views.items():
            look = looks[text] = self._looks.setdefault(text, _Look(name, given))
            look.readers += 1
            if look.readers == 1:
                self._make(text, look)
        return looks

    def _leave(self, looks: dict[str, _Look]) -> None:
        for text, look in looks.items():
            look.readers -= 1
            if not look.readers:
                del self._looks[text]

    async def _follow(self) -> None:
        while True:
            began = time.perf_counter()
            behind = {t: look for t, look in self._looks.items() if look.revision != self._shown.views.revision}
            if not behind:
                await self._shown.views.changed.wait(PING_S)
                continue
            changed, spent = False, 0.0
            for text, look in behind.items():
                if look.due <= began:
                    at = time.perf_counter()
                    changed = self._make(text, look) or changed
                    spent += time.perf_counter() - at
                    await asyncio.sleep(0)  # Requests wait for one view at most, not for all of them.
            if changed:
                self._news.set()
            await asyncio.sleep(max(EVERY_S, spent / PART_OF_LOOP))

    def _make(self, text: str, look: _Look) -> bool:
        """Whether it differs from before. What cannot be shown (the job is forgotten) is told as such."""
        try:
            event = sse(text, self._shown.text(look.name, look.arguments))
        except RaymesosError as error:
            event = sse_json("unknown", {"view": text, "message": str(error)})
        look.revision = self._shown.views.revision
        look.due = time.perf_counter() + len(event) / BYTES_PER_S
        if event == look.event:
            return False
        look.event, look.version = event, look.version + 1
        return True
