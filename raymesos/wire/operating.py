"""Operator → master, and the answer. Agents are named by their id, or by their name where only one has it. Each call is carried out whole or not at all."""

from __future__ import annotations

from raymesos.model.quota import Quota
from raymesos.wire.maintenance import MachineId, Window
from raymesos.wire.operations import Create, Destroy, Grow, Reserve, Shrink, Unreserve
from raymesos.wire.registry import message


@message(130)
class SetWeights:
    """(role, weight as decimal text) pairs; all or none. `request_id` comes back in the answer."""

    weights: tuple[tuple[str, str], ...]
    request_id: str = ""


@message(131)
class OperatorAnswer:
    """`error` is empty when the call was carried out. `kind` says what was wrong: invalid, unknown, conflict, quota; `field` and `value` of what."""

    request_id: str
    error: str = ""
    kind: str = ""
    field: str = ""
    value: str = ""


@message(132)
class SetQuotas:
    """Replace the quotas of these roles; one that is default removes it. `force` allows guarantees that exceed what there is, and limits below what is consumed.

    `legacy` is Mesos' old SET_QUOTA: offers are rescinded until the guarantee is free on as many agents as the role has active frameworks.
    """

    quotas: tuple[Quota, ...]
    force: bool = False
    legacy: bool = False
    request_id: str = ""


@message(133)
class Operate:
    """Change resources of an agent that nobody uses; offers of them are rescinded, no more than needed."""

    agent: str
    operation: Reserve | Unreserve | Create | Destroy | Grow | Shrink
    principal: str = ""
    request_id: str = ""


@message(134)
class DrainAgent:
    """Offer nothing more of the agent and kill its tasks, each with at most `grace_ms` (None: their own). With `mark_gone` it is removed when the last has ended."""

    agent: str
    grace_ms: int | None = None
    mark_gone: bool = False
    request_id: str = ""


@message(135)
class DeactivateAgent:
    """Offer nothing more of the agent; its tasks run on."""

    agent: str
    request_id: str = ""


@message(136)
class ReactivateAgent:
    """Offer it again, deactivated or drained as it is."""

    agent: str
    request_id: str = ""


@message(137)
class MarkAgentGone:
    """The agent and its tasks are gone for ever."""

    agent: str
    request_id: str = ""


@message(138)
class ScheduleMaintenance:
    """Replace the whole schedule."""

    windows: tuple[Window, ...]
    request_id: str = ""


@message(139)
class StartMaintenance:
    """The scheduled machines are down: their agents are shut down and may not register."""

    machines: tuple[MachineId, ...]
    request_id: str = ""


@message(141)
class TeardownFramework:
    """Kill all tasks of the framework and remove it; its id is burnt."""

    framework_id: str
    request_id: str = ""


@message(140)
class StopMaintenance:
    """The machines are up again, and off the schedule."""

    machines: tuple[MachineId, ...]
    request_id: str = ""
