"""`raymesos sim`, as it is called: the same digest under any hash seed, progress for who looks on, a clean end when it is interrupted, the story when it fails."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from raymesos.kernel.agent.machine import AgentMachine
from raymesos.model.settings import AgentSettings
from raymesos.sim.cluster import Makers
from raymesos.sim.command import command, main
from raymesos.sim.report import in_words
from raymesos.sim.run import run
from raymesos.wire.messages import AgentInfo

ROOT = Path(__file__).parents[2]
SMALL = ("--agents", "30", "--frameworks", "5", "--tasks", "400", "--seed", "7", "--faults")
LONG = ("--agents", "200", "--frameworks", "5", "--tasks", "200000")


def call(*arguments: str, module: str = "raymesos.sim", hash_seed: str = "random") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-m", module, *arguments]
    return subprocess.run(words, env=environment, capture_output=True, text=True, timeout=100, check=False)


def test_the_same_seed_tells_the_same_story_under_any_hash_seed() -> None:
    stories = []
    for hash_seed in ("0", "1", "4242"):
        done = call(*SMALL, "--jobs", "2", "--json", hash_seed=hash_seed)
        assert (done.returncode, done.stderr) == (0, "")
        (line,) = done.stdout.splitlines()
        story = json.loads(line)
        stories.append({k: v for k, v in story.items() if k not in ("wall_s", "events_per_s")})
    assert stories[0] == stories[1] == stories[2]
    assert stories[0]["digest"]
    assert stories[0]["done"] == 400


def test_the_command_line_of_raymesos_tells_the_same() -> None:
    ours, of_all = (
        json.loads(call(*words, "--json", module=module).stdout)["digest"]
        for words, module in ((SMALL, "raymesos.sim"), (("sim", *SMALL), "raymesos.cli.main"))
    )
    assert ours == of_all


def test_the_last_line_in_words_has_the_digest_of_the_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert command(3, 1, 10, 1, faults=False, as_json=False) == 0
    words = capsys.readouterr()
    assert command(3, 1, 10, 1, faults=False, as_json=True) == 0
    told = capsys.readouterr()
    assert words.err == told.err == ""
    assert words.out.splitlines()[-1] == f"digest: {json.loads(told.out)['digest']}"
    report = run(3, 1, 10, seed=1)
    assert in_words(report).splitlines()[-1] == words.out.splitlines()[-1]


@pytest.mark.parametrize("field", ["agents", "frameworks", "tasks", "jobs"])
def test_bad_numbers_end_with_2_and_name_the_field(field: str, capsys: pytest.CaptureFixture[str]) -> None:
    numbers = {"agents": "1", "frameworks": "1", "tasks": "1", field: "-1"}
    assert main([word for name, value in numbers.items() for word in (f"--{name}", value)]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(f"raymesos sim: {field}: ")


def boaster(settings: AgentSettings, info: AgentInfo, life: int) -> Any:
    """An agent that says that it has twice what it has."""
    return AgentMachine(settings, replace(info, resources=info.resources + info.resources), life)


@pytest.mark.parametrize("as_json", [False, True])
def test_what_the_auditor_finds_ends_with_1_and_its_story_and_how_to_see_it_again(
    as_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(4, 2, 60, 3, faults=False, as_json=as_json, makers=Makers(agent=boaster)) == 1
    told = capsys.readouterr()
    story = told.err if as_json else told.out
    assert "node.overcommitted" in story
    assert "again: raymesos sim --agents 4 --frameworks 2 --tasks 60 --seed 3\n" in story
    if as_json:
        assert json.loads(told.out)["violation_count"] > 0
    else:
        assert told.out.splitlines()[-1].startswith("digest: ")


def test_progress_is_shown_on_a_terminal_and_an_interrupt_ends_with_one_line_and_130() -> None:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-m", "raymesos.sim", *LONG]
    process = subprocess.Popen(
        words, env=environment, stdout=subprocess.PIPE, stderr=theirs, preexec_fn=heed_interrupts
    )
    os.close(theirs)
    try:
        shown = read_until(ours, b"tasks done")
        process.send_signal(signal.SIGINT)
        shown += read_until(ours, b"interrupted at")
        out, _ = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert process.returncode == 130
    assert out == b""
    assert b"of 200,000 tasks done" in shown
    assert b"Traceback" not in shown


def heed_interrupts() -> None:
    """What shells run in the background ignores them, and so do its children."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def read_until(terminal: int, words: bytes) -> bytes:
    seen = b""
    while words not in seen:
        seen += os.read(terminal, 10_000)
    return seen
