"""Master ↔ allocator."""

from __future__ import annotations

from raymesos.model.attributes import Attributes
from raymesos.model.quota import Quantities, Quota
from raymesos.model.resources import EMPTY, Resources
from raymesos.wire.maintenance import Unavailability
from raymesos.wire.registry import message
from raymesos.wire.values import Claim, Demand, Grant, Held

# ---------------------------------------------------------------- master → allocator


@message(40)
class AllocatorReset:
    """Forget everything. What follows rebuilds the books; grants carry `epoch` back, those of another epoch are void."""

    epoch: int
    paused: bool = False


@message(41)
class AgentAdded:
    """An agent that may be offered, with what frameworks `held` of it before. `incarnation` tells its lives apart."""

    agent_id: str
    incarnation: int
    hostname: str
    total: Resources
    attributes: Attributes
    held: tuple[Held, ...] = ()
    active: bool = True
    region: str = ""
    zone: str = ""
    unavailability: Unavailability | None = None


@message(42)
class AgentChanged:
    """The agent has another size, other attributes or another fault domain; what is held stays held."""

    agent_id: str
    total: Resources
    attributes: Attributes
    region: str = ""
    zone: str = ""


@message(43)
class AgentRemoved:
    """The agent is gone, with all that was offered or used there."""

    agent_id: str


@message(44)
class AgentActivated:
    """The agent may be offered again."""

    agent_id: str


@message(45)
class AgentDeactivated:
    """Offer nothing of it until it is activated; what is held stays held."""

    agent_id: str


@message(46)
class FrameworkAdded:
    """A framework that may be offered in its `roles`, but for those that it suppressed."""

    framework_id: str
    roles: tuple[str, ...]
    suppressed_roles: tuple[str, ...]
    capabilities: tuple[str, ...]
    active: bool = True
    offer_filters: tuple[tuple[str, tuple[Quantities, ...]], ...] = ()
    offer_constraints: str = ""


@message(47)
class FrameworkChanged:
    """Other roles, suppressed roles, capabilities, filters or constraints of a known framework; they count from the next pass on."""

    framework_id: str
    roles: tuple[str, ...]
    suppressed_roles: tuple[str, ...]
    capabilities: tuple[str, ...]
    offer_filters: tuple[tuple[str, tuple[Quantities, ...]], ...] = ()
    offer_constraints: str = ""


@message(48)
class FrameworkActivated:
    """The framework may be offered again."""

    framework_id: str


@message(49)
class FrameworkDeactivated:
    """Offer it nothing; its filters are gone; what it holds stays held until recovered."""

    framework_id: str


@message(50)
class FrameworkRemoved:
    """Never offer it anything again. What it still holds stays on the books until recovered."""

    framework_id: str


@message(51)
class ReviveRoles:
    """Clear the filters of `roles`, wake them, and take `demand` for what was wanted before."""

    framework_id: str
    roles: tuple[str, ...]
    demand: tuple[Demand, ...] = ()


@message(52)
class SuppressRoles:
    """Offer nothing in `roles` until they are revived."""

    framework_id: str
    roles: tuple[str, ...]


@message(53)
class Recover:
    """Resources come back. `refuse_ms` leaves a filter (None or 0: no filter). `task_ended` asks for a pass at once."""

    framework_id: str
    role: str
    agent_id: str
    incarnation: int
    resources: Resources
    refuse_ms: int | None = None
    task_ended: bool = False
    release: int = 0
    """Not 0 for what was taken back for somebody: such are numbered."""


@message(54)
class WeightsChanged:
    """(role, weight as decimal text) pairs."""

    weights: tuple[tuple[str, str], ...]


@message(55)
class QuotasChanged:
    """Quotas of some roles; each replaces its role's, one that is default removes it."""

    quotas: tuple[Quota, ...]


@message(56)
class Convert:
    """An operation of the framework has turned `before`, which it holds of the agent, into `after`; the agent's total is changed alike."""

    framework_id: str
    role: str
    agent_id: str
    incarnation: int
    before: Resources
    after: Resources


@message(57)
class ConvertFree:
    """Turn `before`, which nobody holds, into `after`. Answered by FreeConverted: what is free is the allocator's to say."""

    request_id: str
    agent_id: str
    incarnation: int
    before: Resources
    after: Resources


@message(58)
class AgentUnavailability:
    """When the agent will be unavailable; None: not that anybody knows."""

    agent_id: str
    unavailability: Unavailability | None


@message(59)
class InverseAnswered:
    """The framework's inverse offer of the agent is over: answered (it is asked again after `refuse_ms`), or rescinded (None)."""

    framework_id: str
    agent_id: str
    refuse_ms: int | None = None


@message(64)
class ResumeAllocation:
    """Enough is known again: passes may run."""


# ---------------------------------------------------------------- allocator → master


@message(60)
class AllocatorReady:
    """A new allocator without books asks to be told."""


@message(61)
class Allocations:
    """One message a pass."""

    epoch: int
    grants: tuple[Grant, ...]


@message(62)
class FreeConverted:
    """`done`, or not, and then `free` is what there is to convert."""

    request_id: str
    done: bool
    free: Resources = EMPTY


@message(63)
class InverseGrants:
    """(framework id, agent id) pairs: whom to ask to leave, of one pass."""

    epoch: int
    pairs: tuple[tuple[str, str], ...]


@message(65)
class Preempt:
    """What is owed and used by others, after a pass over all agents. `seen`: the highest `release` of a Recover that the pass knew of."""

    epoch: int
    claims: tuple[Claim, ...]
    seen: int = 0
