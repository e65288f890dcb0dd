"""The auditor: an independent model of what must hold, fed by what machines take and send and by what user work does, never by their state.

It notes violations and goes on; whoever runs a simulation decides what they are worth. What is held:

- no agent runs more than it has, tasks and executors (`node.overcommitted`);
- a resource is free, offered or used, never two of these (`offer.*`, `grant.*`, `books.*`);
- what an operator drains, deactivates or marks gone is not offered, and what is gone does not come back (`offer.barred`, `agent.gone`);
- nothing runs that was not launched, nor twice (`work.*`);
- a task group is sent whole to one agent, and none of it is at work in the end if one of it failed or was killed (`group.*`);
- updates of a task come in order, none is left out, and it ends once (`update.*`);
- once faults have healed nothing is lost (`task.lost`, `books.leak`; asked for by `settle_accounts`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from raymesos.machine import ALLOCATOR, MASTER
from raymesos.sim.audit_grants import GrantAudit
from raymesos.sim.audit_offers import OfferAudit
from raymesos.sim.audit_tasks import TaskAudit
from raymesos.wire.messages import AgentInfo, ExecutorInfo, StartWork

# A broken machine breaks many things; the first ones tell the story.
VIOLATIONS_KEPT = 100


@dataclass(frozen=True, slots=True)
class Violation:
    """What was broken, when, and what was seen."""

    at_ms: int
    name: str
    story: str

    def __str__(self) -> str:
        return f"{self.at_ms} ms: {self.name}: {self.story}"


Taken = Callable[[str, str, Any], None]
"""(machine, sender, message)"""
Sent = Callable[[str, str, Any, Any], None]
"""(machine, receiver, message, the message that it answers)"""


class Auditor:
    """Watches one simulation. `violations` holds the first of them, `count` is how many there were."""

    def __init__(self) -> None:
        self.violations: list[Violation] = []
        self.count = 0
        self._now_ms = 0
        self.grants = GrantAudit(self._broken)
        self.offers = OfferAudit(self._broken)
        self.tasks = TaskAudit(self._broken)
        self._kinds: dict[str, tuple[Mapping[type, Taken], Mapping[type, Sent]]] = {}

    # ------------------------------------------------------------ what is watched

    def saw(self, now_ms: int, address: str, sender: str, message: Any, sends: list[tuple[str, Any]]) -> None:
        """A machine took `message` and sent `sends` in answer."""
        kind = self._kinds.get(address)
        if kind is None:
            kind = self._kinds[address] = self._tables(address)
        taken, sent = kind
        self._now_ms = now_ms
        handler = taken.get(type(message))
        if handler is not None:
            handler(address, sender, message)
        if sends and sent:
            for to, answer in sends:
                on_sent = sent.get(type(answer))
                if on_sent is not None:
                    on_sent(address, to, answer, message)

    def agent_added(self, info: AgentInfo) -> None:
        self.tasks.agent_added(info.name, info.total)

    def agent_updated(self, info: AgentInfo) -> None:
        """The agent's host says that it is so from now on."""
        self.tasks.agent_updated(info.name, info.total)
        self.grants.resized[info.hostname] = None

    def work_began(self, now_ms: int, agent: str, work: StartWork) -> None:
        self._now_ms = now_ms
        self.tasks.work_began(agent, work.task_id)

    def work_ended(self, now_ms: int, agent: str, task_id: str) -> None:
        self._now_ms = now_ms
        self.tasks.work_ended(agent, task_id)

    def executor_began(self, agent: str, info: ExecutorInfo) -> None:
        self.tasks.executor_began(agent, info)

    def executor_ended(self, agent: str, info: ExecutorInfo) -> None:
        self.tasks.executor_ended(agent, info)

    def died(self, now_ms: int, address: str) -> None:
        """The machine lost its memory."""
        self._now_ms = now_ms
        if address == MASTER:
            self.offers.forget()
        elif address == ALLOCATOR:
            self.grants.forget()
        elif address.startswith("agent/"):
            self.tasks.agent_died(address.removeprefix("agent/"))
        elif address.startswith("framework/"):
            self.tasks.framework_died(address)

    def agent_removed(self, name: str) -> None:
        """The agent's host is gone for good."""
        self.tasks.agent_removed(name)

    # ------------------------------------------------------------ verdicts

    def settle_accounts(self, now_ms: int) -> None:
        """Everything is healed and quiet: every task that is not at work has ended for its framework, and the books of allocator and master agree."""
        self._now_ms = now_ms
        self.tasks.all_ended()
        self.offers.compare(self.grants.held())

    def _broken(self, name: str, story: str) -> None:
        self.count += 1
        if len(self.violations) < VIOLATIONS_KEPT:
            self.violations.append(Violation(self._now_ms, name, story))

    def _tables(self, address: str) -> tuple[Mapping[type, Taken], Mapping[type, Sent]]:
        if address == MASTER:
            return _joined(self.offers.taken, self.tasks.taken_by_master), _joined_sent(
                self.offers.sent, self.tasks.sent_by_master
            )
        if address == ALLOCATOR:
            return self.grants.taken, self.grants.sent
        if address.startswith("agent/"):
            return self.tasks.taken_by_agent, {}
        if address.startswith("framework/"):
            return self.tasks.taken_by_framework, {}
        return {}, {}


def _joined(*tables: Mapping[type, Taken]) -> Mapping[type, Taken]:
    """One table that calls each table's handler in turn."""
    joined: dict[type, Taken] = {}
    for table in tables:
        for kind, handler in table.items():
            joined[kind] = _both(joined[kind], handler) if kind in joined else handler
    return joined


def _both(first: Taken, second: Taken) -> Taken:
    def handle(address: str, sender: str, message: Any) -> None:
        first(address, sender, message)
        second(address, sender, message)

    return handle


def _joined_sent(*tables: Mapping[type, Sent]) -> Mapping[type, Sent]:
    joined: dict[type, Sent] = {}
    for table in tables:
        for kind, handler in table.items():
            joined[kind] = _both_sent(joined[kind], handler) if kind in joined else handler
    return joined


def _both_sent(first: Sent, second: Sent) -> Sent:
    def handle(address: str, to: str, message: Any, cause: Any) -> None:
        first(address, to, message, cause)
        second(address, to, message, cause)

    return handle
