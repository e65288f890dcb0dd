"""The views that the doors show: plain data (dicts, lists, strings, numbers), the same for the command line, HTTP and the page."""

from __future__ import annotations

from itertools import chain, islice
from typing import Any

from raymesos.observe.explain import explain
from raymesos.observe.finding import find_agent, find_framework, find_job
from raymesos.observe.machines import agent, agents, maintenance, sum_of, volumes
from raymesos.observe.services import instances, one_service, services
from raymesos.observe.sharing import history, offered_by_all, quotas, roles, weights
from raymesos.observe.state import View
from raymesos.wire.notes import JobNote, TaskNote


def status(view: View, now_ms: int) -> dict[str, Any]:
    """The cluster on one screen: agents, resources in all, in use and offered, roles, jobs by state, tasks by state."""
    active = [a for a in view.agents.values() if a.state == "active"]
    total = sum_of([a.total for a in active])
    used = sum_of([t.resources for t in view.tasks.values()])
    offered = offered_by_all(view)
    return {
        "agents": {"active": len(active), "known": len(view.agents)},
        "resources": {
            n: {"total": v / 1000, "used": used.get(n, 0) / 1000, "offered": offered.get(n, 0) / 1000}
            for n, v in sorted(total.items())
        },
        "roles": roles(view, now_ms),
        "jobs": _count(j.state for j in view.jobs.values()),
        "tasks": {**_count(t.state for t in view.tasks.values()), **dict(sorted(view.task_ends.items()))},
        "frameworks": len([f for f in view.frameworks.values() if f.state == "active"]),
    }


def jobs(
    view: View, now_ms: int, *, role: str | None = None, everything: bool = True, limit: int | None = None
) -> list[dict[str, Any]]:
    """In the order in which they were submitted. `limit` leaves so many: those under way before ended ones, and of each the newest."""
    found = [
        j for j in view.jobs.values() if (role is None or j.role == role) and (everything or j.state != "Finished")
    ]
    if limit is not None:
        found = sorted(found, key=lambda j: (j.state == "Finished", -j.submitted_ms, j.job_id))[:limit]
    return [job_row(j) for j in sorted(found, key=lambda j: (j.submitted_ms, j.job_id))]


def job_row(job: JobNote) -> dict[str, Any]:
    return {
        "id": job.job_id,
        "name": job.name,
        "role": job.role,
        "state": job.state,
        "total": job.total,
        "waiting": job.waiting,
        "running": job.running,
        "succeeded": job.succeeded,
        "failed": job.failed,
        "retried": job.retried,
        "task": str(job.shape),
        "why": job.why,
        "submitted_ms": job.submitted_ms,
        "ended_ms": job.ended_ms,
    }


def frameworks(view: View, now_ms: int) -> list[dict[str, Any]]:
    rows = []
    for f in sorted(view.frameworks.values(), key=lambda f: f.framework_id):
        offers = view.offers.get(f.framework_id)
        rows.append(
            {
                "id": f.framework_id,
                "name": f.name,
                "roles": list(f.roles),
                "state": f.state,
                "offers": offers.outstanding if offers else 0,
            }
        )
    return rows


def tasks(
    view: View,
    now_ms: int,
    *,
    job: str | None = None,
    agent: str | None = None,
    framework: str | None = None,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """Live tasks first, then ended ones, newest first, at most `limit`: all, or those of a job (by id), of an agent (by id or name) and of a framework (by id or name). Raises UnknownId."""
    agent_id = find_agent(view, agent).agent_id if agent is not None else None
    framework_id = find_framework(view, framework).framework_id if framework is not None else None
    wanted = (
        t
        for t in chain(reversed(view.tasks.values()), reversed(view.ended_tasks.values()))
        if (job is None or t.task_id.startswith(f"{job}."))
        and agent_id in (None, t.agent_id)
        and framework_id in (None, t.framework_id)
    )
    return [_task_row(view, t) for t in islice(wanted, limit)]


def _task_row(view: View, task: TaskNote) -> dict[str, Any]:
    agent = view.agents.get(task.agent_id)
    last = task.statuses[-1] if task.statuses else None
    return {
        "id": task.task_id,
        "name": task.name,
        "framework": task.framework_id,
        "role": task.role,
        "agent": task.agent_id,
        "agent_name": agent.name if agent is not None else task.agent_id,
        "state": task.state,
        "reason": task.reason,
        "message": task.message,
        "resources": str(task.resources),
        "at_ms": task.at_ms,
        "healthy": last.healthy if last is not None else None,
        "ready": last.ready if last is not None else None,
    }


def events(view: View, now_ms: int, *, after: int = 0, limit: int = 200) -> dict[str, Any]:
    """Events numbered from 1; `next` is what to pass as `after` to get only newer ones."""
    first = view.events_seen - len(view.events) + 1
    rows = [
        {"n": first + i, "at_ms": e.at_ms, "kind": e.kind, "subject": e.subject, "text": e.text}
        for i, e in enumerate(view.events)
        if first + i > after and e.kind
    ]
    return {"events": rows[-limit:], "next": view.events_seen}


def one_job(view: View, now_ms: int, *, job: str) -> dict[str, Any]:
    return job_row(find_job(view, job))


def metrics(view: View, now_ms: int) -> dict[str, float]:
    """By the names of Mesos' /metrics/snapshot."""
    return dict(sorted(view.metrics.items()))


def _count(states: Any) -> dict[str, int]:
    counts: dict[str, int] = {}
    for state in states:
        counts[state] = counts.get(state, 0) + 1
    return dict(sorted(counts.items()))


VIEWS: dict[str, Any] = {
    "status": status,
    "agents": agents,
    "agent": agent,
    "volumes": volumes,
    "maintenance": maintenance,
    "roles": roles,
    "quotas": quotas,
    "weights": weights,
    "history": history,
    "jobs": jobs,
    "job": one_job,
    "services": services,
    "service": one_service,
    "instances": instances,
    "frameworks": frameworks,
    "tasks": tasks,
    "events": events,
    "explain": explain,
    "metrics": metrics,
}
