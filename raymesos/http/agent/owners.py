"""Whose sandbox a path is in, for callers that see some roles only: sandboxes of all roles lie beside each other."""

from __future__ import annotations

from raymesos.errors import UnknownId
from raymesos.http.agent.files import Sandboxes
from raymesos.http.agent.site import AgentSite
from raymesos.observe.state import View
from raymesos.shim.tasks import file_name


def is_seen(path: str, agent_id: str, agent: AgentSite, whole: View, seen: View) -> bool:
    """Whether all that the sandbox of `path` is, is in the view `seen` of the `whole`: a task's, or a custom executor's. Reads the disk."""
    try:
        sandbox = Sandboxes(agent).sandbox_of(path)
    except (UnknownId, OSError):
        return False
    for container in agent.containers():
        if container.container_id == sandbox:
            return (container.framework_id, agent_id, container.executor_id) in seen.executors
    # Tasks of two frameworks may have one name.
    named = [
        key
        for notes in (whole.tasks, whole.ended_tasks)
        for key, note in list(notes.items())
        if note.agent_id == agent_id and file_name(note.task_id) == sandbox
    ]
    return bool(named) and all(key in seen.tasks or key in seen.ended_tasks for key in named)
