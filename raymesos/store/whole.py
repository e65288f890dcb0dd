"""Files that are written whole: whoever reads one finds the former text or the new one, never a part."""

from __future__ import annotations

from pathlib import Path


def write_whole(path: Path, text: str, mode: int | None = None) -> None:
    """The file has this text. `mode` None: as files are made here."""
    temporary = path.with_suffix(".new")
    if mode is not None:
        temporary.touch(mode)
        temporary.chmod(
            mode
        )  # Of one that was left behind, and whatever the umask is: before there is anything to read.
    temporary.write_text(text)
    temporary.replace(path)
