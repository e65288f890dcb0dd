"""Frameworks: subscribed, disconnected, failed over, removed."""

from __future__ import annotations

from dataclasses import replace

from raymesos.kernel.master import inverse, limits, notes, offers
from raymesos.kernel.master.framework_validation import info_error, principal_error, unchangeable, update_error
from raymesos.kernel.master.operator import Refused, answer
from raymesos.kernel.master.state import Framework, State, count, forget_if_over, subscriber, trim
from raymesos.machine import ALLOCATOR, Outbox
from raymesos.wire.messages import (
    FrameworkActivated,
    FrameworkAdded,
    FrameworkChanged,
    FrameworkDeactivated,
    FrameworkError,
    FrameworkIdBurnt,
    FrameworkIdGiven,
    FrameworkInfo,
    FrameworkRemoved,
    FrameworkUpdated,
    Revive,
    ReviveRoles,
    ShutdownFramework,
    Subscribe,
    Subscribed,
    Suppress,
    SuppressRoles,
    Teardown,
    TeardownFramework,
    UpdateFramework,
)

REMOVED = "Framework has been removed"


def subscribe(state: State, sender: str, message: Subscribe, out: Outbox, now_ms: int) -> None:
    """Open or resume a subscription; the sender's address is where its events go from now on. A refusal is an error event."""
    info = message.info
    former = state.known_frameworks.get(info.id)
    error = (
        info_error(info, message.suppressed_roles, message.offer_constraints)
        or _id_error(state, info.id)
        or (principal_error(former, info) if former is not None else None)
    )
    if error is not None:
        out.send(sender, FrameworkError(error))
        notes.event(out, now_ms, "framework refused", info.name, error)
        return
    count(state, "messages_reregister_framework" if info.id else "messages_register_framework")
    if former is not None:
        info = unchangeable(former, info)
    there = state.frameworks.get(state.framework_of_address.get(sender, ""))
    if there is not None and not info.id:
        info = replace(info, id=there.id)  # It has not heard our answer to its first subscription and asks again.
    elif there is not None and there.id != info.id:
        link_down(state, sender, out, now_ms)  # Its scheduler has become another.
    known = state.frameworks.get(info.id)
    if known is not None:
        _leave_subscriber(state, known, sender, out, now_ms)
    framework = _admit(state, known, info, out)
    framework.address = sender
    framework.registered_ms = now_ms if framework.registered_ms is None else framework.registered_ms
    framework.reregistered_ms = now_ms
    framework.suppressed_roles = message.suppressed_roles
    framework.offer_constraints = message.offer_constraints
    state.framework_of_address[sender] = framework.id
    out.sleep(f"failover {framework.id}")
    out.send(sender, Subscribed(framework.id, state.master_id, state.settings.heartbeat_ms))
    if known is None:
        out.send(ALLOCATOR, _added(framework))
    else:
        out.send(ALLOCATOR, _changed(framework))
        # A failed-over scheduler knows nothing of the filters that its former self has set.
        out.send(ALLOCATOR, FrameworkDeactivated(framework.id))
        out.send(ALLOCATOR, FrameworkActivated(framework.id))
    notes.framework_now(out, now_ms, framework)


def update(state: State, sender: str, message: UpdateFramework, out: Outbox, now_ms: int) -> None:
    """Replace what may change. Offers to roles that it leaves are rescinded; those to roles that it now suppresses stay."""
    framework = subscriber(state, sender, message.info.id)
    if framework is None:
        return
    error = info_error(message.info, message.suppressed_roles, message.offer_constraints) or update_error(
        framework.info, message.info
    )
    out.send(sender, FrameworkUpdated(error or ""))
    if error is not None:
        notes.event(out, now_ms, "framework update refused", framework.id, error)
        return
    framework.suppressed_roles = message.suppressed_roles
    framework.offer_constraints = message.offer_constraints
    offers.rescind_other_roles(state, framework, message.info.roles, out, now_ms)
    _change(state, framework, message.info, out)
    out.send(ALLOCATOR, _changed(framework))
    notes.framework_now(out, now_ms, framework)


def link_down(state: State, address: str, out: Outbox, now_ms: int) -> None:
    """The framework at `address` cannot be reached: it is offered nothing, and has its failover timeout to come back."""
    framework = state.frameworks.get(state.framework_of_address.get(address, ""))
    if framework is None:
        return
    offers.void_of_framework(state, framework, out, now_ms)
    inverse.void_of_framework(state, framework)
    _release_address(state, framework)
    out.send(ALLOCATOR, FrameworkDeactivated(framework.id))
    notes.framework_now(out, now_ms, framework)
    notes.event(out, now_ms, "framework disconnected", framework.id, framework.info.name)
    if framework.info.failover_timeout_ms <= 0:
        remove(state, framework, out, now_ms, "disconnected, and its failover timeout is 0")
    else:
        out.wake(f"failover {framework.id}", framework.info.failover_timeout_ms)


def failover_over(state: State, framework_id: str, out: Outbox, now_ms: int) -> None:
    """It did not come back in time."""
    framework = state.frameworks.get(framework_id)
    if framework is None:
        info = state.known_frameworks.get(framework_id)
        if info is not None:
            _burn(state, framework_id, out)
            notes.framework_now(out, now_ms, Framework(info, removed=True))
            notes.event(
                out, now_ms, "framework removed", framework_id, "did not subscribe again after the master's restart"
            )
    elif framework.address is None and not framework.removed:
        remove(state, framework, out, now_ms, "did not come back within its failover timeout")


def teardown(state: State, sender: str, message: Teardown, out: Outbox, now_ms: int) -> None:
    framework = subscriber(state, sender, message.framework_id)
    if framework is not None:
        count(state, "messages_unregister_framework")
        _release_address(state, framework)  # It knows.
        remove(state, framework, out, now_ms, "torn down")


def teardown_by_operator(state: State, sender: str, message: TeardownFramework, out: Outbox, now_ms: int) -> None:
    """Whether it is subscribed or away, or has not come back since the master's restart."""
    framework = state.frameworks.get(message.framework_id)
    if framework is None and message.framework_id in state.known_frameworks:
        out.sleep(f"failover {message.framework_id}")
        failover_over(state, message.framework_id, out, now_ms)
        answer(out, sender, message.request_id)
        return
    if framework is None or framework.removed:
        error = f"no framework {message.framework_id!r}"
        answer(out, sender, message.request_id, Refused("unknown", error, "framework", message.framework_id))
        return
    count(state, "messages_unregister_framework")
    remove(state, framework, out, now_ms, "torn down by an operator")
    answer(out, sender, message.request_id)


def remove(state: State, framework: Framework, out: Outbox, now_ms: int, why: str) -> None:
    """Burn the id, end the offers, have all tasks killed. They hold their resources until their agents say that they have ended. A subscriber is told."""
    if framework.address is not None:
        out.send(framework.address, FrameworkError(REMOVED))
    offers.void_of_framework(state, framework, out, now_ms)
    inverse.void_of_framework(state, framework)
    _release_address(state, framework)
    framework.removed = True
    limits.forget(state, framework.info.principal)
    framework.unreachable.clear()
    _burn(state, framework.id, out)
    for agent in state.agents.values():
        if agent.connected:  # Idle executors have to go as well; agents that are away are told when they are back.
            out.send(agent.address, ShutdownFramework(framework.id))
    out.send(ALLOCATOR, FrameworkRemoved(framework.id))
    out.sleep(f"failover {framework.id}")
    forget_if_over(state, framework)
    notes.framework_now(out, now_ms, framework)
    notes.event(out, now_ms, "framework removed", framework.id, why)


def revive(state: State, sender: str, message: Revive, out: Outbox, now_ms: int) -> None:
    """The roles want offers again, without filters, and what `demand` says."""
    framework = subscriber(state, sender, message.framework_id)
    if framework is None or not _in_roles(state, framework, message.roles):
        return
    count(state, "messages_revive_offers")
    roles = message.roles or framework.info.roles
    _suppressed(framework, tuple(r for r in framework.suppressed_roles if r not in roles), out, now_ms)
    for role in roles:
        framework.demand[role] = tuple(d for d in message.demand if d.role in ("", role))
    out.send(ALLOCATOR, ReviveRoles(framework.id, roles, message.demand))


def suppress(state: State, sender: str, message: Suppress, out: Outbox, now_ms: int) -> None:
    """The roles want no offers. Those that they have stay."""
    framework = subscriber(state, sender, message.framework_id)
    if framework is None or not _in_roles(state, framework, message.roles):
        return
    count(state, "messages_suppress_offers")
    roles = message.roles or framework.info.roles
    _suppressed(framework, tuple(dict.fromkeys([*framework.suppressed_roles, *roles])), out, now_ms)
    out.send(ALLOCATOR, SuppressRoles(framework.id, roles))


def recovered(state: State, framework_id: str, out: Outbox, now_ms: int) -> Framework | None:
    """The framework of tasks that an agent brought back: here, or known to the registry and not back yet. None if it is removed or unknown."""
    info = state.known_frameworks.get(framework_id)
    if info is None:
        return None
    found = state.frameworks.get(framework_id)
    if found is None:
        found = state.frameworks[framework_id] = Framework(info)
        out.send(ALLOCATOR, _added(found))
        notes.framework_now(out, now_ms, found)
    return found


def tell_allocator(framework: Framework, out: Outbox) -> None:
    """Say again who the framework is, to an allocator that has forgotten."""
    out.send(ALLOCATOR, _added(framework))
    if framework.removed:
        out.send(ALLOCATOR, FrameworkRemoved(framework.id))
        return
    for role, demand in framework.demand.items():
        if demand and role not in framework.suppressed_roles:
            out.send(ALLOCATOR, ReviveRoles(framework.id, (role,), demand))


def _admit(state: State, known: Framework | None, info: FrameworkInfo, out: Outbox) -> Framework:
    if known is not None:
        _change(state, known, info, out)
        return known
    if not info.id:
        state.frameworks_named += 1
        info = replace(info, id=f"{state.master_id}-{state.frameworks_named:04d}")
    framework = state.frameworks[info.id] = Framework(info)
    _keep(state, info, out)
    return framework


def _change(state: State, framework: Framework, info: FrameworkInfo, out: Outbox) -> None:
    framework.info = info
    framework.demand = {role: wanted for role, wanted in framework.demand.items() if role in info.roles}
    _keep(state, info, out)


def _leave_subscriber(state: State, framework: Framework, sender: str, out: Outbox, now_ms: int) -> None:
    """End what its present subscriber has: offers, and the subscription if it is another's."""
    offers.void_of_framework(state, framework, out, now_ms)
    inverse.void_of_framework(state, framework)
    if framework.address not in (None, sender):
        out.send(str(framework.address), FrameworkError("Framework failed over"))
        notes.event(out, now_ms, "framework failed over", framework.id, f"to {sender}")
    _release_address(state, framework)


def _keep(state: State, info: FrameworkInfo, out: Outbox) -> None:
    if state.known_frameworks.get(info.id) != info:
        state.known_frameworks[info.id] = info
        out.persist(FrameworkIdGiven(info))


def _burn(state: State, framework_id: str, out: Outbox) -> None:
    state.known_frameworks.pop(framework_id, None)
    state.burnt[framework_id] = None
    trim(state.burnt, state.settings.burnt_framework_ids)
    out.persist(FrameworkIdBurnt(framework_id))


def _release_address(state: State, framework: Framework) -> None:
    if framework.address is not None and state.framework_of_address.get(framework.address) == framework.id:
        del state.framework_of_address[framework.address]
    framework.address = None


def _added(framework: Framework) -> FrameworkAdded:
    info = framework.info
    return FrameworkAdded(
        info.id,
        info.roles,
        framework.suppressed_roles,
        info.capabilities,
        active=framework.address is not None,
        offer_filters=info.offer_filters,
        offer_constraints=framework.offer_constraints,
    )


def _changed(framework: Framework) -> FrameworkChanged:
    info = framework.info
    return FrameworkChanged(
        framework.id,
        info.roles,
        framework.suppressed_roles,
        info.capabilities,
        info.offer_filters,
        framework.offer_constraints,
    )


def _suppressed(framework: Framework, roles: tuple[str, ...], out: Outbox, now_ms: int) -> None:
    if roles != framework.suppressed_roles:
        framework.suppressed_roles = roles
        notes.framework_now(out, now_ms, framework)


def _in_roles(state: State, framework: Framework, roles: tuple[str, ...]) -> bool:
    """Whether it is subscribed to all of `roles`; as in Mesos, a call that names another has no effect."""
    if all(role in framework.info.roles for role in roles):
        return True
    count(state, "dropped_messages")
    return False


def _id_error(state: State, framework_id: str) -> str | None:
    if framework_id in state.burnt:
        return REMOVED
    # An id that the master has not given might be given to another later.
    return "Framework cannot be found" if framework_id and framework_id not in state.known_frameworks else None
