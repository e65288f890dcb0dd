"""Memory and output of running tasks, measured from /proc and kept within bounds. The plain isolator: no cgroups, no privileges.

Resident memory of a task is that of its process and its linked descendants. It is looked at every `PERIOD_S` while any task has a limit: a task that
outruns that is caught by the next look. (One look at a process costs about 15 µs here.)
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterable

from raymesos.shim import process
from raymesos.shim.tasks import Task, kill_task

PERIOD_S = 0.1
# With this many tasks a look every PERIOD_S would cost more than a hundredth of a core.
MANY_TASKS = 50
SLOW_PERIOD_S = 0.5
# A task's stdout and stderr, each. What is printed beyond it is dropped and the file says so.
OUTPUT_BYTES = 10 * 1024 * 1024
_NOTE = b"\n[output truncated: more than %d bytes]\n" % OUTPUT_BYTES


def period(tasks: int) -> float:
    return PERIOD_S if tasks <= MANY_TASKS else SLOW_PERIOD_S


def enforce(tasks: Iterable[Task]) -> None:
    """Look at each running task; kill what is over its memory, cut what printed too much."""
    for task in tasks:
        if not task.pid:
            continue
        used = sum(process.rss_kb(pid) for root in (task.pid, *task.beside) for pid in process.tree(root))
        task.peak_rss_kb = max(task.peak_rss_kb, used)
        if task.mem_kb and used > task.mem_kb and not task.over_memory:
            task.over_memory = f"memory limit exceeded: used {used // 1024} MB of {task.mem_kb // 1024} MB"
            kill_task(task, signal.SIGKILL)
        cut_output(task)


def cut_output(task: Task) -> None:
    """Bring stdout and stderr within their bound. Between two looks they may outgrow it: look again when the process has ended.

    Of a resident the last is of use, not the first: its file becomes `<name>.1`, in the place of an older one, and begins anew.
    """
    for name in ("stdout", "stderr"):
        path = task.sandbox + name
        try:
            if os.stat(path).st_size <= OUTPUT_BYTES + len(_NOTE):
                continue
            if task.kind == "resident":
                _rotate(path)
                continue
            # The writers append, so they go on behind the note; the next look cuts them again.
            os.truncate(path, OUTPUT_BYTES)
            with open(path, "ab") as file:
                file.write(_NOTE)
        except OSError:
            continue


def _rotate(path: str) -> None:
    """What is written while the last of it is copied is lost: the writers hold the file itself, so it cannot be renamed."""
    shutil.copyfile(path, f"{path}.1.new")
    os.truncate(path, 0)
    os.replace(f"{path}.1.new", f"{path}.1")
