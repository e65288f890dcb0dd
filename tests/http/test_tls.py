"""HTTPS over real sockets."""

from __future__ import annotations

import ssl
from pathlib import Path

import httpx
import pytest
import trustme
from http_rig import site

from raymesos.errors import InvalidValue
from raymesos.http.app import make_app
from raymesos.http.listening import listen
from raymesos.http.security.keyring import Keyring
from raymesos.http.security.opening import check_opening
from raymesos.http.security.tokens import create_token
from raymesos.http.serving import Serving


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def pair(authority: trustme.CA, tmp_path: Path) -> tuple[str, str]:
    """Certificate and key of localhost, in files."""
    made = authority.issue_cert("localhost", "127.0.0.1")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    cert.write_bytes(b"".join(blob.bytes() for blob in made.cert_chain_pems))
    key.write_bytes(made.private_key_pem.bytes())
    return str(cert), str(key)


def test_it_serves_https_to_who_trusts_the_authority_and_shows_a_token(
    authority: trustme.CA, pair: tuple[str, str], tmp_path: Path
) -> None:
    cert, key = pair
    tokens = tmp_path / "tokens" / "raymesos.json"
    _, secret = create_token(tokens, "ana", 0, lasts_ms=None, roles=(), reads_only=False)
    check_opening("0.0.0.0", auth=False, tokens=tokens, tls_cert=cert, tls_key=key)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    serving, listening = Serving(), listen("127.0.0.1", 0)
    port = listening.getsockname()[1]
    serving.serve(make_app(site(keyring=Keyring(tokens))), listening, ssl_certfile=cert, ssl_keyfile=key)
    try:
        url = f"https://localhost:{port}/api/views/status"
        with httpx.Client(verify=trust) as client:
            assert client.get(url).status_code == 401
            assert client.get(url, headers={"authorization": f"Bearer {secret}"}).status_code == 200
            assert client.get(url, auth=("ana", secret)).status_code == 200
        with pytest.raises(httpx.TransportError):
            httpx.get(url, auth=("ana", secret))
        with pytest.raises(httpx.TransportError):
            httpx.get(url.replace("https", "http"))
    finally:
        serving.stop()


def test_a_key_of_another_certificate_is_refused_before_anything_starts(
    authority: trustme.CA, pair: tuple[str, str], tmp_path: Path
) -> None:
    other = tmp_path / "other.pem"
    other.write_bytes(authority.issue_cert("other.example").private_key_pem.bytes())
    with pytest.raises(InvalidValue, match="cannot be used"):
        check_opening("127.0.0.1", auth=False, tokens=tmp_path, tls_cert=pair[0], tls_key=str(other))
