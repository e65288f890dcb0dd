"""Levelling with an agent that came back: afterwards each task is on both sides' books, or is asked for, or is being killed."""

from __future__ import annotations

from raymesos.kernel.master import frameworks, notes, tasks
from raymesos.kernel.master.state import (
    Agent,
    Framework,
    State,
    Task,
    add_task,
    drop_task,
    ended_for_framework,
    set_state,
    stop_holding,
)
from raymesos.machine import Outbox
from raymesos.model.tasks import AT_AGENTS, Reason, Source, TaskState, is_terminal
from raymesos.wire.messages import (
    NOT_CHECKED,
    AgentTask,
    KillTask,
    ReregisterAgent,
    ShutdownFramework,
    TaskStatus,
)


def level(
    state: State, agent: Agent, message: ReregisterAgent, out: Outbox, now_ms: int, *, came_back: bool
) -> tuple[tuple[str, str], ...]:
    """Take over what runs there. Returns (framework id, task id) of what we thought was there and is not."""
    brought = {(t.framework_id, t.task.task_id): t for t in message.tasks}
    for key, each in brought.items():
        known = agent.tasks.get(key)
        framework = frameworks.recovered(state, each.framework_id, out, now_ms)
        if known is not None:
            _take_state(state, agent, known, each.state, out)
        elif framework is not None and each.state in AT_AGENTS:
            _take_over(state, agent, framework, each, out, now_ms, came_back=came_back)
    for framework_id in dict.fromkeys([*(f.id for f in message.frameworks), *(f for f, _ in brought)]):
        if framework_id not in state.known_frameworks:
            out.send(agent.address, ShutdownFramework(framework_id))
    missing = [task for key, task in agent.tasks.items() if key not in brought]
    for task in [t for t in missing if ended_for_framework(t)]:
        drop_task(state, task)  # Its framework has heard of its end, or will ask when it is back.
    return tuple([task.key for task in missing if task.key in agent.tasks])


def _take_over(
    state: State, agent: Agent, framework: Framework, each: AgentTask, out: Outbox, now_ms: int, *, came_back: bool
) -> None:
    """Book a task that was not on the agent's books. If its id is in use elsewhere, it has to end."""
    task = Task(framework.id, each.task, agent.id, each.state, holding=not is_terminal(each.state))
    task.status = _status_of(agent, each)
    task.stray = each.task.task_id in framework.tasks
    task.preempted_for = each.preempted_for  # Its end is still told as what it is.
    add_task(state, agent, task)
    if task.stray:
        notes.event(out, now_ms, "stray task", each.task.task_id, f"of {framework.id} on {agent.info.name} is killed")
        _kill_again(agent, task, out)
        return
    framework.unreachable.pop(each.task.task_id, None)
    if came_back and not is_terminal(each.state):
        text, condition = "Agent is back", each.condition
        tasks.tell(
            state, framework, task, each.state, Reason.AGENT_REREGISTERED, text, out, now_ms, condition=condition
        )
    notes.task_now(out, now_ms, task)


def _status_of(agent: Agent, each: AgentTask) -> TaskStatus | None:
    """What its checks have said, which was acknowledged before we knew of the task: who reconciles has to hear it."""
    told = each.condition
    if told == NOT_CHECKED:
        return None
    return TaskStatus(
        each.task.task_id,
        each.state,
        agent.id,
        each.task.executor_id,
        Source.AGENT,
        healthy=told.healthy,
        ready=told.ready,
        checked=told.checked,
    )


def _take_state(state: State, agent: Agent, task: Task, now: TaskState, out: Outbox) -> None:
    if now in AT_AGENTS and not is_terminal(task.state):
        set_state(state, task, now)
    if is_terminal(task.state):
        # The allocator hears of the agent anew, with what is still held: nothing is to be recovered.
        stop_holding(agent, task)
    elif task.stray or task.kill_asked:
        _kill_again(agent, task, out)


def _kill_again(agent: Agent, task: Task, out: Outbox) -> None:
    if not is_terminal(task.state):
        kill = KillTask(task.framework_id, task.info.task_id, task.kill_grace_ms, task.preempted_for)
        out.send(agent.address, kill)
