"""What tasks are given to know (their environment) is shown to nobody: names, not values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

MASK = "*****"


def masked_env(names: Iterable[str]) -> dict[str, str]:
    return dict.fromkeys(names, MASK)


def masked(value: Any) -> Any:
    """JSON of Mesos' with the values of every `environment`, and every `secret`, masked."""
    if isinstance(value, dict):
        return {name: _part(name, part) for name, part in value.items()}
    return [masked(each) for each in value] if isinstance(value, list) else value


def _part(name: str, part: Any) -> Any:
    if name == "secret":
        return {"type": "VALUE", "value": {"data": ""}}
    if name == "environment" and isinstance(part, dict):
        variables = part.get("variables", ())
        return {**part, "variables": [{**masked(each), "value": MASK} for each in variables]}
    return masked(part)
