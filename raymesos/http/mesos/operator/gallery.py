"""Answers as bytes, made once a revision of the views however many ask for them, large ones on a thread: scheduler calls do not wait for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from typing import Any

import orjson

from raymesos.errors import ClusterUnavailable
from raymesos.http.mesos.operator.picture import Picture, Rows
from raymesos.http.security.access import Caller
from raymesos.http.site import Site

# Different answers kept for one revision.
ANSWERS_KEPT = 64
# What is quicker made than handed to a thread and back: tasks, agents and offers together.
LARGE = 1_000

Make = Callable[[Picture], Any]


class Gallery:
    """For the event loop's thread."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._rows = Rows()
        self._revision = -1
        self._pictures: dict[Caller | None, Picture] = {}
        self._answers: dict[Hashable, bytes] = {}
        self._coming: dict[Hashable, asyncio.Future[bytes]] = {}

    def picture(self, caller: Caller) -> Picture:
        """What the caller may see, as it is now. Raises ClusterUnavailable before anything is known."""
        site = self._site
        if not site.views.ready:
            raise ClusterUnavailable("the master is not known yet; try again in a moment")
        if self._revision != site.views.revision or len(self._answers) >= ANSWERS_KEPT:
            self._revision, self._pictures, self._answers, self._coming = site.views.revision, {}, {}, {}
        key = None if site.access.sees_all(caller) else caller
        found = self._pictures.get(key)
        if found is None:
            found = self._pictures[key] = Picture(site.views_of(caller).state, self._rows)
        return found

    async def answer(self, name: Hashable, make: Make, caller: Caller) -> bytes:
        """`make(picture)` in JSON. `name` tells it from other answers."""
        picture = self.picture(caller)
        key = name, id(picture)
        found = self._answers.get(key)
        if found is not None:
            return found
        if picture.tally.size < LARGE:
            found = self._answers[key] = orjson.dumps(make(picture))
            return found
        coming = self._coming.get(key)
        if coming is None:
            coming = self._coming[key] = asyncio.ensure_future(self._large(key, make, picture))
        return await asyncio.shield(coming)

    async def _large(self, key: Hashable, make: Make, picture: Picture) -> bytes:
        answers = self._answers
        found = await asyncio.to_thread(lambda: orjson.dumps(make(picture)))
        answers[key] = found
        return found
