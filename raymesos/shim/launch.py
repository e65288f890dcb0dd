"""Start an agent's shim, or find the one that still lives from before the agent was killed."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from raymesos.shim import process
from raymesos.shim.client import ShimClient
from raymesos.shim.protocol import Broken

START_TIMEOUT_S = 20.0
# With no client for so long the cluster is gone: nothing may be left behind.
ORPHAN_GRACE_S = 30.0


@dataclass(frozen=True, slots=True)
class ShimAddress:
    """Where a shim listens, and which process it is (pid and start time: a pid alone may be somebody else's by now)."""

    socket: str
    directory: str
    pid: int
    start_time: int

    @property
    def alive(self) -> bool:
        return process.start_time(self.pid) == self.start_time != 0

    def shutdown(self, timeout_s: float = 5.0) -> None:
        """Have it end everything it owns and leave; kill it if it does not."""
        try:
            client = ShimClient.connect(self.socket, "shutdown")
            client.send("shutdown")
            client.close()
        except (OSError, Broken):
            pass  # It is gone, or cannot answer: both are settled below.
        deadline = time.monotonic() + timeout_s
        while self.alive and time.monotonic() < deadline:
            time.sleep(0.01)
        if self.alive:
            process.send_signal(self.pid, 9)


def start_shim(directory: Path | str, *, orphan_grace_s: float = ORPHAN_GRACE_S) -> ShimAddress:
    """The shim of `directory`: the one that lives, else a new one, twice forked so that it outlives its starter. Raises OSError if it does not come up."""
    home = Path(directory).resolve()
    home.mkdir(parents=True, exist_ok=True)
    known = home / "shim.json"
    found = _find(known)
    if found is not None:
        return found
    path = _socket_path(home)
    Path(path).unlink(missing_ok=True)
    _spawn(home, path, orphan_grace_s)
    client = _await(path)
    address = ShimAddress(path, str(home), client.pid, process.start_time(client.pid))
    client.close()
    known.write_text(json.dumps([address.socket, address.directory, address.pid, address.start_time]))
    return address


def find_shim(directory: Path | str) -> ShimAddress | None:
    """The living shim of `directory`, if there is one."""
    return _find(Path(directory).resolve() / "shim.json")


def _find(known: Path) -> ShimAddress | None:
    try:
        address = ShimAddress(*json.loads(known.read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return address if address.alive else None


def _spawn(home: Path, path: str, orphan_grace_s: float) -> None:
    """A small child forks the shim and leaves, so that the shim's parent is not us and Ray's sweep of an actor's children does not find it."""
    main = f"from raymesos.shim.__main__ import main; main({path!r}, {str(home)!r}, {orphan_grace_s!r})"
    shim = process.bare_python(main)
    code = (
        "import os, sys\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        f"    log = os.open({str(home / 'shim.log')!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)\n"
        "    os.dup2(os.open('/dev/null', os.O_RDONLY), 0); os.dup2(log, 1); os.dup2(log, 2)\n"
        "    os.closerange(3, 4096)\n"
        f"    os.execv({sys.executable!r}, {shim!r})\n"
    )
    subprocess.run([sys.executable, "-S", "-E", "-c", code], check=True, timeout=START_TIMEOUT_S, env=_environment())


def _environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith("RAYMESOS_")}


def _await(path: str) -> ShimClient:
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            return ShimClient.connect(path, "starter")
        except (OSError, Broken):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.005)


def _socket_path(home: Path) -> str:
    """A unix socket's path has at most 107 bytes; a deep directory gets one in the temp directory, named after it."""
    path = str(home / "shim.sock")
    if len(path.encode()) <= 100:
        return path
    return f"{tempfile.gettempdir()}/raymesos-{hashlib.blake2b(path.encode(), digest_size=8).hexdigest()}.sock"
