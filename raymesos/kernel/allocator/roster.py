"""Who takes part: frameworks, roles and subscriptions, and the sorters that rank them.

A subscription has its record while it is subscribed or still holds something; a role while it has subscriptions. A role is active in the role sorter when, and only when,
one of its subscriptions wants offers.
"""

from __future__ import annotations

from collections.abc import Callable

from raymesos.errors import InvariantBroken
from raymesos.kernel.allocator.books import Framework, Role, Subscription
from raymesos.kernel.allocator.pool import Pool
from raymesos.kernel.allocator.sorter import Sorter


class Roster:
    """`order` ranks the roles; each Role has the sorter of its frameworks. All measure against `pool`."""

    __slots__ = ("_framework_sorter", "changed", "frameworks", "order", "parted", "pool", "roles", "weights", "wishes")

    def __init__(self, pool: Pool, order: Sorter, framework_sorter: Callable[[], Sorter]) -> None:
        self.pool = pool
        self.order = order
        self.roles: dict[str, Role] = {}
        self.frameworks: dict[str, Framework] = {}
        self.changed: dict[str, None] = {}
        """Roles whose holdings or weight changed since somebody took this."""
        self.wishes = 0
        """Grows when somebody may take what nobody took before."""
        self.weights: dict[str, str] = {}
        """As they were told, of roles in use or not."""
        self.parted: list[Subscription] = []
        """Subscriptions that were forgotten while somebody was told that they wait, since somebody took this."""
        self._framework_sorter = framework_sorter

    def framework(self, framework_id: str) -> Framework:
        """The framework's record, made if need be."""
        framework = self.frameworks.get(framework_id)
        if framework is None:
            framework = self.frameworks[framework_id] = Framework(framework_id)
        return framework

    def subscription(self, framework_id: str, role_name: str) -> Subscription:
        """The record of the framework in the role, made inactive and unsubscribed if need be."""
        framework = self.framework(framework_id)
        subscription = framework.subscriptions.get(role_name)
        if subscription is not None:
            return subscription
        role = self.roles.get(role_name)
        if role is None:
            role = self.roles[role_name] = Role(role_name, self._framework_sorter())
            self.order.add(role_name)
            self.order.deactivate(role_name)
            self.changed[role_name] = None
        role.sorter.add(framework_id)
        role.sorter.deactivate(framework_id)
        subscription = Subscription(framework, role, (framework_id, role_name))
        role.subscriptions[framework_id] = framework.subscriptions[role_name] = subscription
        return subscription

    def settle(self, subscription: Subscription) -> None:
        """Bring the sorters in line with the subscription, or forget it if nothing keeps it."""
        framework, role = subscription.framework, subscription.role
        before = role.sorter.active
        if subscription.wants:
            role.sorter.activate(framework.id, anew=True)
        else:
            role.sorter.deactivate(framework.id)
        self.wishes += role.sorter.active > before
        if role.sorter.active:
            self.order.activate(role.name, anew=not before)
        else:
            self.order.deactivate(role.name)
        if not subscription.subscribed and not subscription.agents:
            self._forget(subscription)

    def forget_unused(self, framework: Framework) -> None:
        """Drop the record of a framework that is neither known nor holds anything."""
        if not framework.known and not framework.subscriptions:
            self.frameworks.pop(framework.id, None)

    def forget_suits(self, agent_id: str) -> None:
        """What the agent is like has changed: whether it suits a framework's constraints is to be looked at again."""
        for framework in self.frameworks.values():
            if framework.constraints:
                for subscription in framework.subscriptions.values():
                    subscription.suits.pop(agent_id, None)

    def set_weight(self, role_name: str, weight: str) -> None:
        self.order.update_weight(role_name, weight)
        self.weights[role_name] = weight
        self.changed[role_name] = None

    def check(self) -> None:
        """Raises InvariantBroken if sorters and records disagree."""
        self.order.check()
        if self.order.count != len(self.roles):
            raise InvariantBroken("roster.roles", f"{self.order.count} ranked, {len(self.roles)} known")
        for role in self.roles.values():
            role.sorter.check()
            wanting = [s.framework.id for s in role.subscriptions.values() if s.wants]
            if sorted(role.sorter.sort()) != sorted(wanting):
                raise InvariantBroken(
                    "roster.active", f"{role.name}: {wanting} want offers, {role.sorter.sort()} are ranked"
                )
            if not role.subscriptions:
                raise InvariantBroken("roster.empty", f"{role.name} has no subscription")
        ranked = sorted(name for name, role in self.roles.items() if role.sorter.active)
        if sorted(self.order.sort()) != ranked:
            raise InvariantBroken(
                "roster.ranked", f"{ranked} have frameworks that want offers, {self.order.sort()} are ranked"
            )

    def _forget(self, subscription: Subscription) -> None:
        framework, role = subscription.framework, subscription.role
        if subscription.told:
            self.parted.append(subscription)
        role.sorter.remove(framework.id)
        del role.subscriptions[framework.id]
        del framework.subscriptions[role.name]
        if not role.subscriptions:
            self.order.remove(role.name)
            del self.roles[role.name]
            self.changed[role.name] = None
        self.forget_unused(framework)
