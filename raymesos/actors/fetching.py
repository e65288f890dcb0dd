"""Files that a command wants in its sandbox before it starts: copied, or fetched over HTTP, unpacked if they are archives. (Mesos: the fetcher)"""

from __future__ import annotations

import gzip
import shutil
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from raymesos.actors.fetch_cache import FetchCache
from raymesos.wire.work import Uri

if TYPE_CHECKING:
    import httpx

# A server that says nothing for so long, or a file that takes longer in all, fails the task.
SILENCE_S = 30.0
# What a sandbox may be filled with by one file, unpacked or not: an archive may say of itself what it likes.
MAX_BYTES = 8 * 2**30
_CHUNK = 1 << 20
_TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")


class FetchFailed(Exception):
    """Why a file could not be had."""


def fetch_all(uris: Iterable[Uri], sandbox: Path, cache: FetchCache) -> None:
    """All of them are there when this returns. Raises FetchFailed, which names the first that is not."""
    sandbox.mkdir(parents=True, exist_ok=True)
    for uri in uris:
        try:
            _fetch(uri, sandbox, cache)
        except (OSError, ValueError, EOFError, tarfile.TarError, zipfile.BadZipFile) as error:
            raise FetchFailed(f"Failed to fetch '{uri.value}': {error or type(error).__name__}") from error


def _fetch(uri: Uri, sandbox: Path, cache: FetchCache) -> None:
    target = _target(uri, sandbox)
    target.parent.mkdir(parents=True, exist_ok=True)
    if urlsplit(uri.value).scheme not in ("http", "https"):
        _copy(uri.value, target)
    elif uri.cache:
        cache.fetch(uri.value, target, _download)
    else:
        _download(uri.value, target)
    if uri.executable:
        target.chmod(0o755)
    elif uri.extract:
        _unpack(target, sandbox)


def _target(uri: Uri, sandbox: Path) -> Path:
    """Where the file goes: inside of the sandbox, whatever it is called."""
    name = uri.output_file or unquote(urlsplit(uri.value).path).rstrip("/").rpartition("/")[2]
    target = (sandbox / name).resolve()
    if not name or not target.is_relative_to(sandbox.resolve()) or target == sandbox.resolve():
        raise ValueError(f"{name!r} is no file of the sandbox")
    return target


def _download(url: str, target: Path) -> None:
    """Raises ValueError, OSError."""
    # Every host's process would load it, for a tenth of the time that its start takes; few ever fetch anything.
    import httpx

    try:
        with httpx.stream("GET", url, follow_redirects=True, timeout=SILENCE_S) as response:
            _save(response, target)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ValueError(str(error) or type(error).__name__) from error


def _save(response: httpx.Response, target: Path) -> None:
    if response.status_code != 200:
        raise ValueError(f"the server answered {response.status_code}")
    size = 0
    with target.open("wb") as file:
        for chunk in response.iter_bytes(_CHUNK):
            size += len(chunk)
            if size > MAX_BYTES:
                raise ValueError(f"it has more than {MAX_BYTES} bytes")
            file.write(chunk)


def _copy(value: str, target: Path) -> None:
    """A path, or a file:// URL, of this machine."""
    parts = urlsplit(value)
    if parts.scheme not in ("", "file"):
        raise ValueError(f"{parts.scheme}:// is not fetched here, only paths and http(s)")
    path = Path(unquote(parts.path) if parts.scheme else value)
    if not path.is_absolute():
        raise ValueError("a path must be absolute")
    if path.is_dir():
        shutil.copytree(path, target, dirs_exist_ok=True, symlinks=True)
    else:
        shutil.copy(path, target)


# ---------------------------------------------------------------- archives


def _unpack(path: Path, sandbox: Path) -> None:
    """Beside itself, in the sandbox; what is no archive by its name stays as it is. Nothing of an archive lands anywhere else."""
    name = path.name
    if path.is_dir():
        return
    if name.endswith(_TARS):
        with tarfile.open(path) as archive:
            _bounded(member.size for member in archive.getmembers())
            archive.extractall(sandbox, filter="data")
    elif name.endswith(".zip"):
        with zipfile.ZipFile(path) as zipped:
            _bounded(info.file_size for info in zipped.infolist())
            _unzip(zipped, sandbox)
    elif name.endswith(".gz"):
        _gunzip(path, path.with_suffix(""))


def _bounded(sizes: Iterable[int]) -> None:
    total = sum(sizes)
    if total > MAX_BYTES:
        raise ValueError(f"unpacked it has {total} bytes, more than {MAX_BYTES}")


def _unzip(zipped: zipfile.ZipFile, sandbox: Path) -> None:
    """With the permissions that it has on record."""
    for info in zipped.infolist():
        made = Path(zipped.extract(info, sandbox))
        mode = info.external_attr >> 16 & 0o777
        if mode and made.is_file():
            made.chmod(mode)


def _gunzip(path: Path, target: Path) -> None:
    size = 0
    with gzip.open(path) as packed, target.open("wb") as file:
        while chunk := packed.read(_CHUNK):
            size += len(chunk)
            if size > MAX_BYTES:
                raise ValueError(f"unpacked it has more than {MAX_BYTES} bytes")
            file.write(chunk)
