"""An agent that changes while it runs: another total, other attributes, another fault domain, another estimate of what it can lend out.

When it lends less than revocable tasks hold, the owner wants it back: tasks of the lowest priority and among them the youngest are killed, no more than needed.
(Mesos: the QoS controller's kill)
"""

from __future__ import annotations

from dataclasses import replace

from raymesos.kernel.agent import executors, operations, registration, tasks
from raymesos.kernel.agent.state import Fate, Joined, State, Stopped, Task, event, live_tasks
from raymesos.kernel.names import launcher_address
from raymesos.machine import MASTER, Outbox
from raymesos.model.resources import EMPTY, Resources
from raymesos.model.revocable import to_take_back
from raymesos.model.tasks import Reason, TaskState
from raymesos.wire.messages import AgentInfo, AgentServed, AgentUpdated, ConfigureAgent


def estimated(state: State, revocable: Resources, out: Outbox, now_ms: int) -> None:
    """So much can be lent out from now on; what is lent beyond it is taken back."""
    state.unestimated = False
    _become(state, replace(state.info, revocable=revocable), out, now_ms)
    take_back(state, out, now_ms)


def configured(state: State, message: ConfigureAgent, out: Outbox, now_ms: int) -> None:
    """The agent is as the message says. What runs goes on; of what it holds too much, nothing is given out."""
    info = replace(state.info, resources=message.resources, attributes=message.attributes)
    info = replace(info, region=message.region, zone=message.zone)
    _become(state, info, out, now_ms)
    event(out, now_ms, "agent configured", state.agent_id or state.info.name, str(state.total))


def served(state: State, message: AgentServed, out: Outbox, now_ms: int) -> None:
    """The agent is reached at this address from now on."""
    out.send(launcher_address(state.info.name), message)
    _become(state, replace(state.info, endpoint=message.endpoint), out, now_ms)


def tell(state: State, out: Outbox) -> None:
    """The master knows what the agent is; until it is registered it learns that with the registration."""
    if isinstance(state.phase, Joined) and state.told != state.info:
        state.told = state.info
        out.send(MASTER, AgentUpdated(state.agent_id, state.info))


def take_back(state: State, out: Outbox, now_ms: int) -> None:
    """Kill revocable tasks until those that are left hold no more than is lent out. Those that are being killed for it already count as gone."""
    holders = [t for t in live_tasks(state) if t.fate is None and t.info.resources.revocable()]
    excess = _excess(holders, state.info.revocable)
    if not excess:
        return
    wholes = _wholes(sorted(holders, key=lambda t: (t.info.priority, -t.number)))
    for name in to_take_back([(name, _held(whole)) for name, whole in wholes.items()], excess):
        for task in sorted(wholes[name], key=lambda t: t.number):
            _preempt(state, task, out, now_ms)


def _become(state: State, info: AgentInfo, out: Outbox, now_ms: int) -> None:
    if info == state.info or isinstance(state.phase, Stopped):
        return
    base, converted = state.info.resources, state.own != state.info.resources
    state.info = info
    lost = operations.resize(state, base)
    if converted and base != info.resources:
        operations.tell_lost(state, lost, out, now_ms)
    executors.tell_who_we_are(state, out)
    if converted and base != info.resources and isinstance(state.phase, Joined):
        registration.join(state, out)  # What is reserved of the new size is ours to say.
    else:
        tell(state, out)


def _excess(holders: list[Task], lent: Resources) -> dict[str, int]:
    """By name, in thousandths: how much more they hold than is lent out."""
    held = _held(holders).quantities()
    return {name: value - lent.scalar(name) for name, value in held.items() if value > lent.scalar(name)}


def _held(holders: list[Task]) -> Resources:
    """What they hold together that may be taken back."""
    held = EMPTY
    for task in holders:
        held = held + task.info.resources.revocable()
    return held


def _wholes(first_to_go: list[Task]) -> dict[str, list[Task]]:
    """The tasks by what ends as one: each by itself, those of a group together, in the place of the first of them to go."""
    wholes: dict[str, list[Task]] = {}
    for task in first_to_go:
        name = f"{task.framework_id} {task.info.group_id}" if task.info.group_id else str(task.number)
        wholes.setdefault(name, []).append(task)
    return wholes


def _preempt(state: State, task: Task, out: Outbox, now_ms: int) -> None:
    text = f"its agent lends out {state.info.revocable or 'nothing'} now"
    task.fate = Fate(TaskState.GONE, Reason.CONTAINER_PREEMPTED, f"Container preempted: {text}")
    event(out, now_ms, "task preempted", task.info.task_id, text)
    tasks.end(state, state.frameworks[task.framework_id], task, 0, out, now_ms)
