"""The ledger: what of each agent is free, and who holds the rest (offered or used), by agent, framework and role.

The facts are `Agent.free` and `Agent.held`. The sums by role and framework live in the sorters, the cluster's total in the pool; both are indexes beside them, and `check`
compares. Quantities of all kinds (reserved, revocable) count alike. Places for what is not here yet: guarantees and limits read the sums of the role
sorter's paths; what a holder's further copy of a shared resource adds to the sums (nothing) is for `_book` and `_unbook` to say.
"""

from __future__ import annotations

from collections.abc import Iterable

from raymesos.errors import InvariantBroken
from raymesos.kernel.allocator.books import Agent, Subscription
from raymesos.kernel.allocator.pool import Vector, covers, minus, plus
from raymesos.kernel.allocator.roster import Roster
from raymesos.model.attributes import Attributes
from raymesos.model.resources import EMPTY, Key, Resources, build
from raymesos.wire.messages import AgentAdded


class Ledger:
    """Agents, and what is held of them. `offerable` are the active agents with enough free to be worth an offer, oldest change first."""

    __slots__ = ("_least", "agents", "offerable", "roster", "totals", "totals_version")

    def __init__(self, roster: Roster, min_allocatable: Iterable[Resources]) -> None:
        self.roster = roster
        self.agents: dict[str, Agent] = {}
        self.offerable: dict[Agent, None] = {}
        self.totals: dict[Resources, int] = {}
        """How many agents have exactly this total."""
        self.totals_version = 0
        self._least = [roster.pool.vector(least.quantities()) for least in min_allocatable]

    # ------------------------------------------------------------ agents

    def add_agent(self, message: AgentAdded) -> Agent:
        """The agent is known, with what is held of it. It is not known yet."""
        total = message.total
        vector = self._vector(total)
        agent = Agent(
            id=message.agent_id,
            incarnation=message.incarnation,
            hostname=message.hostname,
            attributes=message.attributes,
            total=total,
            total_vector=vector,
            free=total,
            free_vector=vector,
            active=message.active,
        )
        _describe(agent)
        self.agents[agent.id] = agent
        self._count_total(agent, 1)
        for held in message.held:
            subscription = self.roster.subscription(held.framework_id, held.role)
            self._book(agent, subscription, held.resources, self._vector(held.resources))
        self._refresh_free(agent)
        return agent

    def remove_agent(self, agent: Agent) -> None:
        """The agent and all that was held of it are gone."""
        for subscription, resources in list(agent.held.items()):
            self._unbook(agent, subscription, resources, self._vector(resources))
            self.roster.settle(subscription)
        del self.agents[agent.id]
        self.offerable.pop(agent, None)
        self._count_total(agent, -1)

    def change_agent(self, agent: Agent, total: Resources, attributes: Attributes) -> None:
        """The agent has another total. It may be less than what is held: then nothing of that name is free."""
        agent.attributes = attributes
        if total == agent.total:
            return
        self._count_total(agent, -1)
        agent.total, agent.total_vector = total, self._vector(total)
        _describe(agent)
        self._count_total(agent, 1)
        self._refresh_free(agent)

    def set_active(self, agent: Agent, *, active: bool) -> None:
        agent.active = active
        self._set_offerable(agent)

    # ------------------------------------------------------------ holdings

    def hold(self, agent: Agent, subscription: Subscription, resources: Resources) -> None:
        """`resources`, which are free, go to the subscription. All that is free may be given as `agent.free` itself, which costs least."""
        if resources is agent.free:
            vector = agent.free_vector
            agent.free, agent.free_vector = EMPTY, ()
            self.offerable.pop(agent, None)
        else:
            vector = self._vector(resources)
            agent.free = agent.free - resources
            agent.free_vector = self._vector(agent.free)
            self._set_offerable(agent)
        self._book(agent, subscription, resources, vector)

    def release(self, agent: Agent, subscription: Subscription, resources: Resources) -> Resources:
        """The subscription gives `resources` back. Returns them: the very object that was booked, if that was all it held.

        Raises InvariantBroken if it does not hold them.
        """
        held = agent.held.get(subscription)
        if held is None or not held.contains(resources):
            framework_id, role = subscription.key
            raise InvariantBroken(
                "ledger.release", f"{framework_id} in {role} holds {held} of {agent.id} and gives back {resources}"
            )
        if held == resources:
            resources = held
        self._unbook(agent, subscription, resources, self._vector(resources))
        if agent.over or not agent.held:
            self._refresh_free(agent)
        else:
            agent.free = agent.free + resources
            agent.free_vector = self._vector(agent.free)
            self._set_offerable(agent)
        self.roster.settle(subscription)
        return resources

    def forget_passed_over(self, agent_ids: Iterable[str]) -> None:
        """The next pass offers these agents again to everybody."""
        for agent_id in agent_ids:
            agent = self.agents.get(agent_id)
            if agent is not None:
                agent.passed_over = -1

    def worth_offering(self, resources: Resources) -> bool:
        """Whether `resources` reach one of the least quantities worth a message."""
        return self._reaches(self._vector(resources))

    def fits_some_agent(self, role: str, shape: Resources) -> bool:
        """Whether some agent's total, empty, could hold `shape` for `role`."""
        return any(total.available_to(role).contains(shape) for total in self.totals)

    def check(self) -> None:
        """Raises InvariantBroken unless free and held make up each agent's total, and the sums by role, framework and cluster agree."""
        pool, roster = self.roster.pool, self.roster
        total: Vector = ()
        by_subscription: dict[tuple[str, str], Vector] = {}
        agents_of: dict[tuple[str, str], int] = {}
        for agent in self.agents.values():
            total = plus(total, agent.total_vector)
            self._check_agent(agent)
            for subscription, resources in agent.held.items():
                key = subscription.key
                by_subscription[key] = plus(by_subscription.get(key, ()), pool.vector(resources.quantities()))
                agents_of[key] = agents_of.get(key, 0) + 1
        if any(minus(total, pool.total)):
            raise InvariantBroken("ledger.total", f"agents have {total}, the pool {pool.total}")
        for role in roster.roles.values():
            ranked = plus(roster.order.own(role.name), ())
            for subscription in role.subscriptions.values():
                key, own = subscription.key, role.sorter.own(subscription.framework.id)
                if any(minus(own, by_subscription.get(key, ()))) or subscription.agents != agents_of.pop(key, 0):
                    raise InvariantBroken("ledger.framework", f"{key}: {own} ranked, {by_subscription.get(key)} held")
                ranked = minus(ranked, own)
            if any(ranked):
                raise InvariantBroken("ledger.role", f"{role.name}: frameworks and role differ by {ranked}")
        if agents_of:
            raise InvariantBroken("ledger.unknown", f"holders without a record: {sorted(agents_of)}")

    # ------------------------------------------------------------ inside

    def _book(self, agent: Agent, subscription: Subscription, resources: Resources, vector: Vector) -> None:
        present = agent.held.get(subscription)
        if present is None:
            agent.held[subscription] = resources
            subscription.agents += 1
        else:
            agent.held[subscription] = present + resources
        framework_id, role_name = subscription.key
        self.roster.order.hold(role_name, vector)
        subscription.role.sorter.hold(framework_id, vector)
        self.roster.changed[role_name] = None

    def _unbook(self, agent: Agent, subscription: Subscription, resources: Resources, vector: Vector) -> None:
        present = agent.held[subscription]
        left = EMPTY if resources is present else present - resources
        if left:
            agent.held[subscription] = left
        else:
            del agent.held[subscription]
            subscription.agents -= 1
        framework_id, role_name = subscription.key
        self.roster.order.release(role_name, vector)
        subscription.role.sorter.release(framework_id, vector)
        self.roster.changed[role_name] = None

    def _vector(self, resources: Resources) -> Vector:
        return self.roster.pool.vector(resources.quantities())

    def _refresh_free(self, agent: Agent) -> None:
        """Work out what is free from the total and what is held."""
        held = agent.held_by_all()
        agent.over = not agent.total.contains(held)
        agent.free = _left(agent.total, held) if agent.over else agent.total - held
        whole = agent.free is agent.total
        agent.free_vector = agent.total_vector if whole else self._vector(agent.free)
        self._set_offerable(agent)

    def _set_offerable(self, agent: Agent) -> None:
        agent.passed_over = -1
        if agent.active and self._reaches(agent.free_vector):
            self.offerable[agent] = None
        else:
            self.offerable.pop(agent, None)

    def _reaches(self, vector: Vector) -> bool:
        if not self._least:
            return any(vector)
        return any(covers(vector, least) for least in self._least)

    def _count_total(self, agent: Agent, by: int) -> None:
        pool = self.roster.pool
        pool.set_total(plus(pool.total, agent.total_vector) if by > 0 else minus(pool.total, agent.total_vector))
        count = self.totals.get(agent.total, 0) + by
        if count:
            self.totals[agent.total] = count
        else:
            del self.totals[agent.total]
        if count == (1 if by > 0 else 0):
            self.totals_version += 1

    def _check_agent(self, agent: Agent) -> None:
        held = agent.held_by_all()
        if agent.over == agent.total.contains(held):
            raise InvariantBroken("ledger.over", f"{agent.id}: over is {agent.over}, total {agent.total}, held {held}")
        if not agent.over and agent.free + held != agent.total:
            raise InvariantBroken("ledger.agent", f"{agent.id}: {agent.free} free and {held} held of {agent.total}")
        if any(minus(agent.free_vector, self._vector(agent.free))):
            raise InvariantBroken("ledger.vector", f"{agent.id}: {agent.free_vector} for {agent.free}")
        if (agent in self.offerable) != (agent.active and self.worth_offering(agent.free)):
            raise InvariantBroken("ledger.offerable", f"{agent.id}: active {agent.active}, free {agent.free}")
        if not all(agent.held.values()):
            raise InvariantBroken("ledger.empty", f"{agent.id}: a holder of nothing")


def _describe(agent: Agent) -> None:
    """What of the agent's total makes it special."""
    agent.gpus = agent.total.scalar("gpus") > 0
    agent.plain = agent.total.is_plain or not agent.total.filter(_is_special)


def _is_special(key: Key) -> bool:
    return bool(key.reservations) or key.shared or key.revocable


def _left(total: Resources, held: Resources) -> Resources:
    """What is left of each kind of resource; nothing of a kind of which more is held than there is."""
    left = EMPTY
    for key, quantity in total:
        piece = build([(key, quantity)])
        taken = held.filter(key.__eq__)
        if piece.contains(taken):
            left = left + (piece - taken)
    return left
