"""Reasons, as the allocator gave them, in words and as data. Nothing is worked out again here."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from raymesos.model.quota import quantities_text
from raymesos.model.resource_text import quantity_text
from raymesos.model.roles import ancestors, is_subrole
from raymesos.observe.state import View
from raymesos.wire.notes import ShareNote, WaitNote, WaitReason

BLOCKING = ("no_agents", "no_agent_fits", "constraint", "capability", "domain", "inactive", "minimum")
"""Kinds that no turn and no ended task will change: somebody has to change something."""


def reasons_of(wait: WaitNote) -> tuple[WaitReason, ...]:
    """The reasons of a wait, the first one foremost."""
    return wait.reasons or (WaitReason(wait.why, wait.detail, wait.until_ms),)


def reason_text(reason: WaitReason, now_ms: int) -> str:
    """One sentence, with the numbers that the allocator gave."""
    text = TEXTS[reason.kind](reason) if reason.kind in TEXTS else reason.kind.replace("_", " ")
    if reason.until_ms is not None:
        text += f", for {max(0, reason.until_ms - now_ms) / 1000:.1f} s more"
    return f"{text} ({reason.detail})" if reason.detail else text


def reason_data(reason: WaitReason, now_ms: int) -> dict[str, Any]:
    """The reason's fields that say something: kind, detail, role, quantities (units by name), agents, until_ms and for_s."""
    data: dict[str, Any] = {"kind": reason.kind}
    if reason.detail:
        data["detail"] = reason.detail
    if reason.role:
        data["role"] = reason.role
    if reason.quantities:
        data["quantities"] = {name: milli / 1000 for name, milli in reason.quantities}
    if reason.agents:
        data["agents"] = reason.agents
    if reason.until_ms is not None:
        data["until_ms"] = reason.until_ms
        data["for_s"] = max(0, reason.until_ms - now_ms) / 1000
    return data


def _filtered(reason: WaitReason) -> str:
    return f"its framework declined what is free{_on(reason)}: filtered"


def _no_agent_fits(reason: WaitReason) -> str:
    lacking = ", ".join(f"{quantity_text(milli)} {name}" for name, milli in reason.quantities)
    nearest = f"; the nearest one lacks {lacking}" if lacking else ""
    return f"no agent could ever hold one task of this shape{nearest}"


def _limit(reason: WaitReason) -> str:
    if any(milli for _, milli in reason.quantities):
        return f"the limit of role {reason.role} leaves room for only {quantities_text(reason.quantities)}{_on(reason)}"
    return f"the limit of role {reason.role} is reached{_names(reason)}"


def _headroom(reason: WaitReason) -> str:
    kept = quantities_text(reason.quantities) or "what is free"
    return f"{kept} is held back as headroom for the guarantee of {_role(reason)}{_on(reason)}"


def _held(reason: WaitReason) -> str:
    what = quantities_text(reason.quantities) or "what is free"
    return f"{what} is held for {_role(reason)}, whose turn it is{_on(reason)}"


def _role_behind(reason: WaitReason) -> str:
    return f"{_role(reason)} is further below its share and goes first" if reason.role else _BEHIND


_BEHIND = "other roles are further below their share and go first"

TEXTS: dict[str, Callable[[WaitReason], str]] = {
    "suppressed": lambda r: "its framework asked for no offers in this role: suppressed",
    "no_agents": lambda r: "no agent is registered and active",
    "filtered": _filtered,
    "no_agent_fits": _no_agent_fits,
    "nothing_free": lambda r: "nothing is free now: every agent's resources are in use or offered",
    "role_behind": _role_behind,
    "limit": _limit,
    "headroom": _headroom,
    "constraint": lambda r: f"its offer constraints leave out {_agents(r)}",
    "capability": lambda r: f"it lacks a capability that {_agents(r)} would need",
    "domain": lambda r: f"{_agents(r)} are in another region, and it is not region-aware",
    "minimum": lambda r: f"what is free{_on(r)} is less than the minimum that it is offered",
    "held": _held,
    "inactive": lambda r: f"nothing is offered of {_agents(r)}: draining, deactivated or disconnected",
}


def _on(reason: WaitReason) -> str:
    return f" on {_agents(reason)}" if reason.agents else ""


def _agents(reason: WaitReason) -> str:
    return f"{reason.agents} agent{'' if reason.agents == 1 else 's'}" if reason.agents else "agents"


def _role(reason: WaitReason) -> str:
    return f"role {reason.role}" if reason.role else "another role"


def _names(reason: WaitReason) -> str:
    names = ", ".join(name for name, _ in reason.quantities)
    return f" for {names}" if names else ""


# ---------------------------------------------------------------- shares


def share_sentence(view: View, role: str) -> list[tuple[str, dict[str, Any]]]:
    """How the role stands among those that hold something, as a sentence and data; nothing if no other does."""
    own = view.roles.get(role)
    others = sorted((r for r in view.roles.values() if _beside(r, role)), key=lambda r: r.role)
    if own is None or not others:
        return []
    weight = Fraction(own.weight or "1")
    total = weight + sum((Fraction(r.weight or "1") for r in others), Fraction(0))
    fair = Fraction(*own.entitled) if own.entitled[0] else weight / total
    held = ", ".join(f"{r.role} {percent(_part(r))}" for r in others)
    text = f"role {role} holds {percent(_part(own))} of the cluster (fair share now {percent(fair)}, weight {weight}); others: {held}"
    data = {
        "kind": "share",
        "role": role,
        "share": float(_part(own)),
        "entitled": float(fair),
        "weight": str(weight),
        "others": {r.role: float(_part(r)) for r in others},
    }
    return [(text, data)]


def _beside(note: ShareNote, role: str) -> bool:
    """Whether the role holds something that `role` does not hold in it, nor it in `role`."""
    apart = not is_subrole(role, note.role) and not is_subrole(note.role, role)
    return note.role != role and apart and note.share[0] > 0


def _part(note: ShareNote) -> Fraction:
    return Fraction(*note.share) if note.share[1] else Fraction(0)


def percent(share: Fraction) -> str:
    return f"{float(share) * 100:.0f} %"


def quota_sentence(view: View, role: str) -> list[tuple[str, dict[str, Any]]]:
    """The role's guarantee and limit against what it holds, for it and each role above it that has one."""
    found = []
    for each in (role, *ancestors(role)):
        note = view.roles.get(each)
        if note is None or not (note.guarantee or note.limit):
            continue
        said = [f"guarantee {quantities_text(note.guarantee)}"] if note.guarantee else []
        said += [f"limit {quantities_text(note.limit)}"] if note.limit else []
        data = {
            "kind": "quota",
            "role": each,
            "guarantee": {n: v / 1000 for n, v in note.guarantee},
            "limit": {n: v / 1000 for n, v in note.limit},
            "held": {n: v / 1000 for n, v in note.held.quantities().items()},
        }
        found.append((f"role {each} has {' and '.join(said)}, and holds {note.held or 'nothing'}", data))
    return found


# ---------------------------------------------------------------- agents

NAMED = 3
"""Agents that a sentence names; the others are counted."""


def inactive_sentence(view: View) -> list[tuple[str, dict[str, Any]]]:
    """Which agents offer nothing, and why not; nothing if all that are not gone are active."""
    found = sorted((a for a in view.agents.values() if a.state not in ("active", "gone")), key=lambda a: a.name)
    if not found:
        return []
    named = ", ".join(f"{a.name} {a.state}" for a in found[:NAMED])
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    count = f"{len(found)} agent{'' if len(found) == 1 else 's'}"
    states: dict[str, int] = {}
    for agent in found:
        states[agent.state] = states.get(agent.state, 0) + 1
    return [
        (f"nothing is offered of {count}: {named}{more}", {"kind": "inactive", "agents": len(found), "states": states})
    ]
