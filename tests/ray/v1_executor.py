"""A custom executor of its own, as any framework of Mesos may bring one: it knows Mesos' environment and the executor API, and nothing of us.

A task's data says what becomes of it: `hold` runs until it is killed, `exit` ends the executor with status 3, anything else finishes at once. What it is sent as a message
it sends back; `again` breaks its stream.
"""

from __future__ import annotations

import base64
import os
import sys
import time
from typing import Any

from v1_sockets import Calls, Stream, new_uuid, value

ENDPOINT = os.environ["MESOS_AGENT_ENDPOINT"]
FRAMEWORK, EXECUTOR = os.environ["MESOS_FRAMEWORK_ID"], os.environ["MESOS_EXECUTOR_ID"]
PATH = "/slave(1)/api/v1/executor"
RECOVERY_S = 60.0


def call(kind: str, **body: Any) -> dict[str, Any]:
    return {"type": kind, "framework_id": value(FRAMEWORK), "executor_id": value(EXECUTOR), kind.lower(): body}


class Executor:
    def __init__(self) -> None:
        self.tasks: dict[str, Any] = {}
        self.updates: dict[str, Any] = {}

    def run(self) -> None:
        """For ever: a stream that ends is opened again, as long as there is an agent."""
        while True:
            stream = self.subscribe()
            for event in stream.events():
                if self.heard(event) == "again":
                    break
            stream.close()

    def subscribe(self) -> Stream:
        until = time.monotonic() + RECOVERY_S
        while True:
            updates = [{"status": status} for status in self.updates.values()]
            held = {"unacknowledged_tasks": list(self.tasks.values()), "unacknowledged_updates": updates}
            try:
                stream = Stream(ENDPOINT, PATH, call("SUBSCRIBE", **held))
                self.calls = Calls(ENDPOINT, PATH)
            except (OSError, ValueError, IndexError):
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)
                continue
            if stream.status == 200:
                return stream
            sys.exit(stream.text)

    def heard(self, event: dict[str, Any]) -> str:
        match event["type"]:
            case "LAUNCH":
                self.launch([event["launch"]["task"]])
            case "LAUNCH_GROUP":
                self.launch(event["launch_group"]["task_group"]["tasks"])
            case "KILL":
                self.update(event["kill"]["task_id"]["value"], "TASK_KILLED")
            case "ACKNOWLEDGED":
                self.tasks.pop(event["acknowledged"]["task_id"]["value"], None)
                self.updates.pop(event["acknowledged"]["uuid"], None)
            case "MESSAGE":
                data = event["message"]["data"]
                self.calls.send(call("MESSAGE", data=data))
                self.calls.settle()
                return base64.b64decode(data).decode()
            case "SHUTDOWN":
                sys.exit(0)
        return ""

    def launch(self, tasks: list[Any]) -> None:
        for task in tasks:
            task_id = task["task_id"]["value"]
            self.tasks[task_id] = task
            what = base64.b64decode(task.get("data", "")).decode()
            if what == "exit":
                sys.exit(3)
            self.update(task_id, "TASK_RUNNING")
            if what != "hold":
                self.update(task_id, "TASK_FINISHED")

    def update(self, task_id: str, state: str) -> None:
        status = {"task_id": value(task_id), "state": state, "source": "SOURCE_EXECUTOR", "uuid": new_uuid()}
        self.updates[status["uuid"]] = status  # type: ignore[index]
        self.calls.send(call("UPDATE", status=status))
        answers = self.calls.settle()
        if answers != [(202, "")]:
            sys.exit(f"{answers}")


if __name__ == "__main__":
    Executor().run()
