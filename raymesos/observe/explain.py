"""Why a job waits, in words a user can act on: composed from what the batch framework, the allocator and the master said of themselves."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from raymesos.observe.state import View
from raymesos.wire.notes import AgentNote, JobNote


def explain_job(view: View, job: JobNote, now_ms: int) -> dict[str, Any]:
    """{job, state, verdict, reasons: [one sentence each]}: the verdict is one of done, running, waiting, blocked."""
    if job.state == "Finished":
        return _answer(job, "done", [_end_of(job)])
    reasons: list[str] = []
    active = [a for a in view.agents.values() if a.state == "active"]
    fitting = [a for a in active if a.total.contains(job.shape)]
    verdict = "running" if job.running else "waiting"
    if job.waiting == 0:
        return _answer(
            job, verdict, [f"nothing waits: {job.running} running, {job.succeeded + job.failed} of {job.total} done"]
        )
    if not active:
        return _answer(job, "blocked", ["no agent is registered and active"])
    if not fitting:
        return _answer(job, "blocked", [_too_big(job, active)])
    if job.why:
        reasons.append(job.why)
    reasons.extend(_share_of(view, job))
    wait = view.waits.get((job.framework_id, job.role))
    if wait is not None:
        reasons.append(_wait_text(wait.why, wait.detail, wait.until_ms, now_ms))
    if not reasons:
        reasons.append(
            f"{job.waiting} wait for their turn; {len(fitting)} of {len(active)} agents are large enough for {job.shape}"
        )
    return _answer(job, verdict, reasons)


def _answer(job: JobNote, verdict: str, reasons: list[str]) -> dict[str, Any]:
    return {
        "job": job.job_id,
        "name": job.name,
        "role": job.role,
        "state": job.state,
        "verdict": verdict,
        "reasons": reasons,
    }


def _end_of(job: JobNote) -> str:
    text = f"ended: {job.succeeded} succeeded, {job.failed} failed of {job.total}"
    return f"{text}; {job.why}" if job.why else text


def _too_big(job: JobNote, active: list[AgentNote]) -> str:
    """Name what is short on the agent that comes nearest, so that the number to change is visible."""
    best = max(active, key=lambda a: (_fit_count(job, a), a.name))
    want, have = job.shape.quantities(), best.total.quantities()
    short = [f"{n} {_units(v)} of {_units(have.get(n, 0))}" for n, v in sorted(want.items()) if v > have.get(n, 0)]
    what = f" (short of {', '.join(short)})" if short else ""
    return f"no agent is large enough: one task needs {job.shape}; the largest of {len(active)} agents, {best.name}, has {best.total}{what}"


def _fit_count(job: JobNote, agent: AgentNote) -> tuple[int, int]:
    want, have = job.shape.quantities(), agent.total.quantities()
    return sum(1 for n, v in want.items() if have.get(n, 0) >= v), sum(have.values())


def _units(milli: int) -> str:
    return f"{milli / 1000:g}"


def _share_of(view: View, job: JobNote) -> list[str]:
    own = view.roles.get(job.role)
    others = [r for r in view.roles.values() if r.role != job.role and r.share[0] > 0]
    if own is None or not others:
        return []
    weight = Fraction(own.weight or "1")
    total = weight + sum((Fraction(r.weight or "1") for r in others), Fraction(0))
    share = Fraction(*own.share) if own.share[1] else Fraction(0)
    names = ", ".join(f"{r.role} {_percent(Fraction(*r.share))}" for r in sorted(others, key=lambda r: r.role))
    return [
        f"role {job.role} holds {_percent(share)} of the cluster (fair share now {_percent(weight / total)}, weight {weight}); others: {names}"
    ]


def _percent(share: Fraction) -> str:
    return f"{float(share) * 100:.0f} %"


def _wait_text(why: str, detail: str, until_ms: int | None, now_ms: int) -> str:
    text = {
        "suppressed": "its framework asked for no offers in this role",
        "filtered": "its framework declined what is free",
        "no_agent_fits": "no agent could ever hold one task of this shape",
        "nothing_free": "nothing is free now: every agent's resources are in use or offered",
        "role_behind": "other roles are further below their share and go first",
        "no_agents": "no agent is registered",
    }.get(why, why)
    if until_ms is not None:
        text += f", filtered for {max(0, until_ms - now_ms) / 1000:.1f} s more"
    return f"{text} ({detail})" if detail else text
