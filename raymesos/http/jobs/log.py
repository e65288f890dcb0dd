"""What has happened to jobs and their tasks lately, numbered, for any number of streams: each reads on from the number it has seen."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from raymesos.http.jobs import shapes
from raymesos.http.signal import Signal
from raymesos.http.streaming import sse_json
from raymesos.http.views import Views
from raymesos.wire.notes import AttemptNote, JobNote, NotesBegin, NotesComplete

# A reader that comes back within so many changes goes on where it was; one that is further behind begins anew. About 1 kB each here once told.
KEPT = 20_000


@dataclass(slots=True)
class Entry:
    """One change. `event` is its text once somebody was told."""

    number: int
    note: JobNote | AttemptNote
    event: bytes = b""


class JobLog:
    """Listens to the views. `life` is another one whenever the views began anew: numbers of a former life say nothing."""

    def __init__(self, views: Views) -> None:
        self._views = views
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self._name, self._lives = secrets.token_hex(4), 0
        self._coming = False
        self.last = 0
        """The number of the newest change."""
        self.news = Signal()
        views.listen(self)

    @property
    def life(self) -> str:
        return f"{self._name}{self._lives}"

    def tell(self, messages: Sequence[Any], /) -> None:
        for message in messages:
            match message:
                case NotesBegin():
                    self._entries.clear()
                    self._lives += 1
                    self._coming = True
                case NotesComplete():
                    self._coming = False
                case JobNote() | AttemptNote() if not self._coming:
                    self.last += 1
                    self._entries.append(Entry(self.last, message))
        self.news.set()

    def since(self, number: int) -> list[Entry] | None:
        """All changes after `number`, oldest first; None where some of them are not known any more."""
        first = self.last - len(self._entries) + 1
        if not first - 1 <= number <= self.last:
            return None
        return list(islice(self._entries, number - first + 1, None))

    def event(self, entry: Entry) -> bytes:
        """Its text, made once however many read it."""
        if not entry.event:
            entry.event = self.update(entry.note, self.id_of(entry.number))
        return entry.event

    def update(self, note: JobNote | AttemptNote, id: str = "") -> bytes:
        """The job or task as an event."""
        view = self._views.state
        if isinstance(note, JobNote):
            return sse_json("jobUpdate", {"jobUpdate": {"job": shapes.job_shape(view, note)}}, id)
        return sse_json("taskUpdate", {"taskUpdate": {"task": shapes.task_shape(view, note)}}, id)

    def id_of(self, number: int) -> str:
        return f"{self.life}.{number}"

    def number_of(self, id: str) -> int | None:
        """The number of an event's id; None where it is of a former life, or was none."""
        life, _, number = id.rpartition(".")
        return int(number) if life == self.life and number.isascii() and number.isdigit() else None
