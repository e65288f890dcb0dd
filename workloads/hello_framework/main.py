"""A framework of our own: it runs N commands through offers, two CPUs' worth at a time if there are two, and ends.

    python -m workloads.hello_framework.main 8              # on a local cluster that it starts for itself
    python -m workloads.hello_framework.main 8 raymesos     # on the running cluster of that name (`raymesos up`)

Each offer is filled with as many tasks as it holds; what is left goes back. When nothing is left to launch it wants no more offers; a task
that was lost to the system is launched again; when all have ended it stops, which tears it down.
"""

from __future__ import annotations

import sys

import raymesos as rm
from raymesos.sdk import FrameworkInfo, Offer, TaskInfo, TaskStatus

SIZE = rm.Resources.parse("cpus:1;mem:64")


class Hello(rm.Scheduler):
    def __init__(self, count: int) -> None:
        self.waiting = [f"hello.{n}" for n in range(count)]
        self.left = count
        self.failed = 0

    def resource_offers(self, driver: rm.Driver, offers: list[Offer]) -> None:
        for offer in offers:
            tasks, room = [], offer.resources
            while self.waiting and room.contains(SIZE):
                task_id = self.waiting.pop(0)
                tasks.append(TaskInfo(task_id=task_id, command=f"echo {task_id} on {offer.agent}", resources=SIZE))
                room = room - SIZE
            driver.launch_tasks(offer, tasks)
        if not self.waiting:
            driver.suppress_offers()

    def status_update(self, driver: rm.Driver, status: TaskStatus) -> None:
        print(status.task_id, status.state, status.message)
        if status.state in ("TASK_LOST", "TASK_DROPPED", "TASK_GONE"):
            self.waiting.append(f"{status.task_id}'")
            driver.revive_offers(demand=[(SIZE, len(self.waiting))])
        elif status.is_terminal:
            self.left -= 1
            self.failed += status.state != "TASK_FINISHED"
            if not self.left:
                driver.stop()


def main(count: int, cluster: rm.Cluster) -> int:
    hello = Hello(count)
    rm.Driver(hello, FrameworkInfo(name="hello", roles=["greeters"], principal="hello"), cluster).run()
    return hello.failed


if __name__ == "__main__":
    with rm.connect(sys.argv[2]) if len(sys.argv) > 2 else rm.start(agents=2, cpus=1) as cluster:
        sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 4, cluster))
