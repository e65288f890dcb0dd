"""The machine that speaks to an agent for a custom executor: the framework's own program, which is behind a stream of the executor API.

It knows all that the program has, so that a restarted agent learns it without asking the program, and it lives while the program's stream is broken. What the agent
says then is dropped: when the program subscribes again it says what it has, and the agent says again what it lacks. One that begins anew (the HTTP process was restarted)
subscribes in part, and the agent tells it the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from raymesos.errors import InvariantBroken
from raymesos.http.desk import Told
from raymesos.machine import LinkDown, LinkUp, Outbox, Wake
from raymesos.model.tasks import TaskState, is_terminal, may_follow
from raymesos.wire.messages import (
    AgentInfo,
    ExecutorAcknowledged,
    ExecutorInfo,
    ExecutorMessage,
    ExecutorReconnect,
    ExecutorRefused,
    ExecutorSubscribe,
    ExecutorSubscribed,
    ExecutorUpdate,
    FrameworkInfo,
    KillLaunched,
    LaunchTasks,
    ShutdownExecutorNow,
    TaskInfo,
    TaskStatus,
)

HEARTBEAT_MS = 15_000
# The agent is being restarted, as a rule: it answers within seconds.
ASK_AGAIN_MS = 1_000
# Updates and messages that wait for an agent that does not answer.
MAX_KEPT = 100_000


# ---------------------------------------------------------------- what the program says, from the event loop


@dataclass(frozen=True, slots=True)
class ProgramSubscribes:
    """The program has opened a stream: tasks and updates that nobody has acknowledged to it."""

    tasks: tuple[TaskInfo, ...]
    updates: tuple[TaskStatus, ...]


@dataclass(frozen=True, slots=True)
class ProgramSays:
    """Updates and messages (bytes) for its framework, oldest first."""

    said: tuple[TaskStatus | bytes, ...]


@dataclass(frozen=True, slots=True)
class ProgramGone:
    """Its stream is broken."""


# ---------------------------------------------------------------- what it is told, besides messages of the agent


@dataclass(frozen=True, slots=True)
class Welcome:
    """The stream stands. First of all that is told."""

    agent_id: str
    agent: AgentInfo
    executor: ExecutorInfo
    framework: FrameworkInfo


@dataclass(frozen=True, slots=True)
class Turned:
    """The agent does not have the executor, or not any more: nothing else is told."""

    reason: str


@dataclass(frozen=True, slots=True)
class Beat:
    """The stream lives."""


@dataclass(slots=True)
class Task:
    """A task of the program until its end is acknowledged. `updates` are those that are not, by uuid, oldest first."""

    info: TaskInfo
    state: TaskState
    updates: dict[str, TaskStatus] = field(default_factory=dict)


@dataclass(slots=True)
class Asking:
    """The agent has not answered yet. `greets`: the program waits for its answer."""

    greets: bool


@dataclass(slots=True)
class Up:
    """The agent and we know the same. The program is told what the agent says."""


@dataclass(slots=True)
class Alone:
    """The program's stream is broken; the agent need not know."""


class ProgramSeat:
    """`ids`: of its framework and of the executor. `first` is what it begins with. `told` is the desk's: what the program is to hear is there under `address`."""

    def __init__(
        self, address: str, agent_address: str, ids: tuple[str, str], first: ProgramSubscribes, told: Told
    ) -> None:
        self.address = address
        self.phase: Asking | Up | Alone = Alone()
        self.tasks: dict[str, Task] = {}
        self.whole = False
        """It knows of all tasks that the agent has."""
        self.over = False
        self._agent, self._ids = agent_address, ids
        self._first, self._told = first, told
        self._loose: dict[tuple[str, str], TaskStatus] = {}
        """Unacknowledged updates that do not fit what is known here, by (task id, uuid)."""
        self._unsent: list[TaskStatus | bytes] = []

    def check(self) -> None:
        for task_id, task in self.tasks.items():
            if task.updates and next(reversed(task.updates.values())).state is not task.state:
                raise InvariantBroken("program.updates", f"task {task_id} is {task.state}, its last update is another")
            if is_terminal(task.state) and not task.updates:
                raise InvariantBroken("program.done", f"task {task_id} has ended and is not forgotten")

    def handle(self, now_ms: int, sender: str, message: Any, out: Outbox) -> None:
        if self.over:
            return
        match message:
            case ProgramSays(said) if sender == self.address:
                for each in said:
                    self._take(each, out)
            case LaunchTasks() | KillLaunched() | ExecutorMessage() | ShutdownExecutorNow() if sender == self._agent:
                if isinstance(self.phase, Up):
                    self._pass_on(message)
            case ExecutorAcknowledged() if sender == self._agent:
                self._acknowledged(message)
            case ProgramSubscribes() if sender == self.address:
                self._subscribe(message, out)
            case ProgramGone() if sender == self.address:
                self.phase = Alone()
                out.sleep("beat")
            case ExecutorSubscribed() if sender == self._agent:
                self._subscribed(message, out)
            case ExecutorRefused(reason) if sender == self._agent:
                self._end(reason, out)
            case ExecutorReconnect() if sender == self._agent:
                self._ask_anew(out)
            case LinkUp(peer, _) if peer == self._agent:
                self._ask_anew(out)
            case LinkDown(peer) if peer == self._agent and isinstance(self.phase, Up):
                self.phase = Asking(greets=False)
                out.wake("ask", ASK_AGAIN_MS)
            case Wake("start"):
                self._subscribe(self._first, out)
            case Wake("ask"):
                if isinstance(self.phase, Asking):
                    self._ask(out)
            case Wake("beat"):
                self._beat(out)
            case _:
                return

    # ------------------------------------------------------------ the program

    def _subscribe(self, message: ProgramSubscribes, out: Outbox) -> None:
        """What it lists it has; what else it has had an acknowledgement of it has still, or the agent gives it again."""
        for info in message.tasks:
            if info.task_id not in self.tasks:
                self.tasks[info.task_id] = Task(info, TaskState.STAGING)
        for status in message.updates:
            self._book(status)
        self._forget_ended()
        self.phase = Asking(greets=True)
        listed = [self.tasks[i.task_id] for i in message.tasks if i.task_id in self.tasks]
        self._send_subscription(listed, out, partial=True)

    def _take(self, said: TaskStatus | bytes, out: Outbox) -> None:
        if len(self._unsent) + len(self._loose) > MAX_KEPT:
            self._end("too much was said that the agent has not taken", out)
            return
        if isinstance(said, TaskStatus):
            self._book(said)
        if isinstance(self.phase, Asking):
            self._unsent.append(said)
        else:
            self._send(said, out)

    def _send(self, said: TaskStatus | bytes, out: Outbox) -> None:
        if isinstance(said, TaskStatus):
            out.send(self._agent, ExecutorUpdate(*self._ids, said))
        else:
            out.send(self._agent, ExecutorMessage(*self._ids, said, down=False))

    def _book(self, status: TaskStatus) -> None:
        task = self.tasks.get(status.task_id)
        if task is not None and status.uuid in task.updates:
            return
        if task is not None and may_follow(task.state, status.state):
            task.updates[status.uuid] = status
            task.state = status.state
        else:  # What to make of it, and that the program may forget it, is for the agent to say.
            self._loose[status.task_id, status.uuid] = status

    # ------------------------------------------------------------ the agent

    def _subscribed(self, message: ExecutorSubscribed, out: Outbox) -> None:
        """The agent knows us, or tells who it is by now."""
        if not isinstance(self.phase, Asking) or message.executor is None or message.framework is None:
            return
        for info, state in zip(message.tasks, message.states, strict=True):
            if info.task_id not in self.tasks:
                self.tasks[info.task_id] = Task(info, state)
        greets, self.phase, self.whole = self.phase.greets, Up(), True
        out.sleep("ask")
        unsent, self._unsent = self._unsent, []
        for said in unsent:
            self._send(said, out)
        if greets:
            self._say(Welcome(message.agent_id, message.agent, message.executor, message.framework))
            self._beat(out)

    def _pass_on(self, message: LaunchTasks | KillLaunched | ExecutorMessage | ShutdownExecutorNow) -> None:
        if isinstance(message, LaunchTasks):
            new = tuple([info for info in message.tasks if self._is_new(info)])
            for info in new:
                self.tasks[info.task_id] = Task(info, TaskState.STAGING)
            message = LaunchTasks(new)
        self._say(message)

    def _is_new(self, info: TaskInfo) -> bool:
        """Whether the program is to hear of it: one that it reports of already it has."""
        known = self.tasks.get(info.task_id)
        return known is None or known.state is TaskState.STAGING

    def _acknowledged(self, message: ExecutorAcknowledged) -> None:
        self._loose.pop((message.task_id, message.uuid), None)
        task = self.tasks.get(message.task_id)
        if task is not None:
            task.updates.pop(message.uuid, None)
            if is_terminal(task.state) and not task.updates:
                del self.tasks[message.task_id]
        if isinstance(self.phase, Up):
            self._say(message)

    def _ask_anew(self, out: Outbox) -> None:
        """Messages between the agent and us may have been lost."""
        if isinstance(self.phase, Asking):
            self._ask(out)
        elif self.whole:
            if isinstance(self.phase, Up):
                self.phase = Asking(greets=False)
            self._ask(out)

    def _ask(self, out: Outbox) -> None:
        self._send_subscription(list(self.tasks.values()), out, partial=not self.whole)

    def _send_subscription(self, listed: list[Task], out: Outbox, *, partial: bool) -> None:
        self._unsent = [said for said in self._unsent if isinstance(said, bytes)]
        updates = [*self._loose.values(), *[u for t in self.tasks.values() for u in t.updates.values()]]
        out.send(
            self._agent,
            ExecutorSubscribe(
                *self._ids,
                tuple([task.info for task in listed]),
                tuple(updates),
                tuple([task.state for task in listed]),
                custom=True,
                partial=partial,
            ),
        )
        if isinstance(self.phase, Asking):
            out.wake("ask", ASK_AGAIN_MS)

    def _end(self, reason: str, out: Outbox) -> None:
        self.over = True
        out.sleep("ask")
        out.sleep("beat")
        self._say(Turned(reason))

    # ------------------------------------------------------------ inside

    def _forget_ended(self) -> None:
        for task_id in [t for t, task in self.tasks.items() if is_terminal(task.state) and not task.updates]:
            del self.tasks[task_id]

    def _beat(self, out: Outbox) -> None:
        self._say(Beat())
        out.wake("beat", HEARTBEAT_MS)

    def _say(self, message: Any) -> None:
        self._told.append((self.address, message))


def stripped(info: TaskInfo, executor_id: str) -> TaskInfo:
    """The task as the agent has it: its executor is named, not described."""
    return replace(info, executor_id=executor_id, executor=None)
