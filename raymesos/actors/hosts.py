"""The Ray actors of a cluster. Each is a Host on a thread; its `deliver` only enqueues, so a busy machine never holds up a caller.

All are named, detached, take no Ray CPU, and begin again from their journal when Ray restarts them. Calls are never retried by Ray: the link layer does that,
and knows what was seen. Methods in the `data` group are for readers and clients; they may wait without holding up `deliver`.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import ray

from raymesos.actors.batch_side import BatchSide, Seen
from raymesos.actors.beside import Executed, run_beside
from raymesos.actors.directory import Directory
from raymesos.actors.host import Host
from raymesos.actors.keep import JournalKeeper
from raymesos.actors.link import Batch
from raymesos.actors.memory import settle_memory
from raymesos.actors.nodes import NodeWatch
from raymesos.actors.plan import AgentPlan, ClusterPlan
from raymesos.actors.roads import Roads
from raymesos.actors.shim_side import ShimSide
from raymesos.errors import UnknownId
from raymesos.machine import ALLOCATOR, MASTER, Machine
from raymesos.shim.tasks import file_name
from raymesos.wire.codec import decode, encode
from raymesos.wire.notes import MetricsNote

# Clients that wait for an answer park a thread each; beyond this many they queue.
DATA_THREADS = 64
# How often those that mostly listen to the master ask whether it still lives the same life. An agent is one of many: a thousand of them make 200 calls a second.
WATCH_MS = 1_000
AGENT_WATCH_MS = 5_000
METRICS_MS = 1_000
# Offers come and go between two looks of a person; all that are there are told anew when any has changed.
OFFERS_MS = 200
# An agent without a spare executor is slow at its first task, not broken.
SPARE_WAIT_S = 30.0

OPTIONS: dict[str, Any] = {
    "num_cpus": 0,
    "max_restarts": -1,
    "max_task_retries": 0,
    "concurrency_groups": {"data": DATA_THREADS, "watch": 1},
}


class HostActor:
    """What every host actor has: `deliver` for other hosts, `call` for clients, `ready` for whoever started it."""

    host: Host

    def _begin(self, plan: ClusterPlan, name: str, keeper: JournalKeeper | None = None, owner: str = "") -> None:
        _be_an_ordinary_process()
        _log_to(plan.directory("logs") / f"{name.replace('/', '-')}.log")
        # Later than any former life of this actor: Ray never runs two of one name at once.
        epoch = time.time_ns() // 1000
        keepers = {owner: keeper} if keeper is not None else {}
        self._roads = Roads(name, Directory(plan.namespace, name))
        self.host = Host(name, epoch, self._roads, keepers)  # type: ignore[arg-type]
        self._roads.open(self.host.receive)

    def deliver(
        self, from_host: str, from_epoch: int, to_epoch: int, session: int, first_seq: int, count: int, blob: bytes
    ) -> tuple[int, int, bool]:
        reply = self.host.receive(from_host, from_epoch, Batch(to_epoch, session, first_seq, count, blob))
        return reply.epoch, reply.last_seq, reply.refused

    @ray.method(concurrency_group="data")  # type: ignore[untyped-decorator]
    def road(self) -> str:
        """Where hosts of this machine bring batches for less than a call costs."""
        return self._roads.address

    @ray.method(concurrency_group="data")  # type: ignore[untyped-decorator]
    def call(self, to: str, client_id: str, blob: bytes, timeout_s: float) -> bytes:
        """Send a client's message to a machine here and wait for its answer. Raises TimeoutError."""
        return encode(self.host.call(to, client_id, decode(blob), timeout_s))

    @ray.method(concurrency_group="data")  # type: ignore[untyped-decorator]
    def ready(self) -> str:
        return self.host.name

    @ray.method(concurrency_group="watch")  # type: ignore[untyped-decorator]
    def watch(self) -> None:
        """Never returns: the call's failure tells the caller that this process has ended."""
        threading.Event().wait()

    @ray.method(concurrency_group="data")  # type: ignore[untyped-decorator]
    def pid(self) -> int:
        return os.getpid()


@ray.remote(**OPTIONS)
class Master(HostActor):
    def __init__(self, plan: ClusterPlan, name: str) -> None:
        from raymesos.kernel.master.machine import MasterMachine

        keeper = JournalKeeper(plan.directory("master"), "master")
        self._begin(plan, name, keeper, name)
        self.machine = MasterMachine(plan.settings.master, plan.cluster_id)
        restore(keeper, self.machine)
        self.host.add(name, self.machine)
        self.host.watch(ALLOCATOR, WATCH_MS)
        self.host.note_every(
            METRICS_MS, lambda now_ms: [MetricsNote(now_ms, tuple(self.machine.metrics(now_ms).items()))]
        )
        self.host.note_every(METRICS_MS, self.machine.counted)
        self.host.note_every(OFFERS_MS, self.machine.outstanding)
        self.host.forget_seats(self.machine.knows)
        self._nodes, self._plan = NodeWatch(plan), plan
        settle_memory()
        self.host.start()
        if not plan.own_ray:
            self._nodes.start()

    @ray.method(concurrency_group="data")  # type: ignore[untyped-decorator]
    def close(self) -> None:
        """No agent is started any more."""
        self._nodes.stop()

    @ray.method(concurrency_group="data")  # type: ignore[untyped-decorator]
    def open_services(self) -> str:
        """The service framework and the gateway are there, from the first service on. Returns the gateway's host:port, empty if there is to be none.

        Raises what keeps the gateway from listening.
        """
        from raymesos.actors.services import open_services

        return open_services(self._plan)

    @ray.method(concurrency_group="data")  # type: ignore[untyped-decorator]
    def census(self) -> tuple[int, int]:
        """(registered agents, subscribed frameworks) now."""
        return self.host.ask(lambda _: self.machine.census())


@ray.remote(**OPTIONS)
class Allocator(HostActor):
    def __init__(self, plan: ClusterPlan, name: str) -> None:
        from raymesos.actors.pass_times import TimedPasses
        from raymesos.kernel.allocator.machine import AllocatorMachine

        self._begin(plan, name)
        timed = TimedPasses(AllocatorMachine(plan.settings.allocator, seed=plan.seed))
        self.host.add(name, timed)
        self.host.note_every(METRICS_MS, timed.note)
        settle_memory()
        self.host.start()


@ray.remote(**OPTIONS)
class Observer(HostActor):
    def __init__(self, plan: ClusterPlan, name: str) -> None:
        from raymesos.observe.machine import ObserverMachine

        self._begin(plan, name)
        self.machine = ObserverMachine()
        self.host.add(name, self.machine)
        settle_memory()
        self.host.start()

    @ray.method(concurrency_group="data")  # type: ignore[untyped-decorator]
    def view(self, name: str, arguments: dict[str, Any]) -> Any:
        """A view as plain data. Raises UnknownId for what is not there."""
        return self.host.ask(lambda now_ms: self.machine.view(now_ms, name, arguments))


@ray.remote(**OPTIONS)
class BatchFramework(HostActor):
    def __init__(self, plan: ClusterPlan, name: str) -> None:
        from raymesos.frameworks.batch.machine import BatchMachine

        directory = plan.directory("batch")
        keeper = JournalKeeper(directory, "batch")
        self._begin(plan, name, keeper, name)
        self.machine = BatchMachine(plan.settings.batch, address=name)
        restore(keeper, self.machine)
        self.side = BatchSide(directory, self.host, self.machine)
        self.host.add(name, self.side)
        self.host.watch(MASTER, WATCH_MS)
        settle_memory()
        self.host.start()

    @ray.method(concurrency_group="data")  # type: ignore[untyped-decorator]
    def where(self) -> tuple[str, str]:
        """(Ray node id, directory): who is on that node may put and read files there instead of calling."""
        return ray.get_runtime_context().get_node_id(), str(self.side.directory)

    @ray.method(concurrency_group="data")  # type: ignore[untyped-decorator]
    def put(self, key: str, data: bytes) -> None:
        self.side.put(key, data)

    @ray.method(concurrency_group="data")  # type: ignore[untyped-decorator]
    def read(self, key: str, offset: int = 0, length: int = -1) -> bytes:
        return self.side.read(key, offset, length)

    @ray.method(concurrency_group="data")  # type: ignore[untyped-decorator]
    def poll(self, seen: list[Seen], wait_s: float) -> list[Any]:
        """What is new of jobs beyond what the caller has `seen`, waiting up to `wait_s` for any news. Raises UnknownId."""
        return self.side.poll(seen, wait_s)

    @ray.method(concurrency_group="data")  # type: ignore[untyped-decorator]
    def status(self, job_id: str) -> dict[str, Any]:
        return self.host.ask(lambda _: self.machine.status(job_id))

    @ray.method(concurrency_group="data")  # type: ignore[untyped-decorator]
    def find(self, name_or_id: str) -> str:
        """The id of the job, or of the newest of that name. Raises UnknownId."""
        return self.host.ask(lambda _: self.machine.find(name_or_id))

    @ray.method(concurrency_group="data")  # type: ignore[untyped-decorator]
    def tasks(self, job_id: str) -> list[dict[str, Any]]:
        """Its attempts as plain data."""
        return [asdict(row) for row in self.host.ask(lambda _: self.machine.tasks(job_id))]

    @ray.method(concurrency_group="data")  # type: ignore[untyped-decorator]
    def where_ran(self, job_id: str, index: int) -> tuple[str, str, bool]:
        """(agent id, task id, whether each index has a sandbox of its own) of the last attempt of the input. Raises UnknownId."""
        return self.host.ask(lambda _: self.machine.where_ran(job_id, index))


@ray.remote(**OPTIONS)
class Agent(HostActor):
    def __init__(self, plan: ClusterPlan, name: str, agent: AgentPlan) -> None:
        from raymesos.actors.launcher import Launcher
        from raymesos.actors.lending import Lending
        from raymesos.actors.shim_keep import ShimKeeper
        from raymesos.actors.volumes import disk_for_agent
        from raymesos.kernel.agent.estimator import estimator_of
        from raymesos.kernel.agent.machine import AgentMachine
        from raymesos.model.attributes import Attributes
        from raymesos.model.resources import Resources
        from raymesos.wire.messages import AgentInfo

        directory = plan.directory(f"agents/{agent.name}")
        directory.mkdir(parents=True, exist_ok=True)
        keeper = JournalKeeper(directory, "agent")
        self._begin(plan, name, keeper, name)
        self.shim = ShimKeeper(directory / "shim")
        self.launcher = Launcher(plan, agent, self.host, keeper.epoch)
        info = AgentInfo(
            name=agent.name,
            hostname=_hostname(plan),
            resources=Resources.parse(agent.resources) + disk_for_agent(directory, agent.sharers),
            attributes=Attributes.parse(agent.attributes),
            node_id=agent.node_id,
            region=agent.region,
            zone=agent.zone,
        )
        machine = AgentMachine(
            plan.settings.agent,
            info,
            incarnation=keeper.epoch,
            known_executors=self.launcher.recover(),
            unestimated=bool(plan.lend),
        )
        restore(keeper, machine)
        self.host.add(name, machine)
        self.host.add(self.launcher.address, self.launcher)
        self.host.watch(MASTER, AGENT_WATCH_MS)
        self.host.forget_seats(machine.knows)
        if plan.lend:
            estimator = estimator_of(plan.estimator, Resources.parse(plan.lend), info.resources)
            lending = Lending(self.host, name, machine, estimator, every_ms=plan.settings.agent.estimate_ms)
            self.host.after_turn(lending.after_turn)
        settle_memory()
        self.host.start()

    @ray.method(concurrency_group="data")  # type: ignore[untyped-decorator]
    def ready(self) -> str:
        """Answers once a first task can begin at once: an executor is ready and waits for it."""
        self.launcher.spare_ready.wait(SPARE_WAIT_S)
        return self.host.name

    @ray.method(concurrency_group="data")  # type: ignore[untyped-decorator]
    def read_log(self, task_id: str, index: int, stream: str, offset: int, length: int = -1) -> bytes:
        """What the task (its command `index`, unless -1) has written to `stream`, from `offset` on, at most `length` bytes of it. Raises UnknownId."""
        try:
            with self._log(task_id, index, stream).open("rb") as file:
                file.seek(offset)
                return file.read(length)
        except FileNotFoundError:
            raise UnknownId("log", f"{task_id} {stream}") from None

    @ray.method(concurrency_group="data")  # type: ignore[untyped-decorator]
    def log_size(self, task_id: str, index: int, stream: str) -> int:
        """How many bytes it has written so far. Raises UnknownId."""
        try:
            return self._log(task_id, index, stream).stat().st_size
        except FileNotFoundError:
            raise UnknownId("log", f"{task_id} {stream}") from None

    @ray.method(concurrency_group="data")  # type: ignore[untyped-decorator]
    def run_beside(
        self, task_id: str, argv: list[str], env: dict[str, str], timeout_s: float, max_bytes: int
    ) -> Executed:
        """Run a command in the sandbox and environment of a task that runs here, and wait for its end. Raises UnknownId, InvalidValue, ClusterUnavailable."""
        socket = self.shim.address.socket
        return run_beside(socket, task_id, argv, env=env, timeout_s=timeout_s, max_bytes=max_bytes)

    @ray.method(concurrency_group="data")  # type: ignore[untyped-decorator]
    def container_of(self, framework_id: str, executor_id: str) -> str:
        """What the custom executor's present run is called; `read_log` takes it for a task. Raises UnknownId."""
        from raymesos.http.agent.containers import read_containers

        for each in read_containers(Path(self.shim.address.directory).parent):
            if each.key == (framework_id, executor_id):
                return each.container_id
        raise UnknownId("executor", executor_id)

    def _log(self, task_id: str, index: int, stream: str) -> Path:
        """Its file, whether it is there or not."""
        sandbox = Path(self.shim.address.directory) / "tasks" / file_name(task_id)
        return sandbox / stream if index < 0 else sandbox / str(index) / stream

    @ray.method(concurrency_group="data")  # type: ignore[untyped-decorator]
    def close(self) -> None:
        """End everything that this agent has running on its node."""
        self.host.stop()
        self.launcher.stop_all()
        self._roads.close()
        self.shim.shutdown()


@ray.remote(**{**OPTIONS, "max_restarts": 0})
class Executor(HostActor):
    """Starts idle; `adopt` gives it to a framework. It is not restarted: its agent hears of its end and starts another."""

    def __init__(self, plan: ClusterPlan, agent: AgentPlan, name: str) -> None:
        self._plan, self._agent = plan, agent
        self._begin(plan, name)
        settle_memory()

    def adopt(self, framework_id: str, executor_id: str, described_by: str) -> None:
        """`described_by`: the framework, if it has described the executor; then its address has that in it."""
        from raymesos.actors.prober import Prober
        from raymesos.kernel.executor.machine import ExecutorMachine
        from raymesos.kernel.names import executor_address, prober_address

        agent = self._agent.name
        local = executor_address(agent, executor_id, described_by)
        address = f"{local}@{self.host.name}"
        shim_address = f"shim/{local.removeprefix('executor/')}@{self.host.name}"
        directory = self._plan.directory(f"agents/{agent}")
        self.host.add(
            address,
            ExecutorMachine(
                framework_id,
                executor_id,
                f"agent/{agent}",
                shim_address,
                incarnation=self.host.epoch,
                settings=self._plan.settings.executor,
            ),
        )
        side = ShimSide(shim_address, address, local, self.host, directory, self._agent, self._plan)
        self.host.add(shim_address, side)
        prober = prober_address(shim_address)
        self.host.add(prober, Prober(prober, address, self.host, directory / "shim"))
        side.begin()
        self.host.start()


def restore(keeper: JournalKeeper, machine: Any) -> None:
    """The machine goes on from its journal."""
    machine.restore(keeper.replay())
    keeper.snapshot = machine.snapshot


def _be_an_ordinary_process() -> None:
    """Ray starts workers at nice 15 and first in line for the OOM killer, and children inherit it; user work would starve us."""
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, 0)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("0")


def _log_to(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(
        filename=path, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True
    )


def _hostname(plan: ClusterPlan) -> str:
    import socket

    return "127.0.0.1" if plan.own_ray else socket.gethostname()


__all__ = ["Agent", "Allocator", "BatchFramework", "Executor", "Machine", "Master", "Observer"]
