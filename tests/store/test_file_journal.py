"""The journal on disk: crashes at every byte, damage, full disks, and second openers."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raymesos.errors import Conflict, ProtocolError
from raymesos.store.file import FileJournal
from raymesos.store.frames import framed, good_length, records

RECORDS = [b"first", b"", b"a third that is a little longer", b"last one"]


def journal(directory: Path, name: str = "j") -> FileJournal:
    return FileJournal(directory, name=name)


def write(directory: Path, *groups: list[bytes]) -> Path:
    """A journal with these groups, each synced, closed. Its log."""
    opened = journal(directory)
    for group in groups:
        opened.append(group)
        opened.sync()
    opened.close()
    return directory / "j.0.log"


def read(directory: Path) -> list[bytes]:
    opened = journal(directory)
    found = list(opened.replay())
    opened.close()
    return found


def ends(data: bytes) -> list[int]:
    return [end for end, _ in records(data)]


def test_a_group_is_on_disk_after_one_sync_and_not_before(tmp_path: Path) -> None:
    opened = journal(tmp_path)
    log = tmp_path / "j.0.log"
    opened.append([b"1"])
    opened.append([b"2"])
    assert log.stat().st_size == 0
    opened.sync()
    assert [record for _, record in records(log.read_bytes())] == [b"1", b"2"]
    opened.close()


def test_a_log_cut_at_any_byte_keeps_the_records_before_and_can_be_written(tmp_path: Path) -> None:
    data = write(tmp_path / "whole", RECORDS).read_bytes()
    for cut in range(len(data)):
        directory = tmp_path / str(cut)
        directory.mkdir()
        (directory / "j.0.log").write_bytes(data[:cut])
        kept = RECORDS[: sum(end <= cut for end in ends(data))]
        opened = journal(directory)
        assert list(opened.replay()) == kept
        opened.append([b"new"])
        opened.sync()
        opened.close()
        assert read(directory) == [*kept, b"new"]


@pytest.mark.parametrize("zeros", [1, 11, 12, 13, 4_096])
def test_zeros_at_the_end_are_a_torn_tail_and_no_records(tmp_path: Path, zeros: int) -> None:
    log = write(tmp_path, RECORDS)
    with log.open("ab") as file:
        file.write(bytes(zeros))
    assert read(tmp_path) == RECORDS


@pytest.mark.parametrize("flip", [0x01, 0x80, 0xFF])
def test_a_flipped_byte_is_refused_unless_it_is_in_the_last_record(tmp_path: Path, flip: int) -> None:
    whole = write(tmp_path / "whole", RECORDS).read_bytes()
    last = ends(whole)[-2]
    for at in range(len(whole)):
        directory = tmp_path / str(at)
        directory.mkdir()
        damaged = bytearray(whole)
        damaged[at] ^= flip
        (directory / "j.0.log").write_bytes(damaged)
        if at >= last:
            assert read(directory) == RECORDS[:-1]
            continue
        with pytest.raises(ProtocolError, match="is damaged, and a good one follows"):
            journal(directory)
        assert (directory / "j.0.log").read_bytes() == damaged, "what is refused is left as it was"


def test_a_refused_journal_can_be_opened_once_it_is_repaired(tmp_path: Path) -> None:
    log = write(tmp_path, RECORDS)
    good = log.read_bytes()
    log.write_bytes(b"\xff" + good[1:])
    with pytest.raises(ProtocolError):
        journal(tmp_path)
    log.write_bytes(good)
    assert read(tmp_path) == RECORDS


@given(st.lists(st.binary(max_size=30), max_size=4), st.binary(max_size=40))
def test_garbage_at_the_end_takes_no_good_record_with_it(good: list[bytes], garbage: bytes) -> None:
    data = b"".join(map(framed, good))
    assert good_length(data + garbage, Path("log")) == len(data)
    assert [record for _, record in records(data + garbage)] == good


def test_a_large_torn_record_is_cut_in_good_time(tmp_path: Path) -> None:
    log = write(tmp_path, [b"1"])
    with log.open("ab") as file:
        file.write(framed(bytes(range(256)) * 800)[:-1])
    assert read(tmp_path) == [b"1"]


def test_a_damaged_snapshot_is_refused(tmp_path: Path) -> None:
    opened = journal(tmp_path)
    opened.snapshot([b"one", b"two"])
    opened.close()
    snapshot = tmp_path / "j.1.snapshot"
    good = snapshot.read_bytes()
    for damaged in (good[:-1], good + b"\0", bytes([good[0] ^ 1]) + good[1:]):
        snapshot.write_bytes(damaged)
        with pytest.raises(ProtocolError, match=r"j\.1\.snapshot"):
            journal(tmp_path)
    snapshot.write_bytes(good)
    assert read(tmp_path) == [b"one", b"two"]


def test_a_log_whose_snapshot_is_gone_is_refused(tmp_path: Path) -> None:
    opened = journal(tmp_path)
    opened.snapshot([b"one"])
    opened.close()
    (tmp_path / "j.1.snapshot").unlink()
    with pytest.raises(ProtocolError, match="snapshot that is not there"):
        journal(tmp_path)


def test_a_snapshot_leaves_only_the_newest_files(tmp_path: Path) -> None:
    opened = journal(tmp_path)
    for n in range(3):
        opened.append([b"x"])
        opened.sync()
        opened.snapshot([b"%d" % n])
    opened.close()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["j.3.log", "j.3.snapshot", "j.lock"]


@pytest.mark.parametrize("left", [["j.1.new"], ["j.1.snapshot"], ["j.1.snapshot", "j.1.log"]])
def test_a_crash_in_the_middle_of_a_snapshot_leaves_the_old_or_the_new(tmp_path: Path, left: list[str]) -> None:
    write(tmp_path, [b"old"])
    new = framed(b"new")
    for name in left:
        (tmp_path / name).write_bytes(b"" if name.endswith("log") else new[:-1] if name.endswith("new") else new)
    opened = journal(tmp_path)
    expected = [b"old"] if left == ["j.1.new"] else [b"new"]
    assert list(opened.replay()) == expected
    opened.append([b"after"])
    opened.snapshot([*expected, b"after"])
    opened.close()
    assert read(tmp_path) == [*expected, b"after"]
    assert len(list(tmp_path.iterdir())) == 3


def test_journals_beside_each_other_do_not_mix(tmp_path: Path) -> None:
    names = ["a", "a.b", "a.7", "[ab]"]
    opened = {name: journal(tmp_path, name) for name in names}
    for name, each in opened.items():
        each.snapshot([b"of"])
        each.append([name.encode()])
        each.close()
    for name in names:
        again = journal(tmp_path, name)
        assert list(again.replay()) == [b"of", name.encode()]
        again.close()


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """No file can grow beyond `size`: a write is cut short there, the next one fails."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_raises_and_what_is_synced_later_is_whole(tmp_path: Path) -> None:
    opened = journal(tmp_path)
    opened.append([b"before"])
    opened.sync()
    size = (tmp_path / "j.0.log").stat().st_size
    opened.append([b"in the way" * 20])
    with full_disk(size + 50), pytest.raises(OSError, match="File too large"):
        opened.sync()
    assert (tmp_path / "j.0.log").stat().st_size == size
    opened.append([b"after"])
    opened.sync()
    opened.close()
    assert read(tmp_path) == [b"before", b"in the way" * 20, b"after"]


def test_a_snapshot_that_finds_no_room_changes_nothing(tmp_path: Path) -> None:
    opened = journal(tmp_path)
    opened.append([b"before"])
    opened.sync()
    opened.append([b"pending"])
    with full_disk(100), pytest.raises(OSError, match="File too large"):
        opened.snapshot([b"x" * 200])
    assert list(opened.replay()) == [b"before", b"pending"]
    opened.sync()
    opened.close()
    assert read(tmp_path) == [b"before", b"pending"]


def test_a_second_opener_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    opened = journal(tmp_path)
    with pytest.raises(Conflict, match=f"held by process {os.getpid()}"):
        journal(tmp_path)
    code = "import sys; from pathlib import Path; from raymesos.store.file import FileJournal; FileJournal(Path(sys.argv[1]), name='j')"
    other = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert f"held by process {os.getpid()}" in other.stderr
    opened.append([b"mine"])
    opened.close()
    assert read(tmp_path) == [b"mine"]


def test_a_killed_opener_holds_nobody_off(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from raymesos.store.file import FileJournal\n"
        "j = FileJournal(Path(sys.argv[1]), name='j'); j.append([b'synced']); j.sync(); j.append([b'lost']); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode == -9
    opened = journal(tmp_path)
    assert (list(opened.replay()), opened.epoch) == ([b"synced"], 2)
    opened.close()


def test_the_epoch_survives_everything_but_its_file(tmp_path: Path) -> None:
    for epoch in range(1, 12):
        opened = journal(tmp_path)
        assert opened.epoch == epoch
        opened.close()
    (tmp_path / "j.lock").write_text("not an epoch")
    with pytest.raises(ProtocolError, match=r"j\.lock is damaged"):
        journal(tmp_path)


def test_closing_twice_is_closing_once(tmp_path: Path) -> None:
    opened = journal(tmp_path)
    opened.append([b"1"])
    opened.close()
    opened.close()
    assert read(tmp_path) == [b"1"]


def test_nobody_else_may_read_the_log(tmp_path: Path) -> None:
    log = write(tmp_path, [b"secret"])
    assert log.stat().st_mode & 0o077 == 0


def test_a_copy_of_the_directory_is_a_journal(tmp_path: Path) -> None:
    write(tmp_path / "a", RECORDS)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    assert read(tmp_path / "b") == RECORDS
