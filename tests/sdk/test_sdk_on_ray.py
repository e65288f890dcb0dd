"""A framework in a process of its own, on a real cluster: it runs work, and its tasks outlive it for as long as it said."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import ray

import raymesos as rm
from raymesos.errors import Conflict
from raymesos.machine import MASTER
from raymesos.sdk import (
    FrameworkInfo,
    Offer,
    OperationStatus,
    TaskGroup,
    TaskInfo,
    TaskStatus,
    create_volume,
    destroy_volume,
    reserve,
    unreserve,
)
from workloads.hello_framework.main import Hello, main

pytestmark = pytest.mark.ray

LONE = Path(__file__).with_name("lone_driver.py")
SOON_S = 60.0
SIZE = "cpus:0.2;mem:32"


def until(true: Callable[[], bool]) -> None:
    """Returns when `true()` is. What is waited for is a matter of milliseconds."""
    pause = threading.Event()
    for _ in range(int(SOON_S / 0.02)):
        if true():
            return
        pause.wait(0.02)
    raise AssertionError("it did not come to be")


def state_of(cluster: rm.Cluster, framework_id: str) -> str:
    return next((str(f["state"]) for f in cluster.view("frameworks") if f["id"] == framework_id), "gone")


@contextmanager
def lone(cluster: rm.Cluster, failover: float, command: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A driver in a process of its own with one running task, and its framework id."""
    process = subprocess.Popen(
        [sys.executable, str(LONE), cluster.name, str(failover), command], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        framework_id = process.stdout.readline().strip()
        assert framework_id
        states = iter(process.stdout.readline, "")
        assert "TASK_RUNNING\n" in states
        yield process, framework_id
    finally:
        process.kill()
        process.communicate()


class Resumed(rm.Scheduler):
    """Stops at the first terminal update."""

    def __init__(self) -> None:
        self.heard: list[TaskStatus] = []
        self.ids: list[str] = []

    def subscribed(self, driver: rm.Driver, framework_id: str) -> None:
        self.ids.append(framework_id)

    def status_update(self, driver: rm.Driver, status: TaskStatus) -> None:
        self.heard.append(status)
        if status.is_terminal:
            driver.stop()


def test_the_example_runs_its_commands_and_ends(cluster: rm.Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(5, cluster) == 0
    lines = capsys.readouterr().out.splitlines()
    finished = [line.split()[0] for line in lines if "TASK_FINISHED" in line]
    assert sorted(finished) == [f"hello.{n}" for n in range(5)]
    until(lambda: all(f["state"] == "completed" for f in cluster.view("frameworks") if f["name"] == "hello"))


def test_a_killed_driver_is_resumed_by_its_id_and_gets_the_updates_it_missed(
    cluster: rm.Cluster, tmp_path: Path
) -> None:
    flag = tmp_path / "go"
    with lone(cluster, 600, f"while [ ! -e {flag} ]; do sleep 0.05; done") as (process, framework_id):
        until(lambda: state_of(cluster, framework_id) == "active")
        process.kill()
        until(lambda: state_of(cluster, framework_id) == "disconnected")
        flag.touch()
        resumed = Resumed()
        info = FrameworkInfo(name="lone", roles=["sdk"], failover_timeout=600, framework_id=framework_id)
        assert rm.Driver(resumed, info, cluster).run() == "DRIVER_STOPPED"
    assert resumed.ids == [framework_id]
    assert [(s.task_id, s.state) for s in resumed.heard] == [("lone", "TASK_FINISHED")]


def test_a_killed_driver_without_a_failover_timeout_takes_its_tasks_with_it(
    cluster: rm.Cluster, tmp_path: Path
) -> None:
    pid_file = tmp_path / "pid"
    with lone(cluster, 0, f"echo $$ > {pid_file}; exec sleep 1000") as (process, framework_id):
        until(lambda: pid_file.exists() and pid_file.read_text().endswith("\n"))
        task = psutil.Process(int(pid_file.read_text()))
        process.kill()
        task.wait(SOON_S)
        info = FrameworkInfo(name="lone", roles=["sdk"], framework_id=framework_id)
        with pytest.raises(Conflict, match="Framework has been removed"):
            rm.Driver(Resumed(), info, cluster).run()


class Steady(rm.Scheduler):
    """Launches as many tasks as it is asked for; says when something has come."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.subscriptions = 0
        self.states: dict[str, str] = {}
        self.wanted: list[str] = []

    def subscribed(self, driver: rm.Driver, framework_id: str) -> None:
        with self.changed:
            self.subscriptions += 1
            self.changed.notify_all()

    def resource_offers(self, driver: rm.Driver, offers: list[Offer]) -> None:
        for offer in offers:
            task_ids = self.wanted[:1]
            del self.wanted[:1]
            driver.launch_tasks(offer, [TaskInfo(task_id=t, command="sleep 1000", resources=SIZE) for t in task_ids])

    def status_update(self, driver: rm.Driver, status: TaskStatus) -> None:
        with self.changed:
            self.states[status.task_id] = status.state
            self.changed.notify_all()

    def until(self, true: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(true, SOON_S)


def test_a_framework_lives_through_the_end_of_its_mailbox_and_of_the_master(cluster: rm.Cluster) -> None:
    steady = Steady()
    driver = rm.Driver(steady, FrameworkInfo(name="steady", roles=["sdk"], failover_timeout=600), cluster)

    def run(task_id: str) -> None:
        steady.wanted.append(task_id)
        driver.revive_offers()
        steady.until(lambda: steady.states.get(task_id) == "TASK_RUNNING")

    driver.start()
    run("before")
    (mailbox,) = [name for name in ray.util.list_named_actors() if name.startswith("driver/")]
    subscriptions = steady.subscriptions
    ray.kill(ray.get_actor(mailbox), no_restart=False)
    steady.until(lambda: steady.subscriptions > subscriptions)
    run("between")
    subscriptions = steady.subscriptions
    ray.kill(ray.get_actor(MASTER), no_restart=False)
    steady.until(lambda: steady.subscriptions > subscriptions)
    run("after")
    assert steady.states == dict.fromkeys(("before", "between", "after"), "TASK_RUNNING")
    driver.stop()
    assert driver.join() == "DRIVER_STOPPED"
    until(lambda: state_of(cluster, driver.framework_id) == "completed")
    assert not [name for name in ray.util.list_named_actors() if name.startswith("driver/")]


class Pods(rm.Scheduler):
    """Launches one group on the first offer; stops when all of it and its executor have ended."""

    def __init__(self, group: TaskGroup) -> None:
        self.group: TaskGroup | None = group
        self.size = len(group.tasks)
        self.ends: dict[str, tuple[str, str]] = {}
        self.executors: list[tuple[str, int | None]] = []

    def resource_offers(self, driver: rm.Driver, offers: list[Offer]) -> None:
        for offer in offers:
            driver.accept(offer, [] if self.group is None else self.group)
            self.group = None

    def status_update(self, driver: rm.Driver, status: TaskStatus) -> None:
        if status.is_terminal:
            self.ends[status.task_id] = (status.state, status.message)
            self.stop_if_over(driver)

    def executor_lost(self, driver: rm.Driver, executor_id: str, agent_id: str, exit_status: int | None) -> None:
        self.executors.append((executor_id, exit_status))
        self.stop_if_over(driver)

    def stop_if_over(self, driver: rm.Driver) -> None:
        if self.executors and len(self.ends) == self.size:
            driver.stop()


def test_a_group_ends_with_the_command_that_fails_and_its_executor_leaves(cluster: rm.Cluster, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    sleeps = f"echo $$ > {pid_file}.new; mv {pid_file}.new {pid_file}; exec sleep 1000"
    fails = f"while [ ! -e {pid_file} ]; do sleep 0.02; done; exit 1"
    tasks = [
        TaskInfo(task_id="fails", command=["sh", "-c", fails], resources=SIZE),
        TaskInfo(task_id="sleeps", command=["sh", "-c", sleeps], resources=SIZE),
    ]
    pods = Pods(TaskGroup(tasks=tasks, executor_id="pod"))
    assert rm.Driver(pods, FrameworkInfo(name="pods", roles=["sdk"]), cluster).run() == "DRIVER_STOPPED"
    assert pods.ends == {
        "fails": ("TASK_FAILED", "exit 1"),
        "sleeps": ("TASK_KILLED", "task fails of its group failed: killed by SIGTERM (15)"),
    }
    assert not psutil.pid_exists(int(pid_file.read_text()))
    assert pods.executors == [("pod", 0)]


def test_a_driver_whose_process_lets_go_of_the_cluster_ends(cluster: rm.Cluster) -> None:
    program = """
import sys, ray, raymesos as rm
from raymesos.sdk import FrameworkInfo
class LetsGo(rm.Scheduler):
    def subscribed(self, driver, framework_id):
        ray.shutdown()
try:
    rm.Driver(LetsGo(), FrameworkInfo(name="letting go", roles=["sdk"]), rm.connect(sys.argv[1])).run()
except rm.errors.ClusterUnavailable as error:
    assert not ray.is_initialized()
    sys.exit(error.exit_code)
"""
    ended = subprocess.run(
        [sys.executable, "-c", program, cluster.name], capture_output=True, text=True, timeout=SOON_S, check=False
    )
    # Now and then Ray ends the process itself, with 1 and a line of its own, before the driver's thread gets to say why: then it has ended, too.
    if ended.returncode != 1 or "will exit" not in ended.stderr:
        assert (ended.returncode, ended.stderr) == (4, "")


def test_an_error_in_a_callback_ends_the_driver_and_comes_out_of_run(cluster: rm.Cluster) -> None:
    class Clumsy(Hello):
        def resource_offers(self, driver: rm.Driver, offers: list[Offer]) -> None:
            raise ZeroDivisionError("clumsy")

    driver = rm.Driver(Clumsy(1), FrameworkInfo(name="clumsy", roles=["sdk"], failover_timeout=600), cluster)
    with pytest.raises(ZeroDivisionError, match="clumsy"):
        driver.run()
    until(lambda: state_of(cluster, driver.framework_id) == "disconnected")
    again = FrameworkInfo(name="clumsy", roles=["sdk"], framework_id=driver.framework_id)
    mended = rm.Driver(rm.Scheduler(), again, cluster)
    mended.start()
    mended.stop()
    assert mended.join() == "DRIVER_STOPPED"
    until(lambda: state_of(cluster, driver.framework_id) == "completed")


def test_a_second_driver_takes_over_and_the_first_hears_why_it_ends(cluster: rm.Cluster) -> None:
    here = threading.Event()

    class Waits(Resumed):
        def subscribed(self, driver: rm.Driver, framework_id: str) -> None:
            super().subscribed(driver, framework_id)
            here.set()

    info = FrameworkInfo(name="taken", roles=["sdk"], failover_timeout=600)
    first = rm.Driver(Waits(), info, cluster, suppressed_roles=["sdk"])
    first.start()
    assert here.wait(SOON_S)
    here.clear()
    again = FrameworkInfo(name="taken", roles=["sdk"], failover_timeout=600, framework_id=first.framework_id)
    second = rm.Driver(Waits(), again, cluster, suppressed_roles=["sdk"])
    second.start()
    with pytest.raises(Conflict, match="failed over"):
        first.join(SOON_S)
    assert here.wait(SOON_S)
    second.stop(failover=True)
    assert second.join() == "DRIVER_STOPPED"
    until(lambda: state_of(cluster, second.framework_id) == "disconnected")
    third = rm.Driver(Waits(), again, cluster)
    here.clear()
    third.start()
    assert here.wait(SOON_S)
    third.stop()
    assert third.join() == "DRIVER_STOPPED"
    until(lambda: state_of(cluster, third.framework_id) in ("completed", "gone"))


class Keeper(rm.Scheduler):
    """Makes a volume on the first agent that has disk, writes a file into it with one task, reads it with the next, and undoes everything."""

    def __init__(self) -> None:
        self.states: dict[str, list[str]] = {}
        self.outcomes: list[tuple[str, str]] = []
        self.reading = False

    def resource_offers(self, driver: rm.Driver, offers: list[Offer]) -> None:
        for offer in offers:
            if not self.states and offer.resources.contains(rm.Resources.parse("disk:64")):
                self.states["w"] = []
                made = [reserve("disk:64", operation_id="r"), create_volume("v", "disk:32", "deep/data")]
                driver.accept(offer, [*made, self.task("w", "echo kept > deep/data/file")], refuse_seconds=0)
            elif "TASK_FINISHED" in self.states.get("w", []) and "v" in str(offer.resources) and not self.reading:
                self.reading = True
                self.states["r"] = []
                driver.accept(offer, self.task("r", 'test "$(cat deep/data/file)" = kept'), refuse_seconds=0)
            elif "TASK_FINISHED" in self.states.get("r", []) and "v" in str(offer.resources):
                undone = [destroy_volume("v", operation_id="d"), unreserve("disk:64", operation_id="u")]
                driver.accept(offer, undone)
            else:
                driver.decline_offer(offer, 0.1)

    def status_update(self, driver: rm.Driver, status: TaskStatus) -> None:
        self.states[status.task_id].append(status.state)
        if status.is_terminal and status.state != "TASK_FINISHED":
            driver.stop()

    def operation_status(self, driver: rm.Driver, status: OperationStatus) -> None:
        self.outcomes.append((status.operation_id, status.state))
        if status.operation_id == "u":
            driver.stop()

    def task(self, task_id: str, command: str) -> TaskInfo:
        return TaskInfo(task_id=task_id, command=command, resources=SIZE, volumes=["v"])


def test_what_one_task_writes_into_a_volume_another_one_reads(cluster: rm.Cluster) -> None:
    keeper = Keeper()
    rm.Driver(keeper, FrameworkInfo(name="keeper", roles=["keepers"], principal="k"), cluster).run()
    assert keeper.states["w"][-1:] == ["TASK_FINISHED"]
    assert keeper.states["r"][-1:] == ["TASK_FINISHED"]
    assert dict(keeper.outcomes) == dict.fromkeys(["r", "d", "u"], "OPERATION_FINISHED")
    until(lambda: not list(cluster.volumes))
