"""`python -m raymesos.shim --socket PATH --directory DIR`: the shim itself. It is started by `launch.start_shim`, twice forked, in a session of its own."""

from __future__ import annotations

import os
import signal
import socket
import sys

from raymesos.shim import process
from raymesos.shim.loop import Shim


def main(socket_path: str, directory: str, orphan_grace_s: float) -> None:
    """Serve on `socket_path` until told to leave or left alone."""
    process.be_ordinary()
    process.adopt_orphans()
    process.name_process("raymesos-shim")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.makedirs(f"{directory}/tasks", exist_ok=True)
    os.chdir(directory)
    _end_leftovers(directory)
    os.environ["RAYMESOS_SHIM"] = directory
    listener = socket.socket(socket.AF_UNIX)
    listener.setblocking(False)
    old = os.umask(0o177)
    listener.bind(socket_path)
    os.umask(old)
    listener.listen(64)
    shim = Shim(listener, directory, orphan_grace_s)
    signal.signal(signal.SIGTERM, lambda *_: shim.leave())
    try:
        shim.run()
    finally:
        os.unlink(socket_path)


def _end_leftovers(directory: str) -> None:
    """A former shim of this directory was killed: what it ran has nobody to answer to any more."""
    mark = directory.encode()
    for pid in process.all_pids():
        if pid != os.getpid() and process.environment(pid, b"RAYMESOS_SHIM") == mark:
            process.send_signal(pid, signal.SIGKILL)


if __name__ == "__main__":
    arguments = dict(zip(sys.argv[1::2], sys.argv[2::2], strict=True))
    main(arguments["--socket"], arguments["--directory"], float(arguments.get("--orphan-grace", "30")))
