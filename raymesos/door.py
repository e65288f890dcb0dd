"""What a client's code needs of its cluster, wherever that is: on Ray (`raymesos.actors.door`) or behind its HTTP API (`raymesos.http.door.client`)."""

from __future__ import annotations

from typing import Any, Protocol

from raymesos.wire.work import Blob

# An actor that Ray restarts answers after 1.3 to 6 s here.
CALL_TIMEOUT_S = 60.0


class Door(Protocol):
    """Every call may be repeated, unless it says otherwise: what it asks for is idempotent. Each raises what was refused, and ClusterUnavailable when nobody answers."""

    def call(self, actor: str, method: str, *arguments: Any, timeout_s: float = CALL_TIMEOUT_S) -> Any:
        """What the actor's method returns."""

    def ask(self, actor: str, message: Any, timeout_s: float = CALL_TIMEOUT_S) -> Any:
        """What the machine at `actor` answers to the message."""

    def operate(self, message: Any, *, repeats: bool, done_if: tuple[str, ...]) -> None:
        """The master has carried out an operator's call. After a repeat, a refusal of a kind in `done_if` says that it had done so before."""

    def view(self, name: str, arguments: dict[str, Any]) -> Any:
        """A view as plain data."""

    def put(self, key: str, data: bytes) -> Blob:
        """`data` is with the batch framework, under `key`."""

    def read(self, blob: Blob) -> bytes:
        """The bytes of a blob."""

    def close(self) -> None:
        """Every call raises ClusterUnavailable from now on."""
