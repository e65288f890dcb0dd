"""The views of an HTTP process."""

from __future__ import annotations

import asyncio

import pytest
from http_rig import views_of

from raymesos.errors import ClusterUnavailable, UnknownId
from raymesos.http import views as module
from raymesos.http.views import Views
from raymesos.wire.notes import EventNote, NotesBegin, NotesComplete


def event(n: int) -> EventNote:
    return EventNote(n, "kind", str(n))


def test_before_the_first_snapshot_is_complete_the_views_say_so() -> None:
    views = Views()
    views.take([NotesBegin(), event(1)])
    with pytest.raises(ClusterUnavailable, match="not ready"):
        views.view("events", {})
    views.take([NotesComplete()])
    assert [e["subject"] for e in views.view("events", {})["events"]] == ["1"]


def test_while_a_later_snapshot_comes_in_the_former_view_is_shown() -> None:
    views = views_of(event(1))
    views.take([NotesBegin(), event(7)])
    assert [e["subject"] for e in views.view("events", {})["events"]] == ["1"]
    views.take([NotesComplete()])
    assert [e["subject"] for e in views.view("events", {})["events"]] == ["7"]


def test_a_view_that_is_not_there_is_unknown() -> None:
    with pytest.raises(UnknownId):
        views_of().view("nosuch", {})


def test_the_revision_grows_with_each_batch_and_only_then() -> None:
    views = views_of()
    before = views.revision
    views.take([])
    assert views.revision == before
    views.take([event(1), event(2)])
    assert views.revision == before + 1


def test_a_watcher_gets_what_comes_from_then_on_in_order_and_nothing_after_its_end() -> None:
    async def inside() -> None:
        views = views_of(event(1))
        with views.watch() as watcher:
            assert await watcher.next(0) == []
            views.take([event(2)])
            views.take([event(3)])
            assert await watcher.next(1) == [event(2), event(3)]
            assert views.watchers == 1
        views.take([event(4)])
        assert watcher.messages == [] and views.watchers == 0

    asyncio.run(inside())


def test_a_watcher_is_woken_by_news() -> None:
    async def inside() -> None:
        views = views_of()
        with views.watch() as watcher:
            waiting = asyncio.ensure_future(watcher.next(30))
            await asyncio.sleep(0)
            views.take([event(1)])
            assert await waiting == [event(1)]

    asyncio.run(inside())


@pytest.mark.parametrize("too_much", ["behind", "anew"])
def test_a_watcher_that_is_too_far_behind_or_whose_view_began_anew_is_told_to_start_over(
    too_much: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_BEHIND", 2)

    async def inside() -> None:
        views = views_of()
        with views.watch() as watcher:
            views.take([event(1), event(2)])
            assert not watcher.lost
            views.take([event(3)] if too_much == "behind" else [NotesBegin()])
            assert watcher.lost and await watcher.next(1) == []
            views.take([event(5)])
            assert watcher.messages == []

    asyncio.run(inside())
