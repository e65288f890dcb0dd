"""The sandboxes of tasks that are over: kept for those who want their logs, the oldest removed."""

from __future__ import annotations

import os
from collections import deque

# Two small files each, as a rule: some ten minutes of the busiest agent, weeks of a quiet one. (Mesos keeps by age and disk: gc_delay)
SANDBOXES_KEPT = 10_000
# Removed so many at a time, by a process of its own: a task may have left a million files.
REMOVED_AT_ONCE = 100


class Sandboxes:
    def __init__(self, directory: str) -> None:
        """What a former shim left in `directory` counts as oldest."""
        entries = sorted(os.scandir(directory), key=lambda entry: entry.stat(follow_symlinks=False).st_mtime)
        self._kept = deque(entry.path for entry in entries)

    def ended(self, path: str) -> None:
        """The task of this sandbox is over."""
        self._kept.append(path)
        if len(self._kept) >= SANDBOXES_KEPT + REMOVED_AT_ONCE:
            oldest = [self._kept.popleft() for _ in range(len(self._kept) - SANDBOXES_KEPT)]
            for at in range(0, len(oldest), REMOVED_AT_ONCE):
                os.posix_spawnp("rm", ["rm", "-rf", "--", *oldest[at : at + REMOVED_AT_ONCE]], os.environ)
