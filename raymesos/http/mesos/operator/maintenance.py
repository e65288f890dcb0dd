"""The maintenance schedule and how far it is, as Mesos shows it. What is empty is left out."""

from __future__ import annotations

from raymesos.http.mesos.operator.tally import Tally
from raymesos.http.mesos.values import Row, id_json, machine_json, unavailability_json
from raymesos.wire.maintenance import MachineId, Window


def schedule_json(tally: Tally) -> Row:
    windows = tally.maintenance.windows if tally.maintenance is not None else ()
    return {"windows": [_window(window) for window in windows]} if windows else {}


def status_json(tally: Tally) -> Row:
    """Machines that are down, and those that are to be left, with what frameworks said to that."""
    note = tally.maintenance
    if note is None:
        return {}
    down = dict.fromkeys(note.down)
    draining = [machine for window in note.windows for machine in window.machines if machine not in down]
    row: Row = {}
    if draining:
        row["draining_machines"] = [_draining(machine, note.answers) for machine in draining]
    if down:
        row["down_machines"] = [machine_json(machine) for machine in down]
    return row


def _draining(machine: MachineId, answers: tuple[tuple[str, str, str], ...]) -> Row:
    row: Row = {"id": machine_json(machine)}
    said = [
        {"status": answer, "framework_id": id_json(framework_id)}
        for hostname, framework_id, answer in answers
        if hostname.lower() in (machine.hostname.lower(), machine.ip)
    ]
    return row | ({"statuses": said} if said else {})


def _window(window: Window) -> Row:
    return {
        "machine_ids": [machine_json(machine) for machine in window.machines],
        "unavailability": unavailability_json(window.unavailability),
    }
