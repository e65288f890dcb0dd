"""`raymesos top`."""

from __future__ import annotations

import io
import os
import pty
import termios
from collections.abc import Iterator
from dataclasses import replace

import pytest
from cli_fakes import NOW_MS, FakeCluster, Shell
from rich.console import Console

from raymesos.cli import top
from raymesos.cli.top import keyboard, look, watch
from raymesos.cli.top_picture import SORTS, picture
from raymesos.errors import ClusterUnavailable
from raymesos.model.attributes import Attributes
from raymesos.model.resources import Resources
from raymesos.wire.notes import AgentNote

WIDTH, HEIGHT = 110, 50


@pytest.fixture
def busy(cluster: FakeCluster) -> FakeCluster:
    for name, state in (("agent1", "active"), ("agent2", "active"), ("agent3", "draining")):
        cluster.add_agent(name, state, "cpus:4;mem:4096")
    cluster.add_role("ads", dominant="cpus", entitled=(3, 4))
    cluster.add_role("search", dominant="cpus", entitled=(1, 4))
    for n in range(3):
        cluster.add_task("ads", "cpus:1;mem:512")
        cluster.state.tasks["F1", f"t{n}"] = cluster.state.tasks.pop(("F1", "task of ads"))
    for name, running in (("score", 3), ("render", 7)):
        note = cluster.add_job(name, total=20).note
        cluster.tell(replace(note, running=running, waiting=10 - running, succeeded=8, failed=2))
    cluster.add_event("agent added", "agent1-id")
    return cluster


def screen(width: int = WIDTH, height: int = HEIGHT, **options: bool) -> Console:
    return Console(file=io.StringIO(), record=True, width=width, height=height, force_terminal=True, **options)  # type: ignore[arg-type]


def shown(cluster: FakeCluster, console: Console, **how: object) -> list[str]:
    console.print(picture(look(cluster), console, **how))  # type: ignore[arg-type]
    return console.export_text().splitlines()


def line(lines: list[str], start: str) -> str:
    return next(each for each in lines if each.startswith(start))


def test_the_picture_has_all_that_goes_on(busy: FakeCluster) -> None:
    lines = shown(busy, screen())
    assert "2 of 3 agents active" in lines[0]
    cpus = line(lines, "cpus")
    assert cpus.count("█") == 6  # 3 used and an offered 0.5 of 8 cpus, in 13 cells
    assert cpus.split()[-4:] == ["3", "0.5", "4.5", "8"]
    ads = line(lines, "ads")
    assert "25 %" in ads and "75 %" in ads and ads.index("┃") > ads.rindex("█")
    assert line(lines, "score").count("█") == 6 and "8/20" in line(lines, "score")
    assert "draining" in line(lines, "agent3")
    assert "3/4" in line(lines, "agent1")
    assert any("agent added" in each for each in lines)


def test_an_empty_cluster_says_what_is_missing(cluster: FakeCluster) -> None:
    text = "\n".join(shown(cluster, screen()))
    for told in (
        "nothing can run",
        "no role is in use",
        "submit one with",
        "no agent has registered",
        "nothing has happened",
    ):
        assert told in text


@pytest.mark.parametrize(("width", "height"), [(80, 24), (40, 12), (200, 100)])
def test_the_picture_fits_the_screen(busy: FakeCluster, width: int, height: int) -> None:
    for n in range(60):
        busy.add_job(f"a-long-name-of-a-job-that-goes-on-and-on-{n}")
        busy.add_agent(f"agent{n}")
    lines = shown(busy, screen(width, height))
    assert max(map(len, lines)) <= width
    assert len(lines) <= max(height, 40)
    assert any("more jobs" in each for each in lines)


def test_a_terminal_without_blocks_gets_ascii(busy: FakeCluster) -> None:
    console = Console(file=io.TextIOWrapper(io.BytesIO(), "ascii"), record=True, width=WIDTH, height=HEIGHT)
    lines = shown(busy, console)
    assert "#" in line(lines, "cpus") and "\n".join(lines).isascii()


def test_jobs_are_sorted_by_what_is_asked_for(busy: FakeCluster) -> None:
    lines = shown(busy, screen(), sort="running")
    assert lines.index(line(lines, "render")) < lines.index(line(lines, "score"))
    lines = shown(busy, screen(), sort="waiting")
    assert lines.index(line(lines, "score")) < lines.index(line(lines, "render"))


@pytest.mark.parametrize("sort", SORTS)
def test_every_sort_shows_every_job(busy: FakeCluster, sort: str) -> None:
    lines = shown(busy, screen(), sort=sort)
    assert line(lines, "score") and line(lines, "render")


def test_it_looks_again_each_second_and_ends_with_q(busy: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(top, "EVERY_S", 0.001)
    looks = []

    def key(timeout_s: float) -> str:
        looks.append(timeout_s)
        if len(looks) == 5:
            busy.add_agent("agent9")
        return "s" if len(looks) == 2 else "q" if len(looks) > 50 and "agent9" in text() else ""

    def text() -> str:
        return console.file.getvalue()  # type: ignore[attr-defined]

    console = screen()
    watch(busy, console, key)
    assert "sort: newest" in text() and "sort: running" in text()
    assert text().endswith("\x1b[?25h\x1b[?1049l") or "\x1b[?1049l" in text()


def test_a_cluster_that_ends_meanwhile_ends_it_with_an_error(busy: FakeCluster) -> None:
    def gone(name: str, **_: object) -> object:
        raise ClusterUnavailable("it has been shut down")

    def key(timeout_s: float) -> str:
        busy.view = gone  # type: ignore[method-assign,assignment]
        return ""

    console = screen()
    with pytest.raises(ClusterUnavailable):
        watch(busy, console, key)
    assert "\x1b[?1049l" in console.file.getvalue()  # type: ignore[attr-defined]


def test_without_a_terminal_it_is_one_look(shell: Shell, busy: FakeCluster) -> None:
    code, out, err = shell.run("top")
    assert (code, err) == (0, "")
    assert "\x1b" not in out and "ads" in out and "q quit" not in out


def test_as_json_it_is_one_document(shell: Shell, busy: FakeCluster) -> None:
    code, document = shell.json("top")
    assert code == 0
    assert document["status"]["resources"]["cpus"] == {"total": 8.0, "used": 3.0, "offered": 0.5}
    assert [j["name"] for j in document["jobs"]] == ["score", "render"]


def test_resources_that_are_not_cpus_need_no_cpus(cluster: FakeCluster) -> None:
    cluster.tell(AgentNote(NOW_MS, "a", "agent1", "h", "active", Resources.parse("mem:64"), Attributes()))
    assert "0/0" in line(shown(cluster, screen()), "agent1")


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """(the user's end, the program's end)."""
    ends = pty.openpty()
    yield ends
    for end in ends:
        os.close(end)


def test_keys_come_without_enter_and_the_terminal_is_as_before(terminal: tuple[int, int]) -> None:
    user, program = terminal
    before = termios.tcgetattr(program)
    with pytest.raises(KeyboardInterrupt), keyboard(program) as key:
        assert key(0) == ""
        os.write(user, b"s")
        assert key(5) == "s"
        raise KeyboardInterrupt
    assert termios.tcgetattr(program) == before
