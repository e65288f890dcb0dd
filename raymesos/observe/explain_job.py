"""Why a job waits, in words a user can act on: composed from what the batch framework, the allocator and the master said of themselves."""

from __future__ import annotations

from typing import Any, Protocol

from raymesos.model.amounts import covers
from raymesos.model.resource_text import quantity_text
from raymesos.model.resources import Resources
from raymesos.observe.reasons import (
    inactive_sentence,
    quota_sentence,
    reason_data,
    reason_text,
    reasons_of,
    share_sentence,
)
from raymesos.observe.state import View
from raymesos.wire.notes import AgentNote, JobNote, ServiceNote

Said = list[tuple[str, dict[str, Any]]]


class Waiter(Protocol):
    """What waits for offers: a batch job, or a service."""

    @property
    def role(self) -> str: ...
    @property
    def framework_id(self) -> str: ...
    @property
    def shape(self) -> Resources: ...
    @property
    def why(self) -> str: ...
    @property
    def waiting(self) -> int: ...
    @property
    def running(self) -> int: ...


def explain_job(view: View, job: JobNote, now_ms: int) -> dict[str, Any]:
    """{subject, kind, role, verdict, reasons, data}, and the job's id, name and state. The verdict is one of done, running, waiting, blocked."""
    verdict, said = _said(view, job, now_ms)
    return answered("job", job, verdict, said)


def answered(kind: str, job: JobNote | ServiceNote, verdict: str, said: Said) -> dict[str, Any]:
    """The answer about a job or service, as plain data."""
    return {
        "subject": job.job_id,
        "kind": kind,
        "job": job.job_id,
        "name": job.name,
        "role": job.role,
        "state": job.state,
        "verdict": verdict,
        "reasons": [text for text, _ in said],
        "data": [data for _, data in said],
    }


def _said(view: View, job: JobNote, now_ms: int) -> tuple[str, Said]:
    if job.state == "Finished":
        return "done", [(_end_of(job), {"kind": "ended", "succeeded": job.succeeded, "failed": job.failed})]
    verdict = "running" if job.running else "waiting"
    if job.waiting == 0:
        text = f"nothing waits: {job.running} running, {job.succeeded + job.failed} of {job.total} done"
        return verdict, [(text, {"kind": "nothing_waits", "running": job.running})]
    return why_it_waits(view, job, now_ms)


def why_it_waits(view: View, job: Waiter, now_ms: int) -> tuple[str, Said]:
    """(verdict, what stands in the way) of something of which a part waits."""
    verdict = "running" if job.running else "waiting"
    active = [a for a in view.agents.values() if a.state == "active"]
    fitting = [a for a in active if _could_hold(a, job)]
    if not active:
        return "blocked", _no_agent(view)
    if not fitting:
        return "blocked", [_too_big(job, active)]
    said: Said = [(job.why, {"kind": "job", "detail": job.why})] if job.why else []
    said += share_sentence(view, job.role) + quota_sentence(view, job.role)
    wait = view.waits.get((job.framework_id, job.role))
    if wait is not None:
        said += [(reason_text(r, now_ms), reason_data(r, now_ms)) for r in reasons_of(wait)]
        said += inactive_sentence(view)
    return verdict, said or [_in_turn(job, len(fitting), len(active))]


def _end_of(job: JobNote) -> str:
    text = f"ended: {job.succeeded} succeeded, {job.failed} failed of {job.total}"
    return f"{text}; {job.why}" if job.why else text


def _no_agent(view: View) -> Said:
    return [("no agent is registered and active", {"kind": "no_agents"}), *inactive_sentence(view)]


def _could_hold(agent: AgentNote, job: Waiter) -> bool:
    """Whether the agent, empty, could hold one task of the job, of what is unreserved or reserved to its role or those above it."""
    have = agent.total.available_to(job.role).non_revocable().quantities()
    return covers(have, job.shape.quantities())


def _too_big(job: Waiter, active: list[AgentNote]) -> tuple[str, dict[str, Any]]:
    """Name what is short on the agent that comes nearest, so that the number to change is visible."""
    best = max(active, key=lambda a: (_fit_count(job, a), a.name))
    want, have = job.shape.quantities(), best.total.quantities()
    lacking = {n: v - have.get(n, 0) for n, v in sorted(want.items()) if v > have.get(n, 0)}
    short = ", ".join(f"{n} {quantity_text(want[n])} of {quantity_text(have.get(n, 0))}" for n in lacking)
    what = f" (short of {short})" if short else ""
    text = f"no agent is large enough: one task needs {job.shape}; the largest of {len(active)} agents, {best.name}, has {best.total}{what}"
    quantities = {n: milli / 1000 for n, milli in lacking.items()}
    return text, {"kind": "no_agent_fits", "nearest": best.name, "quantities": quantities, "agents": len(active)}


def _fit_count(job: Waiter, agent: AgentNote) -> tuple[int, int]:
    want, have = job.shape.quantities(), agent.total.quantities()
    return sum(1 for n, v in want.items() if have.get(n, 0) >= v), sum(have.values())


def _in_turn(job: Waiter, fitting: int, active: int) -> tuple[str, dict[str, Any]]:
    text = f"{job.waiting} wait for their turn; {fitting} of {active} agents are large enough for {job.shape}"
    return text, {"kind": "turn", "waiting": job.waiting, "fitting": fitting, "agents": active}
