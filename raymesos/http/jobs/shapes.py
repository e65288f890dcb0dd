"""Jobs and tasks in Titus' shapes, made of what the views have.

A job is `{id, jobDescriptor, status, statusHistory}`, a task `{id, jobId, status, statusHistory, taskContext, attributes, logLocation, migrationDetails}`, a status
`{state, reasonCode, reasonMessage, timestamp}` with milliseconds since 1970; `statusHistory` has the statuses before this one. What Titus has no word for stands
beside it: a job's `name`, `role` and `progress` (counts of its inputs), a task's `index`, `indexes` (a task may have several inputs), `originalId` and `resubmit…`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any
from urllib.parse import quote

import orjson

from raymesos.http.jobs.descriptor import DEFAULT_GROUP
from raymesos.http.security.secrets import masked_env
from raymesos.model.resources import Resources
from raymesos.model.retries import RetryPolicy
from raymesos.observe.state import View
from raymesos.wire.jobs import JobSpec
from raymesos.wire.notes import AttemptNote, JobNote

ACCEPTED, LAUNCHED, START_INITIATED, STARTED = "Accepted", "Launched", "StartInitiated", "Started"
KILL_INITIATED, FINISHED, DISCONNECTED = "KillInitiated", "Finished", "Disconnected"
JOB_STATES = (ACCEPTED, KILL_INITIATED, FINISHED)
TASK_STATES = (ACCEPTED, LAUNCHED, START_INITIATED, STARTED, KILL_INITIATED, FINISHED, DISCONNECTED)

NORMAL, FAILED, KILLED = "normal", "failed", "killed"
FILLED_IN = "filledIn"
"""Titus' code for a state that nobody told of, and that must have been."""
SYSTEM_CODES = (
    "stuckInState",
    "stuckInKillingState",
    "lost",
    "crashed",
    "transientSystemError",
    "localSystemError",
    "unknownSystemError",
)

_TITUS_STATE = {
    "TASK_STAGING": LAUNCHED,
    "TASK_STARTING": START_INITIATED,
    "TASK_RUNNING": STARTED,
    "TASK_KILLING": KILL_INITIATED,
    "TASK_UNREACHABLE": DISCONNECTED,
    "TASK_UNKNOWN": DISCONNECTED,
}
_NO_SPEC = JobSpec("", "", "*", Resources(), 0)


def job_shape(view: View, note: JobNote) -> dict[str, Any]:
    spec = view.specs.get(note.job_id, _NO_SPEC)
    *history, status = _job_statuses(note)
    return {
        "id": note.job_id,
        "jobDescriptor": descriptor_shape(spec, note),
        "status": status,
        "statusHistory": history,
        "name": note.name,
        "role": note.role,
        "progress": {
            "total": note.total,
            "waiting": note.waiting,
            "running": note.running,
            "succeeded": note.succeeded,
            "failed": note.failed,
            "retried": note.retried,
            "why": note.why,
        },
    }


def descriptor_shape(spec: JobSpec, note: JobNote) -> dict[str, Any]:
    """Without the values of its environment. As it was submitted, with what was changed since; of a job that came through another door, as it would have been."""
    kept = _parsed(spec.descriptor) if spec.descriptor else _described(spec, note)
    env = masked_env(name for name, _ in spec.env)
    kept = {**kept, "container": {**kept["container"], "env": env}}
    return {**kept, "attributes": dict(spec.attributes), "disruptionBudget": _parsed(spec.budget or "{}")}


def task_shape(view: View, note: AttemptNote) -> dict[str, Any]:
    agent = view.agents.get(note.agent_id)
    *history, status = _task_statuses(view, note)
    numbers = {
        "resubmitNumber": note.resubmit_number,
        "systemResubmitNumber": note.system_resubmit_number,
        "evictionResubmitNumber": note.eviction_resubmit_number,
    }
    context = {
        "task.index": str(note.lo),
        "task.originalId": note.original_id,
        **({"task.resubmitOf": note.resubmit_of} if note.resubmit_of else {}),
        **{f"task.{name}": str(value) for name, value in numbers.items()},
        "agent.id": note.agent_id,
        **({"agent.name": agent.name, "agent.host": agent.hostname} if agent is not None else {}),
    }
    leaves = agent is not None and agent.state in ("draining", "drained", "gone")
    return {
        "id": note.task_id,
        "jobId": note.job_id,
        "index": note.lo,
        "indexes": [note.lo, note.hi],
        "originalId": note.original_id,
        "resubmitOf": note.resubmit_of,
        **numbers,
        "status": status,
        "statusHistory": history,
        "taskContext": context,
        "attributes": dict(note.attributes),
        "logLocation": {"liveStream": {"url": f"/api/v3/tasks/{quote(note.task_id)}/logs/stdout"}},
        "migrationDetails": {"needsMigration": leaves and not note.ended},
    }


def task_state(note: AttemptNote) -> str:
    return FINISHED if note.ended else _TITUS_STATE.get(note.steps[-1][0], DISCONNECTED)


def task_reason(note: AttemptNote) -> str:
    return note.steps[-1][2] or NORMAL


def job_state(note: JobNote) -> str:
    return note.state


def job_reason(note: JobNote) -> str:
    """Of a job that is over, Titus' code of how."""
    if note.state != FINISHED:
        return KILLED if note.state == KILL_INITIATED else NORMAL
    if note.succeeded == note.total:
        return NORMAL
    return KILLED if note.why == "cancelled" else FAILED


def agent_leaves(view: View, note: AttemptNote) -> bool:
    """Whether the task must move: its agent is being emptied."""
    agent = view.agents.get(note.agent_id)
    return not note.ended and agent is not None and agent.state in ("draining", "drained", "gone")


def _job_statuses(note: JobNote) -> list[dict[str, Any]]:
    found = [_status(ACCEPTED, NORMAL, "", note.submitted_ms)]
    if note.cancelled_ms is not None:
        found.append(_status(KILL_INITIATED, KILLED, note.why, note.cancelled_ms))
    if note.state == FINISHED:
        found.append(_status(FINISHED, job_reason(note), note.why, note.ended_ms or note.at_ms))
    return _in_order(found)


def _task_statuses(view: View, note: AttemptNote) -> list[dict[str, Any]]:
    """From Accepted on: of a first attempt that was when its job came, of a later one when it was made."""
    job = view.jobs.get(note.job_id)
    made_ms = note.steps[0][1]
    found = [
        _status(ACCEPTED, NORMAL, "", job.submitted_ms if job is not None and not note.resubmit_number else made_ms)
    ]
    for mesos_state, at_ms, reason in note.steps:
        state = _TITUS_STATE.get(mesos_state, FINISHED)
        if state == STARTED or (state == FINISHED and reason in (NORMAL, FAILED)):
            found += _filled_in(found[-1]["state"], state, at_ms)
        found.append(_status(state, reason or NORMAL, note.message if state == FINISHED else "", at_ms))
    return _in_order(found)


def _filled_in(before: str, now: str, at_ms: int) -> list[dict[str, Any]]:
    """What must have been between the two: an executor does not tell of the start of a task that is over at once."""
    way = (ACCEPTED, LAUNCHED, START_INITIATED, STARTED, FINISHED)
    if before not in way:
        return []
    missing = [state for state in way[way.index(before) + 1 : way.index(now)] if state != LAUNCHED]
    return [_status(state, FILLED_IN, "", at_ms - len(missing) + i) for i, state in enumerate(missing)]


def _in_order(statuses: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Timestamps grow strictly, as Titus' clients expect: one that fell into the millisecond of the one before is the next."""
    last = 0
    for status in statuses:
        last = status["timestamp"] = max(status["timestamp"], last + 1)
    return statuses


def _status(state: str, code: str, message: str, at_ms: int) -> dict[str, Any]:
    return {"state": state, "reasonCode": code, "reasonMessage": message, "timestamp": at_ms}


def _described(spec: JobSpec, note: JobNote) -> dict[str, Any]:
    amounts = {name: note.shape.scalar(name) / 1000 for name in ("cpus", "gpus", "mem", "disk")}
    limit = spec.runtime_limit_ms
    return {
        "owner": {"teamEmail": ""},
        "applicationName": note.name,
        "capacityGroup": DEFAULT_GROUP if note.role == "*" else note.role,
        "jobGroupInfo": {"stack": "", "detail": "", "sequence": ""},
        "container": {
            "resources": {
                "cpu": amounts["cpus"],
                "gpu": int(amounts["gpus"]),
                "memoryMB": int(amounts["mem"]),
                "diskMB": int(amounts["disk"]),
                "networkMbps": 0,
                "shmSizeMB": 0,
            },
            "entryPoint": [],
            "command": list(spec.argv),
        },
        "batch": {
            "size": note.total,
            "runtimeLimitSec": limit // 1000 if limit is not None else 0,
            "retryPolicy": _retry_shape(spec.retry),
            "retryOnRuntimeLimit": spec.retry_on_runtime_limit,
        },
    }


def _retry_shape(policy: RetryPolicy) -> dict[str, Any]:
    if policy.factor > 1:
        backoff = {"initialDelayMs": policy.initial_ms, "maxDelayIntervalMs": policy.max_ms, "retries": policy.retries}
        return {"exponentialBackOff": backoff}
    if policy.initial_ms:
        return {"delayed": {"delayMs": policy.initial_ms, "retries": policy.retries}}
    return {"immediate": {"retries": policy.retries}}


@lru_cache(maxsize=4096)
def _parsed(text: str) -> dict[str, Any]:
    """Shared between readers: nobody changes it."""
    found: dict[str, Any] = orjson.loads(text)
    return found
