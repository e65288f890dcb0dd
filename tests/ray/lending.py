"""Run by a test in a process of its own: a cluster whose agent lends out a CPU, and a framework that runs a task on it."""

from __future__ import annotations

import threading

import raymesos as rm
from raymesos.sdk import FrameworkInfo, Offer, TaskInfo, TaskStatus


class Borrower(rm.Scheduler):
    """Runs one task on the first revocable resources that it is offered."""

    def __init__(self) -> None:
        self.ended = threading.Event()
        self.borrowed = False

    def resource_offers(self, driver: rm.Driver, offers: list[Offer]) -> None:
        for offer in offers:
            lent = offer.resources.revocable()
            if not lent or self.borrowed:
                driver.decline_offer(offer, 0)
                continue
            self.borrowed = True
            print(lent, flush=True)
            driver.launch_tasks(offer, TaskInfo(task_id="t", command="true", resources=lent))

    def status_update(self, driver: rm.Driver, status: TaskStatus) -> None:
        print(status.state, flush=True)
        if status.is_terminal:
            self.ended.set()


if __name__ == "__main__":
    with rm.start(agents=1, cpus=1, mem=512, quiet=True, lend="cpus:0.5", estimator="fixed") as cluster:
        borrower = Borrower()
        driver = rm.Driver(borrower, FrameworkInfo(name="borrower", roles=["dev"]), cluster)
        driver.start()
        borrower.ended.wait(30)
        driver.stop()
