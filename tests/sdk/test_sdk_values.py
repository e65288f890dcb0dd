"""What a scheduler deals with: values that say what they refuse, and calls that become messages."""

from __future__ import annotations

from typing import Any

import pytest

import raymesos as rm
from raymesos.errors import Conflict, InvalidValue
from raymesos.frameworks.custom.machine import Call
from raymesos.model.attributes import Attributes
from raymesos.model.resources import EMPTY, Resources
from raymesos.model.tasks import ALL_CAPABILITIES, Reason, Source, TaskState
from raymesos.sdk import FrameworkInfo, TaskGroup, TaskInfo, TaskStatus
from raymesos.sdk.calls import Calls
from raymesos.sdk.scheduler import tell
from raymesos.sdk.values import offer_of, status_of
from raymesos.wire import messages as wire
from raymesos.wire.work import CommandWork

YEAR_MS = 365 * 24 * 3600 * 1000
ONE = Resources.parse("cpus:1")
TWO = Resources.parse("cpus:2")
STATUS = wire.TaskStatus("t", TaskState.FAILED, agent_id="a", uuid="u", timestamp_ms=1_500)
OFFER = wire.Offer("o1", "f1", "a1-id", "host", "r", ONE, Attributes.parse("n:5;s:{x,y};z:[1-3];t:text"), (), "a1")


class Collected(Calls):
    """Calls without a cluster."""

    def __init__(self, *, implicit_acknowledgements: bool = True) -> None:
        info = FrameworkInfo(name="F", roles=["r", "s"])
        super().__init__(info, implicit_acknowledgements=implicit_acknowledgements)
        self.calls: list[Call] = []

    def _call(self, call: Call) -> None:
        self.calls.append(call)

    def stop(self, *, failover: bool = False) -> None:
        raise NotImplementedError

    def abort(self) -> None:
        raise NotImplementedError


def test_a_framework_says_who_it_is_with_times_in_ms() -> None:
    info = FrameworkInfo(
        name="F", roles=["r"], principal="p", failover_timeout=1.5, framework_id="f1", user="u", labels={"k": "v"}
    )
    assert info.to_wire() == wire.FrameworkInfo(
        "F", ("r",), "f1", "u", "p", ALL_CAPABILITIES, 1_500, labels=(("k", "v"),)
    )
    assert FrameworkInfo(name="F", capabilities=[]).to_wire() == wire.FrameworkInfo("F", ("*",))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("roles", []),
        ("roles", "r"),
        ("roles", ["r", "r"]),
        ("roles", ["/r"]),
        ("capabilities", ["FLYING"]),
        ("failover_timeout", -1),
        ("failover_timeout", float("nan")),
        ("failover_timeout", "1"),
    ],
)
def test_a_framework_that_cannot_be_is_refused_with_the_field(field: str, value: Any) -> None:
    with pytest.raises(InvalidValue) as error:
        FrameworkInfo(**{"name": "F", field: value})
    assert error.value.field == field


def test_a_command_is_a_list_of_arguments_or_text_for_the_shell() -> None:
    assert TaskInfo(task_id="t", command=["a", "b c"], resources=ONE).to_wire() == wire.TaskInfo(
        "t", "t", ONE, CommandWork(("a", "b c"))
    )
    assert TaskInfo(
        task_id="t",
        name="n",
        command="a | b",
        resources="cpus:1",
        env={"K": "v"},
        working_dir="/w",
        kill_grace=0.5,
        max_completion_time=2,
        priority=3,
        labels={"l": "m"},
    ).to_wire() == wire.TaskInfo(
        "t",
        "n",
        ONE,
        CommandWork(("/bin/sh", "-c", "a | b"), (("K", "v"),), "/w"),
        kill_grace_ms=500,
        max_completion_ms=2_000,
        priority=3,
        labels=(("l", "m"),),
    )


@pytest.mark.parametrize(
    ("field", "name", "value"),
    [
        ("command", "command", ""),
        ("command", "command", []),
        ("command", "command", [1]),
        ("env", "env.K", {"K": 1}),
        ("kill_grace", "kill_grace", -1),
        ("max_completion_time", "max_completion_time", float("inf")),
        ("priority", "priority", 1.5),
        ("priority", "priority", True),
    ],
)
def test_a_task_that_cannot_be_is_refused_with_the_field(field: str, name: str, value: Any) -> None:
    with pytest.raises(InvalidValue) as error:
        TaskInfo(**{"task_id": "t", "command": "true", "resources": ONE, field: value})
    assert error.value.field == name


def test_an_offer_has_plain_attributes() -> None:
    offer = offer_of(OFFER)
    assert offer.attributes == {"n": 5.0, "s": ("x", "y"), "z": ((1, 3),), "t": "text"}
    assert (offer.agent, offer.agent_id, offer.hostname) == ("a1", "a1-id", "host")


@pytest.mark.parametrize(
    ("state", "terminal"),
    [(s, s in ("TASK_FAILED", "TASK_LOST")) for s in ("TASK_FAILED", "TASK_LOST", "TASK_RUNNING", "TASK_UNREACHABLE")],
)
def test_a_status_has_plain_names_and_knows_whether_it_is_the_last(state: str, terminal: bool) -> None:
    status = status_of(
        wire.TaskStatus(
            "t", TaskState(state), "a", "e", Source.AGENT, Reason.AGENT_REMOVED, "m", 1_500, "u", usage=(("cpu_ms", 3),)
        )
    )
    assert status == TaskStatus(
        "t", state, "REASON_AGENT_REMOVED", "SOURCE_AGENT", "m", "a", "u", 1.5, "e", None, {"cpu_ms": 3}
    )
    assert type(status.state) is type(status.reason) is type(status.source) is str
    assert status.is_terminal is terminal


def test_offers_are_used_by_themselves_or_by_their_ids_one_or_several() -> None:
    driver, offer = Collected(), offer_of(OFFER)
    task = TaskInfo(task_id="t", command="true", resources=ONE)
    launch = (wire.Launch((task.to_wire(),)),)
    driver.launch_tasks(offer, task)
    driver.accept([offer, "o2"], [task], refuse_seconds=0)
    driver.launch_tasks("o1", [])
    driver.decline_offer([offer], refuse_seconds=float("inf"))
    driver.decline_offer("o1")
    driver.decline_offer([])
    assert driver.calls == [
        wire.Accept("", ("o1",), launch, 5_000),
        wire.Accept("", ("o1", "o2"), launch, 0),
        wire.Accept("", ("o1",), (), 5_000),
        wire.Decline("", ("o1",), YEAR_MS),
        wire.Decline("", ("o1",), 5_000),
    ]


def test_tasks_and_groups_become_operations_in_their_order() -> None:
    driver = Collected()
    a, b, c, d = (TaskInfo(task_id=id, command="true", resources=ONE) for id in "abcd")
    pod = TaskGroup(tasks=[b, c], executor_id="pod")
    driver.accept("o1", [a, pod, pod, c, d])
    driver.accept("o2", pod)
    driver.launch_group("o3", [a], refuse_seconds=0)
    group = wire.LaunchGroup((b.to_wire(), c.to_wire()), "pod")
    assert driver.calls == [
        wire.Accept(
            "", ("o1",), (wire.Launch((a.to_wire(),)), group, group, wire.Launch((c.to_wire(), d.to_wire()))), 5_000
        ),
        wire.Accept("", ("o2",), (group,), 5_000),
        wire.Accept("", ("o3",), (wire.LaunchGroup((a.to_wire(),)),), 0),
    ]


@pytest.mark.parametrize(
    ("field", "fields"), [("tasks", {"tasks": []}), ("tasks", {"tasks": "abc"}), ("executor_id", {"executor_id": 1})]
)
def test_a_group_that_cannot_be_is_refused_by_the_name_of_its_field(field: str, fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue) as refused:
        TaskGroup(**({"tasks": [TaskInfo(task_id="t", command="true", resources=ONE)]} | fields))
    assert refused.value.field == field


def test_calls_about_roles_and_tasks_become_messages() -> None:
    driver, status = Collected(), status_of(STATUS)
    driver.revive_offers()
    driver.revive_offers("r", demand=[("cpus:1", 2), ("cpus:2", 3, "gang")])
    driver.revive_offers(demand=[])
    driver.suppress_offers(["s"])
    driver.kill_task("t", grace=0.25)
    driver.kill_task("t", "a")
    driver.reconcile_tasks()
    driver.reconcile_tasks([status, ("t2", "a2"), "t3"])
    assert driver.calls == [
        wire.Revive(""),
        wire.Revive("", ("r",), (wire.Demand(ONE, 2, exact=True), wire.Demand(TWO, 3, exact=True, gang=True))),
        wire.Revive("", (), (wire.Demand(EMPTY, 0, exact=True),)),
        wire.Suppress("", ("s",)),
        wire.Kill("", "t", "", 250),
        wire.Kill("", "t", "a"),
        wire.Reconcile(""),
        wire.Reconcile("", (wire.TaskRef("t", "a"), wire.TaskRef("t2", "a2"), wire.TaskRef("t3"))),
    ]


def test_calls_that_make_no_sense_are_refused() -> None:
    driver = Collected()
    for wrong in (
        lambda: driver.revive_offers(["x"]),
        lambda: driver.suppress_offers("x"),
        lambda: driver.decline_offer("o", refuse_seconds=-1),
        lambda: driver.kill_task("t", grace=-1),
    ):
        with pytest.raises(InvalidValue):
            wrong()
    assert driver.calls == []


@pytest.mark.parametrize(("implicit", "uuid", "acknowledged"), [(True, "u", 1), (True, "", 0), (False, "u", 0)])
def test_an_update_is_acknowledged_after_its_callback_unless_that_is_the_schedulers(
    implicit: bool, uuid: str, acknowledged: int
) -> None:
    driver = Collected(implicit_acknowledgements=implicit)
    before: list[int] = []

    class Looks(rm.Scheduler):
        def status_update(self, driver: Any, status: TaskStatus) -> None:
            before.append(len(driver.calls))

    tell(Looks(), driver, wire.Update(wire.TaskStatus("t", TaskState.RUNNING, agent_id="a", uuid=uuid)))  # type: ignore[arg-type]
    assert before == [0]
    assert driver.calls == [wire.Acknowledge("", "a", "t", "u")] * acknowledged


def test_an_update_whose_callback_failed_is_not_acknowledged() -> None:
    class Fails(rm.Scheduler):
        def status_update(self, driver: Any, status: TaskStatus) -> None:
            raise ZeroDivisionError

    driver = Collected()
    with pytest.raises(ZeroDivisionError):
        tell(Fails(), driver, wire.Update(STATUS))  # type: ignore[arg-type]
    assert driver.calls == []


def test_a_scheduler_that_overrides_nothing_declines_and_raises_what_ends_it() -> None:
    driver, scheduler = Collected(), rm.Scheduler()
    quiet = [wire.Subscribed("f", "m"), wire.Rescind("o"), wire.FromExecutor("a", "e", b""), wire.Failure("a")]
    for message in [*quiet, wire.Offers((OFFER,))]:
        tell(scheduler, driver, message)  # type: ignore[arg-type]
    assert driver.calls == [wire.Decline("", ("o1",), 5_000)]
    with pytest.raises(Conflict, match="Framework failed over"):
        tell(scheduler, driver, wire.FrameworkError("Framework failed over"))  # type: ignore[arg-type]


def test_an_executors_end_is_not_an_agents() -> None:
    lost: list[str] = []

    class Looks(rm.Scheduler):
        def agent_lost(self, driver: Any, agent_id: str) -> None:
            lost.append(agent_id)

        def executor_lost(self, driver: Any, executor_id: str, agent_id: str, exit_status: int | None) -> None:
            lost.append(f"{executor_id} on {agent_id}: {exit_status}")

    tell(Looks(), Collected(), wire.Failure("a", "e", 1))  # type: ignore[arg-type]
    tell(Looks(), Collected(), wire.Failure("a"))  # type: ignore[arg-type]
    assert lost == ["e on a: 1", "a"]


def test_a_driver_that_was_not_started_says_so() -> None:
    driver = rm.Driver(rm.Scheduler(), FrameworkInfo(name="F"))
    for call in (driver.revive_offers, driver.stop, driver.abort):
        with pytest.raises(Conflict, match="not been started"):
            call()
    assert driver.framework_id == ""


@pytest.mark.parametrize("wrong", [(object(), FrameworkInfo(name="F")), (rm.Scheduler(), {"name": "F"})])
def test_a_driver_wants_a_scheduler_and_a_framework_info(wrong: tuple[Any, Any]) -> None:
    with pytest.raises(InvalidValue):
        rm.Driver(*wrong)


def test_a_driver_may_begin_silent_only_in_its_own_roles() -> None:
    with pytest.raises(InvalidValue):
        rm.Driver(rm.Scheduler(), FrameworkInfo(name="F", roles=["r"]), suppressed_roles=["s"])
