"""What an agent has fetched over HTTP for commands that allow it (`cache`), kept for the next one that wants the same URL. (Mesos: the fetcher cache)

It is a directory that the agent's processes share: who wants a file locks its URL's slot, so that two that want it at once fetch it once. The least recently used leave when it is full.
Nothing asks the server whether a file has changed, as with Mesos: a new version has a new URL.
"""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

# As much as Mesos' cache holds. (fetcher_cache_size)
MAX_BYTES = 2 * 2**30

Download = Callable[[str, Path], None]


class FetchCache:
    """`directory` is the agent's own; it is made when something is kept for the first time."""

    def __init__(self, directory: Path, max_bytes: int = MAX_BYTES) -> None:
        self._directory, self._max_bytes = directory, max_bytes

    def fetch(self, url: str, target: Path, download: Download) -> None:
        """`target` is a copy of its own of what the URL gave, now or before. Raises what `download` raises."""
        with self._opened(url, download) as kept, target.open("wb") as file:
            shutil.copyfileobj(kept, file, 1 << 20)

    @contextmanager
    def _opened(self, url: str, download: Download) -> Iterator[BinaryIO]:
        """Open, it can be read to its end although it leaves meanwhile."""
        self._directory.mkdir(parents=True, exist_ok=True)
        name = sha256(url.encode()).hexdigest()
        path = self._directory / name
        # A lock of each URL's own could only be removed while nobody waits for it.
        slot = self._directory / f"{name[:2]}.lock"
        with slot.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not path.exists():
                part = slot.with_suffix(".part")
                download(url, part)
                part.replace(path)
            path.touch()
            kept = path.open("rb")
        with kept:
            self._make_room()
            yield kept

    def _make_room(self) -> None:
        """Of two that do so at once neither misses what the other has removed."""
        found = []
        for path in self._directory.iterdir():
            if not path.suffix:
                try:
                    stat = path.stat()
                except FileNotFoundError:
                    continue
                found.append((stat.st_mtime_ns, stat.st_size, path))
        over = sum(size for _, size, _ in found) - self._max_bytes
        for _, size, path in sorted(found):
            if over <= 0:
                return
            path.unlink(missing_ok=True)
            over -= size
