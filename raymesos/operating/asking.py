"""How an operator's call reaches the master, and what is made of an answer that was lost on the way.

Calls that say how something shall be are repeated until they are answered. The master may have carried out the first of them and died before it answered; then a repeat
finds an agent that drains already. So, after a repeat, and only then, such a refusal means that it is done. Calls that change something by an amount are never
repeated: twice would be twice as much. Nor are those whose repeat is refused just as a mistake would be. If their answer is lost, the caller is told that nobody knows.
"""

from __future__ import annotations

from typing import Any, Protocol

from raymesos.wire.operating import (
    DeactivateAgent,
    DrainAgent,
    MarkAgentGone,
    Operate,
    ReactivateAgent,
    ScheduleMaintenance,
    SetQuotas,
    SetWeights,
    StartMaintenance,
    StopMaintenance,
    TeardownFramework,
)

OperatorCall = (
    SetWeights
    | SetQuotas
    | Operate
    | DrainAgent
    | DeactivateAgent
    | ReactivateAgent
    | MarkAgentGone
    | ScheduleMaintenance
    | StartMaintenance
    | StopMaintenance
    | TeardownFramework
)

_DONE_IF: dict[type, tuple[str, ...]] = {
    SetWeights: (),
    SetQuotas: (),
    ScheduleMaintenance: (),
    DrainAgent: ("conflict",),
    DeactivateAgent: ("conflict",),
    ReactivateAgent: ("conflict",),
    MarkAgentGone: ("conflict", "unknown"),
    TeardownFramework: ("unknown",),
}
"""What may be repeated, and the kinds of refusal that a repeat gets when the first call was carried out."""


class OperatorDoor(Protocol):
    """What this package needs of `raymesos.actors.door.Door`."""

    def operate(self, message: Any, *, repeats: bool, done_if: tuple[str, ...]) -> None:
        """Have the master carry it out. Raises what it refused it with, ClusterUnavailable."""

    def view(self, name: str, arguments: dict[str, Any]) -> Any:
        """A view of the observer. Raises UnknownId."""


def operate(door: OperatorDoor, message: OperatorCall) -> None:
    """The master has carried it out. Raises what it refused it with; ClusterUnavailable if it does not answer."""
    done_if = _DONE_IF.get(type(message))
    door.operate(message, repeats=done_if is not None, done_if=done_if or ())
