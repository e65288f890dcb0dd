"""An executor's way to the shim, without a cluster."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

from raymesos.actors.plan import AgentPlan, ClusterPlan
from raymesos.actors.shim_side import ShimSide
from raymesos.machine import Outbox
from raymesos.model.tasks import Reason
from raymesos.shim import segments
from raymesos.shim.launch import ShimAddress, start_shim
from raymesos.wire.messages import StartWork, StopWork, WorkEnded, WorkStarted
from raymesos.wire.work import Blob, ChunkWork, CommandWork

PATIENCE_S = 30.0
EXECUTOR = "executor/A1/e"


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
def shim(tmp_path: Path) -> Iterator[ShimAddress]:
    started = start_shim(tmp_path / "shim")
    yield started
    started.shutdown()


class Side(ShimSide):
    """Connected with the shim that runs in `home`. What has to be fetched comes when the test says so."""

    def __init__(self, posts: Posts, home: Path) -> None:
        agent, plan = AgentPlan("A1", "node-1", "cpus:1"), ClusterPlan("c", "c", str(home), 1)
        super().__init__("shim/A1/e", EXECUTOR, "e", posts, home, agent, plan)  # type: ignore[arg-type]
        self.come = threading.Event()
        self.begin()

    def _fetch(self, blob: Blob, work: ChunkWork) -> dict[str, Any]:
        assert self.come.wait(PATIENCE_S)
        return super()._fetch(blob, work)


@pytest.fixture
def side(shim: ShimAddress, tmp_path: Path, posts: Posts) -> Side:
    return Side(posts, tmp_path)


def test_a_command_runs_and_its_end_is_told(side: Side, posts: Posts) -> None:
    side.handle(0, EXECUTOR, StartWork("t", CommandWork(("sh", "-c", "exit 3")), "r"), Outbox())
    end = posts.next(WorkEnded)
    assert (end.task_id, end.exit_code, end.reason) == ("t", 3, Reason.NONE)


def test_a_task_that_is_stopped_while_its_data_are_fetched_never_starts(
    side: Side, posts: Posts, tmp_path: Path
) -> None:
    rows = segments.encode([cloudpickle.dumps(1)])
    here = ChunkWork("j", 0, 1, Blob(inline=cloudpickle.dumps(str)), Blob(inline=rows), pool_key="p", reply_to="f")
    (tmp_path / "fetched").mkdir()
    (tmp_path / "fetched" / "inputs").write_bytes(rows)
    far = replace(here, inputs=Blob(path="/inputs", node_id="node-2", key="inputs"))
    side.handle(0, EXECUTOR, StartWork("stopped", far, "r"), Outbox())
    out = Outbox()
    side.handle(0, EXECUTOR, StopWork("stopped", 60_000), out)
    lost = WorkEnded("stopped", reason=Reason.EXECUTOR_TERMINATED, message="stopped before it started")
    assert out.sends == [(EXECUTOR, lost)]
    side.come.set()
    side._data.shutdown()
    side.handle(0, EXECUTOR, StartWork("next", here, "r"), Outbox())
    assert posts.next(WorkStarted).task_id == posts.next(WorkEnded).task_id == "next"


def test_data_that_cannot_be_fetched_are_not_the_users_fault(side: Side, posts: Posts, tmp_path: Path) -> None:
    side.come.set()
    (tmp_path / "fetched").write_text("in the way of the directory for what is fetched")
    elsewhere = Blob(path="/inputs", node_id="node-2", key="j/inputs")
    work = ChunkWork("j", 0, 1, elsewhere, elsewhere, reply_to="framework/batch")
    side.handle(0, EXECUTOR, StartWork("t", work, "r"), Outbox())
    end = posts.next(WorkEnded)
    assert (end.task_id, end.exit_code, end.signal) == ("t", None, None)
    assert end.reason is Reason.EXECUTOR_TERMINATED
    assert end.message.startswith("its data could not be fetched: ")
