"""The auditor's copy of what the master must know: outstanding offers and tasks in use of each agent, made from what the master took and sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from raymesos.machine import LinkDown
from raymesos.model.resources import EMPTY, Resources
from raymesos.model.revocable import as_revocable, remaining
from raymesos.model.tasks import is_terminal
from raymesos.sim.audit_grants import Broken
from raymesos.wire.messages import (
    Accept,
    AgentChanged,
    AgentDeactivated,
    AgentInfo,
    AgentRegistered,
    AgentRemoved,
    AgentTask,
    AgentUpdated,
    ApplyOperation,
    DeactivateAgent,
    Decline,
    DrainAgent,
    ExecutorExited,
    ExecutorInfo,
    FrameworkDeactivated,
    FrameworkRemoved,
    MarkAgentGone,
    Offer,
    Offers,
    OperatorAnswer,
    ReactivateAgent,
    RegisterAgent,
    ReregisterAgent,
    Rescind,
    RunTasks,
    StatusUpdate,
    Subscribe,
)

TaskKey = tuple[str, str]
"""(framework id, task id)"""


@dataclass(slots=True)
class _Agent:
    total: Resources
    held: Resources = EMPTY
    """All of `offers`, `used` and `executors`: more than `total` if that has become less."""
    offers: dict[str, Resources] = field(default_factory=dict)
    used: dict[TaskKey, Resources] = field(default_factory=dict)
    executors: dict[TaskKey, Resources] = field(default_factory=dict)
    """What executors hold themselves, by (framework id, executor id)."""
    due: Mapping[str, int] | None = None
    """What it has said that it has now, by name, while the allocator has not been told."""

    @property
    def free(self) -> Resources:
        return remaining(self.total, self.held)


class OfferAudit:
    """`taken` and `sent` say what is to be watched of the master."""

    def __init__(self, broken: Broken) -> None:
        self._broken = broken
        self._agents: dict[str, _Agent] = {}
        self._infos: dict[str, AgentInfo] = {}
        self._ids: dict[str, str] = {}
        self._offers: dict[str, Offer] = {}
        self._by_framework: dict[str, dict[str, None]] = {}
        self._seen: dict[str, None] = {}
        self._addresses: dict[str, str] = {}
        self._names: dict[str, str] = {}
        """The id that the agent of each name last registered under."""
        self._barred: dict[str, None] = {}
        """Ids of agents that operators have drained, deactivated or marked gone, over all lives of the master."""
        self._gone: dict[str, None] = {}
        """Those that were marked gone."""
        self.offered = 0
        self.taken: dict[type, Callable[[str, str, Any], None]] = {
            RegisterAgent: lambda a, sender, m: self._infos.__setitem__(sender, m.info),
            ReregisterAgent: lambda a, sender, m: self._infos.__setitem__(sender, m.info),
            AgentUpdated: self._said,
            Accept: self._answered,
            Decline: self._answered,
            StatusUpdate: self._updated,
            ExecutorExited: self._executor_exited,
            Subscribe: self._subscribed,
            LinkDown: self._link_down,
        }
        self.sent: dict[type, Callable[[str, str, Any, Any], None]] = {
            AgentRegistered: self._registered,
            Offers: self._offered,
            Rescind: lambda a, to, m, cause: self._drop(m.offer_id),
            RunTasks: self._launched,
            OperatorAnswer: self._operated,
            ApplyOperation: self._converted,
            AgentChanged: lambda a, to, m, cause: self._agent_changed(m.agent_id, m.total),
            AgentRemoved: lambda a, to, m, cause: self._agent_removed(m.agent_id),
            AgentDeactivated: lambda a, to, m, cause: self._agent_away(m.agent_id),
            FrameworkDeactivated: lambda a, to, m, cause: self._framework_away(m.framework_id),
            FrameworkRemoved: lambda a, to, m, cause: self._framework_away(m.framework_id),
        }

    def forget(self) -> None:
        """The master began a new life: it relearns who is there and what runs."""
        self._agents.clear()
        self._ids.clear()
        self._offers.clear()
        self._by_framework.clear()
        self._addresses.clear()

    def totals(self) -> dict[str, Resources]:
        """What each registered agent has, as the master must see it."""
        return {agent_id: agent.total for agent_id, agent in self._agents.items()}

    def compare(self, held: dict[str, Resources]) -> None:
        """What the allocator counts as held of each agent is what is offered or used, no more and no less."""
        for agent_id, agent in self._agents.items():
            known = held.get(agent_id, EMPTY)
            if known != agent.held:
                self._broken(
                    "books.leak",
                    f"{agent_id} has {agent.total}: {agent.held} offered or used, the allocator holds {known}",
                )

    # ------------------------------------------------------------ agents

    def _registered(self, address: str, to: str, message: AgentRegistered, cause: Any) -> None:
        info = self._infos.get(to)
        if info is None:
            self._broken("offer.agent", f"{to} is registered and never asked for it")
            return
        self._ids[to] = self._names[to.removeprefix("agent/")] = message.agent_id
        if message.agent_id in self._gone:
            self._broken("agent.gone", f"{message.agent_id} is registered, and was marked gone")
        agent = self._agents.get(message.agent_id)
        if agent is None:
            agent = self._agents[message.agent_id] = _Agent(EMPTY)
        agent.due = None
        agent.total = (message.own or info.resources) + as_revocable(info.revocable)
        if isinstance(cause, ReregisterAgent):
            for framework_id, described in cause.executors:
                self._use_by_executor(agent, framework_id, described)
            for task in cause.tasks:
                self._listed(agent, task)

    def _listed(self, agent: _Agent, task: AgentTask) -> None:
        key = (task.framework_id, task.task.task_id)
        if is_terminal(task.state):
            self._release(agent, key)
        elif key not in agent.used:
            self._use(agent, key, task.task.resources)

    def _converted(self, address: str, to: str, message: ApplyOperation, cause: Any) -> None:
        agent = self._agents.get(self._ids.get(to, ""))
        if agent is None or not agent.free.contains(message.before):
            free = agent.free if agent is not None else EMPTY
            self._broken("offer.converted", f"{message.before} of {to} becomes {message.after}, {free} is free")
        elif message.before.quantities() != message.after.quantities():
            self._broken(
                "offer.converted", f"{message.before} of {to} becomes {message.after}: something is made or lost"
            )
        else:
            agent.total = agent.total - message.before + message.after

    def _said(self, address: str, sender: str, message: AgentUpdated) -> None:
        agent = self._agents.get(message.agent_id) if self._ids.get(sender) == message.agent_id else None
        if agent is not None and agent.total.quantities() != message.info.total.quantities():
            agent.due = message.info.total.quantities()

    def _agent_changed(self, agent_id: str, total: Resources) -> None:
        agent = self._agents.get(agent_id)
        if agent is None:
            self._broken("offer.agent", f"{agent_id} has changed and is not registered")
            return
        if agent.due is not None and agent.due != total.quantities():
            self._broken("offer.agent", f"{agent_id} has {total}, by its own word {agent.due}")
        agent.total, agent.due = total, None

    def _agent_removed(self, agent_id: str) -> None:
        self._agent_away(agent_id)
        self._agents.pop(agent_id, None)

    def _agent_away(self, agent_id: str) -> None:
        agent = self._agents.get(agent_id)
        for offer_id in list(agent.offers) if agent is not None else []:
            self._drop(offer_id)

    def _operated(self, address: str, to: str, message: OperatorAnswer, cause: Any) -> None:
        """What an operator was told is done."""
        if message.error or not isinstance(cause, DrainAgent | DeactivateAgent | ReactivateAgent | MarkAgentGone):
            return
        agent_id = self._names.get(cause.agent, cause.agent)
        if isinstance(cause, ReactivateAgent):
            self._barred.pop(agent_id, None)
            return
        self._barred[agent_id] = None
        if isinstance(cause, MarkAgentGone):
            self._gone[agent_id] = None

    # ------------------------------------------------------------ frameworks

    def _subscribed(self, address: str, sender: str, message: Subscribe) -> None:
        if message.info.id:
            self._framework_away(message.info.id)
            self._addresses[sender] = message.info.id

    def _link_down(self, address: str, sender: str, message: LinkDown) -> None:
        framework_id = self._addresses.get(message.peer)
        if framework_id is not None:
            self._framework_away(framework_id)

    def _framework_away(self, framework_id: str) -> None:
        for offer_id in list(self._by_framework.get(framework_id, ())):
            self._drop(offer_id)

    # ------------------------------------------------------------ offers

    def _offered(self, address: str, to: str, message: Offers, cause: Any) -> None:
        for offer in message.offers:
            self.offered += 1
            self._addresses[to] = offer.framework_id
            if offer.id in self._seen:
                self._broken("offer.id", f"offer {offer.id} was made before")
                continue
            self._seen[offer.id] = None
            agent = self._agents.get(offer.agent_id)
            if offer.agent_id in self._barred:
                self._broken("offer.barred", f"offer {offer.id} is of {offer.agent_id}, which is not to be offered")
            if agent is None:
                self._broken("offer.agent", f"offer {offer.id} is of {offer.agent_id}, which is not registered")
            elif agent.due is not None:
                self._broken("offer.agent", f"offer {offer.id} is of {offer.agent_id}, which has {agent.due} by now")
            elif not agent.free.contains(offer.resources):
                self._broken(
                    "offer.overcommitted",
                    f"offer {offer.id} of {offer.resources} on {offer.agent_id}: only {agent.free} is neither offered nor used",
                )
            else:
                self._offers[offer.id] = offer
                self._by_framework.setdefault(offer.framework_id, {})[offer.id] = None
                agent.offers[offer.id] = offer.resources
                agent.held = agent.held + offer.resources

    def _answered(self, address: str, sender: str, message: Accept | Decline) -> None:
        for offer_id in message.offer_ids:
            offer = self._offers.get(offer_id)
            if offer is not None and offer.framework_id == message.framework_id:
                self._drop(offer_id)

    def _drop(self, offer_id: str) -> None:
        offer = self._offers.pop(offer_id, None)
        if offer is None:
            return
        self._by_framework[offer.framework_id].pop(offer_id, None)
        agent = self._agents.get(offer.agent_id)
        if agent is not None:
            agent.held = agent.held - agent.offers.pop(offer_id)

    # ------------------------------------------------------------ tasks

    def _launched(self, address: str, to: str, message: RunTasks, cause: Any) -> None:
        agent_id = self._ids.get(to, "")
        agent = self._agents.get(agent_id)
        if agent is None:
            self._broken("offer.agent", f"tasks are sent to {to}, which is not registered")
            return
        if agent_id in self._barred:
            self._broken("offer.barred", f"tasks are sent to {agent_id}, which is not to be offered")
        for info in message.executors:
            if (message.framework.id, info.executor_id) in agent.executors:
                continue
            if info.executor_id not in message.new or not agent.free.contains(info.resources):
                self._broken(
                    "offer.overcommitted",
                    f"executor {info.executor_id} uses {info.resources} of {agent_id}, only {agent.free} is free, new are {message.new}",
                )
            self._use_by_executor(agent, message.framework.id, info)
        for task in message.tasks:
            if agent.free.contains(task.resources):
                self._use(agent, (message.framework.id, task.task_id), task.resources)
            else:
                self._broken(
                    "offer.overcommitted",
                    f"task {task.task_id} uses {task.resources} of {agent_id}, only {agent.free} is free",
                )

    def _use(self, agent: _Agent, key: TaskKey, resources: Resources) -> None:
        agent.used[key] = resources
        agent.held = agent.held + resources

    def _use_by_executor(self, agent: _Agent, framework_id: str, info: ExecutorInfo) -> None:
        key = (framework_id, info.executor_id)
        if key not in agent.executors:
            agent.executors[key] = info.resources
            agent.held = agent.held + info.resources

    def _executor_exited(self, address: str, sender: str, message: ExecutorExited) -> None:
        agent = self._agents.get(self._ids.get(sender, ""))
        held = agent.executors.pop((message.framework_id, message.executor_id), None) if agent is not None else None
        if agent is not None and held is not None:
            agent.held = agent.held - held

    def _updated(self, address: str, sender: str, message: StatusUpdate) -> None:
        if is_terminal(message.latest_state) or is_terminal(message.status.state):
            agent = self._agents.get(self._ids.get(sender, ""))
            if agent is not None:
                self._release(agent, (message.framework_id, message.status.task_id))

    def _release(self, agent: _Agent, key: TaskKey) -> None:
        resources = agent.used.pop(key, None)
        if resources is not None:
            agent.held = agent.held - resources
