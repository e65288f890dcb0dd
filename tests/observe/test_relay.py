"""What the observer relays makes the same view elsewhere."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from observe_rig import NOW_MS, agent, attempt, framework, job, offers, share, task, waits

from raymesos.machine import OBSERVER, LinkDown, LinkUp, Outbox, Wake
from raymesos.model.attributes import Attributes
from raymesos.model.resources import Resources
from raymesos.observe.machine import ObserverMachine, ReplicaMachine
from raymesos.observe.relay import snapshot, take
from raymesos.observe.state import View
from raymesos.wire.jobs import JobSpec
from raymesos.wire.maintenance import MachineId
from raymesos.wire.notes import (
    CallsNote,
    EventNote,
    ExecutorNote,
    JobSpecNote,
    MaintenanceNote,
    MasterNote,
    MetricsNote,
    NotesBegin,
    NotesComplete,
    OutstandingNote,
    PassNote,
    WaitReason,
    WatchNotes,
)
from raymesos.wire.values import ExecutorInfo, Offer

REPLICA = "views@http"

NOTES = [
    agent("A1"),
    agent("A2", state="gone"),
    framework("F1", "ads"),
    offers("F1", 3),
    task("t1", "ads", "cpus:1"),
    task("t2", "ads", "cpus:1", state="TASK_FINISHED"),
    task("t3", "ads", "cpus:1", state="TASK_FAILED"),
    share("ads", (1, 2), at_ms=NOW_MS),
    share("ads", (1, 4), at_ms=NOW_MS + 60_000),
    waits("F1", "ads", WaitReason("nothing_free")),
    job("j1", "ads"),
    JobSpecNote(NOW_MS, JobSpec("j1", "j1", "ads", Resources.parse("cpus:1"), 1, argv=("true",))),
    attempt("j1.0-1.1-1", "TASK_STAGING", "TASK_RUNNING"),
    ExecutorNote(NOW_MS, "F1", "A1-id", ExecutorInfo("e"), "active"),
    EventNote(NOW_MS, "agent added", "A1"),
    EventNote(NOW_MS, "agent lost", "A2"),
    PassNote(NOW_MS, 2, 1),
    MasterNote(NOW_MS, "m-0001", NOW_MS, (("ads", "2"),)),
    CallsNote(NOW_MS, "F1", (("calls", 2), ("calls/accept", 2))),
    OutstandingNote(NOW_MS, "F1", (Offer("O1", "F1", "A1-id", "h", "ads", Resources.parse("cpus:1"), Attributes()),)),
    MaintenanceNote(NOW_MS, (), (MachineId("h"),)),
    MetricsNote(NOW_MS, (("master/elected", 1.0),)),
]


class Pair:
    """An observer and what its replica has made of its messages."""

    def __init__(self) -> None:
        self.observer, self.replica, self.view = ObserverMachine(), ReplicaMachine(), View()

    def note(self, *notes: Any) -> None:
        for each in notes:
            self._to_observer("master", each)

    def replica_hears(self, message: Any) -> list[Any]:
        """Returns what it asked the observer for; the observer's answer has arrived too."""
        out = Outbox()
        self.replica.handle(NOW_MS, OBSERVER, message, out)
        for _, asked in out.sends:
            self._to_observer(REPLICA, asked)
        return [asked for _, asked in out.sends]

    def _to_observer(self, sender: str, message: Any) -> None:
        out = Outbox()
        self.observer.handle(NOW_MS, sender, message, out)
        for to, sent in out.sends:
            assert to == REPLICA
            self.replica.handle(NOW_MS, OBSERVER, sent, Outbox())
        for each in self.replica.take_messages():
            self.view = take(self.view, each)


def shown(view: View) -> dict[str, Any]:
    return {f.name: getattr(view, f.name) for f in fields(view)}


def test_a_snapshot_makes_the_same_view() -> None:
    pair = Pair()
    pair.note(*NOTES)
    pair.replica_hears(Wake("start"))
    assert shown(pair.view) == shown(pair.observer.state)
    assert pair.view.history.points["ads"] and len(pair.view.history.points["ads"]) == 2


def test_what_comes_after_the_snapshot_is_relayed_and_what_came_before_it_is_not() -> None:
    pair = Pair()
    pair.note(NOTES[0])
    assert shown(pair.view) == shown(View())
    pair.replica_hears(Wake("start"))
    pair.note(*NOTES[1:])
    assert shown(pair.view) == shown(pair.observer.state)


def test_ended_tasks_that_were_forgotten_still_count() -> None:
    pair = Pair()
    pair.note(*NOTES)
    del pair.observer.state.ended_tasks["F1", "t2"]
    pair.replica_hears(Wake("start"))
    assert pair.view.task_ends == {"TASK_FINISHED": 1, "TASK_FAILED": 1}


def test_events_keep_their_numbers() -> None:
    pair = Pair()
    pair.note(*[EventNote(NOW_MS, "k", str(i)) for i in range(2_005)])
    pair.replica_hears(Wake("start"))
    assert pair.view.events_seen == 2_005 and len(pair.view.events) == 2_000


def test_a_replica_asks_again_when_its_link_broke_and_after_the_observers_new_life_but_for_no_other_peer() -> None:
    pair = Pair()
    assert pair.replica_hears(LinkDown(OBSERVER)) == [WatchNotes()]
    assert pair.replica_hears(LinkUp(OBSERVER, restarted=True)) == [WatchNotes()]
    assert pair.replica_hears(LinkDown("master")) == pair.replica_hears(LinkUp("master", restarted=True)) == []


def test_it_asks_every_second_until_the_snapshot_begins() -> None:
    replica = ReplicaMachine()
    out = Outbox()
    replica.handle(0, REPLICA, Wake("start"), out)
    assert out.wakes == [("watch", 1_000)]
    out = Outbox()
    replica.handle(0, OBSERVER, NotesBegin(), out)
    assert out.wakes == [("watch", None)]


def test_the_observer_forgets_a_replica_whose_link_broke() -> None:
    pair = Pair()
    pair.replica_hears(Wake("start"))
    for gone in (LinkDown(REPLICA), LinkUp(REPLICA, restarted=True)):
        pair.replica_hears(Wake("start"))
        pair.observer.handle(NOW_MS, OBSERVER, gone, Outbox())
        out = Outbox()
        pair.observer.handle(NOW_MS, "master", NOTES[0], out)
        assert out.sends == []


def test_a_snapshot_ends_with_word_that_it_is_complete() -> None:
    messages = list(snapshot(View(), NOW_MS))
    assert messages == [NotesBegin(0), NotesComplete(())]
