"""Frames between the shim, its clients (executors) and its workers: four bytes of length, then msgpack `[kind, {fields}]`.

A client opens with `hello {owner, version, grace_s}` and is answered `welcome {version, python, pid, running, ended}` or `refused {why}`. Then, in any order:

client → shim
    run_chunk   {id, job, lo, hi, fn, inputs, base, attempt, budget_ms, pool, alone, env, dir, path, python, mem_kb}
                `fn` and `inputs` are {inline} or {path}; `alone` asks for a process of its own
    run_commands{id, job, lo, hi, argv, attempt, budget_ms, env, dir, mem_kb}    in turn, each with its own process and sandbox
                all of run_* but run_chunk take volumes: [[path in the sandbox, directory]]
    run_command {id, argv, program, env, dir, mem_kb}    `program` is the file, if it is another than argv[0]
    run_resident{id, argv | app | fn, env, dir, path, python, mem_kb}    an ASGI app `module:attribute` served on $PORT0, or a function called without arguments
    exec        {key, id, argv, env, timeout_ms, max_bytes}    a command beside a running task: its sandbox, its environment and `env`, so much of its output
    stop        {id, grace_ms}      SIGTERM to the task's processes, SIGKILL after the grace
    limit       {id, mem_kb}        another bound for its memory; 0: none
    send        {id, data}          to a resident's control channel
    forget      {id}                its files of results may go
    shutdown    {}                  end everything and leave

shim → client
    started {id, pid}
    report  {id, lo, hi, ok, failed: [[index, error, exit, signal]], culprit, culprit_error, elapsed_us, results: {inline} | {path, size}}
    ended   {id, exit, signal, reason, message, usage: {cpu_ms, peak_rss_kb}}    after the last report; REASON_EXECUTOR_TERMINATED if it was stopped
    data    {id, data}              from a resident's control channel
    executed{key, exit, signal, stdout, stderr, truncated, timed_out, why, unknown}    to who asked; `why` it never began, `unknown`: there is no such task

What an owner runs is killed `grace_s` (`OWNER_GRACE_S` if it did not say) after its connection is lost, unless it came back. `welcome` names what still runs and what has ended, and
behind it comes what was started, reported and ended meanwhile.
"""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, Any

import msgpack

if TYPE_CHECKING:
    import asyncio  # The shim and its workers have no use for it, and would pay for it.

VERSION = 1
OWNER_GRACE_S = 2.0
# A frame carries at most small results inline; anything larger is a peer that speaks something else.
MAX_FRAME = 64 * 1024 * 1024
INLINE_BYTES = 64 * 1024

MEMORY = "REASON_CONTAINER_LIMITATION_MEMORY"
LAUNCH_FAILED = "REASON_CONTAINER_LAUNCH_FAILED"
"""For what is wrong with the task: its user pays."""
LOST = "REASON_EXECUTOR_TERMINATED"
"""For what is wrong with us, and for what was stopped: it is run again at the system's cost."""

_HEAD = struct.Struct("<I")


class Broken(Exception):
    """The peer closed, or sent what is no frame."""


def pack(kind: str, fields: dict[str, Any]) -> bytes:
    body: bytes = msgpack.packb([kind, fields], use_bin_type=True)
    return _HEAD.pack(len(body)) + body


async def read_frame(reader: asyncio.StreamReader) -> tuple[str, dict[str, Any]]:
    """The next frame, for an event loop. Raises OSError, Broken."""
    try:
        (length,) = _HEAD.unpack(await reader.readexactly(_HEAD.size))
        if length > MAX_FRAME:
            raise Broken(f"a frame of {length} bytes")
        return _unpack(await reader.readexactly(length))
    except EOFError as error:
        raise Broken("closed") from error


def _unpack(body: bytes) -> tuple[str, dict[str, Any]]:
    try:
        kind, fields = msgpack.unpackb(body, strict_map_key=False)
    except (ValueError, TypeError) as error:
        raise Broken(f"not a frame: {error}") from error
    return kind, fields


class Stream:
    """One socket, frames both ways. Non-blocking for the shim's loop (`pump`, `flush`), blocking for a worker (`receive`, `send_now`)."""

    __slots__ = ("_in", "_out", "sock")

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._in = bytearray()
        self._out = bytearray()

    def fileno(self) -> int:
        return self.sock.fileno()

    def pump(self) -> list[tuple[str, dict[str, Any]]]:
        """The frames that have come. Raises Broken when the peer has closed."""
        closed = False
        while True:
            try:
                data = self.sock.recv(262_144)
            except BlockingIOError:
                break
            except OSError as error:
                raise Broken(str(error)) from error
            if not data:
                closed = True
                break
            self._in += data
            if len(data) < 262_144:
                break
        frames = self._frames()
        if closed and not frames:
            raise Broken("closed")
        return frames

    def queue(self, kind: str, fields: dict[str, Any]) -> None:
        self._out += pack(kind, fields)

    def flush(self) -> bool:
        """Write what is queued; True when nothing is left. Raises Broken."""
        while self._out:
            try:
                sent = self.sock.send(self._out)
            except BlockingIOError:
                return False
            except OSError as error:
                raise Broken(str(error)) from error
            del self._out[:sent]
        return True

    def receive(self) -> tuple[str, dict[str, Any]]:
        """The next frame, waiting for it. Raises Broken."""
        while True:
            frame = self._frame()
            if frame is not None:
                return frame
            try:
                data = self.sock.recv(262_144)
            except OSError as error:
                raise Broken(str(error)) from error
            if not data:
                raise Broken("closed")
            self._in += data

    def send_now(self, kind: str, fields: dict[str, Any]) -> None:
        try:
            self.sock.sendall(pack(kind, fields))
        except OSError as error:
            raise Broken(str(error)) from error

    def close(self) -> None:
        self.sock.close()

    def _frames(self) -> list[tuple[str, dict[str, Any]]]:
        frames = []
        while (frame := self._frame()) is not None:
            frames.append(frame)
        return frames

    def _frame(self) -> tuple[str, dict[str, Any]] | None:
        if len(self._in) < 4:
            return None
        (length,) = _HEAD.unpack_from(self._in)
        if length > MAX_FRAME:
            raise Broken(f"a frame of {length} bytes")
        if len(self._in) < 4 + length:
            return None
        frame = _unpack(bytes(self._in[4 : 4 + length]))
        del self._in[: 4 + length]
        return frame
