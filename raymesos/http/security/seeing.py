"""The views of one process, for each caller as it may see them."""

from __future__ import annotations

from collections import OrderedDict

from raymesos.http.security.access import Access, Caller
from raymesos.http.security.scoping import Lens, narrowed
from raymesos.http.signal import Signal
from raymesos.http.views import Readable, Reading, Views
from raymesos.observe.state import View

# Callers whose narrowed views are kept: their tables are their own, the notes in them are shared.
KEPT = 64


class NarrowedViews(Reading):
    """`whole`, as one caller sees it: worked out when it is read, once a revision."""

    def __init__(self, whole: Views, access: Access, caller: Caller) -> None:
        super().__init__()
        self._whole, self._access, self._caller = whole, access, caller
        self._seen: tuple[int, View, View] | None = None

    @property
    def state(self) -> View:
        whole, seen = self._whole, self._seen
        if seen is None or seen[0] != whole.revision or seen[1] is not whole.state:
            now = whole.state
            self._seen = seen = whole.revision, now, narrowed(now, Lens(self._access, self._caller, now))
        return seen[2]

    @property
    def revision(self) -> int:
        return self._whole.revision

    @property
    def ready(self) -> bool:
        return self._whole.ready

    @property
    def changed(self) -> Signal:
        return self._whole.changed


class Seeing:
    """The views of each caller: the whole ones for who may see all."""

    def __init__(self, whole: Views, access: Access) -> None:
        self._whole, self.access = whole, access
        self._kept: OrderedDict[Caller, NarrowedViews] = OrderedDict()

    def of(self, caller: Caller) -> Readable:
        if self.access.sees_all(caller):
            return self._whole
        found = self._kept.get(caller)
        if found is None:
            found = self._kept[caller] = NarrowedViews(self._whole, self.access, caller)
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(caller)
        return found
