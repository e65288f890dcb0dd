"""Jobs and tasks as they change, as server-sent events: what there is, a `snapshotEnd`, then each change. (Titus: observeJobs)

Every event has an id. A reader that comes back with the last one it saw (`Last-Event-ID`) hears what it missed; if that is not known any more, it is told all anew.
While nothing happens, a `keepAlive` tells it so, with the newest id: everything before that was sent. The stream of one job ends when the job does.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable

from raymesos.http.jobs import shapes
from raymesos.http.jobs.finding import Wanted, place_of
from raymesos.http.jobs.log import Entry, JobLog
from raymesos.http.streaming import PING_S, sse_json
from raymesos.http.views import Views
from raymesos.wire.notes import AttemptNote, JobNote

# What is told at once is put together in pieces of so many: a client that is slow stops us between two of them.
PIECE = 200

Sees = Callable[[str], bool]
"""Whether the reader may see jobs of a role."""


class Watch:
    """One reader. `only` is the job whose end is the end of the stream."""

    def __init__(self, views: Views, log: JobLog, wanted: Wanted, sees: Sees, only: str = "") -> None:
        self._views, self._log, self._wanted, self._sees, self._only = views, log, wanted, sees, only

    def is_over(self, seen_id: str) -> bool:
        """Whether the reader has heard the end of its job."""
        number = self._log.number_of(seen_id)
        missed = self._log.since(number) if number is not None else None
        return self._ended() and missed is not None and not any(self._concerns(e.note) for e in missed)

    async def read(self, seen_id: str, every_s: float = PING_S) -> AsyncIterator[bytes]:
        """The events from after `seen_id` on; never longer than the views' life."""
        log, life = self._log, self._log.life
        at = log.number_of(seen_id)
        if at is None or log.since(at) is None:
            at = log.last
            notes = self._snapshot()
            for begin in range(0, len(notes), PIECE):
                yield b"".join([log.update(note) for note in notes[begin : begin + PIECE]])
            yield sse_json("snapshotEnd", {"snapshotEnd": {}}, log.id_of(at))
            if self._only and not any(isinstance(n, JobNote) and n.state != shapes.FINISHED for n in notes):
                return
        while log.life == life and (missed := log.since(at)) is not None:
            at = log.last
            told = [entry for entry in missed if self._concerns(entry.note)]
            for begin in range(0, len(told), PIECE):
                yield b"".join([log.event(entry) for entry in told[begin : begin + PIECE]])
            if self._only and any(_is_end(entry) for entry in told):
                return
            if not missed and not await log.news.wait(every_s):
                yield sse_json("keepAlive", {"keepAlive": {"timestamp": int(time.time() * 1000)}}, log.id_of(at))

    def _snapshot(self) -> list[JobNote | AttemptNote]:
        """Jobs as old as they are, each before its tasks."""
        view = self._views.state
        found: list[JobNote | AttemptNote] = []
        for job in sorted(self._wanted.jobs(view), key=place_of):
            if self._sees(job.role):
                found.append(job)
                tasks = view.attempts.of_job.get(job.job_id, {}).values()
                found += [task for task in tasks if self._wanted.has_task(view, task)]
        return found

    def _concerns(self, note: JobNote | AttemptNote) -> bool:
        view = self._views.state
        job = note if isinstance(note, JobNote) else view.jobs.get(note.job_id)
        if job is None or not self._wanted.has_job(view, job) or not self._sees(job.role):
            return False
        return isinstance(note, JobNote) or self._wanted.has_task(view, note)

    def _ended(self) -> bool:
        job = self._views.state.jobs.get(self._only)
        return job is not None and job.state == shapes.FINISHED


def _is_end(entry: Entry) -> bool:
    return isinstance(entry.note, JobNote) and entry.note.state == shapes.FINISHED
