"""The directories of an agent's persistent volumes, on its node's disk: `volumes/roles/<role>/<id>` below the agent's own directory or the root of the disk that they are on.

A disk that is taken whole is its volume: what is in it goes with the volume, the directory stays. (Mesos: paths.cpp, getPersistentVolumePath)
"""

from __future__ import annotations

import shutil
import tempfile
import threading
from functools import partial
from pathlib import Path

from raymesos.model.resources import Resources
from raymesos.wire.messages import ChangeVolumes, Volume

_GOING = ".removed-"
KEPT_FREE_MB = 5 * 1024


def disk_for_agent(directory: Path, sharers: int) -> Resources:
    """The agent's part of the disk that its directory is on: all but 5 GB of it, or half of a small one. The size counts, not what is free now: what is reserved must be
    there after each restart. (Mesos: Containerizer::resources)"""
    whole_mb = shutil.disk_usage(directory).total // 2**20
    usable_mb = whole_mb - KEPT_FREE_MB if whole_mb > 2 * KEPT_FREE_MB else whole_mb // 2
    return Resources.of_milli({"disk": 1000 * (usable_mb // sharers)})


def path_of(volume: Volume, home: Path) -> Path:
    """Where the volume of the agent with the directory `home` is; relative roots lie below that."""
    root = home / volume.root if volume.root else home
    if volume.source == "MOUNT":
        return root
    return root / "volumes" / "roles" / volume.role.replace("/", "%2F") / volume.id


def change(message: ChangeVolumes, home: Path) -> None:
    """Make and remove directories. What is removed is out of the way at once and gone soon. Raises OSError."""
    for volume in message.remove:
        _clear(volume, home)
    for volume in message.make:
        _clear(volume, home)
    for volume in message.keep:
        _finish_removing(volume, home)
    for volume in (*message.make, *message.keep):
        path_of(volume, home).mkdir(parents=True, exist_ok=True)


def _clear(volume: Volume, home: Path) -> None:
    path, beside = path_of(volume, home), _beside(volume, home)
    if not path.exists():
        return
    going = [path]
    if volume.source == "MOUNT":
        going = [each for each in path.iterdir() if not each.name.startswith(_GOING)]
    trash = Path(tempfile.mkdtemp(prefix=_GOING, dir=beside))
    for each in going:
        each.replace(trash / each.name)
    _remove(trash)


def _finish_removing(volume: Volume, home: Path) -> None:
    """What a former life of the agent was removing when it ended."""
    for trash in _beside(volume, home).glob(f"{_GOING}*"):
        _remove(trash)


def _beside(volume: Volume, home: Path) -> Path:
    """A directory on the volume's disk."""
    path = path_of(volume, home)
    return path if volume.source == "MOUNT" else path.parents[2]


def _remove(trash: Path) -> None:
    """A volume may hold a million files: the agent does not stand still for them."""
    remove = partial(shutil.rmtree, trash, ignore_errors=True)
    threading.Thread(target=remove, name="volumes", daemon=True).start()
