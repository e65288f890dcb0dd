"""What the master and the agents keep in their journals."""

from __future__ import annotations

from enum import StrEnum

from raymesos.model.quota import Quota
from raymesos.model.resources import Resources
from raymesos.wire.maintenance import MachineId, Window
from raymesos.wire.operations import OperationStatus
from raymesos.wire.registry import message
from raymesos.wire.values import AgentInfo, ExecutorInfo, FrameworkInfo


class AgentMode(StrEnum):
    """What an operator wants of an agent. Only an active one is offered."""

    ACTIVE = "active"
    DRAINING = "draining"
    DRAINED = "drained"
    DEACTIVATED = "deactivated"


class Gone(StrEnum):
    """Why an agent was removed."""

    LEFT = "left"
    """It said so, or another has come in its place."""
    DOWN = "down"
    """Its machine is down for maintenance."""
    MARKED = "marked"
    """An operator has marked it gone."""


# ---------------------------------------------------------------- records of the master's journal


@message(150)
class MasterStarted:
    """One per start: `epoch` numbers the master's lives."""

    cluster_id: str
    epoch: int


@message(151)
class AgentAdmitted:
    """The agent has an id and may register again under it."""

    agent_id: str
    info: AgentInfo


@message(152)
class AgentUnreachable:
    """The agent did not answer pings since `since_ms`."""

    agent_id: str
    since_ms: int


@message(153)
class AgentReachable:
    """An unreachable agent is back."""

    agent_id: str


@message(154)
class AgentGone:
    """Removed for ever: it left, its machine went down, or it was marked gone."""

    agent_id: str
    why: Gone = Gone.LEFT


@message(155)
class FrameworkIdGiven:
    """The framework has an id, and says this of itself."""

    info: FrameworkInfo


@message(156)
class FrameworkIdBurnt:
    """The framework is over; its id is never given again."""

    framework_id: str


@message(157)
class WeightsSet:
    """(role, weight as decimal text) pairs; each replaces what was set for its role before."""

    weights: tuple[tuple[str, str], ...]


@message(170)
class AgentModeKept:
    """What an operator has made of the agent. The last two say how it is, or was, drained."""

    agent_id: str
    mode: AgentMode
    grace_ms: int | None = None
    mark_gone: bool = False


@message(171)
class MaintenanceKept:
    """The whole schedule. Machines that are no longer on it are up."""

    windows: tuple[Window, ...]


@message(172)
class MachinesDown:
    """Maintenance of these scheduled machines has begun."""

    machines: tuple[MachineId, ...]


@message(188)
class QuotasSet:
    """Quotas of some roles; each replaces its role's, one that is default removes it."""

    quotas: tuple[Quota, ...]


# ---------------------------------------------------------------- records of an agent's journal


@message(158)
class AgentIdKept:
    """The id that the master gave; a restarted agent registers again under it."""

    agent_id: str


@message(159)
class ExecutorKept:
    """An executor was asked for or has subscribed. `address` is empty until it did; `framework` until a task of it came. `for_groups`: it leaves after its last task group."""

    framework_id: str
    executor_id: str
    address: str = ""
    framework: FrameworkInfo | None = None
    for_groups: bool = False
    info: ExecutorInfo | None = None
    """What its framework says of it, if it does."""


@message(160)
class ExecutorDropped:
    """The executor is over."""

    framework_id: str
    executor_id: str


@message(161)
class OwnKept:
    """Operations have made `own` of `base`, the resources that the agent was started with."""

    base: Resources
    own: Resources


@message(162)
class OperationKept:
    """The outcome of an operation, until it is acknowledged."""

    framework_id: str
    status: OperationStatus


@message(163)
class OperationForgotten:
    """The outcome was acknowledged, or nobody waits for it."""

    framework_id: str
    operation_id: str
