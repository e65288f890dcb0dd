"""An executor's way to the shim, without a cluster."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from raymesos.actors.plan import AgentPlan, ClusterPlan
from raymesos.actors.shim_side import ShimSide
from raymesos.machine import Outbox
from raymesos.model.tasks import Reason
from raymesos.shim.launch import start_shim
from raymesos.wire.messages import StartWork, WorkEnded
from raymesos.wire.work import Blob, ChunkWork, CommandWork

PATIENCE_S = 30.0


class Posts:
    """A host that keeps what is posted to the executor."""

    def __init__(self) -> None:
        self.posted: queue.Queue[Any] = queue.Queue()

    def post(self, to: str, sender: str, message: Any) -> None:
        self.posted.put(message)

    def next(self, kind: type) -> Any:
        while not isinstance(message := self.posted.get(timeout=PATIENCE_S), kind):
            pass
        return message


@pytest.fixture
def posts() -> Posts:
    return Posts()


@pytest.fixture
def side(tmp_path: Path, posts: Posts) -> Iterator[ShimSide]:
    shim = start_shim(tmp_path / "shim")
    agent, plan = AgentPlan("A1", "node-1", "cpus:1"), ClusterPlan("c", "c", str(tmp_path), 1)
    made = ShimSide("shim/A1/e", "executor/A1/e", "e", posts, tmp_path, agent, plan)  # type: ignore[arg-type]
    made.begin()
    yield made
    shim.shutdown()


def test_a_command_runs_and_its_end_is_told(side: ShimSide, posts: Posts) -> None:
    side.handle(0, "executor/A1/e", StartWork("t", CommandWork(("sh", "-c", "exit 3")), "r"), Outbox())
    end = posts.next(WorkEnded)
    assert (end.task_id, end.exit_code, end.reason) == ("t", 3, Reason.NONE)


def test_data_that_cannot_be_fetched_are_not_the_users_fault(side: ShimSide, posts: Posts, tmp_path: Path) -> None:
    (tmp_path / "fetched").write_text("in the way of the directory for what is fetched")
    elsewhere = Blob(path="/inputs", node_id="node-2", key="j/inputs")
    work = ChunkWork("j", 0, 1, elsewhere, elsewhere, reply_to="framework/batch")
    side.handle(0, "executor/A1/e", StartWork("t", work, "r"), Outbox())
    end = posts.next(WorkEnded)
    assert (end.task_id, end.exit_code, end.signal) == ("t", None, None)
    assert end.reason is Reason.EXECUTOR_TERMINATED
    assert end.message.startswith("its data could not be fetched: ")
