"""The body of a call of the v1 API: from bytes to what fits its message, or to what Mesos answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from raymesos.errors import ProtocolError
from raymesos.http.mesos.json_text import complaint
from raymesos.http.mesos.schema import Row, fit


def read_call(body: bytes, message: str) -> Row:
    """The call in `body`, fitted to `message` (`scheduler.Call`, `executor.Call`, `master.Call`). Raises ProtocolError with the text of Mesos' 400."""
    value = json_of(body)
    try:
        return fit(message, value)
    except ProtocolError as error:
        raise ProtocolError(f"Failed to convert JSON into Call protobuf: {error}") from None


def part_error(call: Row, needs_part: Callable[[str], bool]) -> str:
    """What Mesos' validation says of a call that fits its message; empty if it is good. `needs_part`: whether a call of this type says more than its type."""
    kind = call.get("type", "UNKNOWN")
    if kind == "UNKNOWN":
        return "Expecting 'type' to be present"
    if needs_part(kind) and kind.lower() not in call:
        return f"Expecting '{kind.lower()}' to be present"
    return ""


def json_of(body: bytes) -> Any:
    """The value. Raises ProtocolError in Mesos' words."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        # What Mesos would take and we do not (text that is not UTF-8, a number like 01) is refused in our reader's words.
        raise ProtocolError(f"Failed to parse body into JSON: {complaint(body) or error}") from None
