"""What people call by an id or by a name, among what a framework has."""

from __future__ import annotations

from typing import Protocol, TypeVar

from raymesos.errors import UnknownId


class _Spec(Protocol):
    @property
    def name(self) -> str: ...


class _Named(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def spec(self) -> _Spec: ...


J = TypeVar("J", bound=_Named)


def find(jobs: dict[str, J], name_or_id: str, kind: str) -> str:
    """The id of one of the `jobs`, oldest first, by its id, or of the newest of that name. Raises UnknownId of that `kind`."""
    if name_or_id in jobs:
        return name_or_id
    for job in reversed(jobs.values()):
        if job.spec.name == name_or_id:
            return job.id
    raise UnknownId(kind, name_or_id)
