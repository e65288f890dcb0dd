"""The records of the allocator's books. They hold each other by reference, so that a pass looks nothing up by name; identity is equality."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from raymesos.kernel.allocator.pool import Vector
from raymesos.kernel.allocator.quotas import Chain
from raymesos.kernel.allocator.sorter import Sorter
from raymesos.model.attributes import Attributes
from raymesos.model.offer_constraints import RoleConstraints
from raymesos.model.resources import EMPTY, Resources
from raymesos.model.tasks import Capability
from raymesos.wire.messages import Demand
from raymesos.wire.notes import WaitReason

# The agents that a block is on are told apart up to so many, beyond that only counted: a role at its limit is blocked on every agent of the cluster.
AGENTS_TOLD_APART = 32


@dataclass(slots=True)
class Block:
    """One kind of thing that kept a subscription from something. `until_ms` is the soonest end of it, `role` and `vector` are of the last one seen."""

    on: dict[Agent, None] = field(default_factory=dict)
    """The first agents that it was on."""
    beyond: int = 0
    """How often it was met on others."""
    until_ms: int | None = None
    role: str = ""
    vector: Vector = ()

    @property
    def agents(self) -> int:
        return len(self.on) + self.beyond

    def met(self, agent: Agent, until_ms: int | None, role: str, vector: Vector) -> None:
        """It stands in the way on this agent, too."""
        if len(self.on) < AGENTS_TOLD_APART:
            self.on[agent] = None
        elif agent not in self.on:
            self.beyond += 1
        self.role, self.vector = role, vector
        if until_ms is not None and (self.until_ms is None or until_ms < self.until_ms):
            self.until_ms = until_ms

    def also_on(self, agents: list[Agent]) -> None:
        """It stands in the way on these too, though nobody asked about each."""
        for agent in agents[: AGENTS_TOLD_APART + len(self.on)]:
            if len(self.on) < AGENTS_TOLD_APART:
                self.on[agent] = None
        self.beyond = max(self.beyond, len(agents) - len(self.on))

    def add(self, later: Block) -> None:
        """It was met again in a later pass, perhaps on the same agents."""
        for agent in later.on:
            self.met(agent, later.until_ms, later.role, later.vector)
        self.beyond = max(self.beyond, later.beyond)


@dataclass(slots=True, eq=False)
class Framework:
    """`known` from FrameworkAdded to FrameworkRemoved; a framework that is not may still hold resources."""

    id: str
    known: bool = False
    active: bool = False
    takes_gpus: bool = False
    takes_revocable: bool = False
    takes_shared: bool = False
    takes_refined: bool = False
    takes_remote: bool = False
    constraints: dict[str, RoleConstraints] = field(default_factory=dict)
    """By role: which agents it wants to see there."""
    least: dict[str, tuple[Vector, ...]] = field(default_factory=dict)
    """By role: what it thinks worth an offer, where that is not what the allocator does."""
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    """By role; those it is subscribed to and those in which it still holds something."""

    def set_capabilities(self, capabilities: tuple[str, ...]) -> None:
        self.takes_gpus = Capability.GPU_RESOURCES in capabilities
        self.takes_revocable = Capability.REVOCABLE_RESOURCES in capabilities
        self.takes_shared = Capability.SHARED_RESOURCES in capabilities
        self.takes_refined = Capability.RESERVATION_REFINEMENT in capabilities
        self.takes_remote = Capability.REGION_AWARE in capabilities


@dataclass(slots=True, eq=False)
class Role:
    """A role with subscriptions. `sorter` ranks its frameworks, by what they hold in this role against the whole cluster."""

    name: str
    sorter: Sorter
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    """By framework id."""
    chain: Chain = ()
    """Its path in the tree of quotas, as of `chain_version` of that tree."""
    chain_version: int = -1

    def walk(self) -> Iterable[Subscription]:
        """Its subscriptions that want offers, in order, while one of them does. One walk at a time."""
        if self.sorter.keeps_order and len(self.subscriptions) == 1:
            return self.subscriptions.values()
        return map(self.subscriptions.__getitem__, self.sorter.walk())


@dataclass(slots=True, eq=False)
class Subscription:
    """One framework in one role."""

    framework: Framework
    role: Role
    key: tuple[str, str]
    """(framework id, role)"""
    subscribed: bool = False
    suppressed: bool = False
    demand: tuple[Demand, ...] = ()
    """What the last revive said it wants: a hint, or exact (see wants)."""
    exact: bool = False
    """Whether `demand` is exact. Then, by number of its shapes:"""
    more: bool = False
    """The last shape is wanted as often as it fits."""
    left: list[int] = field(default_factory=list)
    """How many tasks are still wanted."""
    booked: list[int] = field(default_factory=list)
    """How many are offered or used."""
    least: tuple[Vector, ...] | None = None
    """What an offer holds at least one of; anything if there are none, None for what the allocator says."""
    suits: dict[str, bool] = field(default_factory=dict)
    """By agent id, as far as somebody asked: whether the framework's constraints let it see the agent."""
    agents: int = 0
    """On how many agents it holds something."""
    below_since_ms: int | None = None
    """Since when its role has been below its fair share, as far as passes have looked."""
    misfit: Resources | None = None
    """The first shape of `demand` that no agent could hold, as of `misfit_version` of the ledger's totals."""
    misfit_version: int = -1
    told: tuple[WaitReason, ...] = ()
    """What the last WaitNote said."""
    stood: dict[str, Block] = field(default_factory=dict)
    """By kind, what stood in its way in the passes since the roster's count of wishes was `stood_as_of`: agents that were passed over for that are not looked at again."""
    stood_as_of: int = -1

    @property
    def sated(self) -> bool:
        """All that it asked for is offered or used."""
        return self.exact and not self.more and not any(self.left)

    @property
    def wants(self) -> bool:
        """Whether a pass may offer to it."""
        return self.framework.active and self.subscribed and not self.suppressed and not self.sated


@dataclass(slots=True, eq=False)
class Agent:
    """`total` = `free` + all of `held`, unless `over`: then more is held than the agent has since it shrank, and `free` is what is left of each name.

    What is shared is always free, however many hold it; it counts once for each framework and once for each role that does.
    """

    id: str
    incarnation: int
    hostname: str
    attributes: Attributes
    total: Resources
    total_vector: Vector
    free: Resources
    free_vector: Vector
    held: dict[Subscription, Resources] = field(default_factory=dict)
    active: bool = True
    gpus: bool = False
    over: bool = False
    plain: bool = True
    """Every framework with the capability for the agent may have all of `free`: nothing in it is reserved, revocable or shared."""
    shared: bool = False
    """Something of the total may be held by several."""
    region: str = ""
    zone: str = ""
    open_vector: Vector = ()
    """What of `free` is open, while there are quotas and the agent is active; else nothing."""
    reserved: tuple[tuple[Chain, Vector], ...] = ()
    """What of the total is reserved, by path in the tree of quotas, while there are quotas."""

    passed_over: int = -1
    """The roster's count of wishes when a pass offered the agent to everybody and something was left; -1 if that may have changed since."""

    def held_by_all(self) -> Resources:
        total = EMPTY
        for resources in self.held.values():
            total = total + resources
        return total
