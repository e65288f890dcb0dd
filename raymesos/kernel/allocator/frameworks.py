"""What the allocator hears of frameworks, their roles and their wishes. A handler books, and returns whether a pass over all agents is due."""

from __future__ import annotations

from raymesos.kernel.allocator.books import Framework, Subscription
from raymesos.kernel.allocator.pool import Vector
from raymesos.kernel.allocator.state import State
from raymesos.kernel.allocator.wants import declare
from raymesos.model.offer_constraints import parse_offer_constraints
from raymesos.wire.messages import FrameworkAdded, FrameworkChanged, ReviveRoles, SuppressRoles


def add(state: State, message: FrameworkAdded) -> bool:
    """The framework is known and subscribed as told. What it held before still counts as its own."""
    framework = state.roster.framework(message.framework_id)
    framework.known = True
    framework.active = message.active
    _describe(state, framework, message)
    _subscribe(state, framework, message.roles, message.suppressed_roles)
    return message.active


def change(state: State, message: FrameworkChanged) -> bool:
    """Other roles, suppressed roles or capabilities count from the next pass on."""
    framework = _known(state, message.framework_id)
    if framework is not None:
        _describe(state, framework, message)
        _subscribe(state, framework, message.roles, message.suppressed_roles)
    return False


def activate(state: State, framework_id: str) -> bool:
    framework = _known(state, framework_id)
    if framework is None:
        return False
    framework.active = True
    for subscription in list(framework.subscriptions.values()):
        state.roster.settle(subscription)
    return True


def deactivate(state: State, framework_id: str) -> bool:
    """It is offered nothing and its filters are gone; what it holds counts on."""
    framework = _known(state, framework_id)
    if framework is not None:
        framework.active = False
        for subscription in list(framework.subscriptions.values()):
            state.filters.clear(subscription.key)
            state.roster.settle(subscription)
    return False


def remove(state: State, framework_id: str) -> bool:
    """It is never offered anything again. Its records stay while it holds something."""
    framework = _known(state, framework_id)
    if framework is not None:
        framework.known = framework.active = False
        for subscription in list(framework.subscriptions.values()):
            _unsubscribe(state, subscription)
        state.roster.forget_unused(framework)
    return False


def revive(state: State, message: ReviveRoles) -> bool:
    """The roles (all if none is named) want offers again, have no filters, and want what `demand` says instead of what was said before."""
    for subscription in _subscribed(state, message.framework_id, message.roles):
        subscription.suppressed = False
        declare(subscription, message.demand)
        state.roster.wishes += 1
        state.holds.forget_subscription(subscription)
        state.filters.clear(subscription.key)
        state.roster.settle(subscription)
    return _known(state, message.framework_id) is not None


def suppress(state: State, message: SuppressRoles) -> bool:
    """The roles (all if none is named) want no offers. What is offered stays offered."""
    for subscription in _subscribed(state, message.framework_id, message.roles):
        subscription.suppressed = True
        state.roster.settle(subscription)
    return False


def _describe(state: State, framework: Framework, message: FrameworkAdded | FrameworkChanged) -> None:
    """What it takes, and which agents it wants to see. Its constraints were checked by the master."""
    framework.set_capabilities(message.capabilities)
    framework.constraints = parse_offer_constraints(message.offer_constraints, message.roles)
    for role in message.roles:
        subscription = state.roster.subscription(framework.id, role)
        subscription.suits, subscription.stood = {}, {}
    pool = state.roster.pool
    framework.least = {
        role: tuple(pool.vector(dict(quantities)) for quantities in least) for role, least in message.offer_filters
    }
    state.roster.wishes += 1


def _known(state: State, framework_id: str) -> Framework | None:
    framework = state.roster.frameworks.get(framework_id)
    return framework if framework is not None and framework.known else None


def _subscribed(state: State, framework_id: str, roles: tuple[str, ...]) -> list[Subscription]:
    framework = _known(state, framework_id)
    if framework is None:
        return []
    return [s for s in framework.subscriptions.values() if s.subscribed and (not roles or s.role.name in roles)]


def _subscribe(state: State, framework: Framework, roles: tuple[str, ...], suppressed_roles: tuple[str, ...]) -> None:
    for subscription in list(framework.subscriptions.values()):
        if subscription.role.name not in roles:
            _unsubscribe(state, subscription)
    for role in roles:
        subscription = state.roster.subscription(framework.id, role)
        if subscription.suppressed and role not in suppressed_roles:
            state.filters.clear(subscription.key)
        subscription.subscribed = True
        subscription.suppressed = role in suppressed_roles
        _want_least(state, subscription, framework.least.get(role))
        state.roster.settle(subscription)


def _want_least(state: State, subscription: Subscription, least: tuple[Vector, ...] | None) -> None:
    if subscription.least != least:
        state.ledger.want_least(subscription.least, -1)
        state.ledger.want_least(least, 1)
        subscription.least = least


def _unsubscribe(state: State, subscription: Subscription) -> None:
    subscription.subscribed = subscription.suppressed = False
    declare(subscription, ())
    state.holds.forget_subscription(subscription)
    _want_least(state, subscription, None)
    state.filters.clear(subscription.key)
    state.roster.settle(subscription)
