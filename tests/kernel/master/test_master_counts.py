"""What each framework has called, been told and asked for is counted by Mesos' words, and told when it has changed."""

from __future__ import annotations

from typing import get_args

from master_rig import F1, F2, Rig, task

from raymesos.kernel.master.counts import CALLS, OPERATIONS
from raymesos.kernel.master.machine import FromFramework
from raymesos.machine import OBSERVER, LinkUp
from raymesos.wire.messages import Accept, Disconnect, Launch, Reconcile, Revive, Teardown
from raymesos.wire.operations import Operation


def told(rig: Rig) -> dict[str, dict[str, int]]:
    return {note.framework_id: dict(note.counts) for note in rig.master.counted(rig.now_ms)}


def test_calls_events_and_operations_are_counted_for_who_made_and_got_them() -> None:
    rig = Rig()
    f1, f2, a1 = rig.framework(), rig.framework("F2"), rig.agent()
    offer = rig.offer(f1, a1)
    rig.tell(F1, Accept(f1, (offer.id,), (Launch((task("t1"), task("t2"))), Launch((task("t3"),)))))
    rig.tell(F1, Reconcile(f1))
    counts = told(rig)
    assert counts[f2] == {"calls": 1, "calls/subscribe": 1, "events": 1, "events/subscribed": 1}
    calls = {"calls": 3, "calls/subscribe": 1, "calls/accept": 1, "calls/reconcile": 1}
    events = {"events": 5, "events/subscribed": 1, "events/offers": 1, "events/update": 3}
    assert counts[f1] == calls | events | {"operations": 2, "operations/launch": 2}


def test_it_is_told_again_when_it_has_changed_or_the_observer_begins_anew() -> None:
    rig = Rig()
    f1, f2 = rig.framework(), rig.framework("F2")
    assert set(told(rig)) == {f1, f2}
    rig.tell(F2, Revive(f2))
    assert [(id, counts["calls/revive"]) for id, counts in told(rig).items()] == [(f2, 1)]
    assert told(rig) == {}
    rig.tell("master", LinkUp(OBSERVER, restarted=True))
    assert set(told(rig)) == {f1, f2}


def test_who_is_not_subscribed_is_not_counted() -> None:
    rig = Rig()
    f1 = rig.framework(failover_timeout_ms=1_000)
    rig.tell(F1, Disconnect(f1))
    before = told(rig)[f1]
    rig.tell(F1, Revive(f1))
    rig.tell(F2, Teardown(f1))
    assert told(rig) == {} and before["calls"] == 1


def test_every_call_and_every_operation_has_its_word() -> None:
    assert set(get_args(FromFramework)) - set(CALLS) == {Disconnect}
    assert set(get_args(Operation)) == set(OPERATIONS)
