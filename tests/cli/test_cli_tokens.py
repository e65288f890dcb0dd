"""Tokens at the command line, and a cluster that would be open to everybody."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_fakes import Shell


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RAYMESOS_HOME", str(tmp_path))
    return tmp_path


def test_a_token_is_printed_once_alone_on_stdout_and_listed_without_it(shell: Shell, home: Path) -> None:
    code, out, err = shell.run("token", "create", "ana", "--role", "ads", "--expires", "30d")
    secret = out.strip()
    assert code == 0 and secret.startswith("rmt_") and secret not in err
    code, rows = shell.json("token", "list")
    assert code == 0 and [(r["principal"], r["roles"], r["reads_only"]) for r in rows] == [("ana", ["ads"], False)]
    assert rows[0]["expires_ms"] - rows[0]["created_ms"] == 30 * 24 * 3_600_000
    assert all(secret not in path.read_text() for path in home.rglob("*") if path.is_file())
    for argv in (["token"], ["token", "list"]):
        assert "ana" in shell.run(*argv)[1] and secret not in shell.run(*argv)[1]


def test_tokens_of_one_cluster_are_not_those_of_another(shell: Shell) -> None:
    shell.run("token", "create", "ana", "--name", "one")
    assert len(shell.json("token", "list", "--name", "one")[1]) == 1
    assert shell.json("token", "list")[1] == []
    assert "raymesos token create" in shell.run("token")[1]


def test_a_token_is_revoked_by_id_or_principal(shell: Shell) -> None:
    made = shell.json("token", "create", "ana", "--read-only")[1]
    assert made["reads_only"] and made["token"].startswith("rmt_")
    assert shell.json("token", "revoke", made["id"]) == (0, {"revoked": [made["id"]]})
    assert shell.run("token", "revoke", "ana")[0] == 3
    assert shell.json("token", "list")[1] == []


@pytest.mark.parametrize(
    "argv", [["a:b"], ["ana", "--expires", "soon"], ["ana", "--role", "/x"], ["ana", "--name", "../x"]]
)
def test_bad_input_makes_no_token(shell: Shell, home: Path, argv: list[str]) -> None:
    assert shell.run("token", "create", *argv)[0] == 2
    assert list(home.rglob("*.json")) == []


def test_up_at_a_public_address_without_a_token_is_an_error_that_says_what_to_do(shell: Shell) -> None:
    code, out, err = shell.run("up", "--host", "0.0.0.0")
    assert (code, out) == (2, "") and "raymesos token create PRINCIPAL --name raymesos" in err
    assert err.count("\n") == 1 and shell.wishes == []
    code, _, err = shell.run("up", "--auth", "--name", "other")
    assert code == 2 and "--name other" in err and shell.wishes == []


def test_up_at_a_public_address_with_a_token_starts_and_warns_without_tls(shell: Shell, home: Path) -> None:
    shell.run("token", "create", "ana")
    code, _, err = shell.run("up", "--host", "0.0.0.0")
    plan = shell.wishes[0].http_plan()
    assert code == 0 and "no TLS" in err and plan
    assert (plan.host, plan.tokens) == ("0.0.0.0", str(home / "tokens" / "raymesos.json"))


def test_without_http_nothing_is_asked_of_its_address(shell: Shell) -> None:
    assert shell.run("up", "--host", "0.0.0.0", "--no-http")[0] == 0


def test_up_takes_acls_and_a_rate_limit(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "acls.json"
    file.write_text('{"permissive": false}')
    assert shell.run("up", "--acls", str(file), "--rate-limit", "100")[0] == 0
    plan = shell.wishes[0].http_plan()
    assert plan and (plan.acls, plan.rate, plan.auth) == ('{"permissive": false}', 100, False)


@pytest.mark.parametrize("text", ["{", '{"nosuch": []}'])
def test_up_refuses_acls_that_protect_nothing(shell: Shell, tmp_path: Path, text: str) -> None:
    file = tmp_path / "acls.json"
    file.write_text(text)
    code, _, err = shell.run("up", "--acls", str(file))
    assert code == 2 and "acls" in err and shell.wishes == []


@pytest.mark.parametrize(
    "argv", [["--tls-cert", "c.pem"], ["--tls-cert", "c.pem", "--tls-key", "k.pem"], ["--rate-limit", "0"]]
)
def test_up_refuses_what_it_cannot_use_before_anything_starts(shell: Shell, argv: list[str]) -> None:
    assert shell.run("up", *argv)[0] == 2 and shell.wishes == []
