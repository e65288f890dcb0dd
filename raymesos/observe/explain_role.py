"""Why a framework, or a role with all its frameworks, has no offer now."""

from __future__ import annotations

from typing import Any

from raymesos.errors import UnknownId
from raymesos.model.roles import is_subrole
from raymesos.observe.reasons import (
    BLOCKING,
    inactive_sentence,
    quota_sentence,
    reason_data,
    reason_text,
    reasons_of,
    share_sentence,
)
from raymesos.observe.sharing import offered_of, used_by_role
from raymesos.observe.state import View
from raymesos.wire.notes import FrameworkNote, WaitNote

Said = list[tuple[str, dict[str, Any]]]


def explain_framework(view: View, framework: FrameworkNote, now_ms: int) -> dict[str, Any]:
    """The verdict is one of completed, disconnected, offered, suppressed, blocked, waiting, quiet (it wants nothing, or got what it wanted)."""
    waits = [
        view.waits[framework.framework_id, r] for r in framework.roles if (framework.framework_id, r) in view.waits
    ]
    outstanding = _outstanding(view, framework)
    said: Said = []
    if framework.state != "active":
        verdict = framework.state
        said.append((f"framework {framework.name} is {verdict}: it is offered nothing", {"kind": verdict}))
    else:
        verdict = "offered" if outstanding else _verdict(waits)
        said += _offers_said(f"framework {framework.name}", outstanding)
        said += _waits_said(view, waits, now_ms, by_role=len(framework.roles) > 1)
    for role in framework.roles:
        said += share_sentence(view, role) + quota_sentence(view, role)
    answer = _answer(framework.framework_id, "framework", ", ".join(framework.roles), verdict, said)
    return {**answer, "name": framework.name}


def explain_role(view: View, role: str, now_ms: int) -> dict[str, Any]:
    """The verdict is one of unused (no framework is in it), offered, suppressed, blocked, waiting, quiet. Raises UnknownId if nothing was ever said of the role."""
    members = [f for f in view.frameworks.values() if f.state == "active" and _is_in(f, role)]
    if role not in view.roles and not members:
        raise UnknownId("role", role)
    keys = [(f.framework_id, r) for f in members for r in f.roles if r == role or is_subrole(r, role)]
    waits = [view.waits[key] for key in keys if key in view.waits]
    note = view.roles.get(role)
    offered = offered_of(note, used_by_role(view)) if note is not None else None
    said: Said = []
    if offered:
        said.append((f"role {role} is offered {offered} now", {"kind": "offered", "resources": str(offered)}))
    if not members:
        said.append(("no framework that is connected asks for offers in it", {"kind": "unused"}))
    said += _waits_said(view, waits, now_ms, by_framework=True, by_role=any(w.role != role for w in waits))
    said += share_sentence(view, role) + quota_sentence(view, role)
    verdict = "offered" if offered else "unused" if not members else _verdict(waits)
    if not said:
        said.append(("it wants nothing, or had what it wanted in the last pass", {"kind": "quiet"}))
    return _answer(role, "role", role, verdict, said)


def _answer(subject: str, kind: str, role: str, verdict: str, said: Said) -> dict[str, Any]:
    return {
        "subject": subject,
        "kind": kind,
        "role": role,
        "verdict": verdict,
        "reasons": [text for text, _ in said],
        "data": [data for _, data in said],
    }


def _is_in(framework: FrameworkNote, role: str) -> bool:
    return any(r == role or is_subrole(r, role) for r in framework.roles)


def _outstanding(view: View, framework: FrameworkNote) -> int:
    offers = view.offers.get(framework.framework_id)
    return offers.outstanding if offers is not None else 0


def _offers_said(who: str, outstanding: int) -> Said:
    if not outstanding:
        return []
    return [
        (
            f"{who} holds {outstanding} offer{'' if outstanding == 1 else 's'} now",
            {"kind": "offered", "offers": outstanding},
        )
    ]


def _verdict(waits: list[WaitNote]) -> str:
    """Of all that waits: suppressed or blocked only if each of them is."""
    first = [reasons_of(w) for w in waits]
    if not first:
        return "quiet"
    if all(r[0].kind == "suppressed" for r in first):
        return "suppressed"
    return "blocked" if all(all(r.kind in BLOCKING for r in reasons) for reasons in first) else "waiting"


def _waits_said(
    view: View, waits: list[WaitNote], now_ms: int, *, by_framework: bool = False, by_role: bool = False
) -> Said:
    said: Said = []
    for wait in waits:
        note = view.frameworks.get(wait.framework_id)
        name = note.name if note is not None else wait.framework_id
        head = f"framework {name}" if by_framework else ""
        head += f"{' ' if head else ''}in role {wait.role}" if by_role else ""
        for reason in reasons_of(wait):
            text = reason_text(reason, now_ms)
            data = reason_data(reason, now_ms)
            data |= {"framework": wait.framework_id} if by_framework else {}
            data |= {"in_role": wait.role}
            said.append((f"{head}: {text}" if head else text, data))
    return said + (inactive_sentence(view) if said else [])
