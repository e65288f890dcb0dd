"""The master's books against each other: each fact has one owner, and its indexes agree with it."""

from __future__ import annotations

from raymesos.errors import InvariantBroken
from raymesos.kernel.master.state import Agent, Framework, State
from raymesos.kernel.master.windows import unavailability_of
from raymesos.model.portions import once
from raymesos.model.resources import EMPTY, Resources
from raymesos.model.tasks import TaskState, is_terminal
from raymesos.wire.messages import AgentMode


def check(state: State) -> None:
    """Raises InvariantBroken, with the story, if the books do not agree."""
    _check_offers(state)
    _check_inverse_offers(state)
    for framework in state.frameworks.values():
        _check_framework(state, framework)
    live: dict[TaskState, int] = {}
    for agent in state.agents.values():
        _check_agent(state, agent)
        for task in agent.tasks.values():
            live[task.state] = live.get(task.state, 0) + 1
    if {s: n for s, n in state.live.items() if n} != live:
        raise InvariantBroken("master.live", f"{state.live} counted, {live} found")
    _check_registry(state)


def _check_offers(state: State) -> None:
    for offer_id, offer in state.offers.items():
        framework, agent = state.frameworks.get(offer.framework_id), state.agents.get(offer.agent_id)
        if framework is None or offer_id not in framework.offers or agent is None or offer_id not in agent.offers:
            raise InvariantBroken("master.offers", f"{offer_id} is not with its framework and its agent")
        if framework.address is None or not agent.offerable or offer.role not in framework.info.roles:
            raise InvariantBroken("master.offers", f"{offer_id} in {offer.role} is with {framework} and {agent.id}")
    holders: list[Framework | Agent] = [*state.frameworks.values(), *state.agents.values()]
    for holder in holders:
        for offer_id in holder.offers:
            if offer_id not in state.offers:
                raise InvariantBroken("master.offers", f"{holder.id} has offer {offer_id}, which is gone")


def _check_inverse_offers(state: State) -> None:
    for offer_id, offer in state.inverse_offers.items():
        framework, agent = state.frameworks.get(offer.framework_id), state.agents.get(offer.agent_id)
        if framework is None or framework.address is None or agent is None:
            raise InvariantBroken("master.inverse", f"{offer_id} is of a framework or an agent that is not here")
        if unavailability_of(state, agent.info) != offer.unavailability:
            raise InvariantBroken("master.inverse", f"{offer_id} says {offer.unavailability}, the schedule does not")
    by_agent = sorted(id for agent in state.agents.values() for id in agent.inverse_offers.values())
    by_framework = sorted(id for framework in state.frameworks.values() for id in framework.inverse_offers)
    if not by_agent == by_framework == sorted(state.inverse_offers):
        raise InvariantBroken("master.inverse", f"{by_agent} by agent, {by_framework} by framework")


def _check_framework(state: State, framework: Framework) -> None:
    for task in framework.tasks.values():
        agent = state.agents.get(task.agent_id)
        if agent is None or agent.tasks.get(task.key) is not task:
            raise InvariantBroken(
                "master.tasks", f"task {task.info.task_id} of {framework.id} is not on agent {task.agent_id}"
            )
        if task.info.task_id in framework.unreachable:
            raise InvariantBroken("master.tasks", f"task {task.info.task_id} is on {task.agent_id} and unreachable")
    if framework.address is not None and state.framework_of_address.get(framework.address) != framework.id:
        raise InvariantBroken("master.addresses", f"{framework.id} is not the subscriber at {framework.address}")
    for (agent_id, executor_id), executor in framework.executors.items():
        agent = state.agents.get(agent_id)
        if agent is None or agent.executors.get((framework.id, executor_id)) is not executor:
            raise InvariantBroken("master.executors", f"executor {executor_id} of {framework.id} is not on {agent_id}")
    over = not framework.tasks and not framework.executors
    if framework.removed and (framework.address is not None or framework.offers or over):
        raise InvariantBroken("master.removed", f"{framework.id} is removed and has more, or less, than what dies")


def _check_agent(state: State, agent: Agent) -> None:
    if state.agent_of_name.get(agent.info.name) != agent.id or state.agent_of_address.get(agent.address) != agent.id:
        raise InvariantBroken("master.addresses", f"{agent.id} is not found as {agent.info.name}, {agent.address}")
    used: Resources = EMPTY
    for task in agent.tasks.values():
        if is_terminal(task.state) and task.holding:
            raise InvariantBroken("master.holding", f"task {task.info.task_id} is {task.state} and holds resources")
        if task.holding:
            used = used + task.info.resources
        framework = state.frameworks.get(task.framework_id)
        if not task.stray and (framework is None or framework.tasks.get(task.info.task_id) is not task):
            raise InvariantBroken("master.tasks", f"task {task.info.task_id} on {agent.id} is not with its framework")
    for executor in agent.executors.values():
        used = used + executor.info.resources
        framework = state.frameworks.get(executor.framework_id)
        if framework is None or framework.executors.get((agent.id, executor.info.executor_id)) is not executor:
            raise InvariantBroken("master.executors", f"{executor.key} on {agent.id} is not with its framework")
    if used != agent.used:
        raise InvariantBroken("master.used", f"agent {agent.id}: {agent.used} counted, {used} held by what is there")
    offered: Resources = EMPTY
    for offer_id in agent.offers:
        offered = offered + state.offers[offer_id].resources
    _check_room(agent, offered)


def _check_room(agent: Agent, offered: Resources) -> None:
    """Of no kind more is offered and used than there is. An agent that came back smaller may have more in use: then nothing of that kind is offered."""
    total = agent.whole
    if total.contains(once(agent.used + offered)):
        return
    for key, _ in agent.used + offered:
        room, used, promised = (r.filter(key.__eq__) for r in (total, once(agent.used), once(offered)))
        if not room.contains(once(used + promised)) and (promised or room.contains(used)):
            raise InvariantBroken(
                "master.overcommit", f"agent {agent.id} has {total}, used {agent.used}, offered {offered}"
            )


def _check_registry(state: State) -> None:
    for agent_id in state.agents:
        if agent_id not in state.admitted or agent_id in state.unreachable or agent_id in state.gone:
            raise InvariantBroken("master.registry", f"agent {agent_id} is registered, the registry has it otherwise")
        if agent_id in state.recovering:
            raise InvariantBroken("master.registry", f"agent {agent_id} is registered and has not come back")
    here_or_away = state.agents.keys() | state.recovering.keys() | state.unreachable.keys()
    if here_or_away != state.admitted.keys():
        odd = sorted(here_or_away ^ state.admitted.keys())
        raise InvariantBroken("master.registry", f"agents admitted and nowhere, or somewhere and not admitted: {odd}")
    for agent in state.agents.values():
        kept = state.modes.get(agent.id)
        if agent.mode is not (AgentMode.ACTIVE if kept is None else kept.mode):
            raise InvariantBroken("master.modes", f"agent {agent.id} is {agent.mode}, the registry has {kept}")
    if not state.modes.keys() <= state.admitted.keys():
        odd = sorted(state.modes.keys() - state.admitted.keys())
        raise InvariantBroken("master.registry", f"agents that are not admitted are drained or deactivated: {odd}")
    for framework in state.frameworks.values():
        if not framework.removed and state.known_frameworks.get(framework.id) != framework.info:
            raise InvariantBroken("master.registry", f"framework {framework.id} is not as the registry has it")
