"""What the gateway costs a request: `python -m load_tests.benchmarks.gateway --json`.

One upstream, uvicorn with an app that answers who it is, in a process of its own, is asked three ways in turn, several times: directly, through the gateway, and through the rival, an ASGI proxy with an aiohttp client, also a
process of its own. So all share the machine's state. Keys: `direct_rps`, `rps`, `proxy_rps` and the same with `p99_ms`; `errors` over all runs through the gateway; `haproxy_mb` (proportional set size).
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

from load_tests.benchmarks.common import emit, parser, pss_mb, tell
from load_tests.benchmarks.http_load import Load, Loading
from raymesos.actors.haproxy import HaproxySide
from raymesos.actors.host import Host
from raymesos.actors.plan import GatewayPlan
from raymesos.gateway.config import slot_names
from raymesos.gateway.machine import GatewayMachine
from raymesos.http.listening import listen
from raymesos.machine import SERVICE, Outbox
from raymesos.model.settings import GatewaySettings
from raymesos.wire.routes import Endpoint, Route, Routes, RoutesSet, WatchRoutes

NAME = "gateway/bench"
CONNECTIONS, SECONDS = 64, 3.0
START_TIMEOUT_S = 30.0
_PROXY = """
import sys, aiohttp
from starlette.responses import Response
session = None
async def app(scope, receive, send):
    global session
    if scope["type"] != "http":
        return
    session = session or aiohttp.ClientSession()
    async with session.request(scope["method"], sys.argv[2] + scope["path"], headers=scope["headers"] and [(k.decode(), v.decode()) for k, v in scope["headers"]]) as got:
        await Response(await got.read(), got.status, {"content-type": got.content_type})(scope, receive, send)
import uvicorn
uvicorn.run(app, port=int(sys.argv[1]), log_config=None, access_log=False, lifespan="off")
"""


class Framework:
    """Knows one service."""

    def __init__(self, port: int) -> None:
        self._route = Route("web", (Endpoint("web", "127.0.0.1", port),))
        self.followed = False

    def handle(self, now_ms: int, sender: str, message: Any, out: Outbox) -> None:
        if isinstance(message, WatchRoutes):
            out.send(sender, Routes(1, (self._route,), whole=True))
        self.followed = self.followed or isinstance(message, RoutesSet)

    def check(self) -> None:
        """It has no books."""


class NoCarrier:
    """All is in one host."""

    def carry(self, peer: str, from_epoch: int, batch: Any, done: Callable[[Any, bool], None]) -> None:
        done(None, True)


@contextlib.contextmanager
def gateway(port: int) -> Iterator[tuple[str, HaproxySide]]:
    with tempfile.TemporaryDirectory(prefix="raymesos-") as directory:
        host, settings, framework = Host(NAME, 1, NoCarrier(), {}), GatewaySettings(), Framework(port)
        side = HaproxySide(Path(directory), host, GatewayPlan(port=0), settings)
        machine = GatewayMachine(settings, side.address, slot_names(settings.slots))
        for address, each in ((NAME, machine), (side.address, side), (SERVICE, framework)):
            host.add(address, each)
        side.begin()
        host.start()
        try:
            _until(lambda: framework.followed)
            yield f"http://{machine.address}/web/", side
        finally:
            host.stop()
            side.close()


@contextlib.contextmanager
def program(*arguments: str, port: int) -> Iterator[str]:
    process = subprocess.Popen([sys.executable, *arguments])
    try:
        _until(lambda: _listens(port))
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError("it does not start")
        time.sleep(0.02)


def _listens(port: int) -> bool:
    import socket

    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def free_port() -> int:
    with listen("127.0.0.1", 0) as found:
        port: int = found.getsockname()[1]
    return port


def main() -> None:
    given = parser(__doc__, repeats=3).parse_args()
    port, proxy_port = free_port(), free_port()
    upstream = ("-m", "uvicorn", "load_tests.benchmarks.replica_app:app", "--port", str(port), "--no-access-log", "--log-level", "error")  # fmt: skip
    with (
        program(*upstream, port=port) as direct,
        gateway(port) as (through, side),
        program("-c", _PROXY, str(proxy_port), direct, port=proxy_port) as proxy,
    ):
        found: dict[str, list[Load]] = {"direct_": [], "": [], "proxy_": []}
        for number in range(given.repeats):
            for key, url in (("direct_", f"{direct}/"), ("", through), ("proxy_", f"{proxy}/")):
                found[key].append(Loading(url, connections=CONNECTIONS, seconds=SECONDS).outcome())
            tell(f"round {number + 1}: " + ", ".join(f"{k or 'gateway'} {v[-1].rps}" for k, v in found.items()))
        result: dict[str, Any] = {"connections": CONNECTIONS, "seconds": SECONDS}
        for key, loads in found.items():
            result[f"{key}rps"] = median(load.rps for load in loads)
            result[f"{key}p99_ms"] = median(load.p99_ms for load in loads)
        result["errors"] = sum(load.errors for load in found[""])
        result["haproxy_mb"] = pss_mb(side.pid)
    emit("gateway", result, record=given.record)


if __name__ == "__main__":
    main()
