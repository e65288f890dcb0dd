"""Master ↔ allocator."""

from __future__ import annotations

from raymesos.model.attributes import Attributes
from raymesos.model.resources import Resources
from raymesos.wire.registry import message
from raymesos.wire.values import Demand, Grant, Held

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


@message(42)
class AgentChanged:
    """The agent has another size or other attributes; what is held stays held."""

    agent_id: str
    total: Resources
    attributes: Attributes


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


@message(47)
class FrameworkChanged:
    """Other roles, suppressed roles or capabilities of a known framework; they count from the next pass on."""

    framework_id: str
    roles: tuple[str, ...]
    suppressed_roles: tuple[str, ...]
    capabilities: tuple[str, ...]


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


@message(54)
class WeightsChanged:
    """(role, weight as decimal text) pairs."""

    weights: tuple[tuple[str, str], ...]


# ---------------------------------------------------------------- allocator → master


@message(60)
class AllocatorReady:
    """A new allocator without books asks to be told."""


@message(61)
class Allocations:
    """One message a pass."""

    epoch: int
    grants: tuple[Grant, ...]
