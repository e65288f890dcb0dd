"""What both sides of the door know: paths, the media type, and the few calls that there are. Nothing else can be called."""

from __future__ import annotations

from raymesos.wire.jobs import CancelJob, ChangeAttributes, EndTask, ForgetJobs, SetBudget, Submit

PREFIX = "/api/door/v1"
MEDIA_TYPE = "application/vnd.raymesos+msgpack"

CALLS = {
    "find": "jobs/find",
    "status": "jobs/status",
    "tasks": "jobs/tasks",
    "where_ran": "jobs/where",
    "poll": "jobs/poll",
}
"""Methods of the batch framework's actor, by path."""
READ_LOG = "tasks/log"
ASKS: dict[type, str] = {
    Submit: "jobs/submit",
    CancelJob: "jobs/cancel",
    ForgetJobs: "jobs/forget",
    ChangeAttributes: "jobs/attributes",
    SetBudget: "jobs/budget",
    EndTask: "tasks/end",
}
"""Messages that the batch framework may be sent, by path."""
OPERATE, VIEWS, DATA, CLUSTER = "operate", "views", "data", "cluster"

# Data travels in pieces of so much: a broken connection costs one of them, and neither side's memory holds more than that for it.
PIECE_BYTES = 8 * 2**20
# A poll waits at most so long on the server's side; who wants to wait longer asks again.
MAX_WAIT_S = 10.0
