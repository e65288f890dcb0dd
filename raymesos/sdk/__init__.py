"""Write a framework of your own: subclass `Scheduler`, run it with a `Driver` in any process that can reach the cluster. (docs/scheduler-sdk.md)"""

from raymesos.sdk.driver import ABORTED as ABORTED
from raymesos.sdk.driver import STOPPED as STOPPED
from raymesos.sdk.driver import Driver as Driver
from raymesos.sdk.operations import OperationStatus as OperationStatus
from raymesos.sdk.operations import create_volume as create_volume
from raymesos.sdk.operations import destroy_volume as destroy_volume
from raymesos.sdk.operations import grow_volume as grow_volume
from raymesos.sdk.operations import reserve as reserve
from raymesos.sdk.operations import shrink_volume as shrink_volume
from raymesos.sdk.operations import unreserve as unreserve
from raymesos.sdk.scheduler import Scheduler as Scheduler
from raymesos.sdk.values import FrameworkInfo as FrameworkInfo
from raymesos.sdk.values import InverseOffer as InverseOffer
from raymesos.sdk.values import Offer as Offer
from raymesos.sdk.values import TaskGroup as TaskGroup
from raymesos.sdk.values import TaskInfo as TaskInfo
from raymesos.sdk.values import TaskStatus as TaskStatus
from raymesos.sdk.values import Unavailability as Unavailability
