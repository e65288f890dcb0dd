"""Files that are fetched into a sandbox: copied, downloaded and unpacked, and nothing lands outside of it."""

from __future__ import annotations

import gzip
import http.server
import io
import os
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from raymesos.actors.fetch_cache import FetchCache
from raymesos.actors.fetching import FetchFailed, fetch_all
from raymesos.wire.work import Uri


@pytest.fixture
def source(tmp_path: Path) -> Path:
    made = tmp_path / "source"
    made.mkdir()
    (made / "plain.txt").write_text("plain")
    return made


@pytest.fixture
def sandbox(tmp_path: Path) -> Path:
    return tmp_path / "tasks" / "t1"


@pytest.fixture
def server(source: Path) -> Iterator[str]:
    def handler(*more: object) -> http.server.SimpleHTTPRequestHandler:
        return http.server.SimpleHTTPRequestHandler(*more, directory=str(source))  # type: ignore[arg-type]

    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)  # type: ignore[arg-type]
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{made.server_address[1]}"
    made.shutdown()
    made.server_close()
    thread.join()


def tar_of(path: Path, names: dict[str, bytes], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, data in names.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def fetch(uris: list[Uri], sandbox: Path) -> None:
    fetch_all(uris, sandbox, FetchCache(sandbox.parent / "fetched"))


def files(directory: Path) -> dict[str, str]:
    return {str(p.relative_to(directory)): p.read_text() for p in sorted(directory.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("form", ["{}", "file://{}"])
def test_a_path_is_copied_under_its_own_name_or_another(source: Path, sandbox: Path, form: str) -> None:
    value = form.format(source / "plain.txt")
    fetch([Uri(value), Uri(value, executable=True, output_file="bin/run")], sandbox)
    assert files(sandbox) == {"bin/run": "plain", "plain.txt": "plain"}
    assert (sandbox / "bin/run").stat().st_mode & 0o111
    assert not (sandbox / "plain.txt").stat().st_mode & 0o111


def test_a_url_is_fetched(server: str, sandbox: Path) -> None:
    fetch([Uri(f"{server}/plain.txt?x=1")], sandbox)
    assert files(sandbox) == {"plain.txt": "plain"}


@pytest.mark.parametrize("name", ["a.tar.gz", "a.tgz"])
def test_an_archive_is_unpacked_beside_itself_unless_it_is_not_to_be(source: Path, sandbox: Path, name: str) -> None:
    made = tar_of(source / name, {"d/in": b"inside"})
    fetch([Uri(str(made))], sandbox)
    assert (sandbox / "d/in").read_text() == "inside"
    fetch([Uri(str(made), extract=False)], sandbox.with_name("t2"))
    fetch([Uri(str(made), executable=True)], sandbox.with_name("t3"))
    for other in ("t2", "t3"):
        assert [p.name for p in sandbox.with_name(other).iterdir()] == [name]


def test_zips_keep_their_permissions_and_gz_files_become_what_was_packed(source: Path, sandbox: Path) -> None:
    with zipfile.ZipFile(source / "z.zip", "w") as zipped:
        info = zipfile.ZipInfo("run.sh")
        info.external_attr = 0o755 << 16
        zipped.writestr(info, "echo")
    (source / "log.txt.gz").write_bytes(gzip.compress(b"log"))
    fetch([Uri(str(source / "z.zip")), Uri(str(source / "log.txt.gz"))], sandbox)
    assert (sandbox / "run.sh").stat().st_mode & 0o111
    assert (sandbox / "log.txt").read_text() == "log"


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("/no/such/file", "No such file or directory"),
        ("relative/file", "a path must be absolute"),
        ("hdfs://x/y", "hdfs:// is not fetched here"),
        ("{server}/nothing", "the server answered 404"),
        ("http://127.0.0.1:1/x", "refused"),
        ("{source}/not.tar.gz", "not a gzip file"),
        ("{source}/not.zip", "not a zip file"),
    ],
)
def test_what_cannot_be_had_is_said_with_its_name(
    server: str, source: Path, sandbox: Path, value: str, why: str
) -> None:
    for name in ("not.tar.gz", "not.zip"):
        (source / name).write_text("garbage")
    uri = value.format(server=server, source=source)
    with pytest.raises(FetchFailed, match=why) as failed:
        fetch([Uri(uri)], sandbox)
    assert f"Failed to fetch '{uri}'" in str(failed.value)


@pytest.mark.parametrize("name", ["../out", "/tmp/raymesos-out", ".", "a/../../out"])
def test_no_output_file_lies_outside_of_the_sandbox(source: Path, sandbox: Path, name: str) -> None:
    with pytest.raises(FetchFailed, match="no file of the sandbox"):
        fetch([Uri(str(source / "plain.txt"), output_file=name)], sandbox)
    assert list(sandbox.parent.iterdir()) == [sandbox]


def test_nothing_of_an_archive_leaves_the_sandbox(source: Path, sandbox: Path) -> None:
    with pytest.raises(FetchFailed):
        fetch([Uri(str(tar_of(source / "evil.tar.gz", {"../../out": b"x"})))], sandbox)
    with zipfile.ZipFile(source / "evil.zip", "w") as zipped:
        zipped.writestr("../../out", "x")
    fetch([Uri(str(source / "evil.zip"))], sandbox)
    assert not (sandbox.parent.parent / "out").exists()
    assert not (sandbox.parent / "out").exists()


def test_an_archive_through_a_link_of_its_own_lands_nowhere_else(source: Path, sandbox: Path, tmp_path: Path) -> None:
    with tarfile.open(source / "links.tar", "w") as archive:
        link = tarfile.TarInfo("way")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
        archive.addfile(link)
        info = tarfile.TarInfo("way/out")
        info.size = 1
        archive.addfile(info, io.BytesIO(b"x"))
    with pytest.raises(FetchFailed):
        fetch([Uri(str(source / "links.tar"))], sandbox)
    assert not (tmp_path / "out").exists()


# ---------------------------------------------------------------- the cache


def test_what_may_be_cached_is_asked_for_once_and_each_sandbox_has_its_own_copy(
    source: Path, server: str, sandbox: Path
) -> None:
    kept = Uri(f"{server}/plain.txt", cache=True)
    fetch([kept], sandbox)
    (sandbox / "plain.txt").write_text("changed by its task")
    (source / "plain.txt").write_text("newer")
    fetch([kept], sandbox.with_name("t2"))
    assert files(sandbox.with_name("t2")) == {"plain.txt": "plain"}
    fetch([Uri(f"{server}/plain.txt")], sandbox.with_name("t3"))
    assert files(sandbox.with_name("t3")) == {"plain.txt": "newer"}


def test_a_path_is_never_cached(source: Path, sandbox: Path) -> None:
    fetch([Uri(str(source / "plain.txt"), cache=True)], sandbox)
    (source / "plain.txt").write_text("newer")
    fetch([Uri(str(source / "plain.txt"), cache=True)], sandbox.with_name("t2"))
    assert files(sandbox.with_name("t2")) == {"plain.txt": "newer"}


def test_what_could_not_be_fetched_is_asked_for_again(source: Path, server: str, sandbox: Path) -> None:
    late = Uri(f"{server}/late.txt", cache=True)
    with pytest.raises(FetchFailed, match="404"):
        fetch([late], sandbox)
    (source / "late.txt").write_text("here")
    fetch([late], sandbox)
    assert files(sandbox) == {"late.txt": "here"}


def age_all(directory: Path) -> None:
    """An hour passes: the kernel's clock is too coarse to tell two fetches apart."""
    for each in directory.iterdir():
        stat = each.stat()
        os.utime(each, ns=(stat.st_atime_ns, stat.st_mtime_ns - 3_600 * 10**9))


def test_the_cache_forgets_what_was_not_wanted_for_longest(tmp_path: Path) -> None:
    asked: list[str] = []

    def download(url: str, path: Path) -> None:
        asked.append(url)
        path.write_bytes(b"x" * 40)

    cache = FetchCache(tmp_path / "fetched", max_bytes=100)
    for url in "abacab":
        cache.fetch(url, tmp_path / "got", download)
        assert (tmp_path / "got").read_bytes() == b"x" * 40
        age_all(tmp_path / "fetched")
    assert asked == ["a", "b", "c", "b"]


def test_two_that_want_a_file_at_once_fetch_it_once(tmp_path: Path) -> None:
    asked: list[str] = []
    both = threading.Barrier(2)

    def download(url: str, path: Path) -> None:
        asked.append(url)
        path.write_text("it")

    def want(name: str) -> None:
        both.wait()
        FetchCache(tmp_path / "fetched").fetch("u", tmp_path / name, download)

    threads = [threading.Thread(target=want, args=(name,)) for name in ("one", "other")]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert (asked, (tmp_path / "one").read_text(), (tmp_path / "other").read_text()) == (["u"], "it", "it")
