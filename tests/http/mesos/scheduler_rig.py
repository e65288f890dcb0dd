"""The scheduler API in one process: its ASGI callable, a real master, allocator and agents in the simulator's world, and virtual time.

Nothing waits for the wall clock: `settle` runs the event loop and the world in turns until neither has anything left to do.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from http_rig import site as make_site

from raymesos.errors import UnknownId
from raymesos.http.desk import Desk
from raymesos.http.mesos.scheduler import SchedulerApi
from raymesos.http.mesos.seat import Seat
from raymesos.http.recordio import Reader
from raymesos.http.views import Views
from raymesos.machine import MASTER, Envelope, Machine, Wake
from raymesos.observe.relay import snapshot
from raymesos.observe.state import View, fold
from raymesos.sim import Simulation
from raymesos.wire.codec import decode, encode
from raymesos.wire.registry import tag_of

JSON_HEADERS = {"Content-Type": "application/json", "Accept": "application/json"}
MULTI_ROLE = [{"type": "MULTI_ROLE"}, {"type": "PARTITION_AWARE"}, {"type": "RESERVATION_REFINEMENT"}]
MAX_TURNS = 10_000


class Quiet:
    def handle(self, now_ms: int, sender: str, message: Any, out: Any) -> None: ...

    def check(self) -> None: ...


class WorldHost:
    """A host of the simulator's world, as the desk wants one."""

    def __init__(self, sim: Simulation, name: str) -> None:
        self._world, self._name = sim.world, name
        sim.world.add(name, Quiet(), name)

    def seat(self, address: str, machine: Machine) -> None:
        if isinstance(machine, Seat):
            decode(encode(machine._subscribe))  # It has to travel.
        self._world.add(address, machine, self._name)

    def unseat(self, address: str) -> None:
        # Behind what was posted before; the world's own `remove` would tell the master, which here nobody does.
        self._world.settle()
        self._world._hosts[self._name].pump.remove(address)

    def post_all(self, envelopes: list[Envelope]) -> None:
        self._world._arrive(self._name, [(to, sender, _travelled(message)) for to, sender, message in envelopes])


def _travelled(message: Any) -> Any:
    return decode(encode(message)) if tag_of(type(message)) is not None else message


@dataclass
class Call:
    """One request and what has come of it so far. `reads` False: its client takes nothing from the wire any more."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    over: bool = False
    writes: int = 0
    reads: bool = True
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    task: Any = None
    _reader: Reader = field(default_factory=Reader)

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def stream_id(self) -> str:
        return self.headers["mesos-stream-id"]

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(record) for record in Reader().feed(self.body)]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == kind]

    @property
    def types(self) -> list[str]:
        return [event["type"] for event in self.events]


class Rig:
    def __init__(self, agents: int = 1, resources: str = "cpus:8;mem:16384", **settings: Any) -> None:
        self.sim = Simulation(**settings)
        self.loop = asyncio.new_event_loop()
        self.views = Views()
        self.up = True
        view = View()
        self.views.take(snapshot(view, 0))
        self._seen, observe = view, self.sim.world.on_note

        def on_note(note: Any) -> None:
            fold(self.views.state, note)
            if observe is not None:
                observe(note)

        self.sim.world.on_note = on_note
        self.desk = Desk(WorldHost(self.sim, "http"), "http")
        self.site = make_site(views=self.views, desk=self.desk, master_is_up=lambda: self.up)
        self.api = SchedulerApi(self.site)
        for i in range(agents):
            self.sim.add_agent(f"A{i + 1}", resources)
        self.settle()

    def close(self) -> None:
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self._spin()
        self.loop.close()

    # ------------------------------------------------------------ time

    def settle(self) -> None:
        for _ in range(MAX_TURNS):
            self._spin()
            self.sim.settle()
            told = self.desk.take_told()
            if not told and not self._spin():
                return
            self.loop.call_soon(self.desk.hand_out, told)
        raise AssertionError("it never settles")

    def advance(self, seconds: float) -> None:
        """Let virtual time pass in steps short enough that what comes on the way is told on the way."""
        left = round(seconds * 1000)
        while left:
            step = min(left, 500)
            self.sim.advance(step / 1000)
            left -= step
            self.settle()

    def _spin(self) -> bool:
        """Run what the loop has to do now. True if there was something."""
        worked = False
        for _ in range(20):
            busy = len(self.loop._ready)  # type: ignore[attr-defined]
            if not busy:
                break
            worked = True
            self.loop.call_soon(self.loop.stop)
            self.loop.run_forever()
        return worked

    # ------------------------------------------------------------ requests

    def request(
        self,
        body: Any = None,
        headers: dict[str, str | None] | None = None,
        *,
        method: str = "POST",
        settle: bool = True,
    ) -> Call:
        """`body` is sent as JSON unless it is bytes; headers that are None are left out."""
        call = Call()
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        sent = [(k.lower().encode(), v.encode()) for k, v in (JSON_HEADERS | (headers or {})).items() if v is not None]
        scope = {"type": "http", "method": method, "path": "/api/v1/scheduler", "headers": sent}
        call.task = self.loop.create_task(self._run(call, scope, data))
        if settle:
            self.settle()
        return call

    async def _run(self, call: Call, scope: dict[str, Any], data: bytes) -> None:
        told = False

        async def receive() -> dict[str, Any]:
            nonlocal told
            if not told:
                told = True
                return {"type": "http.request", "body": data, "more_body": False}
            await call.gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                call.status = message["status"]
                call.headers = {k.decode(): v.decode() for k, v in message["headers"]}
                return
            if not call.reads:
                await asyncio.Event().wait()
            call.body += message.get("body", b"")
            call.writes += 1
            call.over = not message.get("more_body", False)

        await self.api(scope, receive, send)

    def subscribe(self, framework_id: str = "", *, suppressed: list[str] | None = None, **info: Any) -> Call:
        """A subscription of a framework with the role `dev`, unless `info` says something else."""
        info = {"user": "root", "name": "f", "roles": ["dev"], "capabilities": MULTI_ROLE} | info
        call: dict[str, Any] = {"type": "SUBSCRIBE", "subscribe": {"framework_info": info}}
        if suppressed:
            call["subscribe"]["suppressed_roles"] = suppressed
        if framework_id:
            info["id"] = call["framework_id"] = {"value": framework_id}
        return self.request(call)

    def framework_id(self, stream: Call) -> str:
        return str(stream.of("SUBSCRIBED")[-1]["subscribed"]["framework_id"]["value"])

    def call(self, stream: Call, kind: str, *, settle: bool = True, **body: Any) -> Call:
        """A call on the stream's subscription."""
        call: dict[str, Any] = {"type": kind, "framework_id": {"value": self.framework_id(stream)}}
        if body:
            call[kind.lower()] = body
        return self.request(call, {"Mesos-Stream-Id": stream.stream_id}, settle=settle)

    def leave(self, stream: Call) -> None:
        """The client closes its connection."""
        stream.gone.set()
        self.settle()

    # ------------------------------------------------------------ work

    def offers(self, stream: Call) -> list[dict[str, Any]]:
        """All that it was ever offered."""
        return [offer for event in stream.of("OFFERS") for offer in event["offers"]["offers"]]

    def launch(self, stream: Call, *tasks: dict[str, Any], offer: dict[str, Any] | None = None) -> Call:
        offer = offer or self.offers(stream)[-1]
        infos = [{"agent_id": offer["agent_id"]} | task for task in tasks]
        operation = {"type": "LAUNCH", "launch": {"task_infos": infos}}
        return self.call(stream, "ACCEPT", offer_ids=[offer["id"]], operations=[operation])

    def start(self, task_id: str, agent: str = "A1") -> None:
        self.sim.start(_on(task_id, agent))
        self.settle()

    def finish(self, task_id: str, agent: str = "A1") -> None:
        self.sim.finish(_on(task_id, agent))
        self.settle()

    def statuses(self, stream: Call) -> list[dict[str, Any]]:
        return [event["update"]["status"] for event in stream.of("UPDATE")]

    def states(self, stream: Call) -> list[tuple[str, str]]:
        return [(s["task_id"]["value"], s["state"]) for s in self.statuses(stream)]

    def acknowledge(self, stream: Call, status: dict[str, Any]) -> Call:
        return self.call(stream, "ACKNOWLEDGE", **{name: status[name] for name in ("agent_id", "task_id", "uuid")})

    def acknowledge_all(self, stream: Call) -> None:
        """Acknowledge what wants it, and what comes after that."""
        seen = 0
        while seen < len(self.statuses(stream)):
            status = self.statuses(stream)[seen]
            seen += 1
            if "uuid" in status:
                assert self.acknowledge(stream, status).status == 202

    def master(self) -> Any:
        return self.sim.cluster.kernel(MASTER).state


def task(task_id: str, uses: str = "cpus:1;mem:128", **more: Any) -> dict[str, Any]:
    rows = [row.split(":") for row in uses.split(";")]
    return {
        "name": task_id,
        "task_id": {"value": task_id},
        "resources": [{"name": n, "type": "SCALAR", "scalar": {"value": float(v)}} for n, v in rows],
        "command": {"value": "true"},
    } | more


def _on(task_id: str, agent: str) -> Any:
    return SimpleNamespace(id=task_id, agent=agent, agent_name=agent)


__all__ = ["Call", "Rig", "UnknownId", "Wake", "task"]
