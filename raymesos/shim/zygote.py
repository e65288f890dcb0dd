"""The zygote: an interpreter with everything imported that forks a worker in a millisecond. It never runs users' code and never starts a thread.

For each byte that comes with two descriptors (the worker's socket, its page) it forks a worker and answers `forked {pid}`; of each child that it buries it
says `exited {pid, status}`.
"""

from __future__ import annotations

import gc
import mmap
import os
import select
import signal
import socket
import sys

from raymesos.shim import worker
from raymesos.shim.process import die_with_parent, name_process
from raymesos.shim.protocol import Stream, pack


def main(control_fd: int) -> None:
    """Serve until the shim closes its end."""
    die_with_parent(signal.SIGKILL)
    name_process("raymesos-zygote")
    control = socket.socket(fileno=control_fd)
    wake_read, wake_write = socket.socketpair()
    wake_read.setblocking(False)
    wake_write.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.set_wakeup_fd(wake_write.fileno(), warn_on_full_buffer=False)
    # What is alive now lives for ever: without this the collector would touch, and so copy, every page in every child.
    gc.collect()
    gc.freeze()
    while True:
        ready, _, _ = select.select([control, wake_read], [], [])
        if wake_read in ready:
            _drain(wake_read)
            _bury(control)
        if control in ready:
            data, fds, _, _ = socket.recv_fds(control, 1, 2)
            if not data:
                return
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                for each in (control, wake_read, wake_write):
                    each.close()
                _be_worker(*fds)
            for fd in fds:
                os.close(fd)
            control.sendall(pack("forked", {"pid": pid}))


def _be_worker(sock_fd: int, page_fd: int) -> None:
    """In the child: a session of its own, so that a kill reaches what it started too."""
    try:
        os.setsid()
        die_with_parent(signal.SIGKILL)
        name_process("raymesos-worker")
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        page = memoryview(mmap.mmap(page_fd, mmap.PAGESIZE)).cast("q")
        os.close(page_fd)
        worker.serve(Stream(socket.socket(fileno=sock_fd)), page)
        os._exit(0)
    except BaseException as error:  # noqa: BLE001 - the process ends here, whatever it was
        print(f"worker: {error!r}", file=sys.stderr, flush=True)  # noqa: T201 - into the log of the task at work
        os._exit(1)


def _bury(control: socket.socket) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        control.sendall(pack("exited", {"pid": pid, "status": status}))


def _drain(sock: socket.socket) -> None:
    try:
        while sock.recv(4096):
            pass
    except BlockingIOError:
        return
