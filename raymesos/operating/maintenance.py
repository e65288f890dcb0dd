"""`cluster.maintenance`: when machines will be down, and that they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from raymesos.errors import InvalidValue
from raymesos.model.units import milliseconds
from raymesos.operating.asking import OperatorDoor, operate
from raymesos.wire.maintenance import MachineId, Unavailability, Window
from raymesos.wire.operating import ScheduleMaintenance, StartMaintenance, StopMaintenance

Machine = str | Mapping[str, str]
"""A hostname, or {"hostname": ..., "ip": ...} with one of them or both."""


class Maintenance:
    """The maintenance schedule of the cluster."""

    def __init__(self, door: OperatorDoor) -> None:
        self._door = door

    def schedule(self, windows: Iterable[Mapping[str, Any]]) -> None:
        """Replace the whole schedule by these windows: {"machines": ["host1"], "start": "2026-01-05T22:00:00Z", "duration": "2h"}.

        `start` is a datetime, ISO 8601 text (UTC without a zone) or seconds since 1970; without `duration` the machines do not come back. Mesos' own form (`machine_ids`,
        `unavailability` in nanoseconds) is understood too. Frameworks get inverse offers, and offers that say when. Raises InvalidValue, Conflict.
        """
        operate(self._door, ScheduleMaintenance(tuple(_window(w, f"windows[{i}]") for i, w in enumerate(windows))))

    def start(self, machines: Iterable[Machine]) -> None:
        """These scheduled machines are down now: their agents are shut down and may not register. Raises InvalidValue, Conflict."""
        operate(self._door, StartMaintenance(_machines(machines, "machines")))

    def stop(self, machines: Iterable[Machine]) -> None:
        """They are up again, and off the schedule. Raises InvalidValue, Conflict."""
        operate(self._door, StopMaintenance(_machines(machines, "machines")))

    @property
    def status(self) -> dict[str, Any]:
        """{windows: [{machines, start_ms, duration_ms}], down: [{hostname, ip}], answers: [{hostname, framework, answer}]}; times in ms since 1970."""
        found: dict[str, Any] = self._door.view("maintenance", {})
        return found

    def __repr__(self) -> str:
        return f"<maintenance: {len(self.status['windows'])} windows>"


def _window(window: Any, field: str) -> Window:
    if not isinstance(window, Mapping):
        raise InvalidValue(field, window, "must be an object with machines, start and duration")
    unknown = sorted(set(map(str, window)) - {"machines", "machine_ids", "start", "duration", "unavailability"})
    if unknown:
        raise InvalidValue(f"{field}.{unknown[0]}", window[unknown[0]], "is not known: machines, start, duration are")
    machines = _machines(window.get("machines", window.get("machine_ids")), f"{field}.machines")
    when = window.get("unavailability", window)
    if not isinstance(when, Mapping) or "start" not in when:
        raise InvalidValue(f"{field}.start", None, "is missing")
    duration = when.get("duration")
    return Window(
        machines,
        Unavailability(
            _moment_ms(when["start"], f"{field}.start"), None if duration is None else _span_ms(duration, field)
        ),
    )


def _machines(machines: Any, field: str) -> tuple[MachineId, ...]:
    if isinstance(machines, str | Mapping) or not isinstance(machines, Iterable):
        raise InvalidValue(field, machines, "must be a list of hostnames, or of objects with hostname and ip")
    found = tuple(_machine(m, f"{field}[{i}]") for i, m in enumerate(machines))
    if not found:
        raise InvalidValue(field, [], "must name at least one machine")
    return found


def _machine(machine: Any, field: str) -> MachineId:
    if isinstance(machine, str) and machine:
        return MachineId(hostname=machine)
    if isinstance(machine, Mapping) and set(machine) <= {"hostname", "ip"} and any(machine.values()):
        return MachineId(str(machine.get("hostname", "")), str(machine.get("ip", "")))
    raise InvalidValue(field, machine, "must be a hostname, or an object with hostname, ip or both")


def _moment_ms(value: Any, field: str) -> int:
    if isinstance(value, Mapping):
        return _nanoseconds(value, field)
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise InvalidValue(field, value, "must be a moment like 2026-01-05T22:00:00Z") from None
    if isinstance(value, datetime):
        moment = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
        return round(moment.timestamp() * 1000)
    return milliseconds(value, field)


def _span_ms(value: Any, field: str) -> int:
    return (
        _nanoseconds(value, f"{field}.duration")
        if isinstance(value, Mapping)
        else milliseconds(value, f"{field}.duration")
    )


def _nanoseconds(value: Mapping[str, Any], field: str) -> int:
    found = value.get("nanoseconds")
    if not isinstance(found, int) or isinstance(found, bool) or found < 0:
        raise InvalidValue(field, dict(value), "must be {nanoseconds: n}")
    return found // 1_000_000
