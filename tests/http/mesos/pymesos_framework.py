"""An example framework of pymesos, run by a Python that it still works with: `python pymesos_framework.py HOST:PORT TASKS`. Prints the states that it heard, as JSON."""

import json
import sys
import threading

from addict import Dict
from pymesos import MesosSchedulerDriver, Scheduler

USES = {"cpus": 0.01, "mem": 16}


class Example(Scheduler):
    def __init__(self, tasks):
        self.left = [f"pymesos-{i}" for i in range(tasks)]
        self.wanted = tasks
        self.heard = {}
        self.done = threading.Event()

    def resourceOffers(self, driver, offers):
        for offer in offers:
            room = {r.name: r.scalar.value for r in offer.resources if r.type == "SCALAR"}
            fit = min(int(room.get(name, 0) / value) for name, value in USES.items())
            batch = [self.task(self.left.pop(), offer) for _ in range(min(fit, len(self.left)))]
            if batch:
                driver.launchTasks(offer.id, batch)
            else:
                driver.declineOffer(offer.id, {"refuse_seconds": 600})

    def task(self, name, offer):
        task = Dict()
        task.task_id.value = task.name = name
        task.agent_id.value = offer.agent_id.value
        task.command.value = "true"
        task.resources = [{"name": n, "type": "SCALAR", "scalar": {"value": v}} for n, v in USES.items()]
        return task

    def statusUpdate(self, driver, update):
        states = self.heard.setdefault(update.task_id.value, [])
        if update.state not in states:
            states.append(update.state)
        if len(self.heard) == self.wanted and all("TASK_FINISHED" in s for s in self.heard.values()):
            self.done.set()


def main(master, tasks):
    example = Example(tasks)
    framework = {"user": "root", "name": "pymesos example", "role": "clients-pymesos", "failover_timeout": 60}
    driver = MesosSchedulerDriver(example, framework, master, use_addict=True)
    driver.start()
    example.done.wait(60)
    driver.stop()
    driver.join()
    print(json.dumps(example.heard))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
