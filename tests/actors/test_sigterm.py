"""Ray takes SIGTERM for itself whenever a program connects to it; here the program has it back."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from raymesos.actors import cluster


@pytest.fixture(autouse=True)
def sigterm() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def _as_ray_does(number: int, frame: object) -> None:
    raise AssertionError("Ray's handler is in force")


def test_sigterm_ends_a_program_that_had_no_handler_as_sys_exit_does() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with cluster._sigterm_as_it_was():
        signal.signal(signal.SIGTERM, _as_ray_does)
    with pytest.raises(SystemExit) as ended:
        signal.raise_signal(signal.SIGTERM)
    assert ended.value.code == 143


def test_a_handler_of_the_programs_own_stays_also_when_connecting_fails() -> None:
    heard: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
    with pytest.raises(ConnectionError), cluster._sigterm_as_it_was():
        signal.signal(signal.SIGTERM, _as_ray_does)
        raise ConnectionError
    signal.raise_signal(signal.SIGTERM)
    assert heard == [signal.SIGTERM]


def test_a_program_that_ignores_sigterm_goes_on_ignoring_it() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with cluster._sigterm_as_it_was():
        signal.signal(signal.SIGTERM, _as_ray_does)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
