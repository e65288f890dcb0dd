"""Files of sandboxes, by the paths under which `/state` shows them or by `/frameworks/<id>/executors/<id>/runs/latest`. (Mesos: files/files.cpp)

Nothing outside of a sandbox is shown, whatever a path says and wherever the links of a task point to.
"""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from raymesos.errors import InvalidValue, UnknownId
from raymesos.http.agent.containers import sandbox_of
from raymesos.http.agent.site import AgentSite

# As much as one read gives. (Mesos: 16 pages)
MAX_READ_BYTES = 16 * 4096
# A directory with a million files is shown in part.
MAX_LISTED = 10_000


@dataclass(frozen=True, slots=True)
class FileInfo:
    path: str
    size: int
    mtime_s: float
    mode: int
    nlink: int
    uid: int
    gid: int

    @property
    def mode_text(self) -> str:
        return stat.filemode(self.mode)

    @property
    def owner(self) -> str:
        return _user(self.uid)

    @property
    def group(self) -> str:
        return _group(self.gid)


class Files:
    """All of it reads the disk: from the event loop through `asyncio.to_thread`. Raises UnknownId for what is not there, or is not to be seen."""

    def names(self) -> dict[str, str]:
        """By the names that it goes by: where each thing is that is shown."""
        raise NotImplementedError

    def find(self, path: str) -> Path:
        """What the path names, links followed."""
        raise NotImplementedError

    def list(self, path: str) -> list[FileInfo]:
        """What is in the directory, by name; of a file, itself."""
        found = self.find(path)
        shown = path.rstrip("/")
        if not found.is_dir():
            return [_info(shown, found.stat())]
        return sorted(self._entries(shown, found), key=lambda info: info.path)

    def read(self, path: str, offset: int, length: int | None) -> tuple[int, int, bytes]:
        """(size, offset of the data, data). Offset -1 asks for the size; what lies behind the end is empty. Raises InvalidValue for a directory, or offsets that are none."""
        if offset < -1:
            raise InvalidValue("offset", offset, f"Negative offset provided: {offset}")
        if length is not None and length < -1:
            raise InvalidValue("length", length, f"Negative length provided: {length}")
        with self.opened(path, "read") as file:
            size = os.fstat(file.fileno()).st_size
            if offset == -1 or offset >= size:
                return size, size, b""
            most = size - offset if length in (None, -1) else length or 0
            file.seek(offset)
            return size, offset, file.read(min(most, MAX_READ_BYTES))

    def opened(self, path: str, what: str) -> BinaryIO:
        """The file, to be read. Raises InvalidValue for a directory."""
        found = self.find(path)
        if found.is_dir():
            raise InvalidValue("path", path, f"Cannot {what} a directory.\n")
        # A pipe would hold the reader for ever.
        file = os.fdopen(os.open(found, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
        # What was looked at may have been moved since, with links in its place: what was opened counts.
        really = Path(f"/proc/self/fd/{file.fileno()}").readlink()
        if really != found or not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            file.close()
            raise UnknownId("file", path)
        return file

    # ------------------------------------------------------------ inside

    def _entries(self, shown: str, directory: Path) -> Iterator[FileInfo]:
        with os.scandir(directory) as entries:
            for number, entry in enumerate(entries):
                if number >= MAX_LISTED:
                    return
                yield _info(f"{shown}/{entry.name}", entry.stat(follow_symlinks=False))


class Sandboxes(Files):
    """Of one agent."""

    def __init__(self, site: AgentSite) -> None:
        self._site = site

    def names(self) -> dict[str, str]:
        """By the names that it goes by: where each sandbox is."""
        found = {str(path): str(path) for path in self._sandboxes()}
        for each in self._site.containers():
            sandbox = str(sandbox_of(self._site.directory, each.container_id))
            found[f"/frameworks/{each.framework_id}/executors/{each.executor_id}/runs/latest"] = sandbox
        return found

    def sandbox_of(self, path: str) -> str:
        """The name of the sandbox that the path is in."""
        return self.find(path).relative_to(self._root).parts[0]

    @property
    def _root(self) -> Path:
        return (self._site.directory / "shim" / "tasks").resolve()

    def _sandboxes(self) -> Iterator[Path]:
        try:
            yield from sorted(self._root.iterdir())[:MAX_LISTED]
        except OSError:
            return

    def find(self, path: str) -> Path:
        """What the path names, links followed, all of it in one sandbox."""
        asked = self._real(path)
        try:
            found = asked.resolve(strict=True)
        except (OSError, RuntimeError, ValueError):
            raise UnknownId("file", path) from None
        root = self._root
        if not found.is_relative_to(root) or found == root or not asked.is_relative_to(root):
            raise UnknownId("file", path)
        # The sandbox that was named, not only some sandbox: a task must not show what is another's.
        if asked.relative_to(root).parts[0] != found.relative_to(root).parts[0]:
            raise UnknownId("file", path)
        return found

    def _real(self, path: str) -> Path:
        if "\0" in path:
            raise UnknownId("file", path)
        parts = [part for part in path.split("/") if part]
        if len(parts) >= 6 and (parts[0], parts[2], parts[4]) == ("frameworks", "executors", "runs"):
            container = self._site.container_of(parts[1], parts[3])
            if not container or parts[5] not in ("latest", container):
                raise UnknownId("file", path)
            parts = [*sandbox_of(self._site.directory, container).parts[1:], *parts[6:]]
        if ".." in parts or not parts:
            raise UnknownId("file", path)
        asked, root = Path("/", *parts), self._root
        unresolved = (self._site.directory / "shim" / "tasks").absolute()
        return root / asked.relative_to(unresolved) if asked.is_relative_to(unresolved) else asked


def _info(path: str, found: os.stat_result) -> FileInfo:
    return FileInfo(path, found.st_size, found.st_mtime, found.st_mode, found.st_nlink, found.st_uid, found.st_gid)


@lru_cache(maxsize=1024)
def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


@lru_cache(maxsize=1024)
def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
