"""A master, an agent, its launcher, executors and their shims in one small world whose links break and whose agent dies.

The agent and the executors are real; master, launcher and shim are scripted. A link is FIFO and reliable until it is cut, as the hosts' links are; only what
is resent anyway (updates to the master and their acknowledgements) may be lost singly. A message for a former life of its receiver is refused.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from raymesos.kernel.agent.machine import AgentMachine
from raymesos.kernel.agent.state import Stopping
from raymesos.kernel.executor.machine import ExecutorMachine
from raymesos.machine import MASTER, LinkDown, LinkUp, Outbox, Wake
from raymesos.model.attributes import Attributes
from raymesos.model.resources import Resources
from raymesos.model.settings import AgentSettings, ExecutorSettings
from raymesos.model.tasks import TaskState, is_terminal, may_follow
from raymesos.wire.messages import (
    AgentInfo,
    AgentRegistered,
    Drain,
    DrainOver,
    ExecutorLost,
    FrameworkInfo,
    KillTask,
    RegisterAgent,
    ReregisterAgent,
    RunTasks,
    StartExecutor,
    StartWork,
    StatusAcknowledged,
    StatusUpdate,
    StopExecutor,
    StopWork,
    TaskInfo,
    WorkEnded,
    WorkStarted,
)
from raymesos.wire.work import CommandWork

AGENT = "agent/A1"
LAUNCHER = "launcher/A1"
TOTAL = Resources.parse("cpus:1000")
INFO = AgentInfo("A1", "A1", TOTAL, Attributes())
FRAMEWORKS = ("c-1-0001", "c-1-0002")


class Master:
    """Launches, kills, acknowledges; keeps what it was told of each task and complains when that cannot be."""

    def __init__(self) -> None:
        self.registered = False
        self.draining = False
        self.states: dict[tuple[str, str], TaskState] = {}
        self.seen: dict[str, TaskState] = {}
        self.ends: dict[tuple[str, str], list[TaskState]] = {}
        self.kills: dict[tuple[str, str], None] = {}

    def handle(self, sender: str, message: Any, out: Outbox) -> None:
        match message:
            case RegisterAgent():
                self.registered = True
                lost = [k for k, s in self.states.items() if not is_terminal(s)]
                out.send(AGENT, AgentRegistered("c-S0", "c", 75_000, tuple(lost)))
            case ReregisterAgent():
                self.registered = True
                there = {(t.framework_id, t.task.task_id): t.state for t in message.tasks}
                lost = [k for k, s in self.states.items() if not is_terminal(s) and k not in there]
                out.send(AGENT, AgentRegistered("c-S0", "c", 75_000, tuple(lost)))
                for framework_id, task_id in self.kills:
                    if not is_terminal(self.states[framework_id, task_id]):
                        out.send(AGENT, KillTask(framework_id, task_id))
                if self.draining:
                    out.send(AGENT, Drain(500))
            case StatusUpdate():
                self._updated(message)
                status = message.status
                out.send(AGENT, StatusAcknowledged(message.framework_id, status.task_id, status.uuid))
            case LinkDown():
                self.registered = False
            case _:
                pass

    def _updated(self, message: StatusUpdate) -> None:
        key, status = (message.framework_id, message.status.task_id), message.status
        if status.uuid in self.seen:
            assert self.seen[status.uuid] is status.state
            return
        before = self.states[key]
        assert may_follow(before, status.state), f"{key}: {status} after {before}"
        assert may_follow(status.state, message.latest_state) or status.state is message.latest_state
        self.seen[status.uuid] = status.state
        self.states[key] = status.state
        if is_terminal(status.state):
            self.ends.setdefault(key, []).append(status.state)


class World:
    """Machines by address, messages in flight by (sender, receiver), wakes by (owner, key)."""

    def __init__(self) -> None:
        self.now_ms = 0
        self.master = Master()
        self.records: list[Any] = []
        self.machines: dict[str, Any] = {}
        self.epochs: dict[str, int] = {MASTER: 1, LAUNCHER: 1}
        self.believed: dict[tuple[str, str], int] = {}
        self.flight: dict[tuple[str, str], deque[tuple[int, int, Any]]] = {}
        self.cut: dict[frozenset[str], None] = {}
        self.wakes: dict[tuple[str, str], int] = {}
        self.to_start: dict[str, StartExecutor] = {}
        self.works: dict[str, dict[str, str]] = {}
        """By shim: task id → begun, running or stopping."""
        self.begun: dict[str, None] = {}
        self.excused: dict[str, None] = {}
        """Executor addresses that died or were cut off: their tasks may be lost."""
        self.tasks = 0
        self.start_agent()

    # ------------------------------------------------------------ lives

    def start_agent(self) -> None:
        self.epochs[AGENT] = self.epochs.get(AGENT, 0) + 1
        settings = AgentSettings(executor_registration_ms=20_000, update_retry_ms=1_000, update_retry_max_ms=4_000)
        agent = AgentMachine(settings, INFO, self.epochs[AGENT])
        agent.restore(self.records)
        self.records = agent.snapshot()
        self.machines[AGENT] = agent
        self.handle(AGENT, AGENT, Wake("start"))

    def crash_agent(self) -> None:
        """All that is on its way to it is lost, all that it waited for is forgotten."""
        self._forget(AGENT)
        self.start_agent()

    def start_executor(self, executor_id: str) -> None:
        request = self.to_start.pop(executor_id)
        address, shim = f"executor/A1/{executor_id}", f"shim/A1/{executor_id}"
        self.epochs[address] = self.epochs.get(address, 0) + 1
        self.works[shim] = {}
        self.machines[address] = ExecutorMachine(
            request.framework_id, executor_id, AGENT, shim, self.epochs[address], ExecutorSettings()
        )
        self.handle(address, address, Wake("start"))

    def end_executor(self, executor_id: str, framework_id: str) -> None:
        """Its process and all that runs in its shim end; the launcher says so."""
        address = f"executor/A1/{executor_id}"
        self.to_start.pop(executor_id, None)
        self.excused[address] = None
        if self.machines.pop(address, None) is not None:
            self._forget(address)
            del self.works[f"shim/A1/{executor_id}"]
        self.handle(AGENT, LAUNCHER, ExecutorLost(framework_id, executor_id, "ended"))

    def executors(self) -> list[str]:
        return sorted(a for a in self.machines if a.startswith("executor/"))

    # ------------------------------------------------------------ links

    def break_link(self, a: str, b: str) -> None:
        self.excused[b] = None
        self.cut[frozenset((a, b))] = None
        self._clear(a, b)
        self.handle(a, a, LinkDown(b))
        self.handle(b, b, LinkDown(a))

    def mend_link(self, a: str, b: str) -> None:
        self.cut.pop(frozenset((a, b)), None)
        self._clear(a, b)
        for one, other in ((a, b), (b, a)):
            self.believed[one, other] = self.epochs.get(other, 0)
            self.handle(one, one, LinkUp(other, restarted=False))

    def deliver(self, sender: str, to: str, *, lose: bool = False) -> None:
        """The next message of the link arrives, or is lost if it is one that is resent."""
        queue = self.flight[sender, to]
        epoch, to_epoch, message = queue.popleft()
        if lose and isinstance(message, StatusUpdate | StatusAcknowledged):
            return
        if to != MASTER and to not in self.machines:
            self.handle(sender, sender, LinkDown(to))
            return
        if epoch < self.believed.get((to, sender), 0):
            return
        if to_epoch not in (0, self.epochs.get(to, 0)):
            # Refused: the sender learns that it speaks to a new life, and what it had queued is gone.
            self._clear(sender, to, both=False)
            self.believed[sender, to] = self.epochs[to]
            self.handle(sender, sender, LinkUp(to, restarted=True))
            return
        known = self.believed.get((to, sender), 0)
        self.believed[to, sender] = epoch
        if 0 < known < epoch:
            self._clear(to, sender, both=False)
            self.handle(to, to, LinkUp(sender, restarted=True))
        self.handle(to, sender, message)

    # ------------------------------------------------------------ one step of a machine

    def handle(self, to: str, sender: str, message: Any) -> None:
        out = Outbox()
        if to == MASTER:
            self.master.handle(sender, message, out)
        elif to == LAUNCHER:
            self._launcher(message)
        elif to.startswith("shim/"):
            self._shim(to, message)
        elif to in self.machines:
            self.machines[to].handle(self.now_ms, sender, message, out)
            self.machines[to].check()
        if to == AGENT:
            self.records += out.records
        assert to == AGENT or not out.records
        for key, after_ms in out.wakes:
            if after_ms is None:
                self.wakes.pop((to, key), None)
            else:
                self.wakes[to, key] = self.now_ms + after_ms
        for receiver, sent in out.sends:
            self._post(to, receiver, sent)

    def advance(self, ms: int) -> None:
        """Let time pass. What is in flight stays there, unless it is local."""
        end = self.now_ms + ms
        while due := sorted((at, owner, key) for (owner, key), at in self.wakes.items() if at <= end):
            self.now_ms, owner, key = due[0]
            del self.wakes[owner, key]
            self.handle(owner, owner, Wake(key))
        self.now_ms = end

    def settle(self) -> None:
        """Everything works again and all have had their say. Work that is to be killed does not end by itself."""
        for a, b in [sorted(pair) for pair in self.cut]:
            self.mend_link(a, b)
        for _ in range(60):
            self.deliver_all()
            for shim, works in list(self.works.items()):
                for task_id, phase in list(works.items()):
                    if phase == "begun":
                        self.start_work(shim, task_id)
                    if phase == "stopping" or not any(task_id == killed for _, killed in self.master.kills):
                        self.end_work(shim, task_id)
            self.deliver_all()
            for executor_id in list(self.to_start):
                self.start_executor(executor_id)
            self.deliver_all()
            self.advance(2_000)

    def deliver_all(self, but: str = "") -> None:
        """Everything in flight arrives, and what follows from it; but nothing to or from `but`."""
        while pair := next((p for p in sorted(self.flight) if self.flight[p] and but not in p), None):
            self.deliver(*pair)

    # ------------------------------------------------------------ the scripted ones

    def drain(self, *, over: bool) -> None:
        """All that was launched so far is to be killed; nothing more is launched until it is over."""
        self.master.draining = not over
        if not over:
            self.master.kills.update(dict.fromkeys(k for k, s in self.master.states.items() if not is_terminal(s)))
        self._post(MASTER, AGENT, DrainOver() if over else Drain(500))

    def launch(self, framework_id: str) -> None:
        if self.master.registered and not self.master.draining:
            self.tasks += 1
            info = TaskInfo(f"t{self.tasks}", "t", Resources.parse("cpus:1"), CommandWork(("true",)))
            self.master.states[framework_id, info.task_id] = TaskState.STAGING
            self._post(MASTER, AGENT, RunTasks(FrameworkInfo("f", ("*",), id=framework_id), (info,)))

    def kill(self, framework_id: str, task_id: str) -> None:
        if is_terminal(self.master.states[framework_id, task_id]):
            return
        self.master.kills[framework_id, task_id] = None
        self._post(MASTER, AGENT, KillTask(framework_id, task_id, 10))

    def start_work(self, shim: str, task_id: str) -> None:
        if self.works[shim][task_id] == "begun":
            self.works[shim][task_id] = "running"
        self._post(shim, self._executor_of(shim), WorkStarted(task_id))

    def end_work(self, shim: str, task_id: str) -> None:
        stopped = self.works[shim].pop(task_id) == "stopping"
        ending = WorkEnded(task_id, None, 15) if stopped else WorkEnded(task_id, 0)
        self._post(shim, self._executor_of(shim), ending)

    def _executor_of(self, shim: str) -> str:
        return "executor" + shim.removeprefix("shim")

    def _launcher(self, message: Any) -> None:
        match message:
            case StartExecutor():
                if f"executor/A1/{message.executor_id}" not in self.machines:
                    self.to_start[message.executor_id] = message
            case StopExecutor():
                self.end_executor(message.executor_id, message.framework_id)

    def _shim(self, shim: str, message: Any) -> None:
        match message:
            case StartWork():
                assert message.task_id not in self.begun, f"{message.task_id} is started a second time"
                self.begun[message.task_id] = None
                self.works[shim][message.task_id] = "begun"
            case StopWork():
                if message.task_id in self.works.get(shim, {}):
                    self.works[shim][message.task_id] = "stopping"

    # ------------------------------------------------------------ plumbing

    def _post(self, sender: str, to: str, message: Any) -> None:
        local = to.startswith("shim/") or sender.startswith("shim/") or to == LAUNCHER
        if local:
            self.handle(to, sender, message)
        elif frozenset((sender, to)) not in self.cut:
            queue = self.flight.setdefault((sender, to), deque())
            queue.append((self.epochs.get(sender, 1), self.believed.get((sender, to), 0), message))

    def _clear(self, a: str, b: str, *, both: bool = True) -> None:
        self.flight.pop((a, b), None)
        if both:
            self.flight.pop((b, a), None)

    def _forget(self, address: str) -> None:
        for pair in [p for p in self.flight if address in p]:
            # What it sent may still arrive; what was sent to it may be refused by its next life. Only its own beliefs are gone.
            if pair[1] == address and address != AGENT:
                del self.flight[pair]
        for owner, key in [w for w in self.wakes if w[0] == address]:
            del self.wakes[owner, key]
        for who, peer in [b for b in self.believed if b[0] == address]:
            del self.believed[who, peer]

    # ------------------------------------------------------------ what must hold in the end

    def check_end(self) -> None:
        assert {k: len(v) for k, v in self.master.ends.items()} == dict.fromkeys(self.master.states, 1)
        for (framework_id, task_id), [end] in self.master.ends.items():
            if task_id in self.begun and f"executor/A1/default-{framework_id}" not in self.excused:
                killed = (framework_id, task_id) in self.master.kills
                assert end in ((TaskState.KILLED, TaskState.FINISHED) if killed else (TaskState.FINISHED,)), task_id
        agent = self.machines[AGENT]
        agent.check()
        assert agent.state.free == TOTAL
        assert all(
            not f.tasks and not any(s.pending for s in f.streams.values()) for f in agent.state.frameworks.values()
        )
        assert not any(
            isinstance(e.phase, Stopping) for f in agent.state.frameworks.values() for e in f.executors.values()
        )
        for address in self.executors():
            assert self.machines[address].state.tasks == {}, address
        assert not any(self.works.values())
