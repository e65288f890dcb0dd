"""`check` finds each way in which the master's books could come apart: every test here breaks them by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from master_rig import F2, Rig, task

from raymesos.errors import InvariantBroken
from raymesos.kernel.master.state import State
from raymesos.model.resources import EMPTY, Resources
from raymesos.model.tasks import TaskState

F, A = "c-0001-0001", "c-S1"
Break = Callable[[State], object]


def _held(state: State) -> object:
    return state.frameworks[F].tasks["t1"]


BREAKS: dict[str, tuple[str, Break]] = {
    "offer without framework": ("master.offers", lambda s: s.frameworks[F].offers.clear()),
    "offer without agent": ("master.offers", lambda s: s.agents[A].offers.clear()),
    "offer that is gone": ("master.offers", lambda s: s.offers.clear()),
    "offer to nobody": ("master.offers", lambda s: setattr(s.frameworks[F], "address", None)),
    "offer of an agent that is away": ("master.offers", lambda s: setattr(s.agents[A], "connected", False)),
    "task without framework": ("master.tasks", lambda s: s.frameworks[F].tasks.clear()),
    "task without agent": ("master.tasks", lambda s: s.agents[A].tasks.clear()),
    "task here and away": ("master.tasks", lambda s: s.frameworks[F].unreachable.update(s.frameworks[F].tasks)),
    "uncounted use": ("master.used", lambda s: setattr(s.agents[A], "used", EMPTY)),
    "uncounted state": ("master.live", lambda s: s.live.update({TaskState.KILLING: 1})),
    "subscriber elsewhere": ("master.addresses", lambda s: setattr(s.frameworks[F], "address", F2)),
    "agent elsewhere": ("master.addresses", lambda s: setattr(s.agents[A], "address", "agent/A9")),
    "agent not admitted": ("master.registry", lambda s: s.admitted.clear()),
    "agent still awaited": ("master.registry", lambda s: s.recovering.update({A: None})),
    "agent unreachable": ("master.registry", lambda s: s.unreachable.update({A: 0})),
    "framework unknown": ("master.registry", lambda s: s.known_frameworks.clear()),
    "removed and subscribed": ("master.removed", lambda s: setattr(s.frameworks[F], "removed", True)),
    "ended and holding": ("master.holding", lambda s: setattr(_held(s), "state", TaskState.FAILED)),
}


@pytest.mark.parametrize("case", list(BREAKS))
def test_broken_books_are_found_by_name(case: str) -> None:
    rig = Rig()
    assert (rig.framework(), rig.agent()) == (F, A)
    rig.run(F, A, task())
    rig.offer(F, A, "cpus:1;mem:64")
    name, spoil = BREAKS[case]
    spoil(rig.master.state)
    with pytest.raises(InvariantBroken, match=name):
        rig.master.check()


def test_more_offered_than_there_is_is_found() -> None:
    rig = Rig()
    rig.offer(rig.framework(), rig.agent(), "cpus:1;mem:64")
    agent = rig.master.state.agents[A]
    agent.own = Resources.parse("cpus:0.5;mem:4096")
    with pytest.raises(InvariantBroken, match=r"master\.overcommit"):
        rig.master.check()
