"""The command line as a whole: what it imports, its help, and how errors come out."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from cli_fakes import FakeCluster, Shell

from raymesos import __version__, errors
from raymesos.cli.main import app

COMMANDS = [
    "up",
    "down",
    "status",
    "top",
    "roles",
    "agents",
    "events",
    "sim",
    "submit",
    "ps",
    "logs",
    "cancel",
    "explain",
    "schema",
    "reserve",
    "unreserve",
    "drain",
    "deactivate",
    "reactivate",
]
GROUPS = {
    "weights": ["list", "set"],
    "quota": ["list", "set", "remove"],
    "volumes": ["list", "create", "destroy", "grow", "shrink"],
    "maintenance": ["status", "schedule", "start", "stop"],
    "token": ["list", "create", "revoke"],
}
LOOKING = [
    ["status"],
    ["roles"],
    ["agents"],
    ["events"],
    ["ps"],
    ["logs", "x"],
    ["cancel", "x"],
    ["explain", "x"],
    ["weights"],
    ["quota"],
    ["quota", "set", "ads"],
    ["volumes"],
    ["maintenance"],
    ["drain", "x"],
    ["reserve", "x", "cpus(ads):1"],
]


def test_importing_the_command_line_loads_no_ray() -> None:
    code = "import sys, raymesos.cli.main; sys.exit('ray' in sys.modules or 'pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_every_command_is_there_and_has_an_example(shell: Shell) -> None:
    assert sorted(c.callback.__name__ for c in app.registered_commands if c.callback) == sorted(COMMANDS)
    for command in COMMANDS:
        code, out, err = shell.run(command, "--help")
        assert (code, err) == (0, "")
        assert f"Example: raymesos {command}" in out and "--json" in out


def test_every_command_of_two_words_is_there_and_has_an_example(shell: Shell) -> None:
    assert sorted(str(g.typer_instance.info.name) for g in app.registered_groups if g.typer_instance) == sorted(GROUPS)
    for group, words in GROUPS.items():
        assert "Example: raymesos " + group in shell.run(group, "--help")[1]
        for word in words:
            code, out, err = shell.run(group, word, "--help")
            assert (code, err) == (0, "")
            assert f"Example: raymesos {group} {word}" in out and "--json" in out


def test_without_a_command_the_help_is_shown(shell: Shell) -> None:
    code, out, _ = shell.run()
    assert code == 0 and all(command in out for command in (*COMMANDS, *GROUPS))


def test_the_version_is_printed_and_nothing_else(shell: Shell) -> None:
    assert shell.run("--version") == (0, f"raymesos {__version__}\n", "")


@pytest.mark.parametrize("argv", LOOKING, ids="_".join)
def test_without_a_cluster_a_command_says_how_to_start_one_and_exits_4(shell: Shell, argv: list[str]) -> None:
    shell.cluster = None
    code, out, err = shell.run(*argv)
    assert (code, out) == (4, "")
    assert err.startswith("raymesos: no running") and "raymesos up" in err and err.count("\n") == 1


@pytest.mark.parametrize("argv", LOOKING, ids="_".join)
def test_with_json_an_error_is_the_one_document(shell: Shell, argv: list[str]) -> None:
    shell.cluster = None
    code, out, err = shell.run(*argv, "--json")
    assert code == 4 and err == "" and sorted(json.loads(out)) == ["error", "field"]


def test_json_may_stand_before_the_command(shell: Shell) -> None:
    code, out, _ = shell.run("--json", "ps")
    assert (code, json.loads(out)) == (0, [])


@pytest.mark.parametrize(
    ("error", "code", "field"),
    [
        (errors.JobFailed("j", "failed"), 1, None),
        (errors.InvalidJob("cpus", "too many"), 2, "cpus"),
        (errors.InvalidValue("weight", 0, "must be more"), 2, "weight"),
        (errors.ProtocolError("bytes"), 2, None),
        (errors.UnknownId("job", "j"), 3, "job"),
        (errors.ClusterUnavailable("gone"), 4, None),
        (errors.Conflict("taken"), 5, None),
        (errors.QuotaRefused("too much"), 5, None),
        (errors.Unauthorized("no"), 5, None),
        (errors.InvariantBroken("x", "story"), 70, None),
        (RuntimeError("a bug\nof two lines"), 70, None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_each_error_has_its_exit_code_and_its_line(
    shell: Shell, cluster: FakeCluster, tmp_path: object, error: Exception, code: int, field: str | None
) -> None:
    file = f"{tmp_path}/job.yaml"
    with open(file, "w") as out_file:  # noqa: PTH123
        out_file.write("kind: batch\nname: x\ncommand: a\n")
    cluster.refuses = error
    got, out, err = shell.run("submit", file)
    assert (got, out) == (code, "") and err.startswith("raymesos: ") and err.count("\n") == 1
    assert shell.json("submit", file)[1]["field"] == field


@pytest.mark.parametrize(
    ("argv", "field"),
    [
        (["nothing"], None),
        (["ps", "--wrong"], "wrong"),
        (["logs"], "job"),
        (["logs", "x", "-1"], "1"),
        (["up", "--agents", "0"], "agents"),
        (["up", "--mem", "much"], "mem"),
    ],
    ids=lambda value: "_".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_command_line_is_one_line_and_exit_2(shell: Shell, argv: list[str], field: str | None) -> None:
    code, out, err = shell.run(*argv)
    assert (code, out) == (2, "") and err.startswith("raymesos: ") and err.count("\n") == 1
    assert shell.json(*argv)[0] == 2 and shell.json(*argv)[1]["field"] == field
    assert shell.wishes == []


def test_a_reader_that_leaves_early_is_no_error() -> None:
    command = f"{sys.executable} -m raymesos.cli.main schema | head -c 1"
    done = subprocess.run(["/bin/bash", "-c", command], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("{", "")


def test_the_simulator_needs_no_cluster_and_ends_with_its_digest(shell: Shell) -> None:
    shell.cluster = None
    small = ("sim", "--agents", "2", "--frameworks", "1", "--tasks", "5", "--seed", "7")
    code, out, _ = shell.run(*small)
    assert code == 0 and out.splitlines()[-1].startswith("digest: ")
    code, report = shell.json(*small)
    assert code == 0 and report["digest"] == out.split()[-1]
    assert shell.json("sim", "--agents", "0") == (2, {"error": "agents: 0: must be at least 1", "field": "agents"})


def test_a_clusters_url_is_a_name_and_may_come_from_the_environment(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str | None] = []
    monkeypatch.setattr(shell, "_connect", lambda name: asked.append(name) or shell.cluster)
    monkeypatch.setenv("RAYMESOS_URL", "http://h:1")
    for argv in (("ps",), ("ps", "--url", "http://h:2"), ("ps", "--name", "other")):
        assert shell.run(*argv)[0] == 0
    assert asked == ["http://h:1", "http://h:2", "other"]


def test_a_cluster_is_not_ended_by_its_url(shell: Shell) -> None:
    code, _, err = shell.run("down", "--url", "http://h:1")
    assert code == 2 and "on its own machine" in err and shell.ended == []
