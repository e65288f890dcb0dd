"""What every built-in framework does the same: subscribe under one id, keep its roles, wake and silence them, acknowledge, reconcile.

`Subscription` is state; the functions below act on it. After each (re)subscription the framework asks what became of its tasks: of those that it knows, by name,
and of all others, in general. An answer for `SENTINEL`, asked for last, marks the end: before it has come once in the framework's life nothing new is launched.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from raymesos.machine import MASTER, Outbox
from raymesos.model.tasks import ALL_CAPABILITIES, Capability, TaskState, is_terminal
from raymesos.wire.messages import (
    Acknowledge,
    Decline,
    Demand,
    FrameworkInfo,
    Offer,
    Reconcile,
    Revive,
    Subscribe,
    Subscribed,
    Suppress,
    TaskRef,
    TaskStatus,
    UpdateFramework,
)

# It outlives its actor: Ray restarts it within seconds, and a week is longer than anybody's outage.
FAILOVER_MS = 7 * 24 * 3600 * 1000
# Who submits a job asks for resources that stay until it is done.
CAPABILITIES = tuple(c for c in ALL_CAPABILITIES if c != Capability.REVOCABLE_RESOURCES)

# The states of a job. (Titus)
ACCEPTED = "Accepted"
KILL_INITIATED = "KillInitiated"
FINISHED = "Finished"

# What is left of an offer and not wanted: long enough not to bounce, short enough to look again. A new wish clears it.
REFUSE_MS = 5_000

SENTINEL = "reconciled?"
SUBSCRIBE_RETRY_MS = 1_000
# While agents are coming back after a master's restart the sentinel is not answered, nor is what may run on them: ask again, ever more seldom.
RECONCILE_RETRY_MS = 1_000
RECONCILE_RETRY_MAX_MS = 30_000
# A new life does not know what its former lives left running. It waits so long to be told; then it may start something twice, which costs only time.
SETTLE_MS = 30_000
# One message asks for so many tasks: a batch stays well below the transport's limit.
RECONCILE_BATCH = 500


@dataclass(slots=True)
class Subscription:
    info: FrameworkInfo
    connected: bool = False
    reconciled: bool = False
    """The master has told all that it knows since we subscribed."""
    settled: bool = False
    """It has once in this life, or had time enough: new tasks may start."""
    retry_ms: int = RECONCILE_RETRY_MS
    awake: dict[str, None] = field(default_factory=dict)
    """Roles that want offers."""
    told_roles: tuple[str, ...] = ()
    """The roles that we have last told the master: it may have been asked for a subscription before one was added."""

    @property
    def framework_id(self) -> str:
        return self.info.id


def subscribe(sub: Subscription, out: Outbox) -> None:
    """Ask for a subscription, and again until it is there. All roles sleep: what is wanted is said when we are in."""
    lost(sub)
    sub.told_roles = sub.info.roles
    out.send(MASTER, Subscribe(sub.info, sub.info.roles))
    out.wake("subscribe", SUBSCRIBE_RETRY_MS)


def subscribed(sub: Subscription, message: Subscribed, tasks: list[TaskRef], out: Outbox) -> bool:
    """We are in. True when the id is new. Asks for the state of `tasks` and of all that we have forgotten."""
    new = sub.info.id != message.framework_id
    sub.info = replace(sub.info, id=message.framework_id)
    sub.connected = True
    sub.retry_ms = RECONCILE_RETRY_MS
    out.sleep("subscribe")
    if sub.told_roles != sub.info.roles:
        _tell_roles(sub, out)
    if not sub.settled:
        out.wake("settle", SETTLE_MS)
    ask(sub, tasks, out)
    return new


def ask(sub: Subscription, tasks: list[TaskRef], out: Outbox) -> None:
    """Reconcile; the sentinel comes last."""
    for i in range(0, len(tasks), RECONCILE_BATCH):
        out.send(MASTER, Reconcile(sub.framework_id, tuple(tasks[i : i + RECONCILE_BATCH])))
    out.send(MASTER, Reconcile(sub.framework_id))
    out.send(MASTER, Reconcile(sub.framework_id, (TaskRef(SENTINEL),)))
    out.wake("reconcile", sub.retry_ms)
    sub.retry_ms = min(2 * sub.retry_ms, RECONCILE_RETRY_MAX_MS)


def ask_again(sub: Subscription, tasks: list[TaskRef], out: Outbox) -> None:
    """The sentinel has not been answered in time: reconcile once more."""
    if sub.connected and not sub.reconciled:
        ask(sub, tasks, out)


def reconciled(sub: Subscription, out: Outbox) -> None:
    """The sentinel was answered: all that runs is known."""
    sub.reconciled = sub.settled = True
    out.sleep("reconcile")
    out.sleep("settle")


def lost(sub: Subscription) -> None:
    """The master is away: what it offered is void, and all roles sleep."""
    sub.connected = sub.reconciled = False
    sub.awake.clear()


def acknowledge(sub: Subscription, status: TaskStatus, out: Outbox) -> None:
    """Acknowledge what wants it."""
    if status.uuid:
        out.send(MASTER, Acknowledge(sub.framework_id, status.agent_id, status.task_id, status.uuid))


def lives(state: TaskState) -> bool:
    """Whether a task in this state runs or will."""
    return not is_terminal(state) and state not in (TaskState.UNREACHABLE, TaskState.UNKNOWN)


def use_role(sub: Subscription, role: str, out: Outbox) -> bool:
    """Be in `role`; it sleeps until something wants offers in it. True when it is new."""
    if role in sub.info.roles:
        return False
    sub.info = replace(sub.info, roles=(*sub.info.roles, role))
    if sub.connected:
        _tell_roles(sub, out)
    return True


def want(sub: Subscription, role: str, demand: tuple[Demand, ...], out: Outbox) -> None:
    """Offers in `role` are wanted now: wake it and clear its filters. Before we are subscribed it stays asleep: who wants something says so then."""
    if sub.connected:
        sub.awake[role] = None
        out.send(MASTER, Revive(sub.framework_id, (role,), demand))


def want_nothing(sub: Subscription, role: str, out: Outbox) -> None:
    """No offers in `role`, please."""
    if role in sub.awake:
        del sub.awake[role]
        out.send(MASTER, Suppress(sub.framework_id, (role,)))


def decline(sub: Subscription, offers: tuple[Offer, ...], out: Outbox, *, refuse_ms: int) -> None:
    """Give the offers back."""
    if offers:
        out.send(MASTER, Decline(sub.framework_id, tuple(o.id for o in offers), refuse_ms))


def _tell_roles(sub: Subscription, out: Outbox) -> None:
    sub.told_roles = sub.info.roles
    asleep = tuple(role for role in sub.info.roles if role not in sub.awake)
    out.send(MASTER, UpdateFramework(sub.info, asleep))
