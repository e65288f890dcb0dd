"""What generated frameworks reserve, and the volumes that they make and use, so that faults meet operations too.

Little of each agent is ever reserved: whatever happens, there is room for everybody's tasks.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from raymesos.frameworks import operations
from raymesos.frameworks.operations import Volumes, Wish, exact_operations
from raymesos.model.conversions import Maker, volume_id, volumes_in
from raymesos.model.resources import Resources
from raymesos.wire.messages import Launch, LaunchGroup, Offer, Operation, OperationRef, OperationState, OperationStatus

PART = Resources.parse("cpus:0.1;mem:64;disk:64")
# One accept in so many converts something, at most so often in a framework's life.
CONVERT_EVERY = 4
MOST = 24


@dataclass(slots=True)
class Conversions:
    """What one framework has asked for. `open` are operations whose outcome it does not know, with their agents."""

    asked: int = 0
    open: dict[str, str] = field(default_factory=dict)

    def added(self, launches: tuple[Operation, ...], offer: Offer, turn: int) -> tuple[Operation, ...]:
        """The operations of one accept: its launches, made exact, and in some turns conversions before or after them."""
        wishes: list[Wish | Volumes | Operation] = list(launches)
        if turn % CONVERT_EVERY == 0 and self.asked < MOST:
            steps = self._steps(offer)
            wishes = [*steps, *wishes] if turn % (2 * CONVERT_EVERY) == 0 else [*wishes, *steps]
        elif offer.resources.is_plain:
            return launches
        else:
            wishes = _use_volume(wishes, offer)
        return tuple(exact_operations(wishes, offer.resources, Maker("", offer.role)))

    def told(self, status: OperationStatus) -> None:
        if status.state not in (OperationState.PENDING, OperationState.RECOVERING, OperationState.UNREACHABLE):
            self.open.pop(status.operation_id, None)

    def refs(self) -> tuple[OperationRef, ...]:
        return tuple([OperationRef(id, agent_id) for id, agent_id in self.open.items()])

    def _steps(self, offer: Offer) -> list[Wish]:
        """Something is reserved and made a volume, or the other way round if there is one."""
        for key, quantity in volumes_in(offer.resources):
            if key.role == offer.role:
                mb = quantity if isinstance(quantity, int) else 64_000
                undone = operations.destroy_volume(volume_id(key), operation_id=self._new(offer))
                disk = Resources.of_milli({"disk": mb})
                return [undone, operations.unreserve(disk, operation_id=self._new(offer))]
        if not offer.resources.non_revocable().unreserved().contains(PART):
            return []
        reserved = operations.reserve(PART, operation_id=self._new(offer))
        id = f"v{self.asked}-{offer.id}"
        part = f"disk({offer.role}):48"
        made = operations.create_volume(id, part, "data", shared=self.asked % 3 == 0, operation_id=self._new(offer))
        grown = operations.grow_volume(id, 8, operation_id=self._new(offer))
        return [reserved, made, grown]

    def _new(self, offer: Offer) -> str:
        self.asked += 1
        id = f"op{self.asked}-{offer.id}"
        self.open[id] = offer.agent_id
        return id


def _use_volume(wishes: Iterable[Wish | Volumes | Operation], offer: Offer) -> list[Wish | Volumes | Operation]:
    """The first single task takes a volume of its role with it."""
    ids = [volume_id(key) for key, _ in volumes_in(offer.resources) if key.role == offer.role][:1]
    made: list[Wish | Volumes | Operation] = []
    for wish in wishes:
        if ids and isinstance(wish, Launch) and not isinstance(wish, LaunchGroup):
            made.append(Volumes(Launch(wish.tasks[:1]), (tuple(ids),)))
            ids = []
            if wish.tasks[1:]:
                made.append(Launch(wish.tasks[1:]))
        else:
            made.append(wish)
    return made
