"""What `cluster.executor` sends along: a function that takes its arguments packed as one input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Call:
    """Calls `fn` with an input (args, kwargs)."""

    __slots__ = ("_fn",)

    def __init__(self, fn: Callable[..., Any]) -> None:
        self._fn = fn

    def __call__(self, packed: tuple[tuple[Any, ...], dict[str, Any]]) -> Any:
        args, kwargs = packed
        return self._fn(*args, **kwargs)

    def __getstate__(self) -> Callable[..., Any]:
        return self._fn

    def __setstate__(self, fn: Callable[..., Any]) -> None:
        self._fn = fn
