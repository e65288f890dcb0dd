"""The master hears whatever two agents, two frameworks and their hosts may say, legal or not. It never fails, its books agree with themselves after
every message, and with a small model of the allocator's: nothing is lost, nothing is held twice.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from master_rig import NOT_PARTITION_AWARE, Rig, agent_info, framework_info, task

from raymesos.machine import ALLOCATOR, MASTER, LinkDown, LinkUp
from raymesos.model.resources import Resources
from raymesos.model.tasks import ALL_CAPABILITIES, TaskState, is_terminal
from raymesos.wire.messages import (
    Accept,
    AcceptInverse,
    Acknowledge,
    AgentTask,
    Allocations,
    AllocatorReady,
    DeactivateAgent,
    Decline,
    DeclineInverse,
    Demand,
    Disconnect,
    DrainAgent,
    ExecutorExited,
    ExecutorMessage,
    InverseGrants,
    Kill,
    Launch,
    MachineId,
    MarkAgentGone,
    Pong,
    ReactivateAgent,
    Reconcile,
    RegisterAgent,
    ReregisterAgent,
    Revive,
    ScheduleMaintenance,
    SetWeights,
    StartMaintenance,
    StatusUpdate,
    StopMaintenance,
    Subscribe,
    Suppress,
    TaskInfo,
    TaskRef,
    TaskStatus,
    Teardown,
    ToExecutor,
    Unavailability,
    UnregisterAgent,
    Update,
    UpdateFramework,
    Window,
)

AGENTS = ("A1", "A2")
FRAMEWORKS = ("F1", "F2")
PEERS = (*(f"agent/{name}" for name in AGENTS), *(f"framework/{name}" for name in FRAMEWORKS))
ROLES = (("dev",), ("dev", "ops"), ("ops",))
BAD_ROLES = ((), ("a b",), ("dev", "dev"))
SHAPES = ("cpus:1;mem:64", "cpus:2;mem:128", "cpus:0.5", "cpus:9;mem:64", "")

BIG = "cpus:4;mem:512"

sizes = st.sampled_from((BIG, BIG, "cpus:1;mem:64"))
names = st.sampled_from(AGENTS)
frameworks = st.sampled_from(FRAMEWORKS)
peers = st.sampled_from(PEERS)
agent_ids = st.sampled_from(("c-S1", "c-S2", "c-S3", "c-S4", "", "nobody"))
framework_ids = st.sampled_from(("c-0001-0001", "c-0001-0002", "c-0001-0003", "c-0002-0001", "", "nobody"))
task_ids = st.sampled_from(("t1", "t2", "t3", "t/4", ""))
task_states = st.sampled_from(list(TaskState))
shapes = st.sampled_from(SHAPES)
roles = st.sampled_from((*ROLES, *ROLES, *BAD_ROLES))
tasks = st.builds(task, task_ids, shapes)
refuse = st.sampled_from((-1, 0, 5_000, 10**15))


class Chance(RuleBasedStateMachine):
    """`rig` checks the master's books, and the model's against them, after every message."""

    def __init__(self) -> None:
        super().__init__()
        self.rig = Rig(unreachable_tasks_per_framework=2, gone_agents=2, burnt_framework_ids=2, offer_timeout_ms=20_000)
        self.life = 1
        self.ran: dict[tuple[str, str, str], TaskInfo] = {}
        """By agent, framework and task id: what was ever launched there, and may be there still."""
        for name in AGENTS:
            self.rig.agent(name, BIG)
        self.rig.framework("F1", ("dev", "ops"), failover_timeout_ms=60_000)
        self.rig.framework("F2", capabilities=NOT_PARTITION_AWARE)

    # ------------------------------------------------------------ what is right, drawn from what is there

    @rule(name=names, data=st.data(), size=sizes)
    def come_back(self, name: str, data: Any, size: str) -> None:
        """With the id that it knows, some of what ran there, and whatever states they are in now."""
        agent_id = self.rig.agent_ids.get(f"agent/{name}")
        if agent_id is None:
            return
        there = [key for key in self.ran if key[0] == agent_id and data.draw(st.booleans())][:4]
        told = tuple(AgentTask(key[1], self.ran[key], data.draw(task_states)) for key in there)
        self.rig.tell(f"agent/{name}", ReregisterAgent(agent_id, agent_info(name, size), self.life, told))

    @rule(name=frameworks, wanted=roles, aware=st.booleans(), timeout_ms=st.sampled_from((0, 0, 60_000)))
    def subscribe(self, name: str, wanted: tuple[str, ...], aware: bool, timeout_ms: int) -> None:
        capabilities = ALL_CAPABILITIES if aware else NOT_PARTITION_AWARE
        info = framework_info(name, wanted, capabilities=capabilities, failover_timeout_ms=timeout_ms)
        mine = [f.id for f in self.rig.master.state.known_frameworks.values() if f.name == name]
        self.rig.tell(f"framework/{name}", Subscribe(replace(info, id=mine[-1] if mine else "")))

    @rule(name=frameworks)
    def disconnect(self, name: str) -> None:
        self.rig.tell(f"framework/{name}", Disconnect(""))

    @rule(data=st.data(), task_id=st.sampled_from(("t1", "t2", "t3")), shape=st.sampled_from(SHAPES[:2]))
    def launch(self, data: Any, task_id: str, shape: str) -> None:
        """A grant, an offer, a task."""
        resources, books = Resources.parse(shape), self.rig.books
        able = [a for a, booked in books.agents.items() if booked.active and booked.free.contains(resources)]
        here = [f for f in self.rig.master.state.frameworks.values() if f.address is not None and f.info.roles]
        if able and here:
            agent_id, framework = data.draw(st.sampled_from(able)), data.draw(st.sampled_from(here))
            offer = self.rig.offer(framework.id, agent_id, shape, framework.info.roles[0])
            self.rig.accept(framework.id, [offer], task(task_id, shape))
            self.ran[agent_id, framework.id, task_id] = task(task_id, shape, role=offer.role)

    @rule(data=st.data(), shape=st.sampled_from(SHAPES[:3]))
    def grant(self, data: Any, shape: str) -> None:
        """The allocator gives what is free, to whomever it knows."""
        resources, books = Resources.parse(shape), self.rig.books
        able = [a for a, booked in books.agents.items() if booked.free.contains(resources)]
        if able and books.frameworks:
            agent_id, framework_id = (
                data.draw(st.sampled_from(able)),
                data.draw(st.sampled_from(list(books.frameworks))),
            )
            grant = books.grant(framework_id, data.draw(st.sampled_from(("dev", "ops"))), agent_id, resources)
            self.rig.tell(ALLOCATOR, Allocations(books.epoch, (grant,)))

    @rule(data=st.data(), launched=st.lists(tasks, max_size=3), refuse_ms=refuse)
    def accept(self, data: Any, launched: list[Any], refuse_ms: int) -> None:
        """By somebody who has offers, of which it uses some, and perhaps others."""
        offers = list(self.rig.master.state.offers.values())
        if offers:
            first = data.draw(st.sampled_from(offers))
            more = data.draw(st.lists(st.sampled_from([o.id for o in offers] + ["nope"]), max_size=1))
            operations = (Launch(tuple(launched)),) if launched else ()
            message = Accept(first.framework_id, (first.id, *more), operations, refuse_ms)
            self.rig.tell(self.rig.address(first.framework_id), message)

    @rule(data=st.data(), refuse_ms=refuse)
    def decline(self, data: Any, refuse_ms: int) -> None:
        offers = list(self.rig.master.state.offers.values())
        if offers:
            offer = data.draw(st.sampled_from(offers))
            ids = tuple(o.id for o in offers)
            self.rig.tell(self.rig.address(offer.framework_id), Decline(offer.framework_id, ids, refuse_ms))

    @rule(data=st.data(), state=task_states, latest=task_states, uuid=st.sampled_from(("u1", "u2")))
    def update(self, data: Any, state: TaskState, latest: TaskState, uuid: str) -> None:
        """Of a task, by its own agent. Its framework acknowledges, or not."""
        tasks = [t for a in self.rig.master.state.agents.values() for t in a.tasks.values()]
        if not tasks:
            return
        found = data.draw(st.sampled_from(tasks))
        address = self.rig.master.state.agents[found.agent_id].address
        status = TaskStatus(found.info.task_id, state, found.agent_id, uuid=uuid)
        sent = self.rig.tell(address, StatusUpdate(found.framework_id, status, latest))
        for receiver, message in sent:
            if isinstance(message, Update) and message.status.uuid and data.draw(st.booleans()):
                self.rig.tell(receiver, Acknowledge(found.framework_id, found.agent_id, message.status.task_id, uuid))

    # ------------------------------------------------------------ whatever anybody may say

    @rule(
        sender=peers,
        framework_id=framework_ids,
        agent_id=agent_ids,
        task_id=task_ids,
        uuid=st.sampled_from(("", "u1", "u2")),
        state=task_states,
        some_roles=roles,
        which=st.integers(0, 13),
    )
    def say(
        self,
        sender: str,
        framework_id: str,
        agent_id: str,
        task_id: str,
        uuid: str,
        state: TaskState,
        some_roles: tuple[str, ...],
        which: int,
    ) -> None:
        demand = (Demand(Resources.parse("cpus:1"), 2),)
        info = framework_info("F3", some_roles, id=framework_id, failover_timeout_ms=1_000)
        message = (
            Subscribe(info, some_roles[:1]),
            UpdateFramework(info, some_roles[1:]),
            Teardown(framework_id),
            Accept(framework_id, ("nope",), (Launch((task(task_id),)),)),
            Revive(framework_id, some_roles, demand),
            Suppress(framework_id, some_roles),
            Kill(framework_id, task_id, agent_id),
            Acknowledge(framework_id, agent_id, task_id, uuid),
            Reconcile(framework_id, (TaskRef(task_id, agent_id),) if task_id else ()),
            ToExecutor(framework_id, agent_id, "e", b""),
            StatusUpdate(framework_id, TaskStatus(task_id, state, agent_id, uuid=uuid), state),
            ExecutorMessage(framework_id, "e", b"", down=False),
            ExecutorExited(framework_id, "e", None),
            Pong(agent_id),
        )[which]
        self.rig.tell(sender, message)

    # ------------------------------------------------------------ what happens to hosts, and time

    @rule(peer=peers, up=st.booleans())
    def link(self, peer: str, up: bool) -> None:
        self.rig.tell(MASTER, LinkUp(peer, restarted=True) if up else LinkDown(peer))

    @rule(
        which=st.integers(0, 7),
        agent=st.sampled_from((*AGENTS, "c-S1", "c-S9")),
        hosts=st.sets(names),
        gone=st.booleans(),
    )
    def operate(self, which: int, agent: str, hosts: set[str], gone: bool) -> None:
        """Operators drain, deactivate, schedule, whether it makes sense or not."""
        machines = tuple(MachineId(host) for host in sorted(hosts))
        windows = (Window(machines, Unavailability(self.rig.now_ms + which)),) if machines else ()
        message = (
            DrainAgent(agent, mark_gone=gone),
            DeactivateAgent(agent),
            ReactivateAgent(agent),
            ReactivateAgent(agent),
            MarkAgentGone(agent) if gone else ReactivateAgent(agent),
            ScheduleMaintenance(windows),
            StartMaintenance(machines),
            StopMaintenance(machines),
        )[which]
        [answer] = [m for to, m in self.rig.tell("client/1", message) if to == "client/1"]
        assert bool(answer.error) == bool(answer.kind)

    @rule(data=st.data(), accepts=st.booleans())
    def be_asked_to_leave(self, data: Any, accepts: bool) -> None:
        """The allocator asks about what is scheduled, and a framework answers, or not."""
        books, state = self.rig.books, self.rig.master.state
        if not books.agents or not books.frameworks:
            return
        pair = (data.draw(st.sampled_from(list(books.frameworks))), data.draw(st.sampled_from(list(books.agents))))
        self.rig.tell(ALLOCATOR, InverseGrants(books.epoch, (pair,)))
        if state.inverse_offers and data.draw(st.booleans()):
            offer = data.draw(st.sampled_from(list(state.inverse_offers.values())))
            kind = AcceptInverse if accepts else DeclineInverse
            self.rig.tell(self.rig.address(offer.framework_id), kind(offer.framework_id, (offer.id, "nope"), 0))

    @rule(name=names, away=st.booleans())
    def fall_silent(self, name: str, away: bool) -> None:
        if away and f"agent/{name}" not in self.rig.silent:
            self.rig.silent.append(f"agent/{name}")
        elif not away and f"agent/{name}" in self.rig.silent:
            self.rig.silent.remove(f"agent/{name}")

    @rule(ms=st.sampled_from((1, 20_000, 90_000, 600_000)))
    def wait(self, ms: int) -> None:
        self.rig.advance(ms)

    @rule(
        which=st.integers(0, 7),
        name=names,
        sender=peers,
        agent_id=agent_ids,
        framework_id=framework_ids,
        info=tasks,
        state=task_states,
    )
    def disaster(
        self,
        which: int,
        name: str,
        sender: str,
        agent_id: str,
        framework_id: str,
        info: TaskInfo,
        state: TaskState,
    ) -> None:
        """One rule for all, so that something is there when it strikes."""
        address = f"agent/{name}"
        if which == 0:
            self.life += 1
            self.rig.tell(address, RegisterAgent(agent_info(name, BIG), self.life))
        elif which == 1:
            self.rig.tell(address, UnregisterAgent(self.rig.agent_ids[address]))
        elif which == 2:
            self.rig.tell(sender, Teardown(self.rig.master.state.framework_of_address.get(sender, "")))
        elif which == 3:
            self.rig.tell(ALLOCATOR, AllocatorReady())
        elif which == 4:
            self.rig.tell("client/1", SetWeights((("dev", "2"),)))
        elif which == 5:
            self.rig = self.rig.restart()
        elif which == 6:  # Any id, name, task.
            brought = (AgentTask(framework_id, replace(info, role="dev"), state),) if info.resources else ()
            infos = (framework_info(id=framework_id),)
            self.rig.tell(sender, ReregisterAgent(agent_id, agent_info(name), self.life, brought, infos))
        else:
            self.rig.tell(sender, RegisterAgent(agent_info(name), self.life))

    @invariant()
    def bounds_hold(self) -> None:
        state = self.rig.master.state
        assert len(state.gone) <= 2
        assert len(state.burnt) <= 2
        assert all(len(f.unreachable) <= 2 for f in state.frameworks.values())
        assert all(n >= 0 for n in state.live.values())
        assert not any(is_terminal(t.state) and t.holding for a in state.agents.values() for t in a.tasks.values())


TestChance = Chance.TestCase
TestChance.settings = settings(max_examples=120, stateful_step_count=50, deadline=None)
