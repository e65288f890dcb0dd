"""A custom executor on plain sockets, run by an agent: each task runs at once, for no time at all. It stands alone: no package is on its path but this folder."""

from __future__ import annotations

import base64
import os
import time
from typing import Any

from v1_client import Connection

PATH = "/api/v1/executor"


def main() -> None:
    host, _, port = os.environ["MESOS_AGENT_ENDPOINT"].rpartition(":")
    framework_id = {"value": os.environ["MESOS_FRAMEWORK_ID"]}
    executor_id = {"value": os.environ["MESOS_EXECUTOR_ID"]}
    me = {"framework_id": framework_id, "executor_id": executor_id}
    subscribe = {"type": "SUBSCRIBE", **me, "subscribe": {"unacknowledged_tasks": [], "unacknowledged_updates": []}}
    connection = Connection(host, int(port), PATH, subscribe)

    def update(task_id: dict[str, Any], state: str) -> None:
        status = {
            "task_id": task_id,
            "state": state,
            "source": "SOURCE_EXECUTOR",
            "executor_id": executor_id,
            "timestamp": time.time(),
            "uuid": base64.b64encode(os.urandom(16)).decode(),
        }
        connection.call({"type": "UPDATE", **me, "update": {"status": status}})

    while True:
        for event in connection.pump(1.0):
            if event["type"] == "LAUNCH":
                task_id = event["launch"]["task"]["task_id"]
                update(task_id, "TASK_RUNNING")
                update(task_id, "TASK_FINISHED")
            elif event["type"] in ("SHUTDOWN", "ERROR"):
                return


if __name__ == "__main__":
    main()
