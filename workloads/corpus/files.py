"""Which files make up the corpus."""

from __future__ import annotations

import sysconfig
from pathlib import Path


def corpus() -> list[str]:
    """Paths of the standard library's Python files, without installed packages, in order."""
    root = Path(sysconfig.get_path("stdlib"))
    found = [p for p in root.rglob("*.py") if "site-packages" not in p.parts and "dist-packages" not in p.parts]
    return [str(p) for p in sorted(found)]
