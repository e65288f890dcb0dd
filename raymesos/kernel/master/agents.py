"""Agents: registered, pinged, lost, back again, gone. Admission is durable before it is answered."""

from __future__ import annotations

from raymesos.kernel.master import frameworks, notes, offers, tasks
from raymesos.kernel.master.state import (
    Agent,
    State,
    Task,
    add_task,
    agent_at,
    count,
    drop_task,
    set_state,
    stop_holding,
)
from raymesos.machine import ALLOCATOR, Outbox
from raymesos.model.tasks import Reason, TaskState, is_terminal
from raymesos.wire.messages import (
    AgentActivated,
    AgentAdded,
    AgentAdmitted,
    AgentDeactivated,
    AgentGone,
    AgentInfo,
    AgentReachable,
    AgentRefused,
    AgentRegistered,
    AgentRemoved,
    AgentTask,
    AgentUnreachable,
    Failure,
    FrameworkInfo,
    Held,
    KillTask,
    Ping,
    Pong,
    RegisterAgent,
    ReregisterAgent,
    ShutdownFramework,
    UnregisterAgent,
)


def register(state: State, sender: str, message: RegisterAgent, out: Outbox, now_ms: int) -> None:
    """Admit a new agent. One of that name that is here already has lost its memory: its former self and its tasks are gone."""
    count(state, "messages_register_slave")
    known = state.agents.get(state.agent_of_name.get(message.info.name, ""))
    if known is not None and known.life == message.incarnation and known.address == sender:
        _welcome(state, known, (), out)  # It has not heard our answer.
        return
    if known is not None:
        remove(state, known, out, now_ms, "a new agent registered under its name")
    for agent_id in [a for a, info in state.admitted.items() if info.name == message.info.name]:
        _forget(state, agent_id, out)
    state.agents_named += 1
    agent_id = f"{state.cluster_id}-S{state.agents_named}"
    _admit(state, agent_id, message.info, out)
    agent = _add(state, agent_id, message.info, sender, message.incarnation)
    _welcome(state, agent, (), out)
    _tell_allocator(state, agent, out)
    count(state, "slave_registrations")
    notes.agent_now(out, now_ms, agent)
    notes.event(out, now_ms, "agent registered", agent_id, f"{agent.info.name}: {agent.info.resources}")


def reregister(state: State, sender: str, message: ReregisterAgent, out: Outbox, now_ms: int) -> None:
    """Take an agent back with what runs there. What we thought was there and is not, it answers for one by one."""
    count(state, "messages_reregister_slave")
    if message.agent_id in state.gone:
        out.send(sender, AgentRefused("Agent has been marked gone"))
        return
    agent = state.agents.get(message.agent_id)
    other = state.agents.get(state.agent_of_name.get(message.info.name, ""))
    if other is not None and other is not agent:
        remove(state, other, out, now_ms, "another agent registered under its name")
    came_back = message.agent_id in state.unreachable
    if agent is None:
        _readmit(state, message, out)
        agent = _add(state, message.agent_id, message.info, sender, message.incarnation)
    else:
        offers.rescind_of_agent(state, agent, out)
        _move(state, agent, sender, message)
    missing = _level(state, agent, message, out, now_ms, came_back=came_back)
    _welcome(state, agent, missing, out)
    _tell_allocator(state, agent, out)
    count(state, "slave_reregistrations")
    notes.agent_now(out, now_ms, agent)
    notes.event(out, now_ms, "agent back", agent.id, f"{agent.info.name}, {len(agent.tasks)} tasks")


def unregister(state: State, sender: str, message: UnregisterAgent, out: Outbox, now_ms: int) -> None:
    agent = agent_at(state, sender, message.agent_id)
    if agent is not None:
        remove(state, agent, out, now_ms, "it left")


def link_down(state: State, address: str, out: Outbox, now_ms: int) -> None:
    """Nothing of it is offered until it registers again; pings decide whether it is lost."""
    agent = agent_at(state, address)
    if agent is None or not agent.connected:
        return
    agent.connected = False
    offers.rescind_of_agent(state, agent, out)
    out.send(ALLOCATOR, AgentDeactivated(agent.id))
    notes.agent_now(out, now_ms, agent)
    notes.event(out, now_ms, "agent disconnected", agent.id, agent.info.name)


def ping_all(state: State, out: Outbox, now_ms: int) -> None:
    """Ping each agent; one that has not answered so often is unreachable. An agent that is told that it is not connected registers again."""
    for agent in list(state.agents.values()):
        if agent.missed_pings >= state.settings.agent_ping_misses:
            _lose(state, agent, out, now_ms)
            continue
        agent.missed_pings += 1
        out.send(agent.address, Ping(agent.connected))
    out.wake("ping", state.settings.agent_ping_ms)


def ponged(state: State, sender: str, message: Pong) -> None:
    agent = agent_at(state, sender, message.agent_id)
    if agent is not None:
        agent.missed_pings = 0


def give_up_recovering(state: State, out: Outbox, now_ms: int) -> None:
    """Admitted agents that have not come back since the master's start are unreachable; nothing is known of their tasks."""
    for agent_id in list(state.recovering):
        info = state.admitted[agent_id]
        _mark_unreachable(state, agent_id, out, now_ms)
        count(state, "recovery_slave_removals")
        notes.agent_is(out, now_ms, agent_id, info, "unreachable")
        notes.event(out, now_ms, "agent lost", agent_id, f"{info.name} did not come back after the master's restart")
    state.recovering.clear()


def remove(state: State, agent: Agent, out: Outbox, now_ms: int, why: str) -> None:
    """The agent is gone for good, and its tasks with it."""
    _end_tasks(state, agent, TaskState.GONE, f"Agent {agent.info.hostname} removed: {why}", out, now_ms)
    _drop(state, agent, out)
    _forget(state, agent.id, out)
    count(state, "slave_removals")
    notes.agent_is(out, now_ms, agent.id, agent.info, "gone")
    notes.event(out, now_ms, "agent removed", agent.id, f"{agent.info.name}: {why}")


def tell_all(state: State, out: Outbox) -> None:
    """Say everything about agents again, to an allocator that has forgotten."""
    for agent in state.agents.values():
        _tell_allocator(state, agent, out)


def _lose(state: State, agent: Agent, out: Outbox, now_ms: int) -> None:
    _end_tasks(
        state,
        agent,
        TaskState.UNREACHABLE,
        f"Agent {agent.info.hostname} is unreachable: health check timed out",
        out,
        now_ms,
    )
    _drop(state, agent, out)
    _mark_unreachable(state, agent.id, out, now_ms)
    count(state, "slave_removals")
    count(state, "slave_removals/reason_unhealthy")
    count(state, "slave_unreachable_completed")
    notes.agent_is(out, now_ms, agent.id, agent.info, "unreachable")
    notes.event(out, now_ms, "agent lost", agent.id, f"{agent.info.name} answered no ping")


def _end_tasks(state: State, agent: Agent, new: TaskState, text: str, out: Outbox, now_ms: int) -> None:
    """Tell the frameworks of their tasks here. Unreachable ones are kept apart: they may come back."""
    lost = new is TaskState.UNREACHABLE
    for task in list(agent.tasks.values()):
        framework = state.frameworks[task.framework_id]
        ended = is_terminal(task.state)
        drop_task(state, task)
        if framework.removed or ended:
            continue
        task.state = new  # Off the books: it is counted nowhere.
        since = now_ms if lost else None
        tasks.tell(state, framework, task, new, Reason.AGENT_REMOVED, text, out, now_ms, unreachable_ms=since)
        notes.task_now(out, now_ms, task, reason=Reason.AGENT_REMOVED, message=text)
        if lost:
            framework.unreachable[task.info.task_id] = task
            while len(framework.unreachable) > state.settings.unreachable_tasks_per_framework:
                del framework.unreachable[next(iter(framework.unreachable))]


def _drop(state: State, agent: Agent, out: Outbox) -> None:
    """Off the books: offers rescinded, allocator and frameworks told."""
    offers.rescind_of_agent(state, agent, out)
    del state.agents[agent.id]
    _unname(state, agent)
    out.send(ALLOCATOR, AgentRemoved(agent.id))
    for framework in state.frameworks.values():
        if framework.address is not None:
            out.send(framework.address, Failure(agent.id))


def _unname(state: State, agent: Agent) -> None:
    if state.agent_of_name.get(agent.info.name) == agent.id:
        del state.agent_of_name[agent.info.name]
    if state.agent_of_address.get(agent.address) == agent.id:
        del state.agent_of_address[agent.address]


def _add(state: State, agent_id: str, info: AgentInfo, address: str, life: int) -> Agent:
    state.incarnations += 1
    agent = state.agents[agent_id] = Agent(agent_id, info, address, life, state.incarnations)
    state.agent_of_name[info.name] = agent_id
    state.agent_of_address[address] = agent_id
    state.recovering.pop(agent_id, None)
    return agent


def _move(state: State, agent: Agent, sender: str, message: ReregisterAgent) -> None:
    """The same agent, perhaps a new life of it at a new address, perhaps with other resources. The allocator hears of a new incarnation."""
    _unname(state, agent)
    state.incarnations += 1
    agent.info, agent.address, agent.life = message.info, sender, message.incarnation
    agent.incarnation, agent.connected, agent.missed_pings = state.incarnations, True, 0
    state.agent_of_name[agent.info.name] = agent.id
    state.agent_of_address[sender] = agent.id


def _admit(state: State, agent_id: str, info: AgentInfo, out: Outbox) -> None:
    state.admitted[agent_id] = info
    out.persist(AgentAdmitted(agent_id, info))


def _readmit(state: State, message: ReregisterAgent, out: Outbox) -> None:
    if message.agent_id in state.unreachable:
        del state.unreachable[message.agent_id]
        out.persist(AgentReachable(message.agent_id))
    if state.admitted.get(message.agent_id) != message.info:
        _admit(state, message.agent_id, message.info, out)


def _mark_unreachable(state: State, agent_id: str, out: Outbox, now_ms: int) -> None:
    state.unreachable[agent_id] = now_ms
    out.persist(AgentUnreachable(agent_id, now_ms))


def _forget(state: State, agent_id: str, out: Outbox) -> None:
    state.admitted.pop(agent_id, None)
    state.unreachable.pop(agent_id, None)
    state.recovering.pop(agent_id, None)
    state.gone[agent_id] = None
    while len(state.gone) > state.settings.gone_agents:
        del state.gone[next(iter(state.gone))]
    out.persist(AgentGone(agent_id))


def _welcome(state: State, agent: Agent, missing: tuple[tuple[str, str], ...], out: Outbox) -> None:
    timeout = state.settings.agent_ping_ms * state.settings.agent_ping_misses
    out.send(agent.address, AgentRegistered(agent.id, state.master_id, timeout, missing))


def _tell_allocator(state: State, agent: Agent, out: Outbox) -> None:
    held = [
        Held(task.framework_id, task.info.role, agent.id, task.info.resources)
        for task in agent.tasks.values()
        if task.holding
    ]
    for offer_id in agent.offers:
        offer = state.offers[offer_id]
        held.append(Held(offer.framework_id, offer.role, agent.id, offer.resources))
    info = agent.info
    out.send(
        ALLOCATOR,
        AgentAdded(
            agent.id,
            agent.incarnation,
            info.hostname,
            info.resources,
            info.attributes,
            tuple(held),
            active=agent.connected,
        ),
    )
    if agent.connected:
        out.send(ALLOCATOR, AgentActivated(agent.id))


# ---------------------------------------------------------------- levelling tasks with an agent that came back


def _level(
    state: State, agent: Agent, message: ReregisterAgent, out: Outbox, now_ms: int, *, came_back: bool
) -> tuple[tuple[str, str], ...]:
    """Take over what runs there. Returns (framework id, task id) of what we thought was there and is not."""
    infos = {info.id: info for info in message.frameworks}
    brought = {(t.framework_id, t.task.task_id): None for t in message.tasks}
    shut: dict[str, None] = {}
    for each in message.tasks:
        _take_over(state, agent, each, infos, shut, out, now_ms, came_back=came_back)
    for framework_id in infos:
        found = state.frameworks.get(framework_id)
        if framework_id in state.burnt or (found is not None and found.removed):
            shut[framework_id] = None
    for framework_id in shut:
        out.send(agent.address, ShutdownFramework(framework_id))
    missing = [key for key, task in agent.tasks.items() if key not in brought and not is_terminal(task.state)]
    for key, task in list(agent.tasks.items()):
        if key not in brought and is_terminal(task.state):
            drop_task(state, task)  # Acknowledged while we were apart.
    return tuple(missing)


def _take_over(
    state: State,
    agent: Agent,
    each: AgentTask,
    infos: dict[str, FrameworkInfo],
    shut: dict[str, None],
    out: Outbox,
    now_ms: int,
    *,
    came_back: bool,
) -> None:
    info = infos.get(each.framework_id) or state.known_frameworks.get(each.framework_id)
    known = agent.tasks.get((each.framework_id, each.task.task_id))
    if known is not None:
        _take_state(state, agent, known, each.state, out)
        return
    framework = frameworks.recovered(state, info, agent, out) if info is not None else None  # type: ignore[arg-type]
    if framework is None:
        shut[each.framework_id] = None
        return
    framework.unreachable.pop(each.task.task_id, None)
    task = Task(framework.id, each.task, agent.id, each.state, holding=not is_terminal(each.state))
    add_task(state, agent, task)
    if came_back and not is_terminal(each.state):
        tasks.tell(state, framework, task, each.state, Reason.AGENT_REREGISTERED, "Agent is back", out, now_ms)
    notes.task_now(out, now_ms, task)


def _take_state(state: State, agent: Agent, task: Task, now: TaskState, out: Outbox) -> None:
    if is_terminal(now) and not is_terminal(task.state):
        # The allocator hears of the agent anew, with what is still held: nothing is to be recovered.
        set_state(state, task, now)
        stop_holding(agent, task)
    elif not is_terminal(task.state):
        set_state(state, task, now)
    if task.kill_asked and not is_terminal(task.state):
        out.send(agent.address, KillTask(task.framework_id, task.info.task_id, task.kill_grace_ms))
