"""Names that the machines of one agent's host agree on, and update ids that repeat in every replay."""

from __future__ import annotations

from hashlib import blake2b


def executor_address(agent_name: str, executor_id: str, framework_id: str = "") -> str:
    """Executors that frameworks have described are named by them alone: two frameworks may use one id, so theirs has `framework_id` in it."""
    return (
        f"executor/{agent_name}/{framework_id}/{executor_id}"
        if framework_id
        else f"executor/{agent_name}/{executor_id}"
    )


def prober_address(shim_address: str) -> str:
    """The prober lives beside the shim, on the executor's host."""
    return f"prober/{shim_address.removeprefix('shim/')}"


def launcher_address(agent_name: str) -> str:
    return f"launcher/{agent_name}"


def default_executor_id(framework_id: str) -> str:
    """The executor of a task that names none: one for each framework on an agent."""
    return f"default-{framework_id}"


class Uuids:
    """Texts in the form of a UUID, each new for this `owner` and `incarnation`; two lives with equal numbers make equal texts."""

    __slots__ = ("_made", "_prefix")

    def __init__(self, owner: str, incarnation: int) -> None:
        self._prefix = f"{owner}\0{incarnation}\0".encode()
        self._made = 0

    def next(self) -> str:
        self._made += 1
        h = blake2b(self._prefix + str(self._made).encode(), digest_size=16).hexdigest()
        # Version 5 (made from a name) and variant 1, as RFC 4122 wants them.
        return f"{h[:8]}-{h[8:12]}-5{h[13:16]}-a{h[17:20]}-{h[20:]}"
