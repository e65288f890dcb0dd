"""The register of messages: each class that may travel has a tag that never changes and is never used again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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
        if tag in _BY_TAG:
            raise InvariantBroken("wire.tag", f"tag {tag} of {cls.__name__} is taken by {_BY_TAG[tag].__name__}")
        _BY_TAG[tag] = made
        _TAG_OF[made] = tag
        return made

    return register


def class_of(tag: int) -> type[Any] | None:
    return _BY_TAG.get(tag)


def tag_of(cls: type[Any]) -> int | None:
    return _TAG_OF.get(cls)


def registered() -> list[type[Any]]:
    """All message classes, by tag."""
    return [_BY_TAG[tag] for tag in sorted(_BY_TAG)]
