"""Files that are fetched into a sandbox: copied, downloaded and unpacked, and nothing lands outside of it."""

from __future__ import annotations

import gzip
import http.server
import io
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

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


def files(directory: Path) -> dict[str, str]:
    return {str(p.relative_to(directory)): p.read_text() for p in sorted(directory.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("form", ["{}", "file://{}"])
def test_a_path_is_copied_under_its_own_name_or_another(source: Path, sandbox: Path, form: str) -> None:
    value = form.format(source / "plain.txt")
    fetch_all([Uri(value), Uri(value, executable=True, output_file="bin/run")], sandbox)
    assert files(sandbox) == {"bin/run": "plain", "plain.txt": "plain"}
    assert (sandbox / "bin/run").stat().st_mode & 0o111
    assert not (sandbox / "plain.txt").stat().st_mode & 0o111


def test_a_url_is_fetched(server: str, sandbox: Path) -> None:
    fetch_all([Uri(f"{server}/plain.txt?x=1")], sandbox)
    assert files(sandbox) == {"plain.txt": "plain"}


@pytest.mark.parametrize("name", ["a.tar.gz", "a.tgz"])
def test_an_archive_is_unpacked_beside_itself_unless_it_is_not_to_be(source: Path, sandbox: Path, name: str) -> None:
    made = tar_of(source / name, {"d/in": b"inside"})
    fetch_all([Uri(str(made))], sandbox)
    assert (sandbox / "d/in").read_text() == "inside"
    fetch_all([Uri(str(made), extract=False)], sandbox.with_name("t2"))
    fetch_all([Uri(str(made), executable=True)], sandbox.with_name("t3"))
    for other in ("t2", "t3"):
        assert [p.name for p in sandbox.with_name(other).iterdir()] == [name]


def test_zips_keep_their_permissions_and_gz_files_become_what_was_packed(source: Path, sandbox: Path) -> None:
    with zipfile.ZipFile(source / "z.zip", "w") as zipped:
        info = zipfile.ZipInfo("run.sh")
        info.external_attr = 0o755 << 16
        zipped.writestr(info, "echo")
    (source / "log.txt.gz").write_bytes(gzip.compress(b"log"))
    fetch_all([Uri(str(source / "z.zip")), Uri(str(source / "log.txt.gz"))], sandbox)
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
        fetch_all([Uri(uri)], sandbox)
    assert f"Failed to fetch '{uri}'" in str(failed.value)


@pytest.mark.parametrize("name", ["../out", "/tmp/raymesos-out", ".", "a/../../out"])
def test_no_output_file_lies_outside_of_the_sandbox(source: Path, sandbox: Path, name: str) -> None:
    with pytest.raises(FetchFailed, match="no file of the sandbox"):
        fetch_all([Uri(str(source / "plain.txt"), output_file=name)], sandbox)
    assert list(sandbox.parent.iterdir()) == [sandbox]


def test_nothing_of_an_archive_leaves_the_sandbox(source: Path, sandbox: Path) -> None:
    with pytest.raises(FetchFailed):
        fetch_all([Uri(str(tar_of(source / "evil.tar.gz", {"../../out": b"x"})))], sandbox)
    with zipfile.ZipFile(source / "evil.zip", "w") as zipped:
        zipped.writestr("../../out", "x")
    fetch_all([Uri(str(source / "evil.zip"))], sandbox)
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
        fetch_all([Uri(str(source / "links.tar"))], sandbox)
    assert not (tmp_path / "out").exists()
