"""What others may ask about a service, as plain data."""

from __future__ import annotations

from typing import Any

from raymesos.errors import UnknownId
from raymesos.frameworks.base import ACCEPTED
from raymesos.frameworks.service import placing, rollout, routes
from raymesos.frameworks.service.attempts import times
from raymesos.frameworks.service.state import Job, Slot, State, serving, wants_instance
from raymesos.model.tasks import TaskState


def job_of(state: State, job_id: str) -> Job:
    """Raises UnknownId."""
    job = state.jobs.get(job_id)
    if job is None:
        raise UnknownId("service", job_id)
    return job


def counts(job: Job) -> tuple[int, int, int]:
    """(instances that run, slots of which one is ready and well, slots that wait for one)."""
    running = sum(i.state is TaskState.RUNNING for i in job.instances.values())
    return (
        running,
        sum(serving(job, s) is not None for s in job.slots.values()),
        sum(wants_instance(s) for s in job.slots.values()),
    )


def status(state: State, job_id: str, now_ms: int) -> dict[str, Any]:
    """The service now. Raises UnknownId."""
    job = job_of(state, job_id)
    running, ready, waits = counts(job)
    size = job.spec.size
    return {
        "id": job.id,
        "name": job.spec.name,
        "role": job.spec.role,
        "state": job.state,
        "why": job.why or why_waiting(state, job, now_ms),
        "min": size.min,
        "desired": size.desired,
        "max": size.max,
        "running": running,
        "ready": ready,
        "waiting": waits,
        "enabled": job.spec.enabled,
        "version": job.version,
        "versions": sorted(job.versions),
        "update": rollout.told(job, now_ms),
        "scaling": "; ".join(d.text for d in job.decisions if d.text),
        "attributes": dict(job.spec.attributes),
        "revision": job.revision,
    }


def why_waiting(state: State, job: Job, now_ms: int) -> str:
    """What the framework itself keeps instances back for; the rest is for those to say who give out resources."""
    if job.state != ACCEPTED:
        return ""
    late = [s for s in job.slots.values() if wants_instance(s) and s.due_ms > now_ms]
    if late:
        return why_late(min(late, key=lambda s: (s.due_ms, s.index)), now_ms)
    if placing.waiting(job, now_ms) and placing.room(state, job) <= 0:
        return f"{state.settings.not_started_per_job} instances are on their way already"
    return ""


def why_late(slot: Slot, now_ms: int) -> str:
    """`next attempt in 4 s, because exit 1 three times`"""
    text = f"next attempt in {max(0, slot.due_ms - now_ms) / 1000:g} s"
    return f"{text}, because {slot.because} {times(slot.times)}" if slot.because else text


def instances(state: State, job_id: str, now_ms: int) -> list[dict[str, Any]]:
    """One row for each index, by index: who holds it, where it is reached, or what it waits for. Raises UnknownId."""
    job = job_of(state, job_id)
    in_service = {i.id: None for i in routes.in_service(job)}
    rows = []
    for index in sorted(job.slots):
        slot = job.slots[index]
        held = list(slot.holders.values())
        row: dict[str, Any] = {"index": index, "version": slot.version, "failures": slot.failures, "tasks": []}
        if wants_instance(slot):
            row["why"] = why_late(slot, now_ms) if slot.due_ms > now_ms else "waits for an offer"
        for each in held:
            row["tasks"].append(
                {
                    "id": each.id,
                    "epoch": each.epoch,
                    "version": each.version,
                    "state": str(each.state),
                    "agent": each.agent_id,
                    "host": each.host,
                    "ports": list(each.ports),
                    "healthy": each.healthy,
                    "ready": each.ready,
                    "serving": each.id in in_service,
                }
            )
        rows.append(row)
    return rows


def endpoints(state: State, job_id: str) -> list[tuple[str, str, int]]:
    """(task id, host, port) of those in service, by index. Raises UnknownId."""
    return [(i.id, i.host, i.ports[0]) for i in routes.in_service(job_of(state, job_id))]


def where_ran(state: State, job_id: str, index: int) -> tuple[str, str, bool]:
    """(agent id, task id, False) of the index's last attempt. Raises UnknownId."""
    job = job_of(state, job_id)
    found = next((i for i in reversed(job.rows.values()) if i.index == index), None)
    if found is None:
        raise UnknownId("instance", f"{job.spec.name}[{index}]")
    return found.agent_id, found.id, False


def version_rows(state: State, job_id: str) -> list[dict[str, Any]]:
    """The versions that it could go back to, and the newest, oldest first; which one is whole, and which an update goes to. Raises UnknownId."""
    job = job_of(state, job_id)
    target = job.rollout.target if job.rollout is not None else 0
    return [
        {
            "version": number,
            "at_ms": version.at_ms,
            "why": version.why,
            "whole": number == job.version,
            "target": number == target,
            "instances": sum(slot.version == number for slot in job.slots.values()),
            "command": list(version.template.argv),
            "app": version.template.app,
            "env": dict(version.template.env),
            "task": str(version.template.resources),
        }
        for number, version in sorted(job.versions.items())
    ]
