"""An error of ours on its way through the door: `{"error": class, "args": [...]}` in msgpack, and the same error again on the other side."""

from __future__ import annotations

from typing import Any

import msgpack

from raymesos import errors
from raymesos.errors import RaymesosError

_PLAIN = (str, int, float, bool, type(None))
# Those that a client may be told. Any other one is the server's own affair.
_KNOWN: dict[str, type[RaymesosError]] = {
    kind.__name__: kind
    for kind in (
        errors.InvalidValue,
        errors.InvalidJob,
        errors.UnknownId,
        errors.Conflict,
        errors.QuotaRefused,
        errors.Unauthorized,
        errors.ClusterUnavailable,
        errors.ProtocolError,
    )
}


def packed_error(error: RaymesosError) -> bytes:
    """Values that cannot travel do so as their text."""
    found: tuple[Any, ...] = error.__reduce__()[1]  # type: ignore[assignment]
    args = [a if isinstance(a, _PLAIN) else repr(a) for a in found]
    body: bytes = msgpack.packb({"error": type(error).__name__, "args": args})
    return body


def unpacked_error(body: bytes) -> RaymesosError | None:
    """None if it is none."""
    try:
        said = msgpack.unpackb(body)
        return _KNOWN[said["error"]](*said["args"])
    except (ValueError, TypeError, LookupError, msgpack.UnpackException):
        return None
