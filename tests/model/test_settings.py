"""Settings: each is read somewhere, and the two profiles hold what their sources say."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

import raymesos
from raymesos.errors import InvalidValue
from raymesos.model import settings as module
from raymesos.model.resources import Resources
from raymesos.model.settings import Settings, on_ray, simulated

PACKAGE = Path(raymesos.__file__).parent
SECTIONS = [f.name for f in fields(Settings)]
NAMES = [(section, f.name) for section in SECTIONS for f in fields(getattr(Settings(), section))]


@pytest.fixture(scope="module")
def code() -> str:
    own = Path(module.__file__)
    return "\n".join(path.read_text() for path in sorted(PACKAGE.rglob("*.py")) if path != own)


@pytest.mark.parametrize(("section", "name"), NAMES)
def test_every_setting_is_read_somewhere(section: str, name: str, code: str) -> None:
    assert re.search(rf"\.{name}\b", code), f"nobody reads {section}.{name}"


@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_reaches_a_machine(section: str, code: str) -> None:
    assert re.search(rf"\.{section}\b", code)


def test_every_number_has_its_unit_in_its_name() -> None:
    spans = [name for _, name in NAMES if re.search("(interval|retry|timeout|grace|stuck|wait|ping)(_max)?$", name)]
    assert spans == []


# Waits that may be left out.
MAY_BE_NONE = ("untold_ms",)


def test_every_bound_is_positive() -> None:
    for profile in (Settings(), on_ray(), simulated()):
        for section, name in NAMES:
            value = getattr(getattr(profile, section), name)
            if isinstance(value, int):
                assert value > 0 or name in MAY_BE_NONE, f"{section}.{name}"


def test_the_defaults_are_those_of_mesos() -> None:
    plain = Settings()
    assert plain.allocator.allocation_interval_ms == 1_000
    assert plain.allocator.min_allocatable == (Resources.parse("cpus:0.01"), Resources.parse("mem:32"))
    assert plain.master.offer_timeout_ms is None
    assert plain.master.agent_ping_ms * plain.master.agent_ping_misses == 75_000
    assert plain.master.agent_reregister_ms == 600_000
    assert (plain.agent.update_retry_ms, plain.agent.update_retry_max_ms) == (10_000, 600_000)
    assert plain.agent.kill_grace_ms == 3_000


def test_a_live_cluster_suspects_sooner_and_lets_nobody_hoard() -> None:
    live = on_ray()
    assert live.master.offer_timeout_ms == 30_000
    assert live.master.agent_ping_ms * live.master.agent_ping_misses == 10_000
    assert live.agent.update_retry_ms < Settings().agent.update_retry_ms


def test_preemption_and_scoring_are_chosen_by_name() -> None:
    assert (on_ray().allocator.preemption, Settings().allocator.preemption) == ("guarantee", "off")
    chosen = on_ray(preemption="fair", scoring="pack").allocator
    assert (chosen.preemption, chosen.scoring) == ("fair", "pack")
    with pytest.raises(InvalidValue, match="off, guarantee, fair"):
        on_ray(preemption="always")
    with pytest.raises(InvalidValue, match="shuffle, pack, spread"):
        on_ray(scoring="best")


def test_retries_begin_below_where_they_end() -> None:
    for profile in (Settings(), on_ray(), simulated()):
        for section, name in NAMES:
            if name.endswith("_max_ms"):
                owner = getattr(profile, section)
                assert getattr(owner, name.replace("_max_ms", "_ms")) <= getattr(owner, name)
