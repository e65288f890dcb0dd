"""Who shows which token: bearer tokens, and the basic authentication of Mesos' clients, whose user is the principal and whose password is the token."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import logging
from pathlib import Path

from raymesos.errors import InvalidValue
from raymesos.http.security.access import Caller
from raymesos.http.security.tokens import Token, digest, read_tokens

log = logging.getLogger("raymesos.http")

# A token that was made or revoked counts so much later at most.
LOOK_MS = 1_000
REMEMBERED = 10_000


class Keyring:
    """The tokens of the file at `path`, read again when it changes. A file that cannot be read opens nothing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._tokens: tuple[Token, ...] = ()
        self._seen: tuple[int, ...] = ()
        self._look_ms = 0
        self._known: dict[bytes, Token] = {}
        """By the hash of the header: what was shown is not kept here either."""

    def caller(self, authorization: bytes | None, now_ms: int) -> Caller | None:
        """Who shows this; None for nobody that we know."""
        if now_ms >= self._look_ms:
            self._look_ms = now_ms + LOOK_MS
            self._look()
        if authorization is None:
            return None
        shown = hashlib.sha256(authorization).digest()
        token = self._known.get(shown)
        if token is None:
            token = self._find(authorization)
            if token is None:
                return None
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[shown] = token
        return token.caller if token.valid(now_ms) else None

    def _find(self, authorization: bytes) -> Token | None:
        principal, secret = _shown(authorization)
        if not secret:
            return None
        found, ours = None, digest(secret)
        # All of them, to the last: how long it takes tells nothing of which came close.
        for token in self._tokens:
            same = hmac.compare_digest(token.sha256, ours)
            if same and principal in (None, token.principal):
                found = token
        return found

    def _look(self) -> None:
        try:
            stat = self._path.stat()
            seen: tuple[int, ...] = (stat.st_mtime_ns, stat.st_size, stat.st_ino, stat.st_mode)
        except OSError:
            seen = ()
        if seen == self._seen:
            return
        self._seen = seen
        self._known.clear()
        try:
            self._tokens = read_tokens(self._path)
        except InvalidValue as error:
            self._tokens = ()
            log.error("no token is accepted: %s", error)


def _shown(authorization: bytes) -> tuple[str | None, bytes]:
    """(principal if it is named, the token); an empty token for what is neither bearer nor basic."""
    kind, _, value = authorization.partition(b" ")
    value = value.strip()
    if kind.lower() == b"bearer":
        return None, value
    if kind.lower() != b"basic":
        return None, b""
    try:
        principal, _, secret = base64.b64decode(value, validate=True).partition(b":")
        return principal.decode(), secret
    except (binascii.Error, ValueError):
        return None, b""
