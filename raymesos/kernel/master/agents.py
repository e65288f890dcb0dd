"""Agents: registered, pinged, back again. Admission is durable before it is answered."""

from __future__ import annotations

from dataclasses import replace

from raymesos.kernel.master import (
    draining,
    executors,
    inverse,
    levelling,
    maintenance,
    notes,
    offers,
    operating,
    operations,
    removal,
)
from raymesos.kernel.master.state import Agent, State, agent_at, count, note_agent_id, unname
from raymesos.kernel.master.windows import unavailability_of
from raymesos.machine import ALLOCATOR, Outbox
from raymesos.model.conversions import carried_over
from raymesos.model.resources import EMPTY
from raymesos.wire.messages import (
    AgentActivated,
    AgentAdded,
    AgentAdmitted,
    AgentChanged,
    AgentDeactivated,
    AgentInfo,
    AgentReachable,
    AgentRefused,
    AgentRegistered,
    AgentUpdated,
    Gone,
    Held,
    Ping,
    Pong,
    RegisterAgent,
    ReregisterAgent,
    ResumeAllocation,
    UnregisterAgent,
)

# Of the agents that are to come back. (Mesos: hierarchical.cpp, recover)
BACK_PERCENT = 80


def register(state: State, sender: str, message: RegisterAgent, out: Outbox, now_ms: int) -> None:
    """Admit a new agent. One of that name that is here already has lost its memory: its former self and its tasks are gone."""
    count(state, "messages_register_slave")
    if maintenance.turned_away(state, sender, message.info, out):
        return
    known = state.agents.get(state.agent_of_name.get(message.info.name, ""))
    same = known is not None and (known.life, known.address, known.info) == (message.incarnation, sender, message.info)
    if known is not None and same:
        # It has not heard our answer, or lost its disk and counts its lives anew: what we sent it meanwhile is not there.
        if known.connected and not known.tasks and not known.executors:
            _welcome(state, known, (), out)
        else:
            again = ReregisterAgent(known.id, message.info, message.incarnation, own=message.own)
            reregister(state, sender, again, out, now_ms)
        return
    _make_room(state, None, sender, message.info.name, out, now_ms)
    for agent_id in _away_under(state, message.info.name):
        removal.forget(state, agent_id, out, now_ms)
    state.agents_named += 1
    agent_id = f"{state.cluster_id}-S{state.agents_named}"
    _admit(state, agent_id, message.info, out)
    agent = _add(state, agent_id, message, sender, now_ms)
    _welcome(state, agent, (), out)
    _tell_allocator(state, agent, out)
    resume_if_enough(state, out)
    count(state, "slave_registrations")
    notes.agent_now(state, out, now_ms, agent)
    notes.event(out, now_ms, "agent registered", agent_id, f"{agent.info.name}: {agent.whole}")


def reregister(state: State, sender: str, message: ReregisterAgent, out: Outbox, now_ms: int) -> None:
    """Take an agent back with what runs there. What we thought was there and is not, it answers for one by one."""
    count(state, "messages_reregister_slave")
    if not _may_return(state, sender, message, out, now_ms):
        return
    agent = state.agents.get(message.agent_id)
    _make_room(state, agent, sender, message.info.name, out, now_ms)
    came_back = message.agent_id in state.unreachable
    _readmit(state, message, out)
    if agent is None:
        agent = _add(state, message.agent_id, message, sender, now_ms)
    else:
        offers.rescind_of_agent(state, agent, out, now_ms)
        inverse.rescind_of_agent(state, agent, out)
        _move(state, agent, sender, message)
    agent.reregistered_ms = now_ms
    missing = levelling.level(state, agent, message, out, now_ms, came_back=came_back)
    silent = executors.level(state, agent, message, out, now_ms)
    unheard = operations.level(state, agent, message)
    _welcome(state, agent, missing, out, unheard, silent)
    _tell_allocator(state, agent, out)
    operating.ask_again(state, out, now_ms, agent_id=agent.id)
    resume_if_enough(state, out)
    count(state, "slave_reregistrations")
    notes.agent_now(state, out, now_ms, agent)
    notes.event(out, now_ms, "agent back", agent.id, f"{agent.info.name}, {len(agent.tasks)} tasks")
    draining.settle(state, agent.id, out, now_ms)


def resume_if_enough(state: State, out: Outbox) -> None:
    """After a restart with quotas nothing is allocated until most agents are back: who holds what is not known before, and limits would be overrun."""
    back = state.expected - len(state.recovering)
    if state.expected and back * 100 >= state.expected * BACK_PERCENT:
        state.expected = 0
        out.send(ALLOCATOR, ResumeAllocation())


def updated(state: State, sender: str, message: AgentUpdated, out: Outbox, now_ms: int) -> None:
    """Take the registered agent as it says that it is now. Offers that are not true any more are rescinded before the allocator hears of it."""
    agent = agent_at(state, sender, message.agent_id)
    if agent is None or message.info.name != agent.info.name:
        count(state, "dropped_messages")
        return
    before, total = agent.info, agent.whole
    if message.info == before:
        return
    agent.info = message.info
    if replace(before, endpoint=agent.info.endpoint) == agent.info:
        notes.agent_now(state, out, now_ms, agent)  # Nobody but readers wants to know its address.
        return
    agent.own, _ = carried_over(agent.own, before.resources, agent.info.resources)
    agent.shrunk = agent.shrunk or not agent.whole.contains(total)
    if on_record(before) != on_record(agent.info):
        _admit(state, agent.id, agent.info, out)
    offers.rescind_untrue(state, agent, before, out, now_ms)
    info = agent.info
    out.send(ALLOCATOR, AgentChanged(agent.id, agent.whole, info.attributes, info.region, info.zone))
    notes.agent_now(state, out, now_ms, agent)
    notes.event(out, now_ms, "agent changed", agent.id, f"{info.name}: {agent.whole}")


def unregister(state: State, sender: str, message: UnregisterAgent, out: Outbox, now_ms: int) -> None:
    """The agent leaves for good."""
    count(state, "messages_unregister_slave")
    agent = agent_at(state, sender, message.agent_id)
    if agent is not None:
        count(state, "slave_removals/reason_unregistered")
        removal.remove(state, agent, out, now_ms, "it left")


def link_down(state: State, address: str, out: Outbox, now_ms: int) -> None:
    """Nothing of it is offered until it registers again; pings decide whether it is lost."""
    agent = agent_at(state, address)
    if agent is None or not agent.connected:
        return
    agent.connected = False
    offers.rescind_of_agent(state, agent, out, now_ms)
    out.send(ALLOCATOR, AgentDeactivated(agent.id))
    notes.agent_now(state, out, now_ms, agent)
    notes.event(out, now_ms, "agent disconnected", agent.id, agent.info.name)


def ping_all(state: State, out: Outbox, now_ms: int) -> None:
    """Ping each agent; one that has not answered so often is unreachable. An agent that is told that it is not connected registers again."""
    for agent in list(state.agents.values()):
        if agent.missed_pings >= state.settings.agent_ping_misses:
            removal.lose(state, agent, out, now_ms)
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
        removal.mark_unreachable(state, agent_id, out, now_ms)
        count(state, "recovery_slave_removals")
        notes.away_now(state, out, now_ms, agent_id, "unreachable")
        notes.event(out, now_ms, "agent lost", agent_id, f"{info.name} did not come back after the master's restart")
    state.recovering.clear()


def tell_all(state: State, out: Outbox) -> None:
    """Say everything about agents again, to an allocator that has forgotten."""
    for agent in state.agents.values():
        _tell_allocator(state, agent, out)


def _may_return(state: State, sender: str, message: ReregisterAgent, out: Outbox, now_ms: int) -> bool:
    """Whether the agent may have its id back. One whose machine was down may come as a new agent; the others are gone for good."""
    why = state.gone.get(message.agent_id)
    if why is not None:
        out.send(sender, AgentRefused("Agent has been marked gone", for_now=why is Gone.DOWN))
        return False
    if maintenance.turned_away(state, sender, message.info, out):
        if message.agent_id in state.admitted:
            removal.forget(state, message.agent_id, out, now_ms, Gone.DOWN)
        return False
    return True


def _make_room(state: State, agent: Agent | None, address: str, name: str, out: Outbox, now_ms: int) -> None:
    """Remove whoever else has the name or the address: two agents cannot be one."""
    for other_id in (state.agent_of_name.get(name, ""), state.agent_of_address.get(address, "")):
        other = state.agents.get(other_id)
        if other is not None and other is not agent:
            count(state, "slave_removals/reason_registered")
            removal.remove(state, other, out, now_ms, "another agent registered in its place")


def _away_under(state: State, name: str) -> list[str]:
    """Admitted agents of the name that are not here. Only those that are away are looked at: with all, ten thousand registrations take seconds."""
    return [a for a in (*state.recovering, *state.unreachable) if state.admitted[a].name == name]


def _add(state: State, agent_id: str, message: RegisterAgent | ReregisterAgent, address: str, now_ms: int) -> Agent:
    state.incarnations += 1
    info, own = message.info, message.own or message.info.resources
    agent = state.agents[agent_id] = Agent(agent_id, info, address, message.incarnation, state.incarnations, own)
    agent.registered_ms = now_ms
    if agent_id in state.modes:
        agent.mode = state.modes[agent_id].mode
    state.agent_of_name[info.name] = agent_id
    state.agent_of_address[address] = agent_id
    state.recovering.pop(agent_id, None)
    return agent


def _move(state: State, agent: Agent, sender: str, message: ReregisterAgent) -> None:
    """The same agent, perhaps a new life of it at a new address, perhaps with other resources. The allocator hears of a new incarnation."""
    unname(state, agent)
    state.incarnations += 1
    agent.info, agent.address, agent.life = message.info, sender, message.incarnation
    agent.own = message.own or message.info.resources
    agent.incarnation, agent.connected, agent.missed_pings = state.incarnations, True, 0
    agent.shrunk = False
    state.agent_of_name[agent.info.name] = agent.id
    state.agent_of_address[sender] = agent.id


def on_record(info: AgentInfo) -> AgentInfo:
    """What is kept of it: its address is told anew in each life; an estimate is said anew every few seconds, and worth nothing later."""
    return replace(info, revocable=EMPTY, endpoint="") if info.revocable or info.endpoint else info


def _admit(state: State, agent_id: str, info: AgentInfo, out: Outbox) -> None:
    kept = state.admitted[agent_id] = on_record(info)
    note_agent_id(state, agent_id)
    out.persist(AgentAdmitted(agent_id, kept))


def _readmit(state: State, message: ReregisterAgent, out: Outbox) -> None:
    if message.agent_id in state.unreachable:
        del state.unreachable[message.agent_id]
        out.persist(AgentReachable(message.agent_id))
    if state.admitted.get(message.agent_id) != on_record(message.info):
        _admit(state, message.agent_id, message.info, out)


def _welcome(
    state: State,
    agent: Agent,
    missing: tuple[tuple[str, str], ...],
    out: Outbox,
    unheard: tuple[tuple[str, str], ...] = (),
    silent: tuple[tuple[str, str], ...] = (),
) -> None:
    timeout = state.settings.agent_ping_ms * state.settings.agent_ping_misses
    own = EMPTY if agent.own == agent.info.resources else agent.own
    out.send(agent.address, AgentRegistered(agent.id, state.master_id, timeout, missing, own, unheard, silent))
    draining.tell(state, agent, out)


def _tell_allocator(state: State, agent: Agent, out: Outbox) -> None:
    held = [
        Held(task.framework_id, task.info.role, agent.id, task.info.resources)
        for task in agent.tasks.values()
        if task.holding
    ]
    held += [
        Held(executor.framework_id, executor.info.role, agent.id, executor.info.resources)
        for executor in agent.executors.values()
        if executor.info.resources
    ]
    for offer_id in agent.offers:
        offer = state.offers[offer_id]
        held.append(Held(offer.framework_id, offer.role, agent.id, offer.resources))
    info, active = agent.info, agent.offerable
    out.send(
        ALLOCATOR,
        AgentAdded(
            agent.id,
            agent.incarnation,
            info.hostname,
            agent.whole,
            info.attributes,
            tuple(held),
            active=active,
            region=info.region,
            zone=info.zone,
            unavailability=unavailability_of(state, info),
        ),
    )
    if active:
        out.send(ALLOCATOR, AgentActivated(agent.id))
