"""What a custom executor shows its agent, so that no other program on the node can act as it: a token for one run, made by the agent's process and checked by whoever serves its address.

As Mesos' it is a JWT with the ids of framework, executor and container, in MESOS_EXECUTOR_AUTHENTICATION_TOKEN. The key is the agent's own and on its disk: it outlives both processes.
(Mesos: slave.cpp, generateSecret; authentication/executor)

The library is imported where tokens are made and read: it takes 20 MB of a process.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from raymesos.store.whole import write_whole

VARIABLE = "MESOS_EXECUTOR_AUTHENTICATION_TOKEN"
FILE = "executor-key"
ALGORITHM = "HS256"
REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Claims:
    """Whose token it is: one run of one executor."""

    framework_id: str
    executor_id: str
    container_id: str


def make_key(agent_directory: Path) -> str:
    """The agent's key, made now if it has none. For the agent's process alone."""
    path = agent_directory / FILE
    try:
        return path.read_text()
    except FileNotFoundError:
        agent_directory.mkdir(parents=True, exist_ok=True)
        write_whole(path, secrets.token_hex(32), mode=0o600)
        return path.read_text()


def make_token(key: str, claims: Claims) -> str:
    import jwt

    fields = {"fid": claims.framework_id, "eid": claims.executor_id, "cid": claims.container_id}
    return jwt.encode(fields, key, algorithm=ALGORITHM)


class ExecutorTokens:
    """Reads what executors of the agent in this directory show."""

    def __init__(self, agent_directory: Path) -> None:
        self._directory = agent_directory
        self._known: dict[bytes, Claims] = {}
        """By header: an executor shows the same one with every update."""

    def shown(self, authorization: bytes | None) -> Claims | None:
        """Whose token this is; None if it is no token of this agent."""
        if authorization is None:
            return None
        found = self._known.get(authorization)
        if found is None:
            found = self._read(authorization)
            if found is not None:
                if len(self._known) >= REMEMBERED:
                    self._known.clear()
                self._known[authorization] = found
        return found

    def _read(self, authorization: bytes) -> Claims | None:
        import jwt

        kind, _, token = authorization.partition(b" ")
        if kind.lower() != b"bearer":
            return None
        try:
            key = (self._directory / FILE).read_text()
            fields = jwt.decode(token.strip(), key, algorithms=[ALGORITHM])
            return Claims(str(fields["fid"]), str(fields["eid"]), str(fields["cid"]))
        except (OSError, jwt.InvalidTokenError, KeyError):
            return None
