"""Views of what there is: agents with what is reserved on them, volumes, maintenance."""

from __future__ import annotations

from typing import Any

from raymesos.model.amounts import total
from raymesos.model.conversions import with_volumes
from raymesos.model.resources import Key, Quantity, Resources, build
from raymesos.model.revocable import remaining
from raymesos.observe.finding import find_agent
from raymesos.observe.state import View
from raymesos.wire.maintenance import MachineId, Window
from raymesos.wire.notes import AgentNote, TaskNote


def agents(view: View, now_ms: int) -> list[dict[str, Any]]:
    """Each agent with what it has, what tasks use of it, what is reserved on it by role, and the ids of its volumes."""
    tasks = _tasks_by_agent(view)
    return [_agent(a, tasks.get(a.agent_id, [])) for a in sorted(view.agents.values(), key=lambda a: a.name)]


def agent(view: View, now_ms: int, *, agent: str) -> dict[str, Any]:
    """One agent by id or name; in the v1 API's form its `resources`, and of them what is `free`: what no task uses, and all volumes. Raises UnknownId."""
    note = find_agent(view, agent)
    tasks = _tasks_by_agent(view).get(note.agent_id, [])
    free = note.total
    for task in tasks:
        free = remaining(free, task.resources)
    free = with_volumes(free, note.total)
    return {**_agent(note, tasks), "resources": note.total.to_json(), "free": free.to_json()}


def volumes(view: View, now_ms: int, *, agent: str | None = None) -> list[dict[str, Any]]:
    """The persistent volumes of all agents that are not gone, or of one. Raises UnknownId."""
    found = [find_agent(view, agent)] if agent is not None else sorted(view.agents.values(), key=lambda a: a.name)
    return [row for note in found if note.state != "gone" for row in _volumes(note)]


def maintenance(view: View, now_ms: int) -> dict[str, Any]:
    """The schedule, the machines that are down, and what frameworks said to inverse offers.

    {windows: [{machines, start_ms, duration_ms}], down: [{hostname, ip}], answers: [{hostname, framework, answer}]}
    """
    note = view.maintenance
    return {
        "windows": [_window(w) for w in note.windows] if note is not None else [],
        "down": [_machine(m) for m in note.down] if note is not None else [],
        "answers": [_answer(view, *row) for row in note.answers] if note is not None else [],
    }


def _answer(view: View, hostname: str, framework_id: str, answer: str) -> dict[str, str]:
    """The framework by its name, if it is known."""
    framework = view.frameworks.get(framework_id)
    return {"hostname": hostname, "framework": framework.name if framework else framework_id, "answer": answer}


def sum_of(resources: list[Resources]) -> dict[str, int]:
    """Quantities in thousandths by name, of all together."""
    return total(each.quantities() for each in resources)


def _tasks_by_agent(view: View) -> dict[str, list[TaskNote]]:
    found: dict[str, list[TaskNote]] = {}
    for task in view.tasks.values():
        found.setdefault(task.agent_id, []).append(task)
    return found


def _agent(note: AgentNote, tasks: list[TaskNote]) -> dict[str, Any]:
    return {
        "id": note.agent_id,
        "name": note.name,
        "hostname": note.hostname,
        "state": note.state,
        "total": str(note.total),
        "quantities": {n: v / 1000 for n, v in sorted(note.total.quantities().items())},
        "used": {n: v / 1000 for n, v in sorted(sum_of([t.resources for t in tasks]).items())},
        "tasks": len(tasks),
        "attributes": str(note.attributes),
        "reserved": _reserved(note.total),
        "volumes": [row["id"] for row in _volumes(note)],
    }


def _reserved(total: Resources) -> dict[str, str]:
    """What is reserved by the role it is for, volumes included."""
    found: dict[str, list[tuple[Key, Quantity]]] = {}
    for key, quantity in total:
        if key.reservations:
            found.setdefault(key.role, []).append((key, quantity))
    return {role: str(build(pairs)) for role, pairs in sorted(found.items())}


def _volumes(note: AgentNote) -> list[dict[str, Any]]:
    return [
        {
            "id": key.disk.persistence_id,
            "agent": note.name,
            "role": key.role,
            "size_mb": quantity / 1000 if isinstance(quantity, int) else quantity[0] / 1000,  # type: ignore[operator]
            "path": key.disk.container_path,
            "disk": key.disk.source or "ROOT",
            "shared": key.shared,
        }
        for key, quantity in note.total
        if key.disk is not None and key.disk.persistence_id
    ]


def _window(window: Window) -> dict[str, Any]:
    return {
        "machines": [_machine(m) for m in window.machines],
        "start_ms": window.unavailability.start_ms,
        "duration_ms": window.unavailability.duration_ms,
    }


def _machine(machine: MachineId) -> dict[str, str]:
    return {"hostname": machine.hostname, "ip": machine.ip}
