"""The short way between hosts of one machine: a Unix socket, over which a batch costs a tenth of what an actor call does.

A host begins with calls. Once one has arrived it asks the peer's actor, by a call, where its road is; if that is on this machine, later batches go there. When a road
breaks, what was on it counts as lost, calls are the way again, and the next one that arrives asks anew. So Ray alone says who lives, and where; that batches come twice
or overtake each other the link layer knows from calls.

Roads have names that nobody can guess in Linux's abstract namespace: no file is left behind. Both ends see to it that the other is of the same user.
"""

from __future__ import annotations

import logging
import os
import secrets
import select
import socket
import struct
import threading
from collections.abc import Callable
from typing import Any, Protocol

from raymesos.actors.link import Batch, Carrier, Reply
from raymesos.shim.protocol import Broken, Stream

log = logging.getLogger("raymesos.roads")

Done = Callable[[Reply | None, bool], None]
Receive = Callable[[str, int, Batch], Reply]
Frames = list[tuple[str, dict[str, Any]]]

BACKLOG = 256
_CREDENTIALS = struct.Struct("3i")


class Calls(Carrier, Protocol):
    """The long way, by actor calls. It may carry batches to any host, and knows whom to ask."""

    def ask_road(self, peer: str, told: Callable[[str], None]) -> None:
        """Ask the actor of `peer` where its road is; `told` hears it on any thread, if there is an answer."""


class _Way:
    """One connection. Read on the roads' own thread; who writes holds the lock."""

    def __init__(self, sock: socket.socket, peer: str = "") -> None:
        sock.setblocking(False)
        self.stream, self.peer = Stream(sock), peer
        self.lock = threading.Lock()
        self.numbers = 0
        self.waiting: dict[int, Done] = {}
        """Who waits for the answer to which of our batches; empty at the end that answers."""
        self.full = False
        """The socket takes no more now."""
        self.broken = False


Take = Callable[[_Way, Frames], None]


class Roads:
    """The carrier of one host, `own_name`. `user` is whose processes may be at the other end."""

    def __init__(self, own_name: str, calls: Calls, user: int | None = None) -> None:
        self.address = f"raymesos/{secrets.token_hex(16)}"
        self._own_name, self._calls = own_name, calls
        self._user = os.getuid() if user is None else user
        self._receive: Receive | None = None
        self._ways: dict[str, _Way] = {}
        """Those that lead to a peer."""
        self._open: dict[_Way, None] = {}
        self._asked: dict[str, None] = {}
        """Peers that need not be asked again before something fails."""
        self._listener = socket.socket(socket.AF_UNIX)
        self._bell, self._ear = socket.socketpair()
        self._poll = select.epoll()
        self._handlers: dict[int, Callable[[int], None]] = {}
        self._closing = False
        self._thread = threading.Thread(target=self._run, name=f"roads {own_name}", daemon=True)

    def open(self, receive: Receive) -> None:
        """From now on others reach the host at `address`. `receive` is called on the roads' thread."""
        self._receive = receive
        self._listener.bind("\0" + self.address)
        self._listener.listen(BACKLOG)
        self._listener.setblocking(False)
        self._watch(self._listener, self._accept)
        self._watch(self._ear, lambda events: None)
        self._thread.start()

    def close(self) -> None:
        """All roads to and from here end: calls are the way."""
        self._closing = True
        self._bell.close()
        self._thread.join()
        self._forget(self._listener)
        for way in list(self._open):
            self._break(way)

    def carry(self, peer: str, from_epoch: int, batch: Batch, done: Done) -> None:
        """As `Carrier`."""
        way = self._ways.get(peer)
        if way is None or not self._send(way, from_epoch, batch, done):
            self._calls.carry(peer, from_epoch, batch, lambda reply, gone: self._called(peer, reply, gone, done))

    # ------------------------------------------------------------ finding roads

    def _called(self, peer: str, reply: Reply | None, gone: bool, done: Done) -> None:
        done(reply, gone)
        if reply is None:
            self._asked.pop(peer, None)
        elif peer not in self._asked and not self._closing:
            self._asked[peer] = None
            self._calls.ask_road(peer, lambda address: self._connect(peer, address))

    def _connect(self, peer: str, address: str) -> None:
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.connect("\0" + address)
        except OSError:
            sock.close()  # It is on another machine: calls are the way.
            return
        if self._is_ours(sock):
            # Known before it is heard of: it may break at once.
            way = self._ways[peer] = _Way(sock, peer)
            self._begin(way, self._answered)
        else:
            sock.close()

    def _accept(self, events: int) -> None:
        sock, _ = self._listener.accept()
        if self._is_ours(sock):
            self._begin(_Way(sock), self._came)
        else:
            log.warning("%s: somebody of another user wanted to come in", self._own_name)
            sock.close()

    def _is_ours(self, sock: socket.socket) -> bool:
        _, user, _ = _CREDENTIALS.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
        return bool(user == self._user)

    def _begin(self, way: _Way, take: Take) -> None:
        self._open[way] = None
        self._watch(way.stream.sock, lambda events: self._pump(way, events, take))

    # ------------------------------------------------------------ there and back

    def _send(self, way: _Way, from_epoch: int, batch: Batch, done: Done) -> bool:
        """Whether the batch is on its way; if so `done` hears of it, whatever comes."""
        with way.lock:
            if way.broken:
                return False
            way.numbers += 1
            way.waiting[way.numbers] = done
            row = [batch.to_epoch, batch.session, batch.first_seq, batch.count, batch.blob]
            way.stream.queue("batch", {"n": way.numbers, "from": self._own_name, "epoch": from_epoch, "batch": row})
            whole = self._flush(way)
        if not whole:
            self._break(way)
        return True

    def _came(self, way: _Way, frames: Frames) -> None:
        assert self._receive is not None
        for _, fields in frames:
            reply = self._receive(fields["from"], fields["epoch"], Batch(*fields["batch"]))
            way.stream.queue("taken", {"n": fields["n"], "reply": [reply.epoch, reply.last_seq, reply.refused]})

    def _answered(self, way: _Way, frames: Frames) -> None:
        for _, fields in frames:
            way.waiting.pop(fields["n"])(Reply(*fields["reply"]), False)

    def _flush(self, way: _Way) -> bool:
        """Write what goes now, and the rest when the socket takes it: what waits is no more than a link's window. False when the other end is gone."""
        try:
            full = not way.stream.flush()
        except Broken:
            return False
        if full is not way.full:
            way.full = full
            self._poll.modify(way.stream.fileno(), select.EPOLLIN | (select.EPOLLOUT if full else 0))
        return True

    # ------------------------------------------------------------ the thread

    def _run(self) -> None:
        while not self._closing:
            for descriptor, events in self._poll.poll():
                handler = self._handlers.get(descriptor)
                if handler is not None:
                    handler(events)

    def _watch(self, sock: socket.socket, handler: Callable[[int], None]) -> None:
        self._handlers[sock.fileno()] = handler
        self._poll.register(sock.fileno(), select.EPOLLIN)

    def _forget(self, sock: socket.socket) -> None:
        del self._handlers[sock.fileno()]
        sock.close()

    def _pump(self, way: _Way, events: int, take: Take) -> None:
        try:
            frames = way.stream.pump() if events & ~select.EPOLLOUT else []
            with way.lock:
                if way.broken:
                    return
                take(way, frames)
                whole = self._flush(way)
        except Broken:
            whole = False
        except Exception:
            # What came is no frame of ours. Nothing is lost with the road: its batches come again by calls.
            log.exception("%s: a road breaks", self._own_name)
            whole = False
        if not whole:
            self._break(way)

    def _break(self, way: _Way) -> None:
        with way.lock:
            if way.broken:
                return
            way.broken = True
            del self._open[way]
            self._forget(way.stream.sock)
            lost, way.waiting = list(way.waiting.values()), {}
        if self._ways.get(way.peer) is way:
            del self._ways[way.peer]
            self._asked.pop(way.peer, None)
        for done in lost:
            done(None, False)
