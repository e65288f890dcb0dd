"""Notes as the machines write them, short enough to read in a test."""

from __future__ import annotations

from typing import Any

from raymesos.model.attributes import Attributes
from raymesos.model.resources import EMPTY, Resources
from raymesos.observe.state import View, fold
from raymesos.observe.views import VIEWS
from raymesos.wire.notes import (
    AgentNote,
    AttemptNote,
    FrameworkNote,
    JobNote,
    OffersNote,
    ShareNote,
    TaskNote,
    WaitNote,
    WaitReason,
)

NOW_MS = 1_767_600_000_000


class Observed:
    """A view, fed note by note."""

    def __init__(self, *notes: object) -> None:
        self.state = View()
        self.tell(*notes)

    def tell(self, *notes: object) -> None:
        for note in notes:
            fold(self.state, note)

    def view(self, name: str, **arguments: Any) -> Any:
        return VIEWS[name](self.state, NOW_MS, **arguments)

    def explain(self, subject: str, kind: str | None = None) -> dict[str, Any]:
        found: dict[str, Any] = self.view("explain", subject=subject, kind=kind)
        return found


def agent(name: str, total: str | Resources = "cpus:2;mem:1024", state: str = "active") -> AgentNote:
    return AgentNote(NOW_MS, f"{name}-id", name, f"{name}.host", state, Resources.of(total), Attributes())


def framework(id: str, *roles: str, name: str = "", state: str = "active") -> FrameworkNote:
    return FrameworkNote(NOW_MS, id, name or f"name of {id}", roles, state)


def offers(id: str, outstanding: int) -> OffersNote:
    return OffersNote(NOW_MS, id, outstanding, outstanding, 0, 0, 0)


def waits(id: str, role: str, *reasons: WaitReason) -> WaitNote:
    return WaitNote(NOW_MS, id, role, reasons[0].kind if reasons else "", reasons=reasons)


def share(
    role: str, part: tuple[int, int] = (0, 1), held: str = "", *, at_ms: int = NOW_MS, **fields: Any
) -> ShareNote:
    weight = fields.pop("weight", "1")
    return ShareNote(at_ms, role, weight, part, Resources.parse(held) if held else EMPTY, **fields)


def task(
    id: str, role: str, resources: str | Resources, *, agent_id: str = "A1-id", state: str = "TASK_RUNNING"
) -> TaskNote:
    return TaskNote(NOW_MS, "F1", id, id, role, agent_id, state, "", "", Resources.of(resources))


def job(
    id: str, role: str, shape: str = "cpus:1;mem:64", *, waiting: int = 1, running: int = 0, **fields: Any
) -> JobNote:
    state = fields.pop("state", "Accepted")
    return JobNote(
        NOW_MS,
        id,
        fields.pop("name", id),
        role,
        "F1",
        state,
        waiting + running,
        waiting,
        running,
        0,
        0,
        0,
        Resources.parse(shape),
        **fields,
    )


def attempt(task_id: str, *states: str, reason: str = "") -> AttemptNote:
    """The task of a batch job after these states, a second apart; `reason` (Titus' code) of one that has ended."""
    job_id, lo_hi, _ = task_id.rsplit(".", 2)
    lo, hi = map(int, lo_hi.split("-"))
    steps = [(state, NOW_MS + 1_000 * i, "") for i, state in enumerate(states)]
    if reason:
        steps[-1] = (*steps[-1][:2], reason)
    return AttemptNote(
        NOW_MS, job_id, task_id, lo, hi, task_id, "", 0, 0, 0, "A1-id", "", tuple(steps), bool(reason), ()
    )
