"""The transition table of task states: every pair, legal or not."""

from __future__ import annotations

import pytest

from raymesos.model.tasks import (
    PARTITION_STATES,
    TERMINAL,
    Capability,
    Reason,
    Source,
    TaskState,
    for_framework,
    is_terminal,
    may_follow,
)

# Before → what may come next. D: dropped, E: error, F: finished, f: failed, G: gone, g: gone by operator, K: killed, k: killing, L: lost, R: running,
# S: starting, s: staging, U: unreachable.
LETTERS = {
    "s": TaskState.STAGING,
    "S": TaskState.STARTING,
    "R": TaskState.RUNNING,
    "k": TaskState.KILLING,
    "F": TaskState.FINISHED,
    "f": TaskState.FAILED,
    "K": TaskState.KILLED,
    "E": TaskState.ERROR,
    "L": TaskState.LOST,
    "D": TaskState.DROPPED,
    "G": TaskState.GONE,
    "g": TaskState.GONE_BY_OPERATOR,
    "U": TaskState.UNREACHABLE,
    "?": TaskState.UNKNOWN,
}
ENDS = "FfKELDGg"
NEXT = {
    "s": "SRk" + ENDS + "U",
    "S": "SRk" + ENDS + "U",
    "R": "Rk" + ENDS + "U",
    "k": "k" + ENDS + "U",
    "U": "sSRk" + ENDS,
    "?": "",
    **dict.fromkeys(ENDS, ""),
}


def test_the_table_of_this_test_names_every_state() -> None:
    assert list(LETTERS.values()) == sorted(TaskState, key=list(LETTERS.values()).index)
    assert sorted(NEXT) == sorted(LETTERS)


@pytest.mark.parametrize("before", LETTERS)
@pytest.mark.parametrize("after", LETTERS)
def test_each_state_may_be_followed_by_what_the_table_says(before: str, after: str) -> None:
    assert may_follow(LETTERS[before], LETTERS[after]) == (after in NEXT[before])


def test_the_terminal_states_are_those_that_end_a_task() -> None:
    assert tuple(sorted(TERMINAL)) == tuple(sorted(LETTERS[c] for c in ENDS))
    for state in TaskState:
        assert is_terminal(state) == (state in TERMINAL)
        if is_terminal(state):
            assert not any(may_follow(state, after) for after in TaskState)


def test_every_live_state_can_still_end_in_every_way() -> None:
    live = [s for s in TaskState if not is_terminal(s) and s is not TaskState.UNKNOWN]
    assert live
    for state in live:
        assert all(may_follow(state, end) for end in TERMINAL)


def test_frameworks_without_partition_aware_hear_of_lost_tasks_only() -> None:
    for state in TaskState:
        assert for_framework(state, partition_aware=True) is state
        told = for_framework(state, partition_aware=False)
        assert told is (TaskState.LOST if state in PARTITION_STATES else state)
    assert sorted(PARTITION_STATES) == sorted(LETTERS[c] for c in "DUGg?")


def test_names_are_those_of_mesos() -> None:
    assert all(state.value == f"TASK_{state.name}" for state in TaskState)
    assert all(reason.value == f"REASON_{reason.name}" for reason in Reason if reason is not Reason.NONE)
    assert Reason.NONE == ""
    assert all(source.value == f"SOURCE_{source.name}" for source in Source)
    assert all(capability.value == capability.name for capability in Capability)
