"""raymesos: teams share one Ray cluster by Mesos' two-level scheduling. `import raymesos as rm` loads nothing heavy.

The public names are imported when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from raymesos.client import Cluster as Cluster
    from raymesos.client import Job as Job
    from raymesos.client import connect as connect
    from raymesos.client import start as start
    from raymesos.model.jobs import BatchJob as BatchJob
    from raymesos.model.jobs import Delayed as Delayed
    from raymesos.model.jobs import ExponentialBackOff as ExponentialBackOff
    from raymesos.model.jobs import Immediate as Immediate
    from raymesos.model.resources import Resources as Resources
    from raymesos.sdk import Driver as Driver
    from raymesos.sdk import Scheduler as Scheduler

__version__ = "0.1.0"

_HOME = {
    "start": "raymesos.client",
    "connect": "raymesos.client",
    "Cluster": "raymesos.client",
    "Job": "raymesos.client",
    "BatchJob": "raymesos.model.jobs",
    "Immediate": "raymesos.model.jobs",
    "Delayed": "raymesos.model.jobs",
    "ExponentialBackOff": "raymesos.model.jobs",
    "Resources": "raymesos.model.resources",
    "Scheduler": "raymesos.sdk",
    "Driver": "raymesos.sdk",
    "errors": "raymesos.errors",
}

__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'raymesos' has no attribute {name!r}")
    module = import_module(home)
    value = module if home.rpartition(".")[2] == name else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
