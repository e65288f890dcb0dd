"""Preemption: what the allocator says is owed is taken back from tasks that run, and first from offers and idle executors that lie about.

Of the roles from which something may be taken, in the allocator's order; in each the lowest priority and the youngest first; no more than is needed, and nothing for whom enough is
on its way already. The victim gets its own grace; it ends KILLED, with the reason and for whom; running it again is at the system's cost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from raymesos.kernel.master import notes, offers
from raymesos.kernel.master.state import Agent, Executor, Plan, State, Task
from raymesos.machine import Outbox
from raymesos.model.amounts import Amounts, covers, less, total
from raymesos.model.portions import open_quantities, unshared_part
from raymesos.model.resources import EMPTY, Resources
from raymesos.model.tasks import is_terminal
from raymesos.wire.messages import Claim, KillTask, Preempt, ShutdownOneExecutor

Taken = dict[str, dict[str, int]]
"""What was taken so far, by role."""


@dataclass(frozen=True, slots=True)
class Victim:
    """An offer, an executor without tasks, or tasks that end together. `rank` orders them: what costs least comes first."""

    rank: tuple[int, int, int, int, str]
    role: str
    gives: Resources
    tasks: tuple[Task, ...] = ()
    offer_id: str = ""
    executor: Executor | None = None


def preempt(state: State, message: Preempt, out: Outbox, now_ms: int) -> None:
    """Begin to take back what is claimed. Claims of forgotten books are void."""
    if message.epoch != state.allocator_epoch:
        return
    for key, plans in list(state.plans.items()):
        state.plans[key] = [plan for plan in plans if not _is_over(state, plan, message.seen)]
        if not state.plans[key]:
            del state.plans[key]
    taken: Taken = {}
    for claim in message.claims:
        framework = state.frameworks.get(claim.framework_id)
        if framework is not None and framework.address is not None:
            _meet(state, claim, taken, out, now_ms)


def released(state: State, what: Task | Executor) -> int:
    """The number of its release, for the allocator to say that it has heard of it; 0 if nobody waits for that."""
    if not (what.preempted_for if isinstance(what, Task) else what.preempted):
        return 0
    state.releases += 1
    for plans in state.plans.values():
        for plan in plans:
            waits_for = plan.tasks if isinstance(what, Task) else plan.executors
            if what.key in waits_for:
                del waits_for[what.key]
                plan.released = state.releases
    return state.releases


def told_anew(state: State) -> None:
    """The allocator's books begin anew and hold what has come free: nobody waits for its word about a release of before, which may be lost."""
    for plans in state.plans.values():
        for plan in plans:
            plan.released = 0


def _is_over(state: State, plan: Plan, seen: int) -> bool:
    """All of it has come free, and the allocator knew that when it claimed what it claims now; or what was to come free is lost with its agent."""
    agent = state.agents.get(plan.agent_id)
    for waits_for, there in (
        (plan.tasks, agent.tasks if agent is not None else {}),
        (plan.executors, agent.executors if agent is not None else {}),
    ):
        for key in [key for key in waits_for if key not in there]:
            del waits_for[key]
    return not plan.tasks and not plan.executors and plan.released <= seen


def _meet(state: State, claim: Claim, taken: Taken, out: Outbox, now_ms: int) -> None:
    key = (claim.framework_id, claim.role)
    on_the_way = state.plans.get(key, [])
    if claim.count:
        for _ in range(claim.count - len(on_the_way)):
            if not _take_for_task(state, claim, taken, out, now_ms):
                return
        return
    missing = dict(claim.quantities)
    for plan in on_the_way:
        missing = less(missing, plan.amounts)
    _take_amounts(state, claim, missing, taken, out, now_ms)


def _take_for_task(state: State, claim: Claim, taken: Taken, out: Outbox, now_ms: int) -> bool:
    """Make room for one task of the shape, where that costs least. False if there is no such place."""
    best: tuple[tuple[object, ...], Agent, list[Victim]] | None = None
    for agent_id in claim.agents:
        agent = state.agents.get(agent_id)
        if agent is None or not agent.connected or agent_id in state.modes:
            continue
        victims = _fewest(state, claim, agent, taken)
        if victims:
            cost = (max(v.rank for v in victims), len(victims), agent.id)
            if best is None or cost < best[0]:
                best = (cost, agent, victims)
    if best is None:
        return False
    _carry_out(state, claim, best[1], best[2], dict(claim.shape.quantities()), taken, out, now_ms)
    return True


def _fewest(state: State, claim: Claim, agent: Agent, taken: Taken) -> list[Victim]:
    """The cheapest victims whose end makes room on the agent; none if nobody's would, or if there is room."""
    room = _room(state, claim, agent)
    wanted = claim.shape.quantities()
    if covers(room, wanted):
        return []  # It is free, or on its way to be: the next pass offers it.
    chosen: list[Victim] = []
    spent = {role: dict(amounts) for role, amounts in taken.items()}
    for victim in _victims(state, claim, agent):
        if not _helps(room, victim, wanted) or not _may_take(claim, victim, spent):
            continue
        chosen.append(victim)
        _spend(spent, victim)
        room = total([room, open_quantities(victim.gives)])
        if covers(room, wanted):
            break
    else:
        return []
    for victim in list(reversed(chosen)):
        gives = open_quantities(victim.gives)
        without = {name: amount - gives.get(name, 0) for name, amount in room.items()}
        if covers(without, wanted):
            chosen.remove(victim)
            room = without
    return chosen


def _take_amounts(state: State, claim: Claim, missing: Amounts, taken: Taken, out: Outbox, now_ms: int) -> None:
    """Take from anywhere until nothing is missing: the framework did not say which pieces it can use."""
    everywhere = [
        (victim, agent)
        for agent_id in claim.agents
        if (agent := state.agents.get(agent_id)) is not None and agent.connected and agent_id not in state.modes
        for victim in _victims(state, claim, agent)
    ]
    for victim, agent in sorted(everywhere, key=lambda pair: pair[0].rank):
        gives = open_quantities(victim.gives)
        if not missing:
            return
        if any(gives.get(name) for name in missing) and _may_take(claim, victim, taken):
            amounts = {name: min(gives[name], wanted) for name, wanted in missing.items() if gives.get(name)}
            _carry_out(state, claim, agent, [victim], amounts, taken, out, now_ms)
            missing = less(missing, amounts)


def _victims(state: State, claim: Claim, agent: Agent) -> list[Victim]:
    """What may be ended on the agent, cheapest first: offers, executors that have nothing to do, then what is revocable, then by role, priority and age."""
    order = {role: rank for rank, (role, _) in enumerate(claim.takings)}
    found = []
    for offer_id in agent.offers:
        offer = state.offers[offer_id]
        if offer.role in order:
            found.append(Victim((0, order[offer.role], 0, 0, offer_id), offer.role, offer.resources, offer_id=offer_id))
    groups: dict[str, list[Task]] = {}
    busy: dict[tuple[str, str], None] = {}
    for task in agent.tasks.values():
        if not is_terminal(task.state):
            busy[task.framework_id, task.info.executor_id] = None
        if task.holding and not task.kill_asked and not task.stray and task.info.role in order:
            groups.setdefault(task.info.group_id or f"task {task.framework_id} {task.info.task_id}", []).append(task)
    for executor in agent.executors.values():
        role = executor.info.role
        if executor.info.resources and not executor.preempted and role in order and executor.key not in busy:
            rank = (1, order[role], 0, 0, " ".join(executor.key))
            found.append(Victim(rank, role, executor.info.resources, executor=executor))
    for name, tasks in groups.items():
        live = [task for task in tasks if not is_terminal(task.state)]
        if live:
            found.append(_victim_of(order, name, live))
    return sorted(found, key=lambda victim: victim.rank)


def _victim_of(order: dict[str, int], name: str, tasks: list[Task]) -> Victim:
    gives: Resources = EMPTY
    for task in tasks:
        gives = gives + unshared_part(task.info.resources)
    kind = 2 if gives.revocable() else 3
    priority = max(task.info.priority for task in tasks)
    youngest = -max(task.number for task in tasks)
    role = tasks[0].info.role
    return Victim((kind, order[role], priority, youngest, name), role, gives, tuple(tasks))


def _carry_out(
    state: State,
    claim: Claim,
    agent: Agent,
    victims: Iterable[Victim],
    amounts: Amounts,
    taken: Taken,
    out: Outbox,
    now_ms: int,
) -> None:
    plan = Plan(agent.id, amounts)
    for victim in victims:
        _spend(taken, victim)
        if victim.offer_id:
            offers.rescind(state, victim.offer_id, out)
        for task in victim.tasks:
            task.kill_asked = True
            task.preempted_for = f"role {claim.role} ({claim.framework_id}), {_WHY[claim.kind]}"
            plan.tasks[task.key] = None
            kill = KillTask(task.framework_id, task.info.task_id, task.kill_grace_ms, task.preempted_for)
            out.send(agent.address, kill)
            notes.event(out, now_ms, "task preempted", task.info.task_id, f"for {task.preempted_for}")
        if victim.executor is not None:
            executor, whom = victim.executor, f"for role {claim.role} ({claim.framework_id}), {_WHY[claim.kind]}"
            executor.preempted = True
            plan.executors[executor.key] = None
            out.send(agent.address, ShutdownOneExecutor(*executor.key))
            notes.event(out, now_ms, "executor preempted", executor.info.executor_id, whom)
    if plan.tasks or plan.executors:
        state.plans.setdefault((claim.framework_id, claim.role), []).append(plan)


_WHY = {"guarantee": "which is below its guarantee", "fair": "which is below its fair share"}


# ---------------------------------------------------------------- amounts


def _room(state: State, claim: Claim, agent: Agent) -> Amounts:
    """What the claimant could use of the agent now."""
    held = agent.used
    for offer_id in agent.offers:
        held = held + state.offers[offer_id].resources
    held = unshared_part(held)
    if not agent.own.contains(held.non_revocable()):
        return {}
    return (agent.own - held.non_revocable()).available_to(claim.role).quantities()


def _may_take(claim: Claim, victim: Victim, taken: Taken) -> bool:
    """Whether its role would still have what may not be taken from it."""
    spare = dict(next(amounts for role, amounts in claim.takings if role == victim.role))
    before = taken.get(victim.role, {})
    gives = open_quantities(victim.gives)
    return all(before.get(name, 0) + gives.get(name, 0) <= most for name, most in spare.items() if gives.get(name))


def _helps(room: Amounts, victim: Victim, wanted: Mapping[str, int]) -> bool:
    """Whether it gives anything that is still lacking."""
    gives = open_quantities(victim.gives)
    return any(gives.get(name) for name, size in wanted.items() if room.get(name, 0) < size)


def _spend(taken: Taken, victim: Victim) -> None:
    taken[victim.role] = total([taken.get(victim.role, {}), open_quantities(victim.gives)])
