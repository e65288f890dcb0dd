"""The door to commands beside a running task (`raymesos exec`): in its sandbox, with its environment, ended with it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from raymesos.errors import ClusterUnavailable, InvalidValue, UnknownId
from raymesos.shim.client import ShimClient
from raymesos.shim.protocol import Broken

# Who asks for more, or for longer, has to start a task.
MOST_BYTES = 1024 * 1024
LONGEST_S = 3600.0


@dataclass(frozen=True, slots=True)
class Executed:
    """How it ended: with `exit_code` or by `signal`. Of each stream the first `max_bytes`; `truncated` if there was more."""

    exit_code: int | None
    signal: int | None
    stdout: bytes
    stderr: bytes
    truncated: bool
    timed_out: bool


def run_beside(
    socket: str,
    task_id: str,
    argv: Sequence[str],
    *,
    env: dict[str, str] | None = None,
    timeout_s: float = 60.0,
    max_bytes: int = MOST_BYTES,
) -> Executed:
    """Run it beside the task in the shim that listens on `socket`, and wait for its end; after `timeout_s` it is killed.

    Raises UnknownId if the task does not run there, InvalidValue if the command cannot be started, ClusterUnavailable if the shim goes away.
    """
    if not 0 < timeout_s <= LONGEST_S:
        raise InvalidValue("timeout_s", timeout_s, f"must be more than 0 and at most {LONGEST_S:g}")
    if not 0 < max_bytes <= MOST_BYTES:
        raise InvalidValue("max_bytes", max_bytes, f"must be from 1 to {MOST_BYTES}")
    try:
        # An owner of its own: nothing that others run is taken over, and nothing is left of it.
        client = ShimClient.connect(socket, f"beside {uuid.uuid4()}")
        try:
            fields = {"argv": list(argv), "env": env or {}, "timeout_ms": int(timeout_s * 1000), "max_bytes": max_bytes}
            client.send("exec", key="", id=task_id, **fields)
            _, answer = client.receive()
        finally:
            client.close()
    except (OSError, Broken) as error:
        raise ClusterUnavailable(f"the shim of the task's agent does not answer: {error}") from error
    if answer["unknown"]:
        raise UnknownId("task", task_id)
    if answer["why"]:
        raise InvalidValue("argv", list(argv), answer["why"])
    return Executed(*(answer[n] for n in ("exit", "signal", "stdout", "stderr", "truncated", "timed_out")))
