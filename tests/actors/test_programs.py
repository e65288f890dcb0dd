"""Custom executors as programs of a real shim: begun with Mesos' environment once the agent has an address, limited, ended, and found again by the agent's next life."""

from __future__ import annotations

import json
import queue
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from raymesos.actors.plan import AgentPlan, ClusterPlan, HttpPlan
from raymesos.actors.programs import NO_HTTP, Programs
from raymesos.http.agent.containers import read_containers, sandbox_of
from raymesos.http.agent.executor_tokens import VARIABLE, Claims, ExecutorTokens
from raymesos.machine import Outbox
from raymesos.model.resources import Resources
from raymesos.model.tasks import Reason
from raymesos.shim.launch import ShimAddress, start_shim
from raymesos.wire.messages import ExecutorInfo, ExecutorLost, LimitExecutor, StartExecutor
from raymesos.wire.work import CommandWork, Uri

PATIENCE_S = 30.0
IDS = ("F1", "e")
ENDPOINT = "127.0.0.1:5051"


class Inbox:
    """What is posted to the launcher."""

    def __init__(self) -> None:
        self.came: queue.Queue[Any] = queue.Queue()

    def post(self, to: str, sender: str, message: Any) -> None:
        self.came.put(message)


class Rig:
    """One life of the agent's launcher."""

    def __init__(self, work_dir: Path, *, http: HttpPlan | None = HttpPlan()) -> None:  # noqa: B008 - a frozen value
        plan = ClusterPlan("test", "c", str(work_dir), 0, http=http)
        self.inbox = Inbox()
        self.home = plan.directory("agents/A1")
        self.programs = Programs(plan, AgentPlan("A1", "n1", "cpus:1"), self.inbox, "launcher/A1")  # type: ignore[arg-type]
        self.programs.recover()

    def start(self, script: str, *, served: bool = True, **more: Any) -> list[Any]:
        command = CommandWork(("/bin/sh", "-c", script), (("MINE", "1"),), uris=more.pop("uris", ()))
        info = ExecutorInfo("e", command, Resources.parse("cpus:0.1;mem:64"), name="mine", role="dev", **more)
        out = Outbox()
        self.programs.start(5, StartExecutor(*IDS, "c-S1", info), info, out)
        if served:
            self.programs.served(ENDPOINT)
        return [m for _, m in out.sends]

    def next(self) -> list[ExecutorLost]:
        """Take one piece of news. Returns what the agent is told of it."""
        out = Outbox()
        self.programs.heard(self.inbox.came.get(timeout=PATIENCE_S), out)
        return [m for to, m in out.sends if to == "agent/A1"]

    def until_lost(self) -> ExecutorLost:
        while not (told := self.next()):
            pass
        return told[0]

    def until_started(self) -> None:
        while not any(c.pid for c in read_containers(self.home)):
            assert self.next() == []

    def sandbox(self) -> Path:
        [container] = read_containers(self.home)
        return sandbox_of(self.home, container.container_id)


@pytest.fixture
def shim(tmp_path: Path) -> Iterator[ShimAddress]:
    started = start_shim(tmp_path / "agents" / "A1" / "shim")
    yield started
    started.shutdown()


@pytest.fixture
def rig(shim: ShimAddress, tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def test_it_begins_with_mesos_environment_in_its_sandbox(rig: Rig, tmp_path: Path) -> None:
    dump = "import json, os; json.dump([dict(os.environ), os.getcwd()], open(os.environ['OUT'], 'w'))"
    rig.start(f'OUT={tmp_path}/env.json {sys.executable} -c "{dump}"', shutdown_grace_ms=700)
    sandbox = str(rig.sandbox())
    assert rig.until_lost() == ExecutorLost(*IDS, "exit 0", 0)
    env, where = json.loads((tmp_path / "env.json").read_text())
    assert where == sandbox
    wanted = {
        "MESOS_FRAMEWORK_ID": "F1",
        "MESOS_EXECUTOR_ID": "e",
        "MESOS_SLAVE_ID": "c-S1",
        "MESOS_AGENT_ENDPOINT": ENDPOINT,
        "MESOS_DIRECTORY": sandbox,
        "MESOS_SANDBOX": sandbox,
        "MESOS_CHECKPOINT": "1",
        "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD": "700ms",
        "MINE": "1",
    }
    assert wanted.items() <= env.items() and VARIABLE not in env
    assert read_containers(rig.home) == []


def test_where_callers_are_asked_it_finds_a_token_that_says_which_run_it_is(shim: ShimAddress, tmp_path: Path) -> None:
    rig = Rig(tmp_path, http=HttpPlan(auth=True))
    rig.start(f"echo -n ${VARIABLE} > token; exec sleep 60")
    rig.until_started()
    [container] = read_containers(rig.home)
    token = rig.sandbox() / "token"
    while not token.exists() or not token.read_text():
        time.sleep(0.01)
    shown = b"Bearer " + token.read_bytes()
    assert ExecutorTokens(rig.home).shown(shown) == Claims(*IDS, container.container_id)
    assert ExecutorTokens(rig.home).shown(shown[:-1]) is None
    assert (rig.home / "executor-key").stat().st_mode & 0o777 == 0o600
    assert Rig(tmp_path, http=HttpPlan(auth=True)).programs._key == rig.programs._key


def test_until_the_agent_has_an_address_it_waits(rig: Rig) -> None:
    rig.start("exit 3", served=False)
    assert rig.inbox.came.empty()
    rig.programs.served(ENDPOINT)
    assert rig.until_lost() == ExecutorLost(*IDS, "exit 3", 3 << 8)


def test_one_that_still_waits_is_given_up_when_it_is_to_end(rig: Rig) -> None:
    rig.start("true", served=False)
    out = Outbox()
    assert rig.programs.stop(*IDS, out)
    assert [type(m) for _, m in out.sends] == [ExecutorLost]
    rig.programs.served(ENDPOINT)
    assert rig.inbox.came.empty()


def test_without_http_it_never_begins(shim: ShimAddress, tmp_path: Path) -> None:
    [lost] = Rig(tmp_path, http=None).start("true")
    assert (lost.message, lost.reason) == (NO_HTTP, Reason.CONTAINER_LAUNCH_FAILED)


def test_one_that_is_to_end_is_terminated_and_another_is_none_of_ours(rig: Rig) -> None:
    rig.start("sleep 60")
    rig.until_started()
    assert not rig.programs.stop("F1", "other", Outbox())
    assert rig.programs.stop(*IDS, Outbox())
    lost = rig.until_lost()
    assert (lost.exit_status, lost.reason) == (15, Reason.NONE)


def test_over_its_limit_it_is_ended_and_that_is_said(rig: Rig) -> None:
    rig.start(f"exec {sys.executable} -c 'x = bytearray(60 * 2**20); import time; time.sleep(60)'")
    rig.until_started()
    rig.programs.limit(LimitExecutor(*IDS, 20_000))
    lost = rig.until_lost()
    assert (lost.exit_status, lost.reason) == (9, Reason.CONTAINER_LIMITATION_MEMORY)


def test_one_that_cannot_be_run_and_one_whose_files_cannot_be_had_never_begin(rig: Rig) -> None:
    rig.start("true", uris=(Uri("/no/such/file"),))
    lost = rig.until_lost()
    assert lost.reason is Reason.CONTAINER_LAUNCH_FAILED
    assert "Failed to fetch '/no/such/file'" in lost.message
    info = ExecutorInfo("e", CommandWork(("/no/such/program",)))
    rig.programs.start(6, StartExecutor(*IDS, "c-S1", info), info, Outbox())
    assert rig.until_lost().reason is Reason.CONTAINER_LAUNCH_FAILED


def test_the_next_life_of_the_agent_finds_those_that_live_and_hears_of_those_that_ended(
    shim: ShimAddress, tmp_path: Path
) -> None:
    former = Rig(tmp_path)
    former.start("sleep 60")
    former.until_started()
    rig = Rig(tmp_path)
    assert [c.key for c in read_containers(rig.home)] == [IDS]
    assert rig.programs.stop(*IDS, Outbox())
    assert rig.until_lost().exit_status == 15
    rig.start("sleep 60")
    rig.until_started()
    shim.shutdown()
    start_shim(tmp_path / "agents" / "A1" / "shim")
    assert Rig(tmp_path).until_lost() == ExecutorLost(*IDS, "it ended unseen")
