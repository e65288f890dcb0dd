"""What an operator may ask of the master: all of it or none, and always answered."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from raymesos.kernel.master import notes, offers
from raymesos.kernel.master.state import Agent, State
from raymesos.machine import ALLOCATOR, Outbox
from raymesos.model.roles import role_error
from raymesos.wire.messages import OperatorAnswer, SetWeights, WeightsChanged, WeightsSet


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a call is not carried out: `kind` is invalid, unknown, conflict or quota; `error` is for people and has the numbers."""

    kind: str
    error: str
    field: str = ""
    value: str = ""


def answer(out: Outbox, sender: str, request_id: str, refused: Refused | None = None) -> None:
    """Tell the operator that the call was carried out, or why not."""
    if refused is None:
        out.send(sender, OperatorAnswer(request_id))
    else:
        out.send(sender, OperatorAnswer(request_id, refused.error, refused.kind, refused.field, refused.value))


def agent_called(state: State, text: str) -> Agent | Refused:
    """The registered agent of this id or name."""
    found = state.agents.get(text) or state.agents.get(state.agent_of_name.get(text, ""))
    return found if found is not None else Refused("unknown", f"no agent {text!r}", "agent", text)


def set_weights(state: State, sender: str, message: SetWeights, out: Outbox, now_ms: int) -> None:
    """Set and keep the weights. If a framework is in one of the roles, all offers are rescinded: they were made by the old ones."""
    error = next((e for e in (_weight_error(*pair) for pair in message.weights) if e is not None), None)
    if error is None and message.weights:
        state.weights.update(message.weights)
        out.persist(WeightsSet(message.weights))
        out.send(ALLOCATOR, WeightsChanged(message.weights))
        changed = [role for role, _ in message.weights]
        if any(role in f.info.roles for f in state.frameworks.values() if not f.removed for role in changed):
            offers.rescind_all(state, out, now_ms)
        notes.master_now(state, out, now_ms)
        for role, weight in message.weights:
            notes.event(out, now_ms, "weight set", role, weight)
    refused = Refused("invalid", error, "weights", str(message.weights)) if error is not None else None
    answer(out, sender, message.request_id, refused)


def _weight_error(role: str, weight: str) -> str | None:
    error = role_error(role)
    if error is not None:
        return f"role: {error}"
    try:
        value = Fraction(weight)
    except (ValueError, ZeroDivisionError):
        return f"weight of {role}: {weight!r} must be a decimal number"
    return None if value > 0 else f"weight of {role}: {weight!r} must be greater than 0"
