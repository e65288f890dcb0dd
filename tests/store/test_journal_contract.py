"""What every journal does, on disk and in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raymesos.errors import InvalidValue
from raymesos.store.file import FileJournal
from raymesos.store.journal import MAX_RECORD_BYTES, Journal, MemoryJournal


class Place:
    """Where one journal is kept: `open` begins it or opens it again after its writer died, `crash` is the death."""

    def __init__(self, kind: str, directory: Path) -> None:
        self.kind, self.directory = kind, directory
        self.journal: Journal = self.fresh()

    def fresh(self) -> Journal:
        return FileJournal(self.directory, name="j") if self.kind == "file" else MemoryJournal()

    def crash(self) -> Journal:
        """The journal as its next opener finds it; what was not synced is lost."""
        if isinstance(self.journal, MemoryJournal):
            self.journal.crash()
        else:
            self.journal._pending.clear()  # type: ignore[attr-defined]
            self.journal.close()
            self.journal = self.fresh()
        return self.journal


@pytest.fixture(params=["file", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    made = Place(request.param, tmp_path)
    yield made
    made.journal.close()


def test_a_new_journal_is_empty(place: Place) -> None:
    assert list(place.journal.replay()) == []


def test_what_was_synced_is_there_after_a_crash_in_order(place: Place) -> None:
    place.journal.append([b"1", b"2"])
    place.journal.append([b"3"])
    place.journal.sync()
    assert list(place.crash().replay()) == [b"1", b"2", b"3"]


def test_what_was_only_appended_is_lost_in_a_crash(place: Place) -> None:
    place.journal.append([b"1"])
    place.journal.sync()
    place.journal.append([b"2"])
    assert list(place.crash().replay()) == [b"1"]


def test_replay_gives_what_was_appended_too(place: Place) -> None:
    place.journal.append([b"1"])
    place.journal.sync()
    place.journal.append([b"2"])
    assert list(place.journal.replay()) == [b"1", b"2"]
    assert list(place.journal.replay()) == [b"1", b"2"]


def test_a_sync_of_nothing_does_nothing(place: Place) -> None:
    place.journal.sync()
    place.journal.append([])
    place.journal.sync()
    assert list(place.crash().replay()) == []


def test_a_snapshot_replaces_everything_so_far_synced_or_not(place: Place) -> None:
    place.journal.append([b"1", b"2"])
    place.journal.sync()
    place.journal.append([b"3"])
    place.journal.snapshot([b"1-3"])
    assert list(place.journal.replay()) == [b"1-3"]
    place.journal.append([b"4"])
    place.journal.sync()
    assert list(place.crash().replay()) == [b"1-3", b"4"]


def test_a_snapshot_is_durable_at_once(place: Place) -> None:
    place.journal.snapshot([b"s"])
    assert list(place.crash().replay()) == [b"s"]


def test_an_empty_snapshot_empties_the_journal(place: Place) -> None:
    place.journal.append([b"1"])
    place.journal.sync()
    place.journal.snapshot([])
    assert list(place.crash().replay()) == []


def test_the_epoch_grows_with_each_opening(place: Place) -> None:
    first = place.journal.epoch
    second = place.crash().epoch
    third = place.crash().epoch
    assert first < second < third


def test_too_large_a_record_is_refused_and_none_of_its_group_is_booked(place: Place) -> None:
    place.journal.append([b"before"])
    large = bytes(MAX_RECORD_BYTES + 1)
    with pytest.raises(InvalidValue, match=f"record.*has {MAX_RECORD_BYTES + 1} bytes"):
        place.journal.append([b"with it", large])
    with pytest.raises(InvalidValue):
        place.journal.snapshot([b"with it", large])
    place.journal.sync()
    assert list(place.crash().replay()) == [b"before"]


def test_an_empty_record_is_a_record(place: Place) -> None:
    place.journal.append([b"", b"x", b""])
    place.journal.sync()
    assert list(place.crash().replay()) == [b"", b"x", b""]


_GROUPS = st.lists(st.binary(max_size=20), max_size=3)
_STEPS = st.lists(
    st.tuples(st.sampled_from(["append", "append", "sync", "snapshot", "crash", "replay"]), _GROUPS), max_size=12
)


@pytest.mark.parametrize("kind", ["file", "memory"])
@settings(max_examples=40, deadline=None)
@given(steps=_STEPS)
def test_any_life_of_a_journal_keeps_what_it_promised(
    kind: str, steps: list[tuple[str, list[bytes]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = Place(kind, tmp_path_factory.mktemp("life"))
    durable: list[bytes] = []
    pending: list[bytes] = []
    for step, group in steps:
        if step == "append":
            place.journal.append(group)
            pending += group
        elif step == "sync":
            place.journal.sync()
            durable, pending = durable + pending, []
        elif step == "snapshot":
            place.journal.snapshot(group)
            durable, pending = list(group), []
        elif step == "crash":
            place.crash()
            pending = []
        assert list(place.journal.replay()) == durable + pending
    place.journal.close()


def test_the_disk_of_memory_may_keep_part_of_what_was_not_synced() -> None:
    journal = MemoryJournal()
    journal.append([b"1", b"2", b"3"])
    journal.crash(torn=2)
    assert list(journal.replay()) == [b"1", b"2"]
