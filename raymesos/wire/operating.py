"""Operator → master, and the answer."""

from __future__ import annotations

from raymesos.wire.registry import message


@message(130)
class SetWeights:
    """(role, weight as decimal text) pairs; all or none. `request_id` comes back in the answer."""

    weights: tuple[tuple[str, str], ...]
    request_id: str = ""


@message(131)
class OperatorAnswer:
    """`error` is empty when the call was carried out."""

    request_id: str
    error: str = ""
