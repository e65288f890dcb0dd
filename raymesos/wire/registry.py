"""The register of messages: each class that may travel has a tag that never changes and is never used again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from typing import Any, TypeVar, dataclass_transform

from raymesos.errors import InvariantBroken

T = TypeVar("T")

_BY_TAG: dict[int, type[Any]] = {}
_TAG_OF: dict[type[Any], int] = {}


@dataclass_transform(frozen_default=True)
def message(tag: int) -> Callable[[type[T]], type[T]]:
    """Make the class a frozen slots dataclass that travels under `tag`. Raises InvariantBroken if the tag is taken."""

    def register(cls: type[T]) -> type[T]:
        made: type[T] = dataclass(frozen=True, slots=True)(cls)
        _make_quickly(made)
        if tag in _BY_TAG:
            raise InvariantBroken("wire.tag", f"tag {tag} of {cls.__name__} is taken by {_BY_TAG[tag].__name__}")
        _BY_TAG[tag] = made
        _TAG_OF[made] = tag
        return made

    return register


def _make_quickly(cls: Any) -> None:
    """Give a frozen slots dataclass an initializer that sets its slots directly: `object.__setattr__`, which looks each up by name, takes almost twice as long."""
    known = fields(cls)
    if any(f.default_factory is not MISSING or not f.init for f in known) or hasattr(cls, "__post_init__"):
        return
    scope: dict[str, Any] = {f"set_{f.name}": getattr(cls, f.name).__set__ for f in known}
    scope |= {f"default_{f.name}": f.default for f in known}
    takes = "".join(f", {f.name}" + ("" if f.default is MISSING else f"=default_{f.name}") for f in known)
    sets = "; ".join(f"set_{f.name}(self, {f.name})" for f in known) or "pass"
    exec(f"def __init__(self{takes}): {sets}", scope)
    cls.__init__ = scope["__init__"]


def class_of(tag: int) -> type[Any] | None:
    return _BY_TAG.get(tag)


def tag_of(cls: type[Any]) -> int | None:
    return _TAG_OF.get(cls)


def registered() -> list[type[Any]]:
    """All message classes, by tag."""
    return [_BY_TAG[tag] for tag in sorted(_BY_TAG)]
