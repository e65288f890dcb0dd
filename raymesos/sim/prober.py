"""The simulated prober of an executor: it says at once what the script decides."""

from __future__ import annotations

from raymesos.machine import Outbox
from raymesos.sim.shim import Script
from raymesos.wire.messages import Probe, Probed


class SimulatedProber:
    def __init__(self, agent: str, executor: str, script: Script) -> None:
        self._agent, self._executor, self._script = agent, executor, script

    def handle(self, now_ms: int, sender: str, message: object, out: Outbox) -> None:
        if isinstance(message, Probe):
            out.send(self._executor, answer(message, ok=self._script.is_well(self._agent, message)))

    def check(self) -> None:
        return


def answer(probe: Probe, *, ok: bool) -> Probed:
    """In the words of the real one."""
    seen = {"http": (200, 503), "tcp": (1, 0), "command": (0, 1)}[probe.check.kind]
    said = {"http": "HTTP 503", "tcp": "connection refused", "command": "exit 1"}[probe.check.kind]
    return Probed(probe.task_id, probe.number, ok, "" if ok else said, seen[0 if ok else 1])
