"""What is said to HAProxy's Runtime API, and what its answers mean: text in, values out. (HAProxy 2.8, management guide, section 9.3)"""

from __future__ import annotations

import string
from collections.abc import Iterator
from typing import assert_never

from raymesos.errors import ProtocolError
from raymesos.gateway.orders import (
    DRAIN,
    MAINT,
    READY,
    AddServer,
    Command,
    DropRoute,
    RemoveServer,
    ServerRow,
    SetMode,
    SetRoute,
    Settle,
    SlotCount,
)
from raymesos.gateway.traffic import BUCKETS
from raymesos.wire.routes import RouteRules

SETTLED = "*"
"""No service is called so: the map has it once all routes are told."""
TIMES = "times"
"""The stick table that counts."""
_PLAIN = string.ascii_letters + string.digits + "_-."
# Admin state bits of `show servers state`: forced maintenance, forced drain.
_FORCED_MAINT, _FORCED_DRAIN = 0x01, 0x08
# A dynamic server is asked to close what is idle soon, or it could not be removed for long; and a request that comes over a connection that the instance is just closing is lost.
_SERVER_OPTIONS = "pool-purge-delay 1s"
_DONE = ("New server registered.", "Server deleted.")


def server_name(task_id: str) -> str:
    """A name that HAProxy takes, from which the task id can be read back."""
    return "".join(c if c in _PLAIN else "".join(f":{byte:02x}" for byte in c.encode()) for c in task_id)


def task_id_of(name: str) -> str:
    """The inverse of `server_name`. Raises ProtocolError for what it never made."""
    first, *rest = name.split(":")
    try:
        found = first.encode() + b"".join(bytes([int(part[:2], 16)]) + part[2:].encode() for part in rest)
        return found.decode()
    except ValueError:
        raise ProtocolError(f"{name!r} is no name that a server of ours has") from None


def nameable(service: str) -> bool:
    """Whether it can stand in a path, in a map and in a command."""
    return 0 < len(service) <= 100 and all(c in _PLAIN for c in service)


def rules_text(rules: RouteRules) -> str:
    """What the configuration reads by field: server time-out in ms, hold in ms, most that wait, whether to retry what has reached an instance."""
    return f"{rules.timeout_ms}:{rules.hold_ms}:{rules.max_waiting}:{min(1, rules.retries)}"


def lines(command: Command, routes: str) -> tuple[str, ...]:
    """The command in HAProxy's words; `routes` is the map's file."""
    match command:
        case SetRoute(service, slot, rules, known):
            return (f"{'set' if known else 'add'} map {routes} {service} {slot}:{rules}",)
        case DropRoute(service):
            return (f"del map {routes} {service}",)
        case AddServer(slot, task_id, host, port, mode):
            name = f"{slot}/{server_name(task_id)}"
            where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            return f"add server {name} {where} {_SERVER_OPTIONS}", f"set server {name} state {mode}"
        case SetMode(slot, task_id, mode):
            return (f"set server {slot}/{server_name(task_id)} state {mode}",)
        case RemoveServer(slot, task_id):
            return (f"del server {slot}/{server_name(task_id)}",)
        case Settle():
            return (f"add map {routes} {SETTLED} -",)
    assert_never(command)


def refusal(answer: str) -> str:
    """Why HAProxy did not do what it was asked; empty if it did."""
    text = answer.strip()
    return "" if text in _DONE else text


def read_servers(answer: str) -> Iterator[ServerRow]:
    """Of `show servers state`."""
    for row in _rows(answer):
        if len(row) > 18:
            yield ServerRow(row[1], task_id_of(row[3]), int(row[18]), _mode(int(row[6])))


def _mode(admin_state: int) -> str:
    if admin_state & _FORCED_MAINT:
        return MAINT
    return DRAIN if admin_state & _FORCED_DRAIN else READY


def read_routes(answer: str) -> Iterator[tuple[str, str, str]]:
    """(service, slot, rules) of `show map`."""
    for row in _rows(answer):
        slot, _, rules = row[2].partition(":")
        yield row[1], slot, rules


def read_waiting(answer: str) -> Iterator[tuple[str, int]]:
    """(slot, requests held) of our own `show waiting`."""
    for row in _rows(answer):
        yield row[0], int(row[1])


def read_sessions(answer: str) -> Iterator[tuple[str, str, int]]:
    """(slot, task id, open and queued requests) of `show stat SLOT 4 -1`."""
    for line in answer.splitlines():
        row = line.split(",")
        if len(row) > 4 and not line.startswith("#"):
            yield row[0], task_id_of(row[1]), int(row[2] or 0) + int(row[4] or 0)


def read_counts(answer: str) -> Iterator[SlotCount]:
    """Of `show table`."""
    for row in _rows(answer):
        got = dict(part.split("=", 1) for part in row if "=" in part)
        times = tuple(int(got[f"gpc{i}"]) for i in range(BUCKETS))
        yield SlotCount(got["key"], int(got["http_req_cnt"]), int(got["conn_cur"]), int(got[f"gpc{BUCKETS}"]), times)


def _rows(answer: str) -> Iterator[list[str]]:
    for line in answer.splitlines():
        row = line.split()
        if len(row) > 1 and not line.startswith("#"):
            yield row
