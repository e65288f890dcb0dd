"""An owner's connection to the shim of its agent, for as long as both live.

A connection can break while the shim lives. The shim goes on with what it has and keeps what there is to tell; so the connection is made anew, and what was asked for and
not heard is asked for again. Only when the shim itself is gone, or cannot be reached in time, is what ran there lost.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raymesos.shim.client import ShimClient
from raymesos.shim.launch import ShimAddress, find_shim
from raymesos.shim.protocol import LOST, OWNER_GRACE_S, Broken

# Also between two attempts of two owners of one name, who take the connection from each other.
FIND_AGAIN_S = 0.05


@dataclass(slots=True)
class _Request:
    """A task that the shim was asked to run, until it has ended."""

    kind: str
    fields: dict[str, Any]
    started: bool = False
    again: bool = False
    stop_ms: int | None = None


class ShimLink:
    """`heard(kind, fields)` gets the shim's events, `down()` and `up(restarted)` that all that ran is lost and that a shim is there again; all from one thread.

    What the shim runs for a former owner of the name is ended, unless `adopts(id)`; so long as `grace_s` it runs on without an owner.
    """

    def __init__(
        self,
        directory: Path,
        owner: str,
        *,
        heard: Callable[[str, dict[str, Any]], None],
        down: Callable[[], None],
        up: Callable[[bool], None],
        adopts: Callable[[str], bool] = lambda _: False,
        grace_s: float = OWNER_GRACE_S,
    ) -> None:
        self._directory, self._owner = directory, owner
        self._adopts, self._grace_s = adopts, grace_s
        self._heard, self._down, self._up = heard, down, up
        # Requests come from several threads, and no two frames may be mixed; nor may one be sent between what the shim said it has and what is asked for again.
        self._lock = threading.Lock()
        self._client: ShimClient | None = None
        self._shim: ShimAddress | None = None
        self._asked: dict[str, _Request] = {}
        self.found: list[str] = []
        """What the shim had of ours when it was found."""
        self._unsaid: list[str] = []

    def begin(self) -> None:
        """Connect if there is a shim, and start the thread that reads. Raises OSError, Broken."""
        found = find_shim(self._directory)
        if found is not None:
            self._take(found, self._connect(found))
        threading.Thread(target=self._read, name="shim", daemon=True).start()

    # ------------------------------------------------------------ requests, from any thread

    def run(self, task_id: str, kind: str, fields: dict[str, Any]) -> None:
        with self._lock:
            self._asked[task_id] = _Request(kind, fields)
            self._send(kind, id=task_id, **fields)

    def stop(self, task_id: str, grace_ms: int) -> None:
        with self._lock:
            request = self._asked.get(task_id)
            if request is not None:
                request.stop_ms = grace_ms
            self._send("stop", id=task_id, grace_ms=grace_ms)

    def limit(self, task_id: str, mem_kb: int) -> None:
        with self._lock:
            request = self._asked.get(task_id)
            if request is not None:
                request.fields["mem_kb"] = mem_kb
            self._send("limit", id=task_id, mem_kb=mem_kb)

    def forget(self, task_id: str) -> None:
        with self._lock:
            if not self._send("forget", id=task_id):
                self._unsaid.append(task_id)

    def _connect(self, shim: ShimAddress) -> ShimClient:
        return ShimClient.connect(shim.socket, self._owner, self._grace_s)

    def _send(self, kind: str, **fields: Any) -> bool:
        """False if the connection is broken: the reader sees the same, and says again what matters."""
        if self._client is None:
            return False
        try:
            self._client.send(kind, **fields)
        except Broken:
            return False
        return True

    # ------------------------------------------------------------ the thread that reads

    def _read(self) -> None:
        client = self._client or self._find()
        while True:
            try:
                kind, fields = client.receive()
            except Broken:
                client = self._renew(client)
                continue
            self._book(kind, fields)
            self._heard(kind, fields)

    def _book(self, kind: str, fields: dict[str, Any]) -> None:
        with self._lock:
            if kind == "ended":
                self._asked.pop(fields["id"], None)
            elif kind == "started" and fields["id"] in self._asked:
                self._asked[fields["id"]].started = True

    def _renew(self, broken: ShimClient) -> ShimClient:
        """Connected again: with the same shim in time, or with all lost."""
        with self._lock:
            self._client = None
        broken.close()
        deadline = time.monotonic() + self._grace_s
        shim = self._shim
        while shim is not None and shim.alive and time.monotonic() < deadline:
            time.sleep(FIND_AGAIN_S)
            with contextlib.suppress(OSError, Broken):
                client = self._connect(shim)
                if client.pid == shim.pid:
                    self._resume(client)
                    return client
                client.close()
        self._down()
        return self._find()

    def _find(self) -> ShimClient:
        """Connected with the first shim that there is. It has nothing of ours that anybody waits for."""
        while True:
            found = find_shim(self._directory)
            if found is not None:
                with contextlib.suppress(OSError, Broken):
                    client = self._connect(found)
                    restarted = found != self._shim
                    with self._lock:
                        self._asked.clear()
                        self._unsaid.clear()
                    self._take(found, client)
                    self._up(restarted)
                    return client
            time.sleep(FIND_AGAIN_S)

    def _take(self, found: ShimAddress, client: ShimClient) -> None:
        """Speak through `client` from now on. What the shim still runs for an owner of our name before us, it is to end. Raises Broken."""
        with self._lock:
            for task_id in client.running:
                if self._adopts(task_id):
                    self._asked[task_id] = _Request("adopted", {}, started=True)
                else:
                    client.send("stop", id=task_id, grace_ms=0)
            self._shim, self._client = found, client
            self.found = [*client.running, *client.ended]

    def _resume(self, client: ShimClient) -> None:
        """The same shim: what it did not hear it is asked again, once; what it has lost sight of is over. Raises Broken."""
        there = {*client.running, *client.ended}
        with self._lock:
            over = [t for t, r in self._asked.items() if t not in there and (r.started or r.again)]
            for task_id in over:
                del self._asked[task_id]
            for task_id in client.running:
                if task_id not in self._asked:
                    client.send("stop", id=task_id, grace_ms=0)
            for task_id, request in self._asked.items():
                self._ask_again(client, task_id, request, there=task_id in there)
            while self._unsaid:
                client.send("forget", id=self._unsaid[-1])
                self._unsaid.pop()
            self._client = client
        for task_id in over:
            message = "its end was lost with the connection to the shim"
            ended: dict[str, Any] = {
                "id": task_id,
                "exit": None,
                "signal": None,
                "reason": LOST,
                "message": message,
                "usage": {},
            }
            self._heard("ended", ended)

    def _ask_again(self, client: ShimClient, task_id: str, request: _Request, *, there: bool) -> None:
        if not there:
            request.again = True
            client.send(request.kind, id=task_id, **request.fields)
        if request.stop_ms is not None:
            client.send("stop", id=task_id, grace_ms=request.stop_ms)
