"""Services and their instances as views show them."""

from __future__ import annotations

from typing import Any

from raymesos.observe.finding import find_service
from raymesos.observe.state import View
from raymesos.wire.notes import InstanceNote, ServiceNote


def services(view: View, now_ms: int, *, role: str | None = None, everything: bool = True) -> list[dict[str, Any]]:
    """In the order in which they were submitted."""
    found = [s for s in view.services.values() if role in (None, s.role) and (everything or s.state != "Finished")]
    return [service_row(s) for s in sorted(found, key=lambda s: (s.submitted_ms, s.job_id))]


def one_service(view: View, now_ms: int, *, service: str) -> dict[str, Any]:
    """By id, or the newest of that name. Raises UnknownId."""
    return service_row(find_service(view, service))


def instances(view: View, now_ms: int, *, service: str, everything: bool = False) -> list[dict[str, Any]]:
    """Of the service (by id or name), by index; with `everything` those that have ended too. Raises UnknownId."""
    notes = view.instances.get(find_service(view, service).job_id, {}).values()
    found = sorted((n for n in notes if everything or not n.ended), key=lambda n: (n.index, n.epoch))
    return [_instance_row(view, n) for n in found]


def service_row(note: ServiceNote) -> dict[str, Any]:
    return {
        "id": note.job_id,
        "name": note.name,
        "role": note.role,
        "state": note.state,
        "min": note.min,
        "desired": note.desired,
        "max": note.max,
        "running": note.running,
        "ready": note.ready,
        "waiting": note.waiting,
        "enabled": note.enabled,
        "version": note.version,
        "update": note.update,
        "scaling": note.scaling,
        "task": str(note.shape),
        "why": note.why,
        "submitted_ms": note.submitted_ms,
        "ended_ms": note.ended_ms,
        "attributes": dict(note.attributes),
    }


def _instance_row(view: View, note: InstanceNote) -> dict[str, Any]:
    state, since_ms, reason = note.steps[-1] if note.steps else ("", note.at_ms, "")
    agent = view.agents.get(note.agent_id)
    return {
        "id": note.task_id,
        "service": note.job_id,
        "index": note.index,
        "epoch": note.epoch,
        "version": note.version,
        "agent": note.agent_id,
        "agent_name": agent.name if agent is not None else note.agent_id,
        "host": note.host,
        "ports": list(note.ports),
        "state": state,
        "since_ms": since_ms,
        "reason": reason,
        "message": note.message,
        "healthy": note.healthy,
        "ready": note.ready,
        "serving": note.serving,
        "ended": note.ended,
        "resubmits": note.resubmit_number,
        "system_resubmits": note.system_resubmit_number,
        "eviction_resubmits": note.eviction_resubmit_number,
    }
