"""The page about sharing says what is so: its Python runs, against the real master, and its commands are commands."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from simulated_door import Client

from raymesos.cli.main import main
from raymesos.observe import reasons
from raymesos.sim import Simulation

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "sharing.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
PYTHON = [block for language, block in BLOCKS if language == "python" and "rm." not in block]
WRITTEN = [line for language, block in BLOCKS if not language for line in block.splitlines()]
WRITTEN += re.findall(r"^    \.venv/bin/(raymesos .*)$", (ROOT / "README.md").read_text(), re.MULTILINE)
COMMANDS = [line.partition("  #")[0].removeprefix("$ ") for line in WRITTEN if re.match(r"(\$ )?raymesos ", line)]


@pytest.mark.parametrize("block", PYTHON, ids=[block.splitlines()[0][:40] for block in PYTHON])
def test_each_piece_of_python_runs(block: str) -> None:
    sim = Simulation()
    for name in ("agent1", "host1"):
        sim.add_agent(name, "cpus:16;mem:16384;disk:4096")
    sim.add_framework("F", roles=["ads"])
    sim.settle()
    client = Client(sim)
    client.reserve("agent1", "cpus(ads):2;disk(ads):2048")
    exec(compile(block, "docs/sharing.md", "exec"), {"cluster": client, "job": "F"})
    sim.check()


def test_the_page_has_as_many_pieces_as_it_has_subjects() -> None:
    assert (len(PYTHON), len(COMMANDS) > 20) == (7, True)


@pytest.mark.parametrize("line", COMMANDS)
def test_each_command_is_one(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*shlex.split(line)[1:], "--help"]) == 0, capsys.readouterr().err


def test_every_kind_of_reason_is_on_the_page() -> None:
    assert [kind for kind in reasons.TEXTS if f"`{kind}`" not in PAGE] == []
