"""The ledger: what of each agent is free, and who holds the rest (offered or used), by agent, framework and role.

The facts are `Agent.free` and `Agent.held`. The sums by role and framework live in the sorters, the cluster's total in the pool, what quotas count in their tree, what is
free and open in `open_free`; all are indexes beside them, and `check` compares. Without quotas the last two are not kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import repeat

from raymesos.errors import InvariantBroken
from raymesos.kernel.allocator.audit import check_ledger
from raymesos.kernel.allocator.books import Agent, Role, Subscription
from raymesos.kernel.allocator.pool import ONCE, Vector, covers, minus, plus
from raymesos.kernel.allocator.quotas import Chain, Quotas
from raymesos.kernel.allocator.roster import Roster
from raymesos.kernel.allocator.shared import count_once
from raymesos.model.attributes import Attributes
from raymesos.model.portions import once, open_quantities, shared_part, unshared_part
from raymesos.model.quota import Quota
from raymesos.model.resources import EMPTY, Key, Resources
from raymesos.model.revocable import remaining
from raymesos.wire.messages import AgentAdded


class Ledger:
    """Agents, and what is held of them. `offerable` are the active agents with enough free to be worth an offer, oldest change first."""

    __slots__ = (
        "_leasts", "agents", "default_least", "home_region", "offerable", "open_free", "quotas", "roster", "totals", "totals_version",
        "unlike",
    )  # fmt: skip

    def __init__(self, roster: Roster, min_allocatable: Iterable[Resources], home_region: str = "") -> None:
        self.roster = roster
        self.home_region = home_region
        """Agents of other regions are for frameworks that take them. If none is given, the first agent's."""
        self.quotas = Quotas(roster.pool)
        self.agents: dict[str, Agent] = {}
        self.offerable: dict[Agent, None] = {}
        self.totals: dict[Resources, int] = {}
        """How many agents have exactly this total."""
        self.totals_version = 0
        self.open_free: Vector = ()
        """What of the active agents is free and open, while there are quotas."""
        self.default_least: tuple[Vector, ...] = tuple(roster.pool.vector(m.quantities()) for m in min_allocatable)
        self._leasts: dict[tuple[Vector, ...], int] = {self.default_least: 1}
        """What somebody thinks worth an offer, and how many do."""
        self.unlike = False
        """Somebody thinks otherwise of it than the rest: then `offerable` may hold agents that are not worth it for some."""

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
            region=message.region,
            zone=message.zone,
        )
        _describe(agent)
        self.home_region = self.home_region or agent.region
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
        self.roster.wishes += 1  # What stood in somebody's way on the agent stands there no more.
        agent.active = False
        self._count_open(agent)
        self._count_total(agent, -1)

    def change_agent(self, agent: Agent, total: Resources, attributes: Attributes) -> None:
        """The agent has another total. It may be less than what is held: then nothing of that name is free."""
        agent.attributes = attributes
        if total != agent.total:
            self._set_total(agent, total)
            self._refresh_free(agent)

    def set_active(self, agent: Agent, *, active: bool) -> None:
        agent.active = active
        self._set_offerable(agent)

    # ------------------------------------------------------------ holdings

    def hold(self, agent: Agent, subscription: Subscription, resources: Resources) -> None:
        """`resources`, which are free, go to the subscription. All that is free may be given as `agent.free` itself, which costs least."""
        if resources is agent.free and not agent.shared:
            vector = agent.free_vector
            agent.free, agent.free_vector = EMPTY, ()
            self.offerable.pop(agent, None)
            if self.quotas.quotas:
                self.open_free, agent.open_vector = minus(self.open_free, agent.open_vector), ()
        else:
            vector = self._vector(resources)
            agent.free = agent.free - unshared_part(resources)
            agent.free_vector = self._vector(agent.free) if agent.shared else minus(agent.free_vector, vector)
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
        if agent.over or not agent.held or agent.shared:
            self._refresh_free(agent)
        else:
            # A copy of a shared volume that was destroyed meanwhile is of nothing that is there.
            agent.free = agent.free + unshared_part(resources)
            agent.free_vector = self._vector(agent.free)
            self._set_offerable(agent)
        self.roster.settle(subscription)
        return resources

    def convert(self, agent: Agent, subscription: Subscription, before: Resources, after: Resources) -> None:
        """An operation has made `after` of `before`, which the subscription holds; the agent's total is changed alike. Raises InvariantBroken if it does not hold it."""
        held = agent.held.get(subscription, EMPTY)
        if not held.contains(before) or before.quantities() != after.quantities():
            raise InvariantBroken(
                "ledger.convert", f"{subscription.key} holds {held} of {agent.id}, {before} became {after}"
            )
        self._unbook(agent, subscription, before, self._vector(before))
        self._convert_total(agent, before, after)
        self._book(agent, subscription, after, self._vector(after), again=True)
        self._refresh_free(agent)

    def convert_free(self, agent: Agent, before: Resources, after: Resources) -> bool:
        """The operator has made `after` of `before`. False, and nothing changed, if nobody but others could free it."""
        if agent.over or not agent.free.contains(before):
            return False
        self._convert_total(agent, before, after)
        self._refresh_free(agent)
        return True

    # ------------------------------------------------------------ quotas

    def set_quotas(self, quotas: Sequence[Quota]) -> None:
        """Replace the quotas of these roles, and count anew what is consumed."""
        self._may_have_room()
        self.quotas.set(quotas)
        self.roster.changed.update((quota.role, None) for quota in quotas)
        for role in self.roster.roles.values():
            for subscription in role.subscriptions.values():
                subscription.stood = {}
        self.open_free = ()
        for agent in self.agents.values():
            agent.open_vector, agent.reserved = (), ()
            self._count_reserved(agent)
            for subscription, resources in agent.held.items():
                self._count_open_held(subscription.role, resources, self._vector(resources), by=1)
            self._count_open(agent)
            agent.passed_over = -1

    def chain(self, role: Role) -> Chain:
        """The role's path in the tree of quotas; empty if no quota touches it."""
        if role.chain_version != self.quotas.version:
            role.chain, role.chain_version = self.quotas.chain(role.name), self.quotas.version
        return role.chain

    # ------------------------------------------------------------ what is worth an offer

    def want_least(self, least: tuple[Vector, ...] | None, by: int) -> None:
        """One more (or fewer) that thinks so little worth an offer. None: what everybody does."""
        if least is None:
            return
        count = self._leasts.get(least, 0) + by
        if count:
            self._leasts[least] = count
        else:
            del self._leasts[least]
        self.unlike = len(self._leasts) > 1
        if count == (1 if by > 0 else 0):
            for agent in self.agents.values():
                self._set_offerable(agent)

    def forget_passed_over(self, agent_ids: Iterable[str]) -> None:
        """The next pass offers these agents again to everybody."""
        for agent_id in agent_ids:
            agent = self.agents.get(agent_id)
            if agent is not None:
                agent.passed_over = -1

    def worth_offering(self, resources: Resources, least: tuple[Vector, ...] | None = None) -> bool:
        """Whether `resources` reach one of the least quantities worth a message."""
        return _reaches(resources, self._vector(resources), self.default_least if least is None else least)

    def check(self) -> None:
        """Raises InvariantBroken unless free and held make up each agent's total, and the sums by role, framework and cluster agree."""
        check_ledger(self)

    # ------------------------------------------------------------ inside

    def _book(
        self, agent: Agent, subscription: Subscription, resources: Resources, vector: Vector, *, again: bool = False
    ) -> None:
        """`again`: it held as much before, so it is no further allocation."""
        roster, role, (framework_id, role_name) = self.roster, subscription.role, subscription.key
        of_framework = of_role = vector
        if agent.shared and not resources.is_plain:
            of_framework, of_role = self._count_once(agent, subscription, resources, by=1)
        count, weighed = 0 if again else ONCE, False
        if subscription.exact and not again:
            # Task-sized grants come in all sizes. Counted by number, who needs two CPUs at a time would win every tie against who needs one, and get twice as much.
            count, weighed = roster.pool.in_cpus(of_role), True
        roster.order.hold(role_name, of_role, count=count, weighed=weighed)
        role.sorter.hold(framework_id, of_framework, count=count, weighed=weighed)
        roster.changed[role_name] = None
        present = agent.held.get(subscription)
        if present is None:
            agent.held[subscription] = resources
            subscription.agents += 1
        else:
            agent.held[subscription] = present + resources
        if self.quotas.quotas:
            self._count_open_held(role, resources, vector, by=1)

    def _unbook(self, agent: Agent, subscription: Subscription, resources: Resources, vector: Vector) -> None:
        present = agent.held[subscription]
        left = EMPTY if resources is present else present - resources
        if left:
            agent.held[subscription] = left
        else:
            del agent.held[subscription]
            subscription.agents -= 1
        role, (framework_id, role_name) = subscription.role, subscription.key
        of_framework = of_role = vector
        if agent.shared and not resources.is_plain:
            of_framework, of_role = self._count_once(agent, subscription, resources, by=-1)
        self.roster.order.release(role_name, of_role)
        role.sorter.release(framework_id, of_framework)
        self.roster.changed[role_name] = None
        if self.quotas.quotas:
            self._count_open_held(role, resources, vector, by=-1)
            self._may_have_room()

    def _count_once(
        self, agent: Agent, subscription: Subscription, resources: Resources, *, by: int
    ) -> tuple[Vector, Vector]:
        """What of `resources`, which the subscription does not hold (yet, or any more), counts for its framework and for its role."""
        counted = count_once(agent, subscription, resources)
        for path, part in counted.above:
            self.roster.order.count_once(path, self._vector(part), by=by)
        return self._vector(counted.framework), self._vector(counted.role)

    def _vector(self, resources: Resources) -> Vector:
        return self.roster.pool.vector(resources.quantities())

    def _refresh_free(self, agent: Agent) -> None:
        """Work out what is free from the total and what is held."""
        held = unshared_part(agent.held_by_all())
        agent.over = not agent.total.contains(held)
        agent.free = remaining(agent.total, held) if agent.over else agent.total - held
        whole = agent.free is agent.total
        agent.free_vector = agent.total_vector if whole else self._vector(agent.free)
        self._set_offerable(agent)

    def _set_offerable(self, agent: Agent) -> None:
        agent.passed_over = -1
        if agent.active and any(_reaches(agent.free, agent.free_vector, leasts) for leasts in self._leasts):
            self.offerable[agent] = None
        else:
            self.offerable.pop(agent, None)
        if self.quotas.quotas:
            self._count_open(agent)

    # ------------------------------------------------------------ what quotas count

    def _may_have_room(self) -> None:
        """There may be more room under a limit, or less to hold back: agents that nobody could take are to be offered again."""
        self.roster.wishes += 1

    def _count_open(self, agent: Agent) -> None:
        """Bring `open_free` in line with what is free of the agent."""
        if not self.quotas.quotas:
            return
        pool = self.roster.pool
        free: Vector = ()
        if agent.active:
            free = agent.free_vector if agent.plain else pool.vector(open_quantities(agent.free))
        before, agent.open_vector = agent.open_vector, free
        if not free:
            self.open_free = minus(self.open_free, before)
            return
        change = minus(free, before)
        if max(change) > 0:
            self._may_have_room()
        self.open_free = plus(self.open_free, change)

    def _count_open_held(self, role: Role, resources: Resources, vector: Vector, *, by: int) -> None:
        chain = self.chain(role)
        if chain:
            held = vector if resources.is_plain else self.roster.pool.vector(open_quantities(resources))
            (self.quotas.allocate if by > 0 else self.quotas.unallocate)(chain, held)

    def _count_reserved(self, agent: Agent, *, gone: bool = False) -> None:
        """Bring the quotas in line with what of the agent's total is reserved, or with its being gone."""
        if agent.reserved:
            self._may_have_room()
        for chain, vector in agent.reserved:
            self.quotas.unreserve(chain, vector)
        agent.reserved = ()
        if gone or agent.total.is_plain or not self.quotas.quotas:
            return
        rows = []
        for role in dict.fromkeys(key.role for key, _ in agent.total if key.reservations):
            chain = self.quotas.chain(role)
            if chain:
                rows.append((chain, self._vector(agent.total.reserved_to(role))))
        if rows:
            self._may_have_room()
        agent.reserved = tuple(rows)
        for chain, vector in rows:
            self.quotas.reserve(chain, vector)

    # ------------------------------------------------------------ totals

    def _convert_total(self, agent: Agent, before: Resources, after: Resources) -> None:
        before, after = once(before), once(after)
        if agent.total.contains(before):  # Else the agent has shrunk meanwhile; its next word says what it has.
            self._set_total(agent, agent.total - before + after)

    def _set_total(self, agent: Agent, total: Resources) -> None:
        self._count_total(agent, -1)
        agent.total, agent.total_vector = total, self._vector(total)
        _describe(agent)
        self._count_total(agent, 1)

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
        self._count_reserved(agent, gone=by < 0)


def _describe(agent: Agent) -> None:
    """What of the agent's total makes it special."""
    agent.gpus = agent.total.scalar("gpus") > 0
    agent.plain = agent.total.is_plain or not agent.total.filter(_is_special)
    agent.shared = not agent.plain and bool(shared_part(agent.total))


def _is_special(key: Key) -> bool:
    return bool(key.reservations) or key.shared or key.revocable


def _reaches(resources: Resources, vector: Vector, leasts: tuple[Vector, ...]) -> bool:
    if not leasts:
        return bool(resources)  # Ports alone are something, too.
    return any(map(covers, repeat(vector), leasts))
