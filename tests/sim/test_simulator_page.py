"""The page about the simulator is true: its programs run, and what it names is there."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

import pytest

from raymesos.sim import Simulation

PAGE = Path(__file__).parents[2] / "docs" / "simulator.md"
PROGRAMS = re.findall(r"^( *)```python\n(.*?)^\1```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def test_the_page_has_programs() -> None:
    assert len(PROGRAMS) == 2


@pytest.mark.parametrize("number", range(len(PROGRAMS)))
def test_a_program_of_the_page_runs(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(dedent(PROGRAMS[number][1]), str(PAGE), "exec"), {})
    said = capsys.readouterr().out
    assert ("f1-44" in said) == (number == 1)


def test_what_the_tables_name_exists() -> None:
    sim = Simulation()
    owners = {"f.": sim.add_framework("F1", roles=["r"]), "sim.": sim, "": sim}
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    named = [(o, n) for row in rows for o, n in re.findall(r"`(f\.|sim\.)([a-z_]+)", row)]
    named += [("", n) for row in rows for n in re.findall(r"`([a-z_]+)\(", row)]
    assert len(named) > 25
    missing = [f"{owner}{name}" for owner, name in named if not hasattr(owners[owner], name)]
    assert missing == []
