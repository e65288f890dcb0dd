"""Offers: made of grants, outstanding until used, declined, rescinded or expired; what is not used goes back."""

from __future__ import annotations

import pytest
from master_rig import A1, F1, F2, WHOLE, Rig, of, task, to

from raymesos.machine import ALLOCATOR, MASTER, LinkDown
from raymesos.model.attributes import Attributes
from raymesos.model.resources import Resources
from raymesos.model.settings import DEFAULT_REFUSE_MS, MAX_REFUSE_MS
from raymesos.wire.messages import (
    Accept,
    Allocations,
    AllocatorReady,
    Decline,
    Grant,
    Offer,
    Offers,
    OperatorAnswer,
    Recover,
    Rescind,
    SetWeights,
    WeightsChanged,
    WeightsSet,
)

HALF = "cpus:2;mem:2048"


def recovered(sent: list[tuple[str, object]]) -> list[tuple[str, str, int | None, bool]]:
    """(framework id, resources, filter, whether a task ended) of what went back to the allocator."""
    return [
        (m.framework_id, str(m.resources), m.refuse_ms, m.task_ended)
        for m in to(ALLOCATOR, sent)
        if isinstance(m, Recover)
    ]


# ---------------------------------------------------------------- made


def test_a_pass_is_one_message_for_each_framework() -> None:
    rig = Rig()
    f1, f2 = rig.framework("F1"), rig.framework("F2")
    a1, a2, a3 = (rig.agent(name) for name in ("A1", "A2", "A3"))
    grants = tuple(rig.books.grant(f, "dev", a, Resources.parse(WHOLE)) for f, a in ((f1, a1), (f2, a2), (f1, a3)))
    sent = rig.tell(ALLOCATOR, Allocations(rig.books.epoch, grants))
    assert [(receiver, type(m), len(m.offers)) for receiver, m in sent] == [(F1, Offers, 2), (F2, Offers, 1)]
    whole = Resources.parse(WHOLE)
    assert to(F2, sent)[0].offers == (Offer("c-0001-O2", f2, a2, "A2", "dev", whole, Attributes(), agent_name="A2"),)
    assert rig.metric("outstanding_offers") == 3


def test_a_grant_of_a_former_life_of_the_agent_is_void() -> None:
    rig = Rig()
    f1, a1 = rig.framework(), rig.agent()
    rig.back()
    stale = Grant(f1, "dev", a1, 1, Resources.parse(WHOLE))
    unknown = Grant(f1, "dev", "c-S9", 1, Resources.parse(WHOLE))
    assert rig.tell(ALLOCATOR, Allocations(rig.books.epoch, (stale, unknown))) == []
    assert rig.metric("outstanding_offers") == 0


def test_a_grant_for_a_framework_that_cannot_take_it_goes_back_without_a_filter() -> None:
    rig = Rig()
    f1, a1 = rig.framework(failover_timeout_ms=60_000), rig.agent()
    assert recovered(rig.grant(f1, a1, HALF, role="other")) == [(f1, HALF, None, False)]
    rig.leave(f1)
    assert recovered(rig.grant(f1, a1, HALF)) == [(f1, HALF, None, False)]
    assert recovered(rig.grant("c-0001-0009", a1, HALF)) == [("c-0001-0009", HALF, None, False)]


# ---------------------------------------------------------------- declined


@pytest.mark.parametrize(
    ("refuse_ms", "filter_ms"),
    [
        (5_000, 5_000),
        (0, 0),
        (-1, DEFAULT_REFUSE_MS),
        (MAX_REFUSE_MS, MAX_REFUSE_MS),
        (MAX_REFUSE_MS + 1, MAX_REFUSE_MS),
    ],
)
def test_a_filter_is_never_negative_nor_longer_than_a_year(refuse_ms: int, filter_ms: int) -> None:
    assert DEFAULT_REFUSE_MS == 5_000
    rig = Rig()
    f1, a1 = rig.framework(), rig.agent()
    offer = rig.offer(f1, a1)
    assert recovered(rig.tell(F1, Decline(f1, (offer.id,), refuse_ms))) == [(f1, WHOLE, filter_ms, False)]
    offer = rig.offer(f1, a1)
    assert recovered(rig.accept(f1, [offer], task(), refuse_ms=refuse_ms)) == [
        (f1, "cpus:3;mem:3968", filter_ms, False)
    ]


def test_the_default_filter_is_five_seconds() -> None:
    assert Decline("f", ()).refuse_ms == Accept("f", ()).refuse_ms == 5_000


def test_a_decline_of_offers_that_are_gone_or_of_another_touches_only_the_others() -> None:
    rig = Rig()
    f1, f2 = rig.framework("F1"), rig.framework("F2")
    a1, a2 = rig.agent("A1"), rig.agent("A2")
    mine, other = rig.offer(f1, a1), rig.offer(f2, a2)
    sent = rig.tell(F1, Decline(f1, (other.id, "nope-O1", mine.id, mine.id)))
    assert recovered(sent) == [(f1, WHOLE, 5_000, False)]
    assert to(F1, sent) == to(F2, sent) == []
    assert list(rig.master.state.offers) == [other.id]


def test_an_accept_without_operations_is_a_decline() -> None:
    rig = Rig()
    f1, a1 = rig.framework(), rig.agent()
    offer = rig.offer(f1, a1)
    assert recovered(rig.accept(f1, [offer], refuse_ms=7_000)) == [(f1, WHOLE, 7_000, False)]
    framework = rig.master.state.frameworks[f1]
    assert (framework.sent, framework.accepted, framework.declined) == (1, 0, 1)


def test_nothing_goes_back_when_everything_was_used() -> None:
    rig = Rig()
    f1, a1 = rig.framework(), rig.agent()
    offer = rig.offer(f1, a1)
    assert recovered(rig.accept(f1, [offer], task(resources=WHOLE), refuse_ms=7_000)) == []


# ---------------------------------------------------------------- rescinded


def test_offers_do_not_expire_by_default() -> None:
    rig = Rig()
    rig.offer(rig.framework(), rig.agent())
    assert of(Rescind, rig.advance(24 * 3_600_000)) == []
    assert rig.metric("outstanding_offers") == 1


def test_an_offer_older_than_the_timeout_is_rescinded() -> None:
    rig = Rig(offer_timeout_ms=30_000)
    f1, a1 = rig.framework(), rig.agent()
    first = rig.offer(f1, a1, "cpus:1;mem:64")
    rig.advance(10_000)
    used, late = rig.offer(f1, a1, "cpus:1;mem:64"), rig.offer(f1, a1, "cpus:1;mem:64")
    rig.accept(f1, [used], task(resources="cpus:1;mem:64"))
    assert of(Rescind, rig.advance(19_999)) == []
    sent = rig.advance(1)
    assert of(Rescind, sent) == [(F1, Rescind(first.id))]
    assert recovered(sent) == [(f1, "cpus:1;mem:64", None, False)]
    assert of(Rescind, rig.advance(9_999)) == []
    assert of(Rescind, rig.advance(1)) == [(F1, Rescind(late.id))]
    assert of(Rescind, rig.advance(60_000)) == []
    assert list(rig.master.state.expiring) == []
    assert rig.master.state.frameworks[f1].rescinded == 2


def test_a_lost_link_takes_an_agents_offers_and_leaves_those_of_others() -> None:
    rig = Rig()
    f1, f2 = rig.framework("F1"), rig.framework("F2")
    a1, a2 = rig.agent("A1"), rig.agent("A2")
    one, two, kept = rig.offer(f1, a1, HALF), rig.offer(f2, a1, HALF), rig.offer(f1, a2)
    sent = rig.tell(MASTER, LinkDown(A1))
    assert to(F1, sent) == [Rescind(one.id)]
    assert to(F2, sent) == [Rescind(two.id)]
    assert list(rig.master.state.offers) == [kept.id]


# ---------------------------------------------------------------- weights


def test_a_weight_of_a_role_in_use_rescinds_all_offers() -> None:
    rig = Rig()
    f1, f2 = rig.framework("F1", roles=("dev",)), rig.framework("F2", roles=("ops",))
    one, two = rig.offer(f1, rig.agent("A1")), rig.offer(f2, rig.agent("A2"), role="ops")
    sent = rig.tell("client/1", SetWeights((("ops", "2.5"),), "r1"))
    assert to(F1, sent) == [Rescind(one.id)]
    assert to(F2, sent) == [Rescind(two.id)]
    assert to("client/1", sent) == [OperatorAnswer("r1")]
    assert to(ALLOCATOR, sent)[0] == WeightsChanged((("ops", "2.5"),))
    assert rig.records[-1] == WeightsSet((("ops", "2.5"),))


def test_a_weight_of_a_role_that_nobody_is_in_rescinds_nothing() -> None:
    rig = Rig()
    f1, f2 = rig.framework("F1"), rig.framework("F2", roles=("ops",))
    a1 = rig.agent()
    rig.offer(f1, a1, HALF)
    assert of(Rescind, rig.tell("client/1", SetWeights((("other", "2"),)))) == []
    rig.run(f2, a1, task(), role="ops")
    rig.leave(f2)  # Its task is still on its way out.
    assert of(Rescind, rig.tell("client/1", SetWeights((("ops", "2"),)))) == []


@pytest.mark.parametrize(
    ("weights", "error"),
    [
        ((("dev", "0"),), "weight of dev: '0' must be greater than 0"),
        ((("dev", "-1"),), "weight of dev: '-1' must be greater than 0"),
        ((("dev", "much"),), "weight of dev: 'much' must be a decimal number"),
        ((("dev", "1/0"),), "weight of dev: '1/0' must be a decimal number"),
        (
            (("ops", "2"), ("a b", "1")),
            "role: Role component 'a b' is invalid because it contains backspace or whitespace",
        ),
    ],
)
def test_of_bad_weights_none_is_set(weights: tuple[tuple[str, str], ...], error: str) -> None:
    rig = Rig()
    rig.offer(rig.framework(), rig.agent())
    before = list(rig.records)
    refused = OperatorAnswer("r1", error, "invalid", "weights", str(weights))
    assert rig.tell("client/1", SetWeights(weights, "r1")) == [("client/1", refused)]
    assert rig.records == before
    assert rig.master.state.weights == {}


def test_weights_outlive_the_master() -> None:
    first = Rig()
    first.tell("client/1", SetWeights((("dev", "2"), ("ops", "3"))))
    first.tell("client/1", SetWeights((("dev", "4"),)))
    rig = first.restart()
    assert rig.master.state.weights == {"dev": "4", "ops": "3"}
    told = of(WeightsChanged, rig.tell(ALLOCATOR, AllocatorReady()))
    assert told == [(ALLOCATOR, WeightsChanged((("dev", "4"), ("ops", "3"))))]
