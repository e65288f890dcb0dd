"""Views of who shares how: roles, their quotas, and their history."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from raymesos.model.amounts import total
from raymesos.model.quota import quantities_text
from raymesos.model.resources import Resources
from raymesos.model.roles import ancestors
from raymesos.observe.state import View
from raymesos.wire.notes import JobNote, ShareNote


def roles(view: View, now_ms: int) -> list[dict[str, Any]]:
    """Each role with its weight and quota, what it uses and is offered, its dominant share and the entitled one; its live tasks and its jobs' waiting and running counts.

    Shares are parts of 1, weight not applied. `held` is `used` and `offered` together. Sub-roles are included in what is held, not in tasks and counts.
    """
    jobs: dict[str, list[JobNote]] = {}
    for job in view.jobs.values():
        if job.state != "Finished":
            jobs.setdefault(job.role, []).append(job)
    tasks: dict[str, int] = {}
    for task in view.tasks.values():
        tasks[task.role] = tasks.get(task.role, 0) + 1
    used = used_by_role(view)
    noted = sorted(view.roles.values(), key=lambda r: r.role)
    return [
        {
            "role": note.role,
            "weight": note.weight,
            "guarantee": quantities_text(note.guarantee),
            "limit": quantities_text(note.limit),
            "used": str(note.held - offered),
            "offered": str(offered),
            "held": str(note.held),
            "dominant": note.dominant,
            "share": part(note.share),
            "entitled": part(note.entitled),
            "tasks": tasks.get(note.role, 0),
            "waiting": sum(j.waiting for j in jobs.get(note.role, [])),
            "running": sum(j.running for j in jobs.get(note.role, [])),
        }
        for note, offered in [(note, offered_of(note, used)) for note in noted]
    ]


def used_by_role(view: View) -> dict[str, dict[str, int]]:
    """What live tasks hold, in thousandths by name, of each role with its sub-roles."""
    used: dict[str, dict[str, int]] = {}
    for task in view.tasks.values():
        for role in (task.role, *ancestors(task.role)):
            sums = used.setdefault(role, {})
            for name, milli in task.resources.quantities().items():
                sums[name] = sums.get(name, 0) + milli
    return used


def offered_of(note: ShareNote, used: dict[str, dict[str, int]]) -> Resources:
    """The part of what the role holds that no task uses. Notes of different machines may be some ms apart: then what is left is what both agree on."""
    taken = used.get(note.role, {})
    return Resources.of_milli({n: max(0, milli - taken.get(n, 0)) for n, milli in note.held.quantities().items()})


def offered_by_all(view: View) -> dict[str, int]:
    """What all roles are offered together, in thousandths by name: a role counts with those above it."""
    used = used_by_role(view)
    tops = [note for note in view.roles.values() if not any(above in view.roles for above in ancestors(note.role))]
    return total(offered_of(note, used).quantities() for note in tops)


def part(share: tuple[int, int]) -> float:
    return float(Fraction(*share)) if share[1] else 0.0


def quotas(view: View, now_ms: int) -> list[dict[str, Any]]:
    """The roles that have a guarantee or a limit, with what they use of it."""
    return [
        {
            "role": r["role"],
            "guarantee": r["guarantee"],
            "limit": r["limit"],
            "used": r["used"],
            "offered": r["offered"],
        }
        for r in roles(view, now_ms)
        if r["guarantee"] or r["limit"]
    ]


def weights(view: View, now_ms: int) -> list[dict[str, Any]]:
    """Each role that is known with its weight as decimal text."""
    return [{"role": r.role, "weight": r.weight} for r in sorted(view.roles.values(), key=lambda r: r.role)]


def history(view: View, now_ms: int, *, role: str | None = None) -> dict[str, list[list[float]]]:
    """{role: [[at_ms, share, entitled], ...]}, oldest first. A point holds until the next one; the last holds until now."""
    return {
        name: [[p.at_ms, part(p.share), part(p.entitled)] for p in points]
        for name, points in sorted(view.history.points.items())
        if role in (None, name)
    }
