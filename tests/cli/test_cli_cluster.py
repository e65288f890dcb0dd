"""up, down, and looking at the cluster."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_fakes import FakeCluster, Shell

from raymesos.errors import Conflict
from raymesos.model.rate_limits import RateLimit


def test_up_asks_for_what_it_was_told_and_says_what_there_is(shell: Shell, tmp_path: Path) -> None:
    work = tmp_path / "a" / "work"
    code, out, err = shell.run("up", "--agents", "2", "--cpus", "0.5", "--mem", "64", "--work-dir", str(work))
    assert code == 0 and err == "raymesos: starting Ray\n"
    wish = shell.wishes[0]
    assert (wish.name, wish.agents, wish.cpus, wish.mem_mb, wish.address) == ("raymesos", 2, 0.5, 64, None)
    assert wish.work_dir == str(work) and work.is_dir()
    assert "2 agents" in out and "agent2  cpus:1;mem:64" in out and "raymesos down" in out
    assert not shell.kept[0].held
    assert (wish.preemption, wish.scoring) == ("guarantee", "shuffle")


def test_up_passes_on_who_is_preempted_and_which_agent_comes_first(shell: Shell) -> None:
    assert shell.run("up", "--preemption", "off", "--scoring", "pack")[0] == 0
    assert (shell.wishes[0].preemption, shell.wishes[0].scoring) == ("off", "pack")


def test_up_passes_on_how_fast_each_principal_may_be(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "limits.json"
    file.write_text('{"limits": [{"principal": "ads", "qps": 2, "capacity": 7}]}')
    assert shell.run("up", "--rate-limits", str(file))[0] == 0
    limits = shell.wishes[0].settings().master.rate_limits
    assert limits.of("ads") == ("ads", RateLimit(500_000, 7)) and limits.default is None


def test_up_with_block_stays_until_the_cluster_ends(shell: Shell) -> None:
    code, out, _ = shell.run("up", "--block")
    assert code == 0 and shell.kept[0].held and shell.wishes[0].block and "Ctrl-C ends it" in out


def test_up_with_json_is_one_document(shell: Shell) -> None:
    code, info = shell.json("up", "--name", "mine")
    assert code == 0 and info["name"] == "mine" and len(info["agents"]) == 1


def test_a_second_up_of_one_name_is_refused(shell: Shell) -> None:
    shell.up_error = Conflict("a cluster named 'raymesos' runs already; `raymesos down` ends it")
    code, out, err = shell.run("up")
    assert (code, out) == (5, "") and "raymesos down" in err


@pytest.mark.parametrize(
    "argv",
    [
        ["--name", "../x"],
        ["--name", ""],
        ["--address", "auto", "--agents", "2"],
        ["--work-dir", "/proc/nope"],
        ["--port", "-1"],
        ["--port", "65536"],
        ["--preemption", "always"],
        ["--scoring", "best"],
        ["--rate-limits", "/nope"],
        ["--rate-limits", __file__],
    ],
)
def test_up_refuses_bad_input_before_anything_starts(shell: Shell, argv: list[str]) -> None:
    code, _, err = shell.run("up", *argv)
    assert code == 2 and err.count("\n") == 1 and shell.wishes == []


@pytest.mark.parametrize(
    ("argv", "http"),
    [
        ([], ("127.0.0.1", 5050)),
        (["--port", "0"], ("127.0.0.1", 0)),
        (["--host", "::1", "--port", "80"], ("::1", 80)),
        (["--no-http"], None),
    ],
)
def test_up_serves_http_where_it_is_told_to(shell: Shell, argv: list[str], http: tuple[str, int] | None) -> None:
    assert shell.run("up", *argv)[0] == 0
    plan = shell.wishes[0].http_plan()
    assert (plan and (plan.host, plan.port)) == http


def test_down_ends_the_cluster(shell: Shell) -> None:
    assert shell.run("down")[0] == 0
    assert shell.json("down", "--name", "raymesos") == (0, {"name": "raymesos", "ended": True})
    assert shell.ended == ["raymesos", "raymesos"]


def test_down_does_not_end_a_script_unless_it_is_named(shell: Shell) -> None:
    shell.kept_by_up = False
    code, _, err = shell.run("down")
    assert code == 5 and "script" in err and "--name raymesos" in err and shell.ended == []
    assert shell.run("down", "--name", "raymesos")[0] == 0 and shell.ended == ["raymesos"]


def test_an_empty_cluster_gets_helpful_sentences(shell: Shell) -> None:
    assert "no agent is active" in shell.run("status")[1]
    assert "raymesos submit job.yaml" in shell.run("status")[1]
    assert shell.run("agents")[1] == "no agent has registered\n"
    assert shell.run("roles")[1].startswith("no role is in use yet")
    assert shell.run("events")[1] == "nothing has happened yet\n"


def test_status_shows_agents_use_roles_and_jobs(shell: Shell, cluster: FakeCluster) -> None:
    cluster.add_agent()
    cluster.add_role("ads")
    cluster.add_job("x")
    code, out, err = shell.run("status")
    assert (code, err) == (0, "")
    assert "cluster raymesos: 1 active agent\n" in out and "1 under way" in out
    assert ["cpus", "0", "0.5", "2", "0", "%"] in [line.split() for line in out.splitlines()]
    code, view = shell.json("status")
    assert code == 0 and view["name"] == "raymesos" and view["jobs"] == {"Accepted": 1}


def test_tables_in_a_pipe_are_aligned_text(shell: Shell, cluster: FakeCluster) -> None:
    cluster.add_agent("a")
    cluster.add_agent("longer")
    assert shell.run("agents")[1] == (
        "AGENT   STATE   HOST       TASKS  ATTRIBUTES  USED  TOTAL\n"
        "a       active  127.0.0.1      0  rack:r1     -     cpus:2;mem:1024\n"
        "longer  active  127.0.0.1      0  rack:r1     -     cpus:2;mem:1024\n"
    )
    cluster.add_role("ads", limit=(("cpus", 1000),), dominant="cpus", entitled=(1, 2))
    cluster.add_task("ads", "cpus:0.3")
    assert shell.run("roles")[1] == (
        "ROLE  WEIGHT  SHARE  ENTITLED  OF    GUARANTEE  LIMIT   RUN  WAIT  OFFERED   USED\n"
        "ads        2   25 %      50 %  cpus  -          cpus:1    0     0  cpus:0.2  cpus:0.3\n"
    )


def test_the_views_are_the_json(shell: Shell, cluster: FakeCluster) -> None:
    cluster.add_agent()
    cluster.add_role("ads")
    cluster.add_event("agent registered", "S1")
    assert shell.json("agents") == (0, cluster.view("agents"))
    assert shell.json("roles") == (0, cluster.view("roles"))
    assert shell.json("events") == (0, cluster.view("events")["events"])


def test_events_shows_the_last_ones(shell: Shell, cluster: FakeCluster) -> None:
    for i in range(5):
        cluster.add_event("job submitted", f"j{i}")
    lines = shell.run("events", "-n", "2")[1].splitlines()
    assert [line.split()[4] for line in lines] == ["j3", "j4"]
    assert shell.json("events", "-n", "0") == (0, [])


def _interrupt() -> None:
    raise KeyboardInterrupt


def test_following_events_shows_each_once_and_ends_well_with_ctrl_c(shell: Shell, cluster: FakeCluster) -> None:
    cluster.add_event("job submitted", "old")
    shell.at_pause = {
        1: lambda: cluster.add_event("job submitted", "new1"),
        3: lambda: cluster.add_event("job submitted", "new2"),
        5: _interrupt,
    }
    code, out, err = shell.run("events", "-f")
    assert (code, err) == (0, "")
    assert [line.split()[4] for line in out.splitlines()] == ["old", "new1", "new2"]


def test_following_events_goes_on_after_the_observer_lost_its_memory(shell: Shell, cluster: FakeCluster) -> None:
    for i in range(3):
        cluster.add_event("job submitted", f"old{i}")

    def restart() -> None:
        cluster.state = type(cluster.state)()
        cluster.add_event("job submitted", "new")

    shell.at_pause = {1: restart, 3: _interrupt}
    out = shell.run("events", "-f")[1]
    assert [line.split()[4] for line in out.splitlines()] == ["old0", "old1", "old2", "new"]
