"""What a pass did, and what stood in the way of those who got nothing. Nobody recomputes the reasons: they are noted where they act."""

from __future__ import annotations

from dataclasses import dataclass, field

from raymesos.kernel.allocator.books import Agent, Subscription
from raymesos.kernel.allocator.books import Block as Block
from raymesos.kernel.allocator.pool import Vector
from raymesos.wire.messages import Grant


@dataclass(slots=True)
class Outcome:
    """`blocks` say of subscriptions that were passed over why, by kind (see WaitReason); they may have got something else."""

    agents: int
    grants: list[Grant] = field(default_factory=list)
    granted: dict[Subscription, None] = field(default_factory=dict)
    blocks: dict[Subscription, dict[str, Block]] = field(default_factory=dict)

    agent: Agent | None = None
    """The one that is being dealt."""

    def block(
        self, subscription: Subscription, kind: str, *, until_ms: int | None = None, role: str = "", vector: Vector = ()
    ) -> None:
        """This kept the subscription from something of the agent that is being dealt."""
        kinds = self.blocks.get(subscription)
        if kinds is None:
            kinds = self.blocks[subscription] = {}
        found = kinds.get(kind)
        if found is None:
            found = kinds[kind] = Block()
        if self.agent is not None:
            found.met(self.agent, until_ms, role, vector)

    def stand(self, wishes: int) -> None:
        """Every subscription knows what stands in its way, with what stood there before if no wish has changed since."""
        for subscription in self.granted:
            if subscription.stood_as_of == wishes:
                subscription.stood.pop("held", None)
            else:
                subscription.stood, subscription.stood_as_of = {}, wishes
        for subscription, blocks in self.blocks.items():
            if subscription.stood_as_of != wishes:
                subscription.stood, subscription.stood_as_of = blocks, wishes
                continue
            for kind, block in blocks.items():
                if kind in subscription.stood:
                    subscription.stood[kind].add(block)
                else:
                    subscription.stood[kind] = block
