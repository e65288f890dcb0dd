"""Schedulers for tests: one that writes down what it is told, and a driver that runs one in the simulator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from raymesos.frameworks.custom.machine import Call, CustomMachine
from raymesos.machine import Outbox
from raymesos.sdk import FrameworkInfo, InverseOffer, Offer, Scheduler, TaskInfo, TaskStatus
from raymesos.sdk.calls import Calls
from raymesos.sdk.scheduler import tell
from raymesos.sim import Simulation
from raymesos.wire.messages import Teardown


class Recorder(Scheduler):
    """Keeps its offers, and all that it is told in `heard`: (callback, what matters of it)."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, Any]] = []
        self.offers: dict[str, Offer] = {}
        self.statuses: list[TaskStatus] = []

    def subscribed(self, driver: Any, framework_id: str) -> None:
        self.heard.append(("subscribed", framework_id))

    def resource_offers(self, driver: Any, offers: list[Offer]) -> None:
        self.heard.append(("offers", [o.id for o in offers]))
        self.offers.update({o.id: o for o in offers})

    def offer_rescinded(self, driver: Any, offer_id: str) -> None:
        self.heard.append(("rescinded", offer_id))
        del self.offers[offer_id]

    def inverse_offers(self, driver: Any, offers: list[InverseOffer]) -> None:
        self.heard.append(("inverse offers", offers))

    def inverse_offer_rescinded(self, driver: Any, offer_id: str) -> None:
        self.heard.append(("inverse rescinded", offer_id))

    def status_update(self, driver: Any, status: TaskStatus) -> None:
        self.heard.append(("status", (status.task_id, status.state)))
        self.statuses.append(status)

    def framework_message(self, driver: Any, executor_id: str, agent_id: str, data: bytes) -> None:
        self.heard.append(("message", (executor_id, agent_id, data)))

    def agent_lost(self, driver: Any, agent_id: str) -> None:
        self.heard.append(("agent lost", agent_id))

    def executor_lost(self, driver: Any, executor_id: str, agent_id: str, exit_status: int | None) -> None:
        self.heard.append(("executor lost", (executor_id, agent_id, exit_status)))

    def framework_updated(self, driver: Any, error: str) -> None:
        self.heard.append(("updated", error))

    def error(self, driver: Any, message: str) -> None:
        self.heard.append(("error", message))

    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.heard]

    def take_offer(self) -> Offer:
        """The oldest offer that it holds; it is about to be used."""
        return self.offers.pop(next(iter(self.offers)))


@dataclass(frozen=True)
class OnAgent:
    """What the simulation needs to know of a task to finish it."""

    id: str
    agent: str | None = None


class SimulatedDriver(Calls):
    """Runs a scheduler in the simulator: callbacks at once, in the machine's own turn. `info` as for a Driver."""

    def __init__(
        self,
        sim: Simulation,
        scheduler: Scheduler,
        info: FrameworkInfo,
        *,
        implicit_acknowledgements: bool = True,
        suppressed: tuple[str, ...] = (),
        address: str = "",
        offer_constraints: str = "",
    ) -> None:
        super().__init__(info, implicit_acknowledgements=implicit_acknowledgements)
        self.machine = CustomMachine(info.to_wire(), suppressed, offer_constraints=offer_constraints)
        self.address = address or f"framework/{info.name}"
        self._sim, self._scheduler = sim, scheduler
        self._in_turn = False
        self._called: list[Call] = []
        sim.cluster.adopt(self.address, lambda: self)

    @property
    def framework_id(self) -> str:
        return self.machine.state.info.id

    def stop(self, *, failover: bool = False) -> None:
        if failover:
            self.abort()
        else:
            self._call(Teardown(""))

    def abort(self) -> None:
        self._sim.cluster.crash(self.address)

    def _call(self, call: Call) -> None:
        if self._in_turn:
            self._called.append(call)
        else:
            self._sim.world.post(self.address, self.address, call)

    def handle(self, now_ms: int, sender: str, message: Any, out: Outbox) -> None:
        self._in_turn = True
        self._called.append(message)
        while self._called:
            self.machine.handle(now_ms, sender, self._called.pop(0), out)
            for callback in self.machine.take_callbacks():
                tell(self._scheduler, self, callback)  # type: ignore[arg-type]
        self._in_turn = False

    def check(self) -> None:
        self.machine.check()


def a_task(task_id: str, resources: str = "cpus:1;mem:128") -> TaskInfo:
    """A task that runs, in the simulator, until it is told to end."""
    return TaskInfo(task_id=task_id, command=["scripted"], resources=resources)
