"""What happened in a simulation, as one number: two runs with the same digest had the same events in the same order at the same times."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from raymesos.machine import MASTER
from raymesos.wire.messages import Accept, Launch, LaunchGroup, Offers, Operation, StatusUpdate, Update

# Lines are hashed this many at a time: a call for each costs more than the hashing.
BATCH = 2_000


class Story:
    """Every message that a watched machine took, in order: when, by whom, from whom, of what kind, and about what."""

    def __init__(self) -> None:
        self.events = 0
        self._sha = sha256()
        self._lines: list[str] = []

    def saw(self, now_ms: int, address: str, sender: str, message: Any) -> None:
        self.events += 1
        kind = type(message)
        if kind is StatusUpdate or kind is Update:
            status = message.status
            what = f"{status.task_id} {status.state.value} {status.uuid}"
        elif kind is Offers:
            what = " ".join([f"{o.id} {o.agent_id}" for o in message.offers])
        elif kind is Accept and address == MASTER:
            what = " ".join([*message.offer_ids, *[name for op in message.operations for name in _names(op)]])
        else:
            what = ""
        self.line(f"{now_ms} {address} {sender} {kind.__name__} {what}")

    def line(self, text: str) -> None:
        lines = self._lines
        lines.append(text)
        if len(lines) >= BATCH:
            self._flush()

    def digest(self) -> str:
        """Of everything so far."""
        self._flush()
        return self._sha.hexdigest()

    def _flush(self) -> None:
        self._lines.append("")
        self._sha.update("\n".join(self._lines).encode())
        self._lines.clear()


def _names(operation: Operation) -> list[str]:
    """The tasks of a launch, or what else is to be done."""
    if isinstance(operation, Launch | LaunchGroup):
        return [task.task_id for task in operation.tasks]
    return [f"{type(operation).__name__.lower()} {operation.id}"]
