"""Launches as scripted frameworks write them."""

from __future__ import annotations

from collections.abc import Iterable

from raymesos.model.resources import Resources
from raymesos.sim.events import LaunchGroupOp, LaunchOp, Task
from raymesos.sim.programs import ExecutorRow, described
from raymesos.sim.reading import milliseconds, rows, text_of, texts, whole
from raymesos.sim.shim import SCRIPTED
from raymesos.wire.messages import Check, LaunchGroup, TaskInfo


class LaunchMakers:
    """What a framework launches; `_launched` counts its tasks, which are named after it."""

    name: str
    _launched = 0

    def launch_op(
        self,
        resources: Resources | str,
        priority: int = 0,
        *,
        task_id: str | None = None,
        executor_id: str = "",
        kill_grace: float | None = None,
        max_completion_time: float | None = None,
        volumes: Iterable[str] = (),
        executor: ExecutorRow | None = None,
        data: bytes = b"",
        health: Check | None = None,
        readiness: Check | None = None,
    ) -> LaunchOp:
        """An operation for `accept` that starts a task of this shape, with the volumes of these ids; times in seconds.

        `executor` describes the custom executor that runs it, as `{"executor_id": "e", "resources": "cpus:0.1;mem:32"}` or in the v1 API's form.
        """
        shape = Resources.of(resources)
        self._launched += 1
        id = task_id if task_id is not None else f"{self.name}.{self._launched}"
        info = TaskInfo(
            task_id=id,
            name=id,
            resources=shape,
            work=SCRIPTED if executor is None else None,
            executor_id=executor_id,
            kill_grace_ms=None if kill_grace is None else milliseconds("kill_grace", kill_grace),
            max_completion_ms=None
            if max_completion_time is None
            else milliseconds("max_completion_time", max_completion_time),
            priority=whole("priority", priority),
            executor=described(executor),
            data=data,
            health=health,
            readiness=readiness,
        )
        return LaunchOp(info, Task(id, "", shape), texts("volumes", volumes))

    def launch_group_op(
        self,
        tasks: Iterable[LaunchOp | Resources | str],
        executor_id: str = "",
        executor: ExecutorRow | None = None,
    ) -> LaunchGroupOp:
        """An operation for `accept` that starts these tasks, given as shapes or as what `launch_op` returns, on one executor, all or none.

        An executor that is named leaves after its last group; without a name it is the framework's own, which stays. `executor` describes it as in `launch_op`, with type
        DEFAULT or CUSTOM.
        """
        ops = [task if isinstance(task, LaunchOp) else self.launch_op(task) for task in rows("tasks", tasks)]
        group = LaunchGroup(tuple([op.info for op in ops]), text_of("executor_id", executor_id), described(executor))
        return LaunchGroupOp(group, tuple([op.task for op in ops]), tuple([op.volumes for op in ops]))
