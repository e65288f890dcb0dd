"""Carrying out writes: the master is asked from a thread, and the answer waits until the views show what was done."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from starlette.responses import Response

from raymesos.errors import InvalidValue, RaymesosError, UnknownId
from raymesos.http.mesos.operator.gallery import Gallery
from raymesos.http.mesos.operator.texts import refusal, text
from raymesos.http.mesos.operator.writes import Asking, Write
from raymesos.http.mesos.values import Row
from raymesos.http.security.access import Caller
from raymesos.http.site import Site
from raymesos.operating.asking import OperatorCall, operate

# Who reads what it has just written shall see it: notes are a tenth of a second late. Longer is not waited: a note may be lost.
SHOWN_S = 0.5


class Writer:
    """For the event loop's thread."""

    def __init__(self, site: Site, gallery: Gallery) -> None:
        self._site, self._gallery = site, gallery

    async def carry_out(self, write: Write, row: Row, caller: Caller) -> Response:
        """The master has done what `row` asks for, or the answer says why not."""
        tally = self._gallery.picture(caller).tally
        agent_id = row.get("agent_id", {}).get("value")
        began_ms = int(time.time() * 1000)
        try:
            calls = write.build(row, Asking(caller, self._site.access, tally))
            await asyncio.to_thread(self._operate, calls)
        except UnknownId:
            return text(write.unknown, write.unknown_status)
        except InvalidValue as error:
            if agent_id is not None and not tally.knows_agent(agent_id):
                return text(write.unknown, write.unknown_status)
            return refusal(error)
        except RaymesosError as error:
            return refusal(error, conflict=write.conflict)
        await self._until_shown(write, row, began_ms)
        return text("", write.done)

    async def _until_shown(self, write: Write, row: Row, began_ms: int) -> None:
        """The master's clock is ours: it is on the same machine."""
        await self._site.views.until(lambda view: write.shown(view, row) >= began_ms, SHOWN_S)

    def _operate(self, calls: Sequence[OperatorCall]) -> None:
        for call in calls:
            operate(self._site.door, call)
