"""Before a listener is opened: that it is not open to everybody, and that what it was given can be used."""

from __future__ import annotations

import json
import ssl
import time
from pathlib import Path

from raymesos.errors import InvalidValue
from raymesos.http.security.acls import Acls, acls_from_json
from raymesos.http.security.loopback import is_loopback
from raymesos.http.security.tokens import read_tokens


def asks(host: str, *, auth: bool) -> bool:
    """Whether callers must show a token: where it is wanted, and wherever others can come from."""
    return auth or not is_loopback(host)


def check_opening(host: str, *, auth: bool, tokens: Path, tls_cert: str, tls_key: str) -> None:
    """Raises InvalidValue, which says what to do, for a listener that anyone could use or nobody could."""
    if bool(tls_cert) != bool(tls_key):
        raise InvalidValue("tls_key" if tls_cert else "tls_cert", "", "--tls-cert and --tls-key go together")
    if tls_cert:
        _check_pair(tls_cert, tls_key)
    if not asks(host, auth=auth):
        return
    now_ms = int(time.time() * 1000)
    if any(token.valid(now_ms) for token in read_tokens(tokens)):
        return
    make = f"make a token first: raymesos token create PRINCIPAL --name {tokens.stem}"
    if is_loopback(host):
        raise InvalidValue("auth", "on", f"nobody could call: {make}")
    raise InvalidValue(
        "host", host, f"can be reached from other machines, and whoever calls may run programs here; {make}"
    )


def read_acls(path: Path) -> Acls:
    """Raises InvalidValue."""
    try:
        return acls_from_json(json.loads(path.read_bytes()))
    except OSError as error:
        raise InvalidValue("acls", str(path), (error.strerror or str(error)).lower()) from None
    except ValueError as error:
        raise InvalidValue("acls", str(path), f"is no JSON: {error}") from None


def _check_pair(cert: str, key: str) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key, password=_no_password)
    except (OSError, ssl.SSLError, ValueError) as error:
        reason = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
        raise InvalidValue("tls_cert", f"{cert}, {key}", f"cannot be used: {reason}") from None


def _no_password() -> str:
    """OpenSSL would ask at the terminal."""
    raise ValueError("the key has a password; give one without")
