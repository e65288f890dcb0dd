"""The tokens of one cluster, in a file that only its owner can read. A token itself is shown once and kept nowhere: the file has its SHA-256.

A plain hash is enough, and a slow one would only slow down calls: tokens are 256 random bits, which nobody guesses whatever a guess costs. Passwords are another matter.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from raymesos.errors import Conflict, InvalidValue, UnknownId
from raymesos.http.security.access import Caller
from raymesos.model.roles import validate_role

# A wrong token is compared with each.
MAX_TOKENS = 1_000
PREFIX = "rmt_"
_PRINCIPAL = re.compile(r"[^\s:/\x00-\x1f\x7f][^\s:\x00-\x1f\x7f]{0,127}")


@dataclass(frozen=True, slots=True)
class Token:
    """What is kept of a token. `expires_ms`: None for never."""

    id: str
    principal: str
    sha256: str
    created_ms: int
    expires_ms: int | None = None
    roles: tuple[str, ...] = ()
    reads_only: bool = False

    @property
    def caller(self) -> Caller:
        return Caller(self.principal, self.roles, self.reads_only)

    def valid(self, now_ms: int) -> bool:
        return self.expires_ms is None or now_ms < self.expires_ms


def digest(secret: bytes) -> str:
    return hashlib.sha256(secret).hexdigest()


def tokens_path(home: Path, cluster: str) -> Path:
    """Where the tokens of the cluster of that name are."""
    return home / "tokens" / f"{cluster}.json"


def read_tokens(path: Path) -> tuple[Token, ...]:
    """None where there is no file. Raises InvalidValue for one that others may read, or that is damaged."""
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise InvalidValue("tokens", str(path), "others may read it: it must have mode 0600")
            rows = json.load(file)["tokens"]
        return tuple(_token(row) for row in rows)
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise InvalidValue("tokens", str(path), (error.strerror or str(error)).lower()) from None
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidValue("tokens", str(path), f"is damaged: {type(error).__name__}") from None


def create_token(
    path: Path, principal: str, now_ms: int, *, lasts_ms: int | None, roles: tuple[str, ...], reads_only: bool
) -> tuple[Token, str]:
    """A new token and its secret, which is nowhere else. Raises InvalidValue, Conflict when there are too many."""
    if not _PRINCIPAL.fullmatch(principal):
        raise InvalidValue("principal", principal, "must be 1 to 128 characters without blanks and colons")
    for role in roles:
        validate_role(role)
    if lasts_ms is not None and lasts_ms <= 0:
        raise InvalidValue("expires", lasts_ms, "must lie ahead")
    secret = PREFIX + secrets.token_urlsafe(32)
    with _changing(path) as tokens:
        if len(tokens) >= MAX_TOKENS:
            raise Conflict(f"there are {len(tokens)} tokens, the most that a cluster has; revoke one")
        token = Token(
            id=secrets.token_hex(4),
            principal=principal,
            sha256=digest(secret.encode()),
            created_ms=now_ms,
            expires_ms=None if lasts_ms is None else now_ms + lasts_ms,
            roles=roles,
            reads_only=reads_only,
        )
        tokens.append(token)
    return token, secret


def revoke_tokens(path: Path, id_or_principal: str) -> tuple[Token, ...]:
    """The token of this id, or all of this principal, are no more. Raises UnknownId."""
    with _changing(path) as tokens:
        gone = [t for t in tokens if id_or_principal == t.id] or [t for t in tokens if id_or_principal == t.principal]
        if not gone:
            raise UnknownId("token", id_or_principal)
        tokens[:] = [t for t in tokens if t not in gone]
    return tuple(gone)


@contextlib.contextmanager
def _changing(path: Path) -> Iterator[list[Token]]:
    """The tokens, written back in one step if nothing is raised; two that change them take turns."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with path.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        tokens = list(read_tokens(path))
        yield tokens
        text = json.dumps({"tokens": [asdict(token) for token in tokens]}, indent=1)
        temporary = path.with_suffix(".new")
        temporary.unlink(missing_ok=True)
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)


def _token(row: dict[str, Any]) -> Token:
    return Token(**{**row, "roles": tuple(row.get("roles", ()))})
