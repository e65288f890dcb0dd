"""Frameworks: subscribed, disconnected, failed over, removed."""

from __future__ import annotations

from dataclasses import replace

from raymesos.kernel.master import notes, offers
from raymesos.kernel.master.state import Framework, State, count, subscriber, trim
from raymesos.machine import ALLOCATOR, Outbox
from raymesos.model.roles import role_error
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
    Revive,
    ReviveRoles,
    ShutdownFramework,
    Subscribe,
    Subscribed,
    Suppress,
    SuppressRoles,
    Teardown,
    UpdateFramework,
)


def subscribe(state: State, sender: str, message: Subscribe, out: Outbox, now_ms: int) -> None:
    """Open or resume a subscription; the sender's address is where its events go from now on. A refusal is an error event."""
    info = message.info
    error = _info_error(info, message.suppressed_roles)
    if error is None and info.id in state.burnt:
        error = "Framework has been removed"
    if error is not None:
        out.send(sender, FrameworkError(error))
        notes.event(out, now_ms, "framework refused", info.name, error)
        return
    count(state, "messages_register_framework")
    known = state.frameworks.get(info.id or state.framework_of_address.get(sender, ""))
    if not info.id and known is not None:
        # It has not heard our answer to its first subscription and asks again.
        info = replace(info, id=known.id)
    if known is not None and known.address not in (None, sender):
        out.send(str(known.address), FrameworkError("Framework failed over"))
        notes.event(out, now_ms, "framework failed over", known.id, f"to {sender}")
    framework = _admit(state, known, info, out)
    _release_address(state, framework)
    offers.void_of_framework(state, framework, out)
    framework.address = sender
    framework.suppressed_roles = message.suppressed_roles
    state.framework_of_address[sender] = framework.id
    out.sleep(f"failover {framework.id}")
    out.send(sender, Subscribed(framework.id, state.master_id))
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
    error = _info_error(message.info, message.suppressed_roles)
    if error is not None:
        notes.event(out, now_ms, "framework update refused", framework.id, error)
        return
    left = tuple(role for role in framework.info.roles if role not in message.info.roles)
    framework.info, framework.suppressed_roles = message.info, message.suppressed_roles
    _keep(state, framework.info, out)
    if left:
        offers.rescind_roles(state, framework, left, out)
    out.send(ALLOCATOR, _changed(framework))
    notes.framework_now(out, now_ms, framework)


def link_down(state: State, address: str, out: Outbox, now_ms: int) -> None:
    """The framework at `address` cannot be reached: it is offered nothing, and has its failover timeout to come back."""
    framework = state.frameworks.get(state.framework_of_address.get(address, ""))
    if framework is None:
        return
    offers.void_of_framework(state, framework, out)
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
            notes.event(
                out, now_ms, "framework removed", framework_id, "did not subscribe again after the master's restart"
            )
    elif framework.address is None and not framework.removed:
        remove(state, framework, out, now_ms, "did not come back within its failover timeout")


def teardown(state: State, sender: str, message: Teardown, out: Outbox, now_ms: int) -> None:
    framework = subscriber(state, sender, message.framework_id)
    if framework is not None:
        remove(state, framework, out, now_ms, "torn down")


def remove(state: State, framework: Framework, out: Outbox, now_ms: int, why: str) -> None:
    """Burn the id, end the offers, have all tasks killed. They hold their resources until their agents say that they have ended."""
    offers.void_of_framework(state, framework, out)
    _release_address(state, framework)
    framework.removed = True
    framework.unreachable.clear()
    _burn(state, framework.id, out)
    for agent_id in dict.fromkeys(task.agent_id for task in framework.tasks.values()):
        agent = state.agents[agent_id]
        if agent.connected:
            out.send(agent.address, ShutdownFramework(framework.id))
    out.send(ALLOCATOR, FrameworkRemoved(framework.id))
    out.sleep(f"failover {framework.id}")
    if not framework.tasks:
        del state.frameworks[framework.id]
    notes.framework_now(out, now_ms, framework)
    notes.event(out, now_ms, "framework removed", framework.id, why)


def revive(state: State, sender: str, message: Revive, out: Outbox) -> None:
    framework = subscriber(state, sender, message.framework_id)
    if framework is not None:
        count(state, "messages_revive_offers")
        roles = message.roles or framework.info.roles
        framework.suppressed_roles = tuple(r for r in framework.suppressed_roles if r not in roles)
        out.send(ALLOCATOR, ReviveRoles(framework.id, roles, message.demand))


def suppress(state: State, sender: str, message: Suppress, out: Outbox) -> None:
    framework = subscriber(state, sender, message.framework_id)
    if framework is not None:
        count(state, "messages_suppress_offers")
        roles = message.roles or framework.info.roles
        framework.suppressed_roles = tuple(dict.fromkeys([*framework.suppressed_roles, *roles]))
        out.send(ALLOCATOR, SuppressRoles(framework.id, roles))


def recovered(state: State, framework_id: str, out: Outbox) -> Framework | None:
    """The framework of tasks that an agent brought back: here, or known to the registry and not back yet. None if it is removed or unknown."""
    info = state.known_frameworks.get(framework_id)
    if info is None:
        return None
    found = state.frameworks.get(framework_id)
    if found is None:
        found = state.frameworks[framework_id] = Framework(info)
        out.send(ALLOCATOR, _added(found))
    return found


def tell_allocator(framework: Framework, out: Outbox) -> None:
    """Say again who the framework is, to an allocator that has forgotten."""
    out.send(ALLOCATOR, _added(framework))
    if framework.removed:
        out.send(ALLOCATOR, FrameworkRemoved(framework.id))


def _admit(state: State, known: Framework | None, info: FrameworkInfo, out: Outbox) -> Framework:
    if known is not None:
        left = tuple(role for role in known.info.roles if role not in info.roles)
        known.info = info
        if left:
            offers.rescind_roles(state, known, left, out)
        _keep(state, info, out)
        return known
    if not info.id:
        state.frameworks_named += 1
        info = replace(info, id=f"{state.master_id}-{state.frameworks_named:04d}")
    framework = state.frameworks[info.id] = Framework(info)
    _keep(state, info, out)
    return framework


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
        info.id, info.roles, framework.suppressed_roles, info.capabilities, active=framework.address is not None
    )


def _changed(framework: Framework) -> FrameworkChanged:
    return FrameworkChanged(framework.id, framework.info.roles, framework.suppressed_roles, framework.info.capabilities)


def _info_error(info: FrameworkInfo, suppressed: tuple[str, ...]) -> str | None:
    """Why this cannot be subscribed, in Mesos' words; None if it can."""
    if not info.roles:
        return "'FrameworkInfo.roles' must not be empty"
    for i, role in enumerate(info.roles):
        error = role_error(role)
        if error is not None:
            return f"'FrameworkInfo.roles' contains invalid role: {error}"
        if role in info.roles[:i]:
            return f"'FrameworkInfo.roles' contains duplicate items: {role}"
    if info.failover_timeout_ms < 0:
        return "'FrameworkInfo.failover_timeout' must not be negative"
    for role in suppressed:
        if role not in info.roles:
            return f"Suppressed role '{role}' is not contained in the list of roles"
    return None
