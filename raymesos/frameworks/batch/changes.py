"""What may be changed of a job once it is taken: attributes of it and of its tasks, its disruption budget; and the end of one task. (Titus: everything else is immutable)"""

from __future__ import annotations

from dataclasses import replace

from raymesos.frameworks.batch import timing
from raymesos.frameworks.batch.state import ACCEPTED, FINISHED, Job, State, parse_task_id
from raymesos.frameworks.retry import KILLED
from raymesos.machine import Outbox
from raymesos.wire.jobs import (
    ChangeAttributes,
    EndTask,
    JobChanged,
    JobChangeKept,
    SetBudget,
    TaskAttributesKept,
)

Pairs = tuple[tuple[str, str], ...]

# Of one job; tasks that were given attributes first lose them first.
TASKS_WITH_ATTRIBUTES = 1_000


def change_attributes(state: State, sender: str, message: ChangeAttributes, out: Outbox) -> None:
    """The job or the task has them, durably. Those of what is over stay as they were."""
    job = state.jobs.get(message.job_id)
    if job is None or (message.task_id and message.task_id not in job.rows):
        out.send(sender, JobChanged(unknown="task" if message.task_id else "job"))
    elif job.state == FINISHED:
        out.send(sender, JobChanged(ended=True))
    elif message.task_id:
        given = _merged(job.task_attributes.get(message.task_id, ()), message)
        _keep(job, TaskAttributesKept(job.id, message.task_id, given), out)
        job.moved[message.task_id] = job.rows[message.task_id]
        out.send(sender, JobChanged())
    else:
        _keep(job, JobChangeKept(job.id, _merged(job.spec.attributes, message), job.spec.budget), out)
        out.send(sender, JobChanged())


def set_budget(state: State, sender: str, message: SetBudget, out: Outbox) -> None:
    """The job has it, durably."""
    job = state.jobs.get(message.job_id)
    if job is None:
        out.send(sender, JobChanged(unknown="job"))
    elif job.state == FINISHED:
        out.send(sender, JobChanged(ended=True))
    else:
        _keep(job, JobChangeKept(job.id, job.spec.attributes, message.budget), out)
        out.send(sender, JobChanged())


def end_task(state: State, sender: str, message: EndTask, out: Outbox, now_ms: int) -> None:
    """The task is being killed. One that is being killed already is not killed for another reason."""
    parsed = parse_task_id(message.task_id)
    job = state.jobs.get(parsed[0]) if parsed is not None else None
    chunk = job.chunks.get(message.task_id) if job is not None else None
    if job is None or (chunk is None and message.task_id not in job.rows):
        out.send(sender, JobChanged(unknown="task"))
    elif chunk is None or chunk.ended or job.state == FINISHED:
        out.send(sender, JobChanged(ended=True))
    else:
        if chunk.kill is None and job.state == ACCEPTED:
            timing.kill(state, job, chunk, KILLED, out, now_ms)
            timing.ask_for_cycle(state, out)
        out.send(sender, JobChanged())


def replay(job: Job, record: JobChangeKept | TaskAttributesKept) -> None:
    """The job as the record says."""
    match record:
        case JobChangeKept(_, attributes, budget):
            job.spec = replace(job.spec, attributes=attributes, budget=budget)
            job.described = False
            job.version += 1
        case TaskAttributesKept(_, task_id, attributes):
            job.task_attributes.pop(task_id, None)
            job.task_attributes[task_id] = attributes
            if len(job.task_attributes) > TASKS_WITH_ATTRIBUTES:
                del job.task_attributes[next(iter(job.task_attributes))]


def _keep(job: Job, record: JobChangeKept | TaskAttributesKept, out: Outbox) -> None:
    out.persist(record)
    replay(job, record)


def _merged(before: Pairs, message: ChangeAttributes) -> Pairs:
    gone = dict.fromkeys(message.remove)
    found = {key: value for key, value in before if key not in gone} | dict(message.put)
    return tuple(sorted(found.items()))
