"""What an agent can lend out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raymesos.errors import InvalidValue
from raymesos.kernel.agent.estimator import Fixed, Measured, Usage, estimator_of
from raymesos.model.resources import EMPTY, Resources

OWN = Resources.parse("cpus:10;mem:1000")


def usage(idle: str, free: str = "", lent: str = "") -> Usage:
    return Usage(Resources.parse(idle), Resources.parse(free), Resources.parse(lent))


def measured(text: str = "cpus:4") -> Measured:
    made = estimator_of("measured", Resources.parse(text), OWN)
    assert isinstance(made, Measured)
    return made


def test_fixed_is_what_was_configured_whatever_is_seen() -> None:
    lends = Resources.parse("cpus:2;mem:64")
    estimator = estimator_of("fixed", lends, OWN)
    assert estimator == Fixed(lends)
    assert estimator.estimate(usage("")) == estimator.estimate(usage("cpus:9")) == lends


def test_a_tenth_of_what_is_the_agents_own_stays_idle() -> None:
    assert measured().keep == Resources.parse("cpus:1;mem:100")


@pytest.mark.parametrize(
    ("seen", "lends"),
    [
        (usage("cpus:10"), "cpus:4"),
        (usage("cpus:3"), "cpus:2"),
        (usage("cpus:3.3"), "cpus:2"),
        (usage("cpus:3.5"), "cpus:2.4"),
        (usage("cpus:3", free="cpus:2"), ""),
        (usage("cpus:3", free="cpus:1"), "cpus:0.8"),
        (usage("cpus:1", lent="cpus:2"), "cpus:2"),
        (usage("cpus:0", lent="cpus:2"), "cpus:0.8"),
        (usage("cpus:0", lent="cpus:0.4"), ""),
        (usage("mem:1000"), ""),
    ],
)
def test_measured_is_what_is_idle_and_neither_kept_nor_free_to_own_tasks(seen: Usage, lends: str) -> None:
    assert measured().estimate(seen) == Resources.parse(lends)


@given(*[st.integers(0, 20_000) for _ in range(3)])
def test_measured_is_never_more_than_the_most_and_in_steps_of_a_tenth_of_it(idle: int, free: int, lent: int) -> None:
    made = measured("cpus:4").estimate(Usage(*[Resources.of_milli({"cpus": v}) for v in (idle, free, lent)]))
    assert 0 <= made.scalar("cpus") <= 4_000
    assert made.scalar("cpus") % 400 == 0
    if idle < 1_000 and lent:
        assert made.scalar("cpus") < lent, "too little is idle: something is wanted back"


def test_what_is_no_estimator_is_refused() -> None:
    with pytest.raises(InvalidValue, match="estimator"):
        estimator_of("guess", EMPTY, OWN)
    with pytest.raises(InvalidValue, match="lend"):
        estimator_of("fixed", Resources.parse("ports:[1-2]"), OWN)
