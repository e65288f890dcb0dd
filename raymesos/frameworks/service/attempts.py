"""What is reported of instances: they start, are well or not, are out of reach for a while, and end."""

from __future__ import annotations

from raymesos.frameworks import kills
from raymesos.frameworks.base import acknowledge, lives
from raymesos.frameworks.retry import EVICTED, FAILED, NORMAL, code_of, is_eviction
from raymesos.frameworks.service import rollout
from raymesos.frameworks.service.books import keep
from raymesos.frameworks.service.state import Instance, Job, State, is_well, step, touch
from raymesos.machine import Outbox
from raymesos.model.tasks import Reason, TaskState
from raymesos.wire.messages import TaskStatus
from raymesos.wire.service_records import InstanceEnded
from raymesos.wire.services import HealthSeen

NUMBERS = ("", "once", "twice", "three times")


def updated(state: State, status: TaskStatus, out: Outbox, now_ms: int) -> None:
    """Take an instance's status. One of no service of ours is killed: nobody waits for it."""
    acknowledge(state.subscription, status, out)
    job = state.open.get(state.of_task.get(status.task_id, ""))
    if job is None:
        if lives(status.state) and status.state is not TaskState.KILLING:
            kills.send(state.subscription, status.task_id, status.agent_id, out, 0)
        return
    instance = job.instances[status.task_id]
    if status.state is TaskState.UNREACHABLE:
        _out_of_reach(state, job, instance, status, now_ms)
    elif lives(status.state):
        _goes_on(state, job, instance, status, out, now_ms)
    elif status.state in (TaskState.FAILED, TaskState.ERROR) and status.reason is Reason.RECONCILIATION:
        return  # Whose fault it was is in the agent's own update, which is on its way until we acknowledge it.
    else:
        _ended(state, job, instance, status, out, now_ms)


def judged(state: State, message: HealthSeen, out: Outbox, now_ms: int) -> None:
    """Take what an outside judge of health says."""
    job = state.open.get(state.of_task.get(message.task_id, ""))
    if job is not None:
        instance = job.instances[message.task_id]
        instance.judged = message.well
        _look_again(state, job, instance, out, now_ms)


def times(count: int) -> str:
    """`three times`."""
    return NUMBERS[count] if count < len(NUMBERS) else f"{count} times"


def _goes_on(state: State, job: Job, instance: Instance, status: TaskStatus, out: Outbox, now_ms: int) -> None:
    instance.agent_id = status.agent_id or instance.agent_id
    instance.unreachable_ms = None
    if instance.stop is None or instance.state is TaskState.UNREACHABLE:
        step(job, instance, status.state if instance.stop is None else TaskState.KILLING, now_ms)
    if status.state is TaskState.RUNNING:
        if instance.started_ms is None:
            instance.started_ms = now_ms
        # What reconciliation or a restarted agent repeats without them says nothing new of them.
        instance.healthy = instance.healthy if status.healthy is None else status.healthy
        instance.ready = instance.ready if status.ready is None else status.ready
    _look_again(state, job, instance, out, now_ms)


def _look_again(state: State, job: Job, instance: Instance, out: Outbox, now_ms: int) -> None:
    """It may be well now, or not any more."""
    if not is_well(job, instance):
        instance.well_since_ms = None
    elif instance.well_since_ms is None:
        instance.well_since_ms = now_ms
        rollout.got_on(state, job, instance, out, now_ms)
    job.moved[instance.id] = instance
    touch(state, job)


def _out_of_reach(state: State, job: Job, instance: Instance, status: TaskStatus, now_ms: int) -> None:
    if instance.unreachable_ms is None:
        instance.unreachable_ms = status.unreachable_ms or now_ms
        instance.well_since_ms = None
        step(job, instance, TaskState.UNREACHABLE, now_ms)
        touch(state, job)


def _ended(state: State, job: Job, instance: Instance, status: TaskStatus, out: Outbox, now_ms: int) -> None:
    code = code_of(status)
    if instance.stop is not None:
        code = instance.stop.why
    elif is_eviction(status):
        code = EVICTED
    ran_ms = now_ms - instance.started_ms if instance.started_ms is not None else 0
    text = status.message or ("exit 0" if code == NORMAL else code)
    keep(state, InstanceEnded(job.id, instance.id, status.state, code, text, ran_ms, now_ms), out)
    if instance.stop is None and code in (FAILED, NORMAL):
        rollout.failed(state, job, instance, text, out, now_ms)
