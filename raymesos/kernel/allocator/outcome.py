"""What a pass did, and what stood in the way of those who got nothing. Nobody recomputes the reasons: they are noted where they act."""

from __future__ import annotations

from dataclasses import dataclass, field

from raymesos.kernel.allocator.books import Block as Block
from raymesos.kernel.allocator.books import Subscription
from raymesos.kernel.allocator.pool import Vector
from raymesos.wire.messages import Grant


@dataclass(slots=True)
class Outcome:
    """`blocks` say of subscriptions that were passed over why, by kind (see WaitReason); they may have got something else."""

    agents: int
    grants: list[Grant] = field(default_factory=list)
    granted: dict[Subscription, None] = field(default_factory=dict)
    blocks: dict[Subscription, dict[str, Block]] = field(default_factory=dict)

    def block(
        self, subscription: Subscription, kind: str, *, until_ms: int | None = None, role: str = "", vector: Vector = ()
    ) -> None:
        kinds = self.blocks.get(subscription)
        if kinds is None:
            kinds = self.blocks[subscription] = {}
        found = kinds.get(kind)
        if found is None:
            kinds[kind] = Block(1, until_ms, role, vector)
            return
        found.agents += 1
        found.role, found.vector = role, vector
        if until_ms is not None and (found.until_ms is None or until_ms < found.until_ms):
            found.until_ms = until_ms
