"""What an operator looks at is a list that asks the cluster each time: `for role in cluster.roles`, `cluster.volumes[0]`."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar, overload

from raymesos.operating.asking import OperatorDoor

T = TypeVar("T")


class Listing(Sequence[T]):
    """A subclass says what it lists."""

    def __init__(self, door: OperatorDoor) -> None:
        self._door = door

    @abstractmethod
    def _rows(self) -> list[T]:
        """All, as they are now."""

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        return self._rows()[index]

    def __iter__(self) -> Iterator[T]:
        return iter(self._rows())

    def __len__(self) -> int:
        return len(self._rows())


class NamedListing(Listing[T]):
    """A text in the brackets names one of them."""

    @abstractmethod
    def _named(self, name: str) -> T:
        """The one of this name. Raises UnknownId."""

    @overload
    def __getitem__(self, index: int | str) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: Any) -> T | list[T]:
        return self._named(index) if isinstance(index, str) else self._rows()[index]
