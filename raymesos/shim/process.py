"""What the shim asks the kernel about processes. Linux only: prctl by ctypes, the rest from /proc."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36
_PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024

_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(number: int = signal.SIGKILL) -> None:
    """This process gets `number` when its parent ends."""
    _libc.prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)


def adopt_orphans() -> None:
    """Orphaned descendants become children of this process, so that none escapes by a double fork."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def name_process(name: str) -> None:
    """What `ps` shows as the command's name (15 bytes)."""
    _libc.prctl(_PR_SET_NAME, name.encode()[:15], 0, 0, 0)


def be_ordinary() -> None:
    """Nice 0 and no first place in line for the OOM killer: Ray's workers have neither, and children inherit."""
    try:
        os.setpriority(os.PRIO_PROCESS, 0, 0)
    except PermissionError:
        pass  # Only root may lower it; without, tasks run as nice as Ray's workers.
    try:
        write("/proc/self/oom_score_adj", b"0")
    except OSError:
        pass  # The same.


def read(path: str) -> bytes:
    """The whole file, as /proc wants it. Raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(fd, 65_536)
    finally:
        os.close(fd)


def write(path: str, data: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, data)
    finally:
        os.close(fd)


def import_path() -> list[str]:
    """`sys.path` for a child started without site: ours, and where this package itself was found (an editable install has a hook instead of a path)."""
    home = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    return [*dict.fromkeys([home, *(p for p in sys.path if p)])]


def bare_python(code: str) -> list[str]:
    """The command of an interpreter that begins without site, which takes most of its start, and finds the modules that we do. `code` has `sys`."""
    return [sys.executable, "-S", "-E", "-c", f"import sys; sys.path[:] = {import_path()!r}; {code}"]


def children(pid: int) -> list[int]:
    try:
        return [int(word) for word in read(f"/proc/{pid}/task/{pid}/children").split()]
    except OSError:
        return []


def tree(pid: int) -> list[int]:
    """`pid` and its descendants that are still linked to it."""
    found = [pid]
    for each in found:
        found.extend(children(each))
    return found


def rss_kb(pid: int) -> int:
    """Resident memory of the process, 0 if it is gone."""
    try:
        return int(read(f"/proc/{pid}/statm").split()[1]) * _PAGE_KB
    except (OSError, IndexError):
        return 0


def start_time(pid: int) -> int:
    """When the process began, in clock ticks since boot: with the pid it names one process for ever. 0 if it has ended, buried or not."""
    try:
        words = read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
        return 0 if words[0] in (b"Z", b"X") else int(words[19])
    except (OSError, IndexError):
        return 0


def environment(pid: int, name: bytes) -> bytes | None:
    """The value that the process was started with for `name`."""
    try:
        entries = read(f"/proc/{pid}/environ").split(b"\0")
    except OSError:
        return None
    prefix = name + b"="
    return next((e[len(prefix) :] for e in entries if e.startswith(prefix)), None)


def send_signal(pid: int, number: int, *, group: bool = False) -> bool:
    """Signal a process or its group; one that is gone is fine. False if nobody got the signal."""
    try:
        if group:
            os.killpg(pid, number)
        else:
            os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def all_pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]
