"""Custom executors in a simulation: each is the framework's own program, which takes tasks without a command and runs what a scripted framework's tasks run.

Told to shut down, the program ends its tasks and leaves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from raymesos.errors import InvalidValue
from raymesos.kernel.executor.machine import ExecutorMachine
from raymesos.kernel.executor.state import Ended
from raymesos.kernel.names import launcher_address
from raymesos.machine import Outbox
from raymesos.model.resource_json import resources_from_json
from raymesos.model.resources import EMPTY, Resources
from raymesos.sim.reading import milliseconds, text_of, texts
from raymesos.sim.shim import SCRIPTED
from raymesos.wire.messages import (
    ExecutorInfo,
    ExecutorMessage,
    ExecutorSubscribe,
    ExecutorType,
    LaunchTasks,
    StopExecutor,
)
from raymesos.wire.work import CommandWork

if TYPE_CHECKING:
    pass

ExecutorRow = ExecutorInfo | Mapping[str, Any]


class SimulatedProgram(ExecutorMachine):
    """`heard` are the messages of its framework."""

    def __init__(self, agent: str, framework_id: str, executor_id: str, *more: Any) -> None:
        super().__init__(framework_id, executor_id, *more)
        self.heard: list[bytes] = []
        self._launcher = launcher_address(agent)
        self._left = False

    def handle(self, now_ms: int, sender: str, message: Any, out: Outbox) -> None:
        if isinstance(message, ExecutorMessage) and message.down:
            self.heard.append(message.data)
            return
        if isinstance(message, LaunchTasks):
            message = LaunchTasks(
                tuple([t if t.work is not None else replace(t, work=SCRIPTED) for t in message.tasks])
            )
        own = Outbox()
        super().handle(now_ms, sender, message, own)
        self._pass_on(own, out)
        live = any(not isinstance(task.phase, Ended) for task in self.state.tasks.values())
        if self.state.leaving and not live and not self._left:
            self._left = True
            out.send(self._launcher, StopExecutor(self.state.framework_id, self.state.executor_id))

    def _pass_on(self, own: Outbox, out: Outbox) -> None:
        for to, message in own.sends:
            out.send(to, replace(message, custom=True) if isinstance(message, ExecutorSubscribe) else message)
        for key, after_ms in own.wakes:
            if after_ms is None:
                out.sleep(key)
            else:
                out.wake(key, after_ms)
        for note in own.notes:
            out.note(note)


# ---------------------------------------------------------------- as a test describes them

_FIELDS = ("executor_id", "command", "resources", "type", "name", "source", "labels", "data", "shutdown_grace")


def described(row: ExecutorRow | None) -> ExecutorInfo | None:
    """An executor as in the v1 API or in short: `{"executor_id": "e", "resources": "cpus:0.1;mem:32"}`. `shutdown_grace` is in seconds. Raises InvalidValue."""
    if row is None or isinstance(row, ExecutorInfo):
        return row
    if not isinstance(row, Mapping) or not {"executor_id"} <= row.keys() <= {*_FIELDS, "framework_id"}:
        raise InvalidValue("executor", row, f"must have executor_id, and may have {', '.join(_FIELDS[1:])}")
    kind = row.get("type", "CUSTOM")
    if kind not in list(ExecutorType):
        raise InvalidValue("executor", kind, "must be of type CUSTOM or DEFAULT")
    grace, resources = row.get("shutdown_grace"), row.get("resources", EMPTY)
    return ExecutorInfo(
        _value(row["executor_id"]),
        _command(row.get("command"), kind),
        resources_from_json(resources, "executor") if isinstance(resources, list) else Resources.of(resources),
        ExecutorType(kind),
        name=text_of("executor", row.get("name", "")),
        source=text_of("executor", row.get("source", "")),
        labels=tuple(dict(row.get("labels", {})).items()),
        data=bytes(row.get("data", b"")),
        shutdown_grace_ms=None if grace is None else milliseconds("shutdown_grace", grace),
    )


def _value(id: Any) -> str:
    return text_of("executor", id["value"] if isinstance(id, Mapping) else id)


def _command(command: Any, kind: str) -> CommandWork | None:
    if command is None:
        return None if kind == ExecutorType.DEFAULT else CommandWork(("executor",))
    if isinstance(command, Mapping):
        value = text_of("executor", command.get("value", ""))
        return _command(value if command.get("shell", True) else command.get("arguments", [value]), kind)
    return CommandWork(("/bin/sh", "-c", command) if isinstance(command, str) else texts("executor", command))
