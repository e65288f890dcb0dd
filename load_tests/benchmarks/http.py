"""What readers of the HTTP server wait for and cost: `python -m load_tests.benchmarks.http --json`.

One server in a process of its own, with a view that changes ten times a second, as a busy cluster's does, so that no answer is simply the one before:
- `state_large_ms`: one GET of Mesos' `/state` with 1,000 agents and 10,000 tasks; the first of all is `state_cold_ms`;
- `read_p99_ms` at `reads_per_s`: `/state` with 100 agents and 200 tasks, asked for 200 times a second at fixed moments over 8 connections; a late answer counts from its moment;
- `read_cpu_ms`, `state_large_cpu_ms`: what one of these costs the server in CPU, which says something on a loaded machine too;
- `watchers_mb`: what 1,000 idle readers of `/api/events` (server-sent events) cost the server, `subscribers_mb` the same of Mesos' SUBSCRIBE.
The rival, in the same run, is `/health` of the same server: an answer without content.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing as mp
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection
from statistics import median
from typing import Any

import psutil

from load_tests.benchmarks.common import emit, parser, percentile, pss_mb, tell

CHANGE_S = 0.1
CONNECTIONS = 8
RATE = 200
SUBSCRIBE = b'{"type": "SUBSCRIBE"}'
JSON = b"Content-Type: application/json\r\n"


# ---------------------------------------------------------------- the server's process


def notes(agents: int, tasks: int) -> list[Any]:
    """A framework with its tasks spread over the agents, and offers of what they leave."""
    from raymesos.model.attributes import Attributes
    from raymesos.model.resources import Resources
    from raymesos.model.tasks import ALL_CAPABILITIES, Source, TaskState
    from raymesos.wire.notes import AgentNote, FrameworkNote, MasterNote, OutstandingNote, TaskNote
    from raymesos.wire.values import FrameworkInfo, Offer, TaskStatus

    whole, shape = (
        Resources.parse("cpus:16;mem:65536;disk:500000;ports:[31000-32000]"),
        Resources.parse("cpus:1;mem:1024"),
    )
    rack = Attributes.parse("rack:r1;kind:big")
    info = FrameworkInfo("load", ("ads",), "m-0000", "root", capabilities=ALL_CAPABILITIES, failover_timeout_ms=60_000)
    found: list[Any] = [MasterNote(0, "m", 0), FrameworkNote(0, info.id, info.name, info.roles, "active", info=info)]
    found += [AgentNote(0, f"m-S{i}", f"agent{i}", f"host{i}", "active", whole, rack) for i in range(agents)]
    found.append(OutstandingNote(0, info.id, tuple([Offer(f"m-O{i}", info.id, f"m-S{i}", f"host{i}", "ads", shape, rack) for i in range(agents)])))  # fmt: skip
    for i in range(tasks):
        agent_id, uuid = f"m-S{i % agents}", f"3495f1a6-1ac0-5f87-a5d0-{i:012x}"
        status = TaskStatus(f"t{i}", TaskState.RUNNING, agent_id, "", Source.EXECUTOR, timestamp_ms=i, uuid=uuid)
        found.append(TaskNote(0, info.id, f"t{i}", f"t{i}", "ads", agent_id, "TASK_RUNNING", "", "", shape, statuses=(status,)))  # fmt: skip
    return found


def serve(pipe: Connection, agents: int, tasks: int) -> None:
    """Serve until the pipe's other end says something. The view changes all the time."""
    import gc

    from raymesos.http.app import make_app
    from raymesos.http.desk import Desk
    from raymesos.http.listening import listen
    from raymesos.http.serving import Serving
    from raymesos.http.site import Site
    from raymesos.http.views import Views
    from raymesos.observe.relay import snapshot
    from raymesos.observe.state import View, fold

    view = View()
    for note in notes(agents, tasks):
        fold(view, note)
    views, serving, listening = Views(), Serving(), listen("127.0.0.1", 0)
    views.take(snapshot(view, 0))
    port = listening.getsockname()[1]
    nobody: Any = None
    site = Site("load", "c", views, nobody, Desk(nobody, "http"), lambda: True, port=port)
    serving.serve(make_app(site), listening)
    gc.collect()
    gc.freeze()
    pipe.send(port)
    rows = list(view.tasks.values())
    for i in range(1_000_000):
        if pipe.poll(CHANGE_S):
            break
        row = rows[i % len(rows)]
        serving.tell(views.take, [replace(row, at_ms=i)])
    serving.stop()


@contextmanager
def server(agents: int, tasks: int) -> Iterator[tuple[int, int]]:
    """(port, pid)."""
    context = mp.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs, agents, tasks))
    process.start()
    try:
        assert process.pid is not None
        yield ours.recv(), process.pid
    finally:
        ours.send("end")
        process.join(20)


# ---------------------------------------------------------------- clients on plain sockets


class Client:
    """One connection that is kept."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def get(self, path: str) -> bytes:
        self._writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        head = await self._reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        return await self._reader.readexactly(length)

    def close(self) -> None:
        self._writer.close()


async def connect(port: int) -> Client:
    return Client(*await asyncio.open_connection("127.0.0.1", port, limit=2**26))


def cpu_ms(pid: int) -> float:
    """What the process has used so far."""
    used = psutil.Process(pid).cpu_times()
    return (used.user + used.system) * 1000


async def paced(port: int, path: str, seconds: float) -> tuple[list[float], float]:
    """(ms from the moment when each read was due to its answer, reads a second that were answered), at RATE a second."""
    clients = [await connect(port) for _ in range(CONNECTIONS)]
    waits: list[float] = []
    began = time.perf_counter() + 0.1

    async def one(client: Client, first: int) -> None:
        for due in (began + i / RATE for i in range(first, int(RATE * seconds), CONNECTIONS)):
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            await client.get(path)
            waits.append((time.perf_counter() - due) * 1000)

    await asyncio.gather(*[one(client, i) for i, client in enumerate(clients)])
    rate = len(waits) / (time.perf_counter() - began)
    for client in clients:
        client.close()
    return waits, rate


async def one_by_one(port: int, path: str, count: int) -> list[float]:
    """ms of each, the view having changed in between."""
    client, found = await connect(port), []
    for _ in range(count):
        began = time.perf_counter()
        await client.get(path)
        found.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(2 * CHANGE_S)
    client.close()
    return found


async def cost_of(port: int, pid: int, count: int, request: bytes) -> float:
    """MB more that the server takes while so many streams are open and idle."""
    before, writers = pss_mb(pid), []
    for _ in range(count):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        await reader.read(1)
        writers.append(writer)
    await asyncio.sleep(1)
    after = pss_mb(pid)
    for writer in writers:
        writer.close()
    return round(after - before, 1)


# ---------------------------------------------------------------- the figures


def large(repeats: int) -> dict[str, float]:
    with server(1_000, 10_000) as (port, pid):
        found = asyncio.run(one_by_one(port, "/state", 1))
        before = cpu_ms(pid)
        found += asyncio.run(one_by_one(port, "/state", 2 * repeats))
        used = (cpu_ms(pid) - before) / (2 * repeats)
        health = asyncio.run(one_by_one(port, "/health", 2 * repeats))
    return {
        "state_large_ms": round(median(found[1:]), 1),
        "state_large_worst_ms": round(max(found), 1),
        "state_cold_ms": round(found[0], 1),
        "state_large_cpu_ms": round(used, 1),
        "health_alone_ms": round(median(health), 2),
    }


def small(seconds: float) -> dict[str, float]:
    with server(100, 200) as (port, pid):
        size = len(asyncio.run(body(port)))
        before = cpu_ms(pid)
        waits, rate = asyncio.run(paced(port, "/state", seconds))
        used = (cpu_ms(pid) - before) / len(waits)
        health, _ = asyncio.run(paced(port, "/health", seconds))
    p99, bare = percentile(waits, 0.99), percentile(health, 0.99)
    return {
        "state_small_bytes": size,
        "reads_per_s": round(rate, 1),
        "read_p50_ms": round(median(waits), 2),
        "read_p99_ms": round(p99, 2),
        "read_cpu_ms": round(used, 2),
        "health_p99_ms": round(bare, 2),
        "read_p99_ratio": round(p99 / bare, 2),
    }


async def body(port: int) -> bytes:
    client = await connect(port)
    found = await client.get("/state")
    json.loads(found)
    client.close()
    return found


def idle(count: int) -> dict[str, float]:
    requests: dict[str, Callable[[], bytes]] = {
        "watchers_mb": lambda: b"GET /api/events?last=1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        "subscribers_mb": lambda: b"POST /api/v1 HTTP/1.1\r\nHost: 127.0.0.1\r\n%bContent-Length: %d\r\n\r\n%b" % (JSON, len(SUBSCRIBE), SUBSCRIBE),
    }  # fmt: skip
    found = {}
    for name, request in requests.items():
        with server(10, 10) as (port, pid):
            found[name] = asyncio.run(cost_of(port, pid, count, request()))
    return found


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--seconds", type=float, default=10.0)
    arguments.add_argument("--watchers", type=int, default=1_000)
    given = arguments.parse_args()
    tell("/state with 1,000 agents and 10,000 tasks")
    result = large(given.repeats)
    tell(f"/state with 100 agents and 200 tasks, {RATE} times a second")
    result |= small(given.seconds)
    tell(f"{given.watchers} idle watchers")
    result |= idle(given.watchers)
    emit("http", {**result, "watchers": given.watchers, "cpus_seen": os.cpu_count()}, record=given.record)


if __name__ == "__main__":
    main()
