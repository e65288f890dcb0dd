"""Whom the allocator asks to leave agents that will be unavailable, and when."""

from __future__ import annotations

from allocator_driver import Driver
from allocator_driver import cpus_mem as r

from raymesos.wire.messages import (
    AgentDeactivated,
    AgentRemoved,
    AgentUnavailability,
    AllocatorReset,
    FrameworkActivated,
    FrameworkDeactivated,
    FrameworkRemoved,
    InverseAnswered,
    InverseGrants,
    Unavailability,
)

SOON = Unavailability(1_000_000)
LATER = Unavailability(2_000_000, 5)


class Inverse(Driver):
    """`asked` returns the pairs since it was last called."""

    def asked(self) -> list[tuple[str, str]]:
        pairs = [pair for m in self.messages if isinstance(m, InverseGrants) for pair in m.pairs]
        self.messages = [m for m in self.messages if not isinstance(m, InverseGrants)]
        return pairs

    def will_be(self, name: str, unavailability: Unavailability | None = SOON) -> list[tuple[str, str]]:
        self.send(AgentUnavailability(name, unavailability))
        return self.asked()

    def answer(self, framework: str, agent: str, refuse_ms: int | None) -> None:
        self.send(InverseAnswered(framework, agent, refuse_ms))


def one() -> Inverse:
    """F holds something of A1 and A2, G of A2 alone."""
    d = Inverse()
    d.framework("F", "x")
    d.framework("G", "y")
    d.suppress("F")
    d.suppress("G")
    d.agent("A1", r(4, 4096), held=(("F", "x", r(1, 64)),))
    d.agent("A2", r(4, 4096), held=(("F", "x", r(1, 64)), ("G", "y", r(1, 64))))
    return d


def test_each_holder_is_asked_once_and_nobody_else() -> None:
    d = one()
    d.tick()
    assert d.asked() == []
    assert d.will_be("A1") == [("F", "A1")]
    assert d.will_be("A2") == [("F", "A2"), ("G", "A2")]
    d.advance(10_000)
    assert d.asked() == []


def test_a_framework_in_several_roles_is_asked_once() -> None:
    d = Inverse()
    d.framework("F", "x", "y")
    d.suppress("F")
    d.agent("A1", r(4, 4096), held=(("F", "x", r(1, 64)), ("F", "y", r(1, 64))))
    assert d.will_be("A1") == [("F", "A1")]


def test_an_offer_counts_as_held_and_what_was_declined_does_not() -> None:
    d = Inverse()
    d.framework("F", "x")
    (grant,) = d.agent("A1", r(4, 4096))
    assert d.will_be("A1") == [("F", "A1")]
    d.answer("F", "A1", 0)
    d.give_back(grant, refuse_ms=100_000)
    d.advance(10_000)
    assert d.asked() == []


def test_an_agent_that_joins_with_its_unavailability_is_asked_about_at_once() -> None:
    d = Inverse()
    d.framework("F", "x")
    d.suppress("F")
    d.agent("A1", r(4, 4096), held=(("F", "x", r(1, 64)),), unavailability=SOON)
    assert d.asked() == [("F", "A1")]


def test_after_an_answer_the_next_pass_asks_again_or_the_first_after_the_refusal() -> None:
    d = one()
    d.will_be("A2")
    d.answer("F", "A2", 0)
    d.answer("G", "A2", 3_000)
    assert d.asked() == []
    d.tick()
    assert d.asked() == [("F", "A2")]
    d.tick()
    assert d.asked() == []
    d.tick()
    assert d.asked() == [("G", "A2")]
    d.answer("G", "A2", None)  # Rescinded: there is no refusal.
    d.tick()
    assert d.asked() == [("G", "A2")]


def test_a_triggered_pass_asks_only_about_the_agents_that_it_looks_at() -> None:
    d = one()
    d.will_be("A2")
    d.answer("F", "A2", 0)
    assert d.will_be("A1") == [("F", "A1")]
    d.tick()
    assert d.asked() == [("F", "A2")]


def test_a_revive_ends_the_refusals_of_the_framework_and_no_other() -> None:
    d = one()
    d.will_be("A2")
    d.answer("F", "A2", 100_000)
    d.answer("G", "A2", 100_000)
    d.revive("F")
    assert d.asked() == [("F", "A2")]
    d.advance(10_000)
    assert d.asked() == []


def test_another_unavailability_asks_everybody_anew_and_none_asks_nobody() -> None:
    d = one()
    d.will_be("A2")
    d.answer("F", "A2", 100_000)
    assert d.will_be("A2", LATER) == [("F", "A2"), ("G", "A2")]
    assert d.will_be("A2", None) == []
    d.answer("F", "A2", 0)
    d.advance(10_000)
    assert d.asked() == []


def test_a_framework_that_is_away_is_not_asked_and_asked_when_it_is_back() -> None:
    d = one()
    d.will_be("A2")
    d.answer("F", "A2", 100_000)
    d.send(FrameworkDeactivated("F"))
    d.advance(10_000)
    assert d.asked() == []
    d.send(FrameworkActivated("F"))
    assert d.asked() == [("F", "A2")]
    d.send(FrameworkRemoved("F"))
    d.advance(10_000)
    assert d.asked() == []


def test_of_an_agent_that_is_not_to_be_offered_those_who_hold_something_are_still_asked() -> None:
    d = one()
    d.send(AgentDeactivated("A2"))
    assert d.will_be("A2") == [("F", "A2"), ("G", "A2")]


def test_what_is_told_of_unknown_agents_means_nothing() -> None:
    d = one()
    assert d.will_be("A9") == []
    d.answer("F", "A9", 5)
    d.will_be("A2")
    d.send(AgentRemoved("A2"))
    d.advance(10_000)
    assert d.asked() == []


def test_a_reset_forgets_who_was_asked_and_who_will_be_unavailable() -> None:
    d = one()
    d.will_be("A2")
    d.send(AllocatorReset(2))
    d.framework("F", "x")
    d.suppress("F")
    d.agent("A2", r(4, 4096), held=(("F", "x", r(1, 64)),))
    d.advance(10_000)
    assert d.asked() == []
    assert d.will_be("A2") == [("F", "A2")]
