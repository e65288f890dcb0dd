"""Tokens in their file, and who is known by them."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from pathlib import Path
from typing import Any

import pytest
from http_rig import call, refused_handshake, site
from starlette.types import Receive, Scope, Send

from raymesos.errors import Conflict, InvalidValue, UnknownId
from raymesos.http.app import make_app
from raymesos.http.security import tokens as module
from raymesos.http.security.access import NOBODY, Caller, caller_of
from raymesos.http.security.gate import Gate
from raymesos.http.security.keyring import LOOK_MS, Keyring
from raymesos.http.security.opening import asks, check_opening, read_acls
from raymesos.http.security.tokens import Token, create_token, read_tokens, revoke_tokens
from raymesos.model.settings import HttpSettings


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tokens" / "raymesos.json"


def make(path: Path, principal: str = "ana", **fields: Any) -> tuple[Token, str]:
    fields = {"lasts_ms": None, "roles": (), "reads_only": False} | fields
    return create_token(path, principal, 1_000, **fields)


def bearer(secret: str) -> bytes:
    return b"Bearer " + secret.encode()


def basic(principal: str, secret: str) -> bytes:
    return b"Basic " + base64.b64encode(f"{principal}:{secret}".encode())


# ---------------------------------------------------------------- the file


def test_a_token_is_kept_as_its_hash_in_a_file_of_its_owner_alone(path: Path) -> None:
    token, secret = make(path, roles=("ads", "web/a"), reads_only=True, lasts_ms=5_000)
    assert path.stat().st_mode & 0o777 == 0o600 and path.parent.stat().st_mode & 0o777 == 0o700
    assert secret not in path.read_text() and len(secret) > 40
    assert read_tokens(path) == (token,)
    assert token.roles == ("ads", "web/a") and token.reads_only and token.expires_ms == 6_000


def test_no_two_tokens_are_alike(path: Path) -> None:
    made = [make(path) for _ in range(5)]
    assert len({secret for _, secret in made}) == len({token.id for token, _ in made}) == 5


def test_a_token_is_revoked_by_its_id_or_with_all_of_its_principal(path: Path) -> None:
    first, second, third = (make(path, who)[0] for who in ("ana", "ana", "bob"))
    assert revoke_tokens(path, first.id) == (first,)
    assert read_tokens(path) == (second, third)
    assert revoke_tokens(path, "ana") == (second,)
    assert read_tokens(path) == (third,)
    with pytest.raises(UnknownId):
        revoke_tokens(path, "ana")
    assert path.stat().st_mode & 0o777 == 0o600


def test_two_that_make_tokens_at_once_lose_none(path: Path) -> None:
    threads = [threading.Thread(target=make, args=(path, f"p{n}")) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(t.principal for t in read_tokens(path)) == sorted(f"p{n}" for n in range(20))


def test_there_are_only_so_many(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_TOKENS", 2)
    make(path), make(path)
    with pytest.raises(Conflict, match="revoke one"):
        make(path)
    assert len(read_tokens(path)) == 2


@pytest.mark.parametrize("principal", ["", "a:b", "a b", "a\nb", "/a", "x" * 200])
def test_a_principal_that_basic_authentication_could_not_name_is_refused(path: Path, principal: str) -> None:
    with pytest.raises(InvalidValue):
        make(path, principal)
    assert read_tokens(path) == ()


def test_a_role_that_is_none_and_an_end_in_the_past_are_refused(path: Path) -> None:
    for fields in ({"roles": ("/ads",)}, {"lasts_ms": 0}):
        with pytest.raises(InvalidValue):
            make(path, **fields)


def test_a_file_that_others_may_read_or_that_is_damaged_is_refused(path: Path) -> None:
    make(path)
    path.chmod(0o640)
    with pytest.raises(InvalidValue, match="0600"):
        read_tokens(path)
    path.chmod(0o600)
    path.write_text('{"tokens": [{}]}')
    with pytest.raises(InvalidValue, match="damaged"):
        read_tokens(path)


# ---------------------------------------------------------------- who is known


def test_bearer_and_basic_are_known_and_nothing_else(path: Path) -> None:
    _, secret = make(path, roles=("ads",))
    keys = Keyring(path)
    ana = Caller("ana", ("ads",))
    for header in (bearer(secret), b"bearer  " + secret.encode(), basic("ana", secret)):
        assert keys.caller(header, 2_000) == ana
        assert keys.caller(header, 2_000) == ana  # remembered
    for header in (
        None,
        b"",
        b"Bearer",
        b"Bearer ",
        secret.encode(),
        bearer(secret[:-1]),
        bearer(secret + "x"),
        bearer("ana"),
        basic("bob", secret),
        basic("ana", "x"),
        basic("", secret),
        b"Basic " + secret.encode(),
        b"Basic !!!",
        b"Basic " + base64.b64encode(b"\xff:" + secret.encode()),
        b"Digest " + secret.encode(),
    ):
        assert keys.caller(header, 2_000) is None, header


def test_a_token_ends_when_it_is_said_to(path: Path) -> None:
    _, secret = make(path, lasts_ms=5_000)
    keys = Keyring(path)
    assert keys.caller(bearer(secret), 5_999) == Caller("ana")
    assert keys.caller(bearer(secret), 6_000) is None


def test_tokens_that_are_made_and_revoked_count_within_a_second(path: Path) -> None:
    keys = Keyring(path)
    assert keys.caller(b"Bearer x", 0) is None
    token, secret = make(path)
    assert keys.caller(bearer(secret), LOOK_MS) == Caller("ana")
    revoke_tokens(path, token.id)
    assert keys.caller(bearer(secret), 2 * LOOK_MS) is None


@pytest.mark.parametrize("damage", ["mode", "text", "gone"])
def test_a_file_that_cannot_be_read_any_more_opens_nothing(path: Path, damage: str) -> None:
    _, secret = make(path)
    keys = Keyring(path)
    assert keys.caller(bearer(secret), 0) is not None
    {"mode": lambda: path.chmod(0o644), "text": lambda: path.write_text("{"), "gone": path.unlink}[damage]()
    assert keys.caller(bearer(secret), LOOK_MS) is None


# ---------------------------------------------------------------- at the gate


async def whoami(scope: Scope, receive: Receive, send: Send) -> None:
    caller = caller_of(scope)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps([caller.principal, caller.roles]).encode()})


async def endless(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"event", "more_body": True})
    await asyncio.Event().wait()


async def idle() -> Any:
    await asyncio.Event().wait()


@pytest.fixture
def gate(path: Path) -> Gate:
    return Gate(whoami, loopback=True, keyring=Keyring(path))


def test_who_shows_no_token_is_told_how(gate: Gate) -> None:
    answer = call(gate, "GET", "/")
    assert answer.status_code == 401
    ways = answer.headers.get_list("www-authenticate")
    assert [way.split()[0] for way in ways] == ["Bearer", "Basic"] and all('realm="raymesos"' in way for way in ways)


def test_a_wrong_token_is_401_before_anything_of_the_request_is_judged(gate: Gate) -> None:
    """Mesos' order: a wrong method, type or body of an unknown caller is not discussed."""
    answer = call(
        gate, "POST", "/api/v1", headers={"authorization": "Bearer x", "content-type": "text/plain"}, content=b"{"
    )
    assert answer.status_code == 401


def test_the_app_hears_who_calls(gate: Gate, path: Path) -> None:
    _, secret = make(path, roles=("ads",))
    for headers in ({"authorization": f"Bearer {secret}"}, {"authorization": basic("ana", secret).decode()}):
        assert call(gate, "GET", "/", headers=headers).json() == ["ana", ["ads"]]


def test_health_is_told_to_everybody_and_knows_nobody(gate: Gate) -> None:
    assert call(gate, "GET", "/health").json() == [NOBODY.principal, []]


def test_a_websocket_shows_its_token_too(gate: Gate) -> None:
    assert refused_handshake(gate) == 401


def test_a_stream_ends_when_its_token_is_revoked_and_others_go_on(path: Path) -> None:
    (revoked, one), (_, other) = make(path), make(path, "bob")
    gate, ends = Gate(endless, loopback=True, keyring=Keyring(path)), {}

    async def read(secret: str) -> None:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        headers = [(b"host", b"localhost"), (b"authorization", bearer(secret))]
        scope = {"type": "http", "method": "GET", "path": "/api/events", "headers": headers, "query_string": b""}
        await gate(scope, idle, send)
        ends[secret] = sent

    async def look_on() -> None:
        readers = [asyncio.ensure_future(read(secret)) for secret in (one, other)]
        await asyncio.sleep(0)
        assert gate._lasting is not None
        gate._lasting.look(LOOK_MS)
        await asyncio.sleep(0)
        assert ends == {}
        revoke_tokens(path, revoked.id)
        gate._lasting.look(2 * LOOK_MS)
        await readers[0]
        assert not readers[1].done()
        readers[1].cancel()
        with pytest.raises(asyncio.CancelledError):
            await readers[1]

    asyncio.run(look_on())
    assert list(ends) == [one]
    assert [m.get("more_body", False) for m in ends[one][1:]] == [True, False]


def test_a_call_that_is_under_way_is_answered_although_its_token_is_revoked_meanwhile(path: Path) -> None:
    _, secret = make(path)

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        revoke_tokens(path, "ana")
        assert gate._lasting is not None
        gate._lasting.look(10 * LOOK_MS)
        await asyncio.sleep(0)
        await whoami(scope, receive, send)

    gate = Gate(slow, loopback=True, keyring=Keyring(path))
    assert call(gate, "GET", "/", headers={"host": "localhost", "authorization": f"Bearer {secret}"}).status_code == 200


def test_the_whole_app_is_behind_it(path: Path) -> None:
    app = make_app(site(keyring=Keyring(path)))
    _, secret = make(path)
    assert call(app, "GET", "/api/views/status").status_code == 401
    assert call(app, "GET", "/api/views/status", headers={"authorization": f"Bearer {secret}"}).status_code == 200


def test_callers_are_limited_by_principal_not_by_address(path: Path) -> None:
    limits = HttpSettings(rate=1, rate_burst_ms=1_000, rate_queue_ms=0)
    gate = Gate(whoami, loopback=True, keyring=Keyring(path), settings=limits)
    headers = [{"authorization": f"Bearer {make(path, who)[1]}"} for who in ("ana", "bob")]
    assert [call(gate, "GET", "/", headers=h).status_code for h in (*headers, *headers)] == [200, 200, 429, 429]


# ---------------------------------------------------------------- before anything starts


@pytest.mark.parametrize(
    ("host", "auth", "answer"),
    [("127.0.0.1", False, False), ("127.0.0.1", True, True), ("0.0.0.0", False, True), ("::", False, True)],
)
def test_callers_are_asked_where_it_is_wanted_or_others_can_come(host: str, auth: bool, answer: bool) -> None:
    assert asks(host, auth=auth) is answer


def opened(path: Path, host: str, *, auth: bool = False, cert: str = "", key: str = "") -> None:
    check_opening(host, auth=auth, tokens=path, tls_cert=cert, tls_key=key)


def test_a_public_address_without_tokens_is_refused_with_what_to_do(path: Path) -> None:
    with pytest.raises(InvalidValue, match="raymesos token create PRINCIPAL --name raymesos") as refused:
        opened(path, "0.0.0.0")
    assert refused.value.field == "host"
    make(path, lasts_ms=1)  # Over long ago.
    with pytest.raises(InvalidValue):
        opened(path, "0.0.0.0", auth=True)
    make(path)
    opened(path, "0.0.0.0")


def test_on_loopback_tokens_are_needed_only_where_they_are_asked_for(path: Path) -> None:
    opened(path, "127.0.0.1")
    with pytest.raises(InvalidValue, match="nobody could call"):
        opened(path, "127.0.0.1", auth=True)


@pytest.mark.parametrize(
    "given", [{"cert": "c.pem"}, {"key": "k.pem"}, {"cert": "/nosuch/c.pem", "key": "/nosuch/k.pem"}]
)
def test_a_certificate_that_cannot_be_used_is_refused(path: Path, given: dict[str, str]) -> None:
    with pytest.raises(InvalidValue) as refused:
        opened(path, "127.0.0.1", **given)
    assert refused.value.field.startswith("tls_")


def test_acls_are_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "acls.json"
    file.write_text('{"permissive": false}')
    assert not read_acls(file).permissive
    file.write_text("{")
    with pytest.raises(InvalidValue, match="no JSON"):
        read_acls(file)
    with pytest.raises(InvalidValue, match="no such file"):
        read_acls(tmp_path / "nosuch")
