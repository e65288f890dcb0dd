"""Data that comes in pieces: a file that grows until its last piece is there, then one of the batch framework's."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

from raymesos.errors import Conflict

# What nobody has finished for so long is nobody's.
ABANDONED_S = 3_600.0


class Uploads:
    """Files in `directory`, each by its key. Of blocking calls: for a thread."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def add(self, key: str, offset: int, data: bytes) -> Path:
        """The piece is in its place; what came after it before is gone. Raises Conflict where pieces before it are missing."""
        path = self._directory / hashlib.blake2b(key.encode(), digest_size=16).hexdigest()
        if not offset:
            self._directory.mkdir(parents=True, exist_ok=True)
            self._clear(time.time() - ABANDONED_S)
            path.write_bytes(data)
            return path
        try:
            with path.open("r+b") as file:
                if file.seek(0, 2) < offset:
                    raise Conflict(f"{key} has fewer than {offset} bytes so far: begin it again")
                file.seek(offset)
                file.write(data)
                file.truncate()
        except FileNotFoundError:
            raise Conflict(f"nothing of {key} is here: begin it again") from None
        return path

    def _clear(self, before: float) -> None:
        for path in self._directory.iterdir():
            if path.stat().st_mtime < before:
                path.unlink(missing_ok=True)
