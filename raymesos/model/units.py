"""Sizes and spans as people write them: 512MB, 1.5GB; 90s, 5m, 2h. Raises ValueError with the reason, so that each caller names its own field."""

from __future__ import annotations

import math
import re
from typing import Any

from raymesos.errors import InvalidValue

_UNITS_MB = {"KB": 1 / 1024, "MB": 1.0, "GB": 1024.0, "TB": 1024.0 * 1024, "B": 1 / (1 << 20)}
_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_DECIMAL = r"([0-9]+\.?[0-9]*|\.[0-9]+)"


def quantity(value: Any) -> float:
    """A finite number, 0 or more. Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("must be a number")
    if not math.isfinite(value):
        raise ValueError("must be a finite number")
    if value < 0:
        raise ValueError("must not be negative")
    return value


def megabytes(value: Any) -> float:
    """MB of 2^20 bytes: a number, or text like 512MB, 1.5GB. Raises ValueError."""
    if isinstance(value, str):
        match = re.fullmatch(rf"\s*{_DECIMAL}\s*([KMGT]?B?)\s*", value, re.IGNORECASE)
        unit = match[2].upper() if match else ""
        unit = unit + "B" if unit in ("K", "M", "G", "T") else unit or "MB"
        if match is None or unit not in _UNITS_MB:
            raise ValueError("must be a number of MB, or text like 512MB or 1.5GB")
        value = float(match[1]) * _UNITS_MB[unit]
    return quantity(value)


def seconds(value: Any) -> float:
    """Seconds: a number, or text like 90s, 5m, 2h. Raises ValueError."""
    if isinstance(value, str):
        match = re.fullmatch(rf"\s*{_DECIMAL}\s*(ms|s|m|min|h|d)\s*", value)
        if match is None:
            raise ValueError("must be a number of seconds, or text like 90s, 5m, 2h")
        value = float(match[1]) * _UNITS_S[match[2]]
    return quantity(value)


def milliseconds(value: Any, field: str) -> int:
    """The span in ms, rounded. Raises InvalidValue naming `field`."""
    try:
        return round(seconds(value) * 1000)
    except ValueError as error:
        raise InvalidValue(field, value, str(error)) from None


def milli_megabytes(value: Any, field: str) -> int:
    """The size in thousandths of a MB, rounded. Raises InvalidValue naming `field`."""
    try:
        return round(megabytes(value) * 1000)
    except ValueError as error:
        raise InvalidValue(field, value, str(error)) from None
