"""A program of its own that runs a framework until it is killed: `lone_driver.py CLUSTER FAILOVER_SECONDS COMMAND` says the framework's id and each state of its task."""

from __future__ import annotations

import sys

import raymesos as rm
from raymesos.sdk import FrameworkInfo, Offer, TaskInfo, TaskStatus


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


class OneTask(rm.Scheduler):
    def __init__(self, command: str) -> None:
        self.command = command
        self.launched = False

    def subscribed(self, driver: rm.Driver, framework_id: str) -> None:
        say(framework_id)

    def resource_offers(self, driver: rm.Driver, offers: list[Offer]) -> None:
        task = TaskInfo(task_id="lone", command=self.command, resources="cpus:0.5;mem:32")
        driver.launch_tasks(offers[0], [] if self.launched else [task])
        driver.decline_offer(offers[1:])
        self.launched = True
        driver.suppress_offers()

    def status_update(self, driver: rm.Driver, status: TaskStatus) -> None:
        say(status.state)


if __name__ == "__main__":
    name, failover, command = sys.argv[1:]
    info = FrameworkInfo(name="lone", roles=["sdk"], failover_timeout=float(failover))
    rm.Driver(OneTask(command), info, rm.connect(name)).run()
