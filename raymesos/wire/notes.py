"""Notes: what the machines tell the observer. Views, metrics, stories and explanations are folded from these, and from nothing else.

A note may be lost, so each says how things are now, not how they changed; `at_ms` is the clock of the machine that wrote it.
"""

from __future__ import annotations

from raymesos.model.attributes import Attributes
from raymesos.model.resources import Resources
from raymesos.wire.registry import message


@message(200)
class AgentNote:
    """`state`: active, disconnected, unreachable, gone."""

    at_ms: int
    agent_id: str
    name: str
    hostname: str
    state: str
    total: Resources
    attributes: Attributes


@message(201)
class FrameworkNote:
    """`state`: active, disconnected, completed."""

    at_ms: int
    framework_id: str
    name: str
    roles: tuple[str, ...]
    state: str
    principal: str = ""


@message(202)
class TaskNote:
    """The latest state of a task, as the master told its framework."""

    at_ms: int
    framework_id: str
    task_id: str
    name: str
    role: str
    agent_id: str
    state: str
    reason: str
    message: str
    resources: Resources


@message(203)
class OffersNote:
    """Outstanding offers of a framework and how many of each fate there were since the master started."""

    at_ms: int
    framework_id: str
    outstanding: int
    sent: int
    accepted: int
    declined: int
    rescinded: int


@message(204)
class ShareNote:
    """What a role holds (offered and used, its sub-roles included) and its dominant share as (part, whole), weight not applied."""

    at_ms: int
    role: str
    weight: str
    share: tuple[int, int]
    held: Resources


@message(205)
class WaitNote:
    """Why a framework got nothing in a role in the last pass, or empty `why` when it did get something or wants nothing.

    `why` is one of: suppressed, filtered (`until_ms`), no_agent_fits, nothing_free, role_behind, no_agents.
    """

    at_ms: int
    framework_id: str
    role: str
    why: str
    detail: str = ""
    until_ms: int | None = None


@message(206)
class PassNote:
    """One allocation pass: agents looked at, grants made, filters in force by role."""

    at_ms: int
    agents: int
    grants: int
    filters: tuple[tuple[str, int], ...] = ()


@message(207)
class JobNote:
    """A batch job now. `state`: Accepted, KillInitiated, Finished. Counts are of inputs (or commands)."""

    at_ms: int
    job_id: str
    name: str
    role: str
    framework_id: str
    state: str
    total: int
    waiting: int
    running: int
    succeeded: int
    failed: int
    retried: int
    shape: Resources
    why: str = ""
    """Why nothing of it runs, or why it ended as it did."""
    submitted_ms: int = 0
    ended_ms: int | None = None


@message(208)
class EventNote:
    """Something an operator reads in `raymesos events`: `kind` is a noun with a verb (`agent lost`), `subject` an id."""

    at_ms: int
    kind: str
    subject: str
    text: str = ""


@message(209)
class MetricsNote:
    """Counters and gauges by the names of Mesos' /metrics/snapshot, as they are now."""

    at_ms: int
    values: tuple[tuple[str, float], ...]
