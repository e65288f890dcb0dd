"""A jobs API with the real batch framework behind it, and nothing else: the test plays the master and the executors."""

from __future__ import annotations

import sys
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

from http_rig import NoDoor, call, site

from raymesos.http.app import make_app
from raymesos.http.views import Views
from raymesos.machine import BATCH, Outbox, Wake
from raymesos.model.attributes import Attributes
from raymesos.model.resources import Resources
from raymesos.model.tasks import TaskState
from raymesos.wire.codec import decode, encode
from raymesos.wire.notes import AgentNote, NotesBegin, NotesComplete
from raymesos.wire.work import Blob

sys.path.append(str(Path(__file__).parents[1] / "frameworks" / "batch"))
from batch_rig import CLIENT, EXECUTOR, Rig, Task, report_of

DESCRIPTOR: dict[str, Any] = {
    "owner": {"teamEmail": "t@x"},
    "applicationName": "shop",
    "capacityGroup": "ads",
    "jobGroupInfo": {"stack": "main", "detail": "canary", "sequence": "v001"},
    "attributes": {"k": "v"},
    "container": {
        "resources": {"cpu": 1.0, "gpu": 0, "memoryMB": 512, "diskMB": 10, "networkMbps": 128, "shmSizeMB": 64},
        "securityProfile": {"securityGroups": ["sg-1"], "iamRole": "role"},
        "image": {"name": "repo/img", "tag": "latest"},
        "entryPoint": ["/bin/echo"],
        "command": ["hello"],
        "env": {"A": "1"},
        "softConstraints": {"constraints": {"ZoneBalance": "true"}},
    },
    "batch": {
        "size": 3,
        "runtimeLimitSec": 3600,
        "retryPolicy": {"immediate": {"retries": 2}},
        "retryOnRuntimeLimit": False,
    },
    "disruptionBudget": {"selfManaged": {"relocationTimeMs": 600000}},
    "networkConfiguration": {"networkMode": "Ipv4Only"},
}


def descriptor(**fields: Any) -> dict[str, Any]:
    """The descriptor with other values; a name like `batch__size` is a path, None leaves the field out."""
    found: Any = deepcopy(DESCRIPTOR)
    for name, value in fields.items():
        *heads, leaf = name.split("__")
        at = found
        for head in heads:
            at = at[head]
        if value is None:
            at.pop(leaf, None)
        else:
            at[leaf] = value
    return found


class BatchDoor(NoDoor):
    """Leads to the framework of the rig; what it notes is in the views at once."""

    def __init__(self, world: JobsWorld) -> None:
        self._world = world
        self.logs: dict[tuple[str, int, str], bytes] = {}

    def ask(self, actor: str, message: Any, timeout_s: float = 60.0) -> Any:
        assert actor == BATCH
        return self._world.ask(decode(encode(message)))

    def call(self, actor: str, method: str, *arguments: Any, timeout_s: float = 60.0) -> Any:
        assert method == "read_log"
        task_id, index, stream, offset, length = arguments
        return self.logs[task_id, index, stream][offset:][:length]


class JobsWorld:
    """`app` answers from views that the framework's notes have made. What the test does to `rig` is seen after `show`."""

    def __init__(self, **fields: Any) -> None:
        self.rig = Rig()
        self.views = Views()
        agent = AgentNote(1, "A1", "agent1", "h1", "active", Resources.parse("cpus:4"), Attributes())
        self.views.take([NotesBegin(), agent, NotesComplete()])
        self.door = BatchDoor(self)
        self.site = site(views=self.views, door=self.door, **fields)
        self.app = make_app(self.site)

    def ask(self, message: Any) -> Any:
        out = self._collected(message)
        self.show()
        return next(m for to, m in reversed(out.sends) if to == CLIENT)

    def show(self) -> None:
        """What has changed is in the views."""
        out = Outbox()
        self.rig.machine.handle(self.rig.now, BATCH, Wake("notes"), out)
        if out.notes:
            self.views.take(out.notes)

    def _collected(self, message: Any) -> Outbox:
        """As the rig's `tell`, with the notes that come at once."""
        out = Outbox()
        rig = self.rig
        rig.machine.handle(rig.now, CLIENT, message, out)
        rig.machine.check()
        rig.journal += [encode(record) for record in out.records]
        rig.sent += out.sends
        for to, each in out.sends:
            if to == "master":
                rig._as_master(each)
        if out.notes:
            self.views.take(out.notes)
        return out

    # ------------------------------------------------------------ as a client

    def submit(self, **fields: Any) -> str:
        """The id of a new job."""
        answer = call(self.app, "POST", "/api/v3/jobs", json=descriptor(**fields))
        assert answer.status_code == 202, answer.text
        found: str = answer.json()["id"]
        return found

    def get(self, path: str, **query: Any) -> Any:
        answer = call(self.app, "GET", f"/api/v3{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refusal(self, method: str, path: str, **fields: Any) -> tuple[int, dict[str, Any]]:
        answer = call(self.app, method, f"/api/v3{path}", **fields)
        assert 400 <= answer.status_code < 600, answer.text
        body = answer.json()
        assert body["statusCode"] == answer.status_code and body["message"]
        return answer.status_code, body

    def ask_cancel(self, job: str) -> None:
        call(self.app, "DELETE", f"/api/v3/jobs/{job}")

    # ------------------------------------------------------------ as master and executor

    def offer(self, resources: str = "cpus:4;mem:4096;disk:4096", role: str = "ads") -> list[Task]:
        self.rig.now += 10
        tasks = self.rig.offer(resources, role=role)
        self.show()
        return tasks

    def run(self, *tasks: Task) -> None:
        self.rig.now += 10
        self.rig.run(*tasks)
        self.show()

    def finish(self, *tasks: Task, failed: dict[int, str] | None = None) -> None:
        """Commands that are over; `failed` are those with another exit code than 0, and what is said of them."""
        self.rig.now += 10
        for task in tasks:
            self.rig.tell(replace(report_of(task, failed=failed), results=Blob()), EXECUTOR)
            self.rig.update(task, TaskState.FINISHED)
        self.show()
