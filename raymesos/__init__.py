"""raymesos: teams share one Ray cluster by Mesos' two-level scheduling. `import raymesos as rm` loads nothing heavy.

The public names are imported when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from raymesos.client import Cluster as Cluster
    from raymesos.client import Job as Job
    from raymesos.client import Service as Service
    from raymesos.client import connect as connect
    from raymesos.client import start as start
    from raymesos.model.descriptors import Delayed as Delayed
    from raymesos.model.descriptors import ExponentialBackOff as ExponentialBackOff
    from raymesos.model.descriptors import Immediate as Immediate
    from raymesos.model.disruption import AvailabilityPercentageLimit as AvailabilityPercentageLimit
    from raymesos.model.disruption import DisruptionBudget as DisruptionBudget
    from raymesos.model.disruption import PercentagePerHour as PercentagePerHour
    from raymesos.model.disruption import PercentagePerInterval as PercentagePerInterval
    from raymesos.model.disruption import PerInterval as PerInterval
    from raymesos.model.disruption import RelocationLimit as RelocationLimit
    from raymesos.model.disruption import SelfManaged as SelfManaged
    from raymesos.model.disruption import TimeWindow as TimeWindow
    from raymesos.model.disruption import UnhealthyTasksLimit as UnhealthyTasksLimit
    from raymesos.model.disruption import Unlimited as Unlimited
    from raymesos.model.jobs import BatchJob as BatchJob
    from raymesos.model.resources import Resources as Resources
    from raymesos.model.service_checks import CommandCheck as CommandCheck
    from raymesos.model.service_checks import HttpCheck as HttpCheck
    from raymesos.model.service_checks import TcpCheck as TcpCheck
    from raymesos.model.service_scaling import Step as Step
    from raymesos.model.service_scaling import StepScaling as StepScaling
    from raymesos.model.service_scaling import TargetTracking as TargetTracking
    from raymesos.model.services import Capacity as Capacity
    from raymesos.model.services import RollingUpdate as RollingUpdate
    from raymesos.model.services import ServiceJob as ServiceJob
    from raymesos.sdk import Driver as Driver
    from raymesos.sdk import Scheduler as Scheduler

__version__ = "0.1.0"

_HOME = {
    "start": "raymesos.client",
    "connect": "raymesos.client",
    "Cluster": "raymesos.client",
    "Job": "raymesos.client",
    "Service": "raymesos.client",
    "BatchJob": "raymesos.model.jobs",
    "Immediate": "raymesos.model.descriptors",
    "Delayed": "raymesos.model.descriptors",
    "ExponentialBackOff": "raymesos.model.descriptors",
    "ServiceJob": "raymesos.model.services",
    "Capacity": "raymesos.model.services",
    "RollingUpdate": "raymesos.model.services",
    "HttpCheck": "raymesos.model.service_checks",
    "TcpCheck": "raymesos.model.service_checks",
    "CommandCheck": "raymesos.model.service_checks",
    "TargetTracking": "raymesos.model.service_scaling",
    "StepScaling": "raymesos.model.service_scaling",
    "Step": "raymesos.model.service_scaling",
    "DisruptionBudget": "raymesos.model.disruption",
    "SelfManaged": "raymesos.model.disruption",
    "AvailabilityPercentageLimit": "raymesos.model.disruption",
    "UnhealthyTasksLimit": "raymesos.model.disruption",
    "RelocationLimit": "raymesos.model.disruption",
    "Unlimited": "raymesos.model.disruption",
    "PercentagePerHour": "raymesos.model.disruption",
    "PerInterval": "raymesos.model.disruption",
    "PercentagePerInterval": "raymesos.model.disruption",
    "TimeWindow": "raymesos.model.disruption",
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
