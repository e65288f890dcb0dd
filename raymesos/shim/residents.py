"""Residents that name an ASGI app or a function instead of a command: what is run for them."""

from __future__ import annotations

import os
import sys
from typing import Any

from raymesos.shim import process


def argv_of(request: dict[str, Any], directory: str) -> list[str]:
    """The command of a resident; its function, if it has one, is put into its sandbox. Raises OSError."""
    if request.get("argv"):
        return list(request["argv"])
    if request.get("app"):
        return _python(request, f"from raymesos.shim.serve import serve_app; serve_app({request['app']!r})")
    wanted = request.get("python") or ""
    path = _function(request["fn"], directory)
    return _python(request, f"from raymesos.shim.serve import call; call({path!r}, {wanted!r})")


def environment(request: dict[str, Any]) -> dict[str, str]:
    """What its own environment may replace: what it prints is to be seen at once."""
    return {} if request.get("argv") else {"PYTHONUNBUFFERED": "1"}


def _python(request: dict[str, Any], code: str) -> list[str]:
    """An interpreter like any other, but for where it looks for modules: the job's own path first, ours last."""
    own = list(request.get("path") or ())
    paths = (
        f"import sys; sys.path[:0] = {own!r}; sys.path += [p for p in {process.import_path()!r} if p not in sys.path]"
    )
    return [sys.executable, "-c", f"{paths}; {code}"]


def _function(blob: dict[str, Any], directory: str) -> str:
    if not blob.get("inline"):
        return str(blob["path"])
    path = f"{directory}function.pickle"
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(blob["inline"])
    return path
