"""The views that the doors show: plain data (dicts, lists, strings, numbers), the same for the command line, HTTP and the page."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from raymesos.errors import UnknownId
from raymesos.model.resources import Resources
from raymesos.observe.explain import explain_job
from raymesos.observe.state import View
from raymesos.wire.notes import JobNote, TaskNote


def status(view: View, now_ms: int) -> dict[str, Any]:
    """The cluster on one screen: agents, resources in all and in use, roles, jobs by state, tasks by state."""
    active = [a for a in view.agents.values() if a.state == "active"]
    total = _sum([a.total for a in active])
    used = _sum([t.resources for t in view.tasks.values()])
    return {
        "agents": {"active": len(active), "known": len(view.agents)},
        "resources": {n: {"total": v / 1000, "used": used.get(n, 0) / 1000} for n, v in sorted(total.items())},
        "roles": roles(view, now_ms),
        "jobs": _count(j.state for j in view.jobs.values()),
        "tasks": {**_count(t.state for t in view.tasks.values()), **dict(sorted(view.task_ends.items()))},
        "frameworks": len([f for f in view.frameworks.values() if f.state == "active"]),
    }


def agents(view: View, now_ms: int) -> list[dict[str, Any]]:
    used: dict[str, list[Resources]] = {}
    for task in view.tasks.values():
        used.setdefault(task.agent_id, []).append(task.resources)
    return [
        {
            "id": a.agent_id,
            "name": a.name,
            "hostname": a.hostname,
            "state": a.state,
            "total": str(a.total),
            "used": {n: v / 1000 for n, v in sorted(_sum(used.get(a.agent_id, [])).items())},
            "tasks": len(used.get(a.agent_id, [])),
            "attributes": str(a.attributes),
        }
        for a in sorted(view.agents.values(), key=lambda a: a.name)
    ]


def roles(view: View, now_ms: int) -> list[dict[str, Any]]:
    """Each role with its weight, what it holds and its dominant share; its jobs' waiting and running counts."""
    rows = []
    for note in sorted(view.roles.values(), key=lambda r: r.role):
        jobs = [j for j in view.jobs.values() if j.role == note.role and j.state != "Finished"]
        rows.append(
            {
                "role": note.role,
                "weight": note.weight,
                "share": float(Fraction(*note.share)) if note.share[1] else 0.0,
                "held": str(note.held),
                "waiting": sum(j.waiting for j in jobs),
                "running": sum(j.running for j in jobs),
            }
        )
    return rows


def jobs(view: View, now_ms: int, *, role: str | None = None, everything: bool = True) -> list[dict[str, Any]]:
    return [
        job_row(j)
        for j in sorted(view.jobs.values(), key=lambda j: (j.submitted_ms, j.job_id))
        if (role is None or j.role == role) and (everything or j.state != "Finished")
    ]


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


def tasks(view: View, now_ms: int, *, job: str | None = None, limit: int = 100) -> list[dict[str, Any]]:
    """Live tasks first, then ended ones, newest first, at most `limit`."""
    rows = [*reversed(view.tasks.values()), *reversed(view.ended_tasks.values())]
    return [_task_row(t) for t in rows if job is None or t.task_id.startswith(f"{job}.")][:limit]


def _task_row(task: TaskNote) -> dict[str, Any]:
    return {
        "id": task.task_id,
        "framework": task.framework_id,
        "role": task.role,
        "agent": task.agent_id,
        "state": task.state,
        "reason": task.reason,
        "message": task.message,
        "resources": str(task.resources),
    }


def events(view: View, now_ms: int, *, after: int = 0, limit: int = 200) -> dict[str, Any]:
    """Events numbered from 1; `next` is what to pass as `after` to get only newer ones."""
    first = view.events_seen - len(view.events) + 1
    rows = [
        {"n": first + i, "at_ms": e.at_ms, "kind": e.kind, "subject": e.subject, "text": e.text}
        for i, e in enumerate(view.events)
        if first + i > after
    ]
    return {"events": rows[-limit:], "next": view.events_seen}


def explain(view: View, now_ms: int, *, job: str) -> dict[str, Any]:
    return explain_job(view, find_job(view, job), now_ms)


def one_job(view: View, now_ms: int, *, job: str) -> dict[str, Any]:
    return job_row(find_job(view, job))


def metrics(view: View, now_ms: int) -> dict[str, float]:
    """By the names of Mesos' /metrics/snapshot."""
    return dict(sorted(view.metrics.items()))


def find_job(view: View, job: str) -> JobNote:
    """By id, else the newest of that name. Raises UnknownId."""
    found = view.jobs.get(job)
    if found is None:
        named = [j for j in view.jobs.values() if j.name == job]
        if not named:
            raise UnknownId("job", job)
        found = max(named, key=lambda j: (j.submitted_ms, j.job_id))
    return found


def _sum(resources: list[Resources]) -> dict[str, int]:
    total: dict[str, int] = {}
    for each in resources:
        for name, value in each.quantities().items():
            total[name] = total.get(name, 0) + value
    return total


def _count(states: Any) -> dict[str, int]:
    counts: dict[str, int] = {}
    for state in states:
        counts[state] = counts.get(state, 0) + 1
    return dict(sorted(counts.items()))


VIEWS: dict[str, Any] = {
    "status": status,
    "agents": agents,
    "roles": roles,
    "jobs": jobs,
    "job": one_job,
    "frameworks": frameworks,
    "tasks": tasks,
    "events": events,
    "explain": explain,
    "metrics": metrics,
}
