"""The machine behind the SDK, message by message: what it tells its scheduler, and what it says to the master."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raymesos.errors import InvariantBroken
from raymesos.frameworks.custom.machine import CustomMachine
from raymesos.machine import ALLOCATOR, MASTER, LinkDown, LinkUp, Outbox, Wake
from raymesos.model.attributes import Attributes
from raymesos.model.resources import Resources
from raymesos.model.tasks import ALL_CAPABILITIES, TaskState
from raymesos.wire.messages import (
    Accept,
    AcceptInverse,
    Acknowledge,
    Decline,
    DeclineInverse,
    Demand,
    Failure,
    FrameworkError,
    FrameworkInfo,
    FromExecutor,
    InverseOffer,
    InverseOffers,
    Kill,
    Launch,
    Offer,
    Offers,
    Reconcile,
    Rescind,
    RescindInverse,
    Revive,
    Subscribe,
    Subscribed,
    Suppress,
    TaskInfo,
    TaskRef,
    TaskStatus,
    Teardown,
    Unavailability,
    Update,
)
from raymesos.wire.work import CommandWork

INFO = FrameworkInfo("F", ("r", "s"), capabilities=ALL_CAPABILITIES, failover_timeout_ms=1_000)
OURS = replace(INFO, id="f1")
ONE = Resources.parse("cpus:1")
DEMAND = (Demand(ONE, 2),)
TASK = TaskInfo("t", "t", ONE, CommandWork(("true",)))
STATUS = TaskStatus("t", TaskState.RUNNING, agent_id="a", uuid="u")


def offers(*ids: str) -> Offers:
    return Offers(tuple(Offer(id, "f1", "a", "h", "r", ONE, Attributes()) for id in ids))


def inverse_offers(*ids: str) -> InverseOffers:
    return InverseOffers(tuple(InverseOffer(id, "f1", "a", Unavailability(5)) for id in ids))


class Rig:
    """One machine: `say` hands it messages and returns what it sent to the master."""

    def __init__(self, info: FrameworkInfo = INFO, suppressed: tuple[str, ...] = ()) -> None:
        self.machine = CustomMachine(info, suppressed)
        self.wakes: dict[str, int | None] = {}

    def say(self, *messages: Any, sender: str = MASTER) -> list[Any]:
        sent = []
        for message in messages:
            out = Outbox()
            self.machine.handle(0, sender, message, out)
            self.machine.check()
            assert not (out.records or out.notes)
            assert all(to == MASTER for to, _ in out.sends)
            self.wakes.update(out.wakes)
            sent += [message for _, message in out.sends]
        return sent

    def told(self) -> list[Any]:
        return self.machine.take_callbacks()


@pytest.fixture
def rig() -> Rig:
    """Subscribed, and its scheduler knows."""
    rig = Rig()
    rig.say(Wake("start"), Subscribed("f1", "m"))
    assert rig.told() == [Subscribed("f1", "m")]
    return rig


def test_it_asks_for_a_subscription_until_it_is_there() -> None:
    rig = Rig(suppressed=("s",))
    assert rig.say(Wake("start")) == [Subscribe(INFO, ("s",))]
    assert rig.wakes == {"subscribe": 1_000}
    assert rig.say(Wake("subscribe")) == [Subscribe(INFO, ("s",))]
    assert rig.say(Subscribed("f1", "m")) == []
    assert rig.wakes == {"subscribe": None}
    assert rig.told() == [Subscribed("f1", "m")]


def test_it_resumes_under_the_id_that_it_was_given(rig: Rig) -> None:
    assert rig.say(LinkUp(MASTER, restarted=True)) == [Subscribe(OURS, ())]


def test_a_lost_master_voids_the_offers_and_is_asked_again(rig: Rig) -> None:
    rig.say(offers("o1", "o2"))
    assert rig.say(LinkDown(MASTER)) == [Subscribe(OURS, ())]
    assert rig.told() == [offers("o1", "o2"), Rescind("o1"), Rescind("o2")]
    assert rig.say(LinkUp(MASTER, restarted=False)) == []
    assert rig.say(offers("o3")) == []
    assert rig.told() == []


def test_the_links_of_others_mean_nothing(rig: Rig) -> None:
    rig.say(offers("o1"))
    rig.told()
    assert rig.say(LinkDown(ALLOCATOR), LinkUp(ALLOCATOR, restarted=True)) == []
    assert rig.told() == []


def test_a_second_subscription_voids_the_offers_of_the_first(rig: Rig) -> None:
    rig.say(offers("o1"), Subscribed("f1", "m2"))
    assert rig.told() == [offers("o1"), Rescind("o1"), Subscribed("f1", "m2")]


def test_an_offer_that_was_used_is_not_rescinded(rig: Rig) -> None:
    rig.say(offers("o1", "o2", "o3"), Accept("", ("o1",)), Decline("", ("o2",)))
    rig.told()
    rig.say(Rescind("o1"), Rescind("o2"), Rescind("o3"), Rescind("o3"))
    assert rig.told() == [Rescind("o3")]


def test_an_inverse_offer_is_void_once_only_and_not_after_its_answer(rig: Rig) -> None:
    rig.say(inverse_offers("i1", "i2", "i3"))
    assert rig.told() == [inverse_offers("i1", "i2", "i3")]
    assert rig.say(AcceptInverse("", ("i1",), 7)) == [AcceptInverse("f1", ("i1",), 7)]
    rig.say(RescindInverse("i1"), RescindInverse("i2"), RescindInverse("i2"))
    assert rig.told() == [RescindInverse("i2")]
    rig.say(LinkDown(MASTER))
    assert rig.told() == [RescindInverse("i3")]
    assert rig.say(inverse_offers("i4"), DeclineInverse("", ("i4",))) == []
    assert rig.told() == []


@pytest.mark.parametrize("message", [Update(STATUS), FromExecutor("a", "e", b"x"), Failure("a")])
def test_news_of_the_master_are_told_as_they_are(rig: Rig, message: Any) -> None:
    assert rig.say(message) == []
    assert rig.told() == [message]
    assert rig.told() == []


@pytest.mark.parametrize(
    "call",
    [
        Accept("", ("o",), (Launch((TASK,)),), 7),
        Decline("", ("o",), 7),
        Revive("", ("r",), DEMAND),
        Suppress("", ("r",)),
        Kill("", "t", "a", 5),
        Acknowledge("", "a", "t", "u"),
        Reconcile("", (TaskRef("t"),)),
        Teardown(""),
    ],
)
def test_a_call_goes_to_the_master_under_the_frameworks_id(rig: Rig, call: Any) -> None:
    assert rig.say(call) == [replace(call, framework_id="f1")]
    assert rig.told() == []


@pytest.mark.parametrize("call", [Decline("", ("o",)), Kill("", "t"), Acknowledge("", "a", "t", "u"), Reconcile("")])
def test_a_call_without_a_master_has_no_effect(call: Any) -> None:
    rig = Rig()
    rig.say(Wake("start"))
    assert rig.say(call) == []
    assert rig.say(Subscribed("f1", "m")) == []
    assert rig.told() == [Subscribed("f1", "m")]


@pytest.mark.parametrize(("capabilities", "state"), [(ALL_CAPABILITIES, TaskState.DROPPED), ((), TaskState.LOST)])
def test_launches_without_a_master_are_answered(capabilities: tuple[str, ...], state: TaskState) -> None:
    rig = Rig(replace(INFO, capabilities=capabilities))
    assert rig.say(Wake("start"), Accept("", ("o",), (Launch((TASK, replace(TASK, task_id="t2"))),)))[1:] == []
    assert [(m.status.task_id, m.status.state, m.status.uuid) for m in rig.told()] == [
        ("t", state, ""),
        ("t2", state, ""),
    ]


def test_roles_and_demand_are_said_again_to_a_new_master(rig: Rig) -> None:
    rig.say(Revive("", (), DEMAND), Suppress("", ("s",)))
    assert rig.say(LinkDown(MASTER)) == [Subscribe(OURS, ("s",))]
    assert rig.say(Suppress("", ("r",)), Revive("", ("s",), DEMAND)) == []
    assert rig.say(Wake("subscribe")) == [Subscribe(OURS, ("r",))]
    assert rig.say(Subscribed("f1", "m")) == [Revive("f1", ("s",), DEMAND)]


def test_a_revive_replaces_the_demand_and_leaves_out_that_of_other_roles(rig: Rig) -> None:
    rig.say(Revive("", (), (Demand(ONE, 2, "r"),)), Revive("", ("r",)))
    assert rig.say(Subscribed("f1", "m")) == []
    rig.say(Revive("", (), (Demand(ONE, 2, "r"), Demand(ONE, 3))))
    both, last = Demand(ONE, 2, "r"), Demand(ONE, 3)
    assert rig.say(Subscribed("f1", "m")) == [Revive("f1", ("r",), (both, last)), Revive("f1", ("s",), (last,))]


@pytest.mark.parametrize("last", [FrameworkError("Framework failed over"), Teardown("")])
def test_after_the_end_nothing_is_said_or_told(rig: Rig, last: Any) -> None:
    rig.say(offers("o1"), last)
    rig.told()
    later = [offers("o2"), Update(STATUS), Kill("", "t"), Wake("subscribe"), LinkUp(MASTER, restarted=True)]
    assert rig.say(*later, Subscribed("f1", "m"), Teardown("")) == []
    assert rig.told() == []


def test_a_refusal_voids_the_offers_and_is_told_last(rig: Rig) -> None:
    rig.say(offers("o1"), FrameworkError("no"))
    assert rig.told() == [offers("o1"), Rescind("o1"), FrameworkError("no")]


def test_a_teardown_without_a_master_waits_for_one_and_tells_nothing_more(rig: Rig) -> None:
    rig.say(LinkDown(MASTER))
    rig.told()
    assert rig.say(Teardown("")) == []
    assert rig.say(Wake("subscribe")) == [Subscribe(OURS, ())]
    assert rig.say(Subscribed("f1", "m")) == [Teardown("f1")]
    assert rig.told() == []


def test_check_sees_offers_without_a_subscription(rig: Rig) -> None:
    rig.machine.state.connected = False
    rig.machine.state.offers["o1"] = None
    with pytest.raises(InvariantBroken, match=r"custom\.offers"):
        rig.machine.check()


def test_check_sees_an_ended_framework_that_is_connected(rig: Rig) -> None:
    rig.machine.state.ended = True
    with pytest.raises(InvariantBroken, match=r"custom\.ended"):
        rig.machine.check()


IDS = st.sampled_from(["o1", "o2", "o3"])
MESSAGES = st.one_of(
    st.just(Subscribed("f1", "m")),
    st.just(FrameworkError("no")),
    st.just(LinkDown(MASTER)),
    st.builds(LinkUp, st.just(MASTER), restarted=st.booleans()),
    st.just(Wake("subscribe")),
    st.lists(IDS, unique=True, min_size=1).map(lambda ids: offers(*ids)),
    IDS.map(Rescind),
    IDS.map(lambda id: Accept("", (id,), (Launch((TASK,)),))),
    IDS.map(lambda id: Decline("", (id,))),
    st.just(Kill("", "t")),
    st.just(Teardown("")),
)


@settings(max_examples=300)
@given(st.lists(MESSAGES, max_size=40))
def test_a_scheduler_always_knows_which_offers_are_good(messages: list[Any]) -> None:
    """Whatever comes: an offer is void once only, after it was made; without a subscription none is good; the master hears calls only while subscribed."""
    rig = Rig()
    good: set[str] = set()
    connected = False
    for message in messages:
        if isinstance(message, Accept | Decline):
            good -= set(message.offer_ids)
        sent = rig.say(message)
        for told in rig.told():
            if isinstance(told, Offers):
                good |= {offer.id for offer in told.offers}
            elif isinstance(told, Rescind):
                assert told.offer_id in good
                good.remove(told.offer_id)
            elif isinstance(told, Update):
                assert not connected
        if isinstance(message, Teardown):
            good.clear()
        was, connected = connected, rig.machine.state.connected
        assert good == set(rig.machine.state.offers)
        assert connected or not good
        for call in sent:
            if not isinstance(call, Subscribe):
                assert was or isinstance(message, Subscribed)
                assert call.framework_id == "f1"
