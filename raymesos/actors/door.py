"""A client's way to the actors of one cluster: calls that are repeated while an actor is being restarted, and data moved the shortest way."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayActorError, RayTaskError

from raymesos.actors.plan import BATCH
from raymesos.door import CALL_TIMEOUT_S
from raymesos.errors import ClusterUnavailable, RaymesosError, UnknownId, refusal
from raymesos.machine import MASTER, OBSERVER
from raymesos.wire.codec import decode, encode
from raymesos.wire.messages import OperatorAnswer
from raymesos.wire.work import Blob

RETRY_S = 0.1
# Notes are batched; the observer knows of a new job well within this.
NOTE_LATE_S = 5.0
# And of anything else, within this: who asks for what is not there does not wait long.
NOTE_SOON_S = 0.4


class Door:
    """One per client process and cluster. Every call may be repeated, unless it says otherwise: what it asks for is idempotent."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self._handles: dict[str, Any] = {}
        self._where: tuple[str, str] | None = None
        self._closed = False

    def close(self) -> None:
        """The cluster has ended: every call raises ClusterUnavailable from now on, also on another Ray cluster."""
        self._closed = True

    # ------------------------------------------------------------ calls

    def call(self, actor: str, method: str, *arguments: Any, timeout_s: float = CALL_TIMEOUT_S) -> Any:
        """Call the actor and return its answer, again and again while it is being restarted. Raises what the method raised, ClusterUnavailable."""
        return self._call(actor, method, arguments, timeout_s, repeats=True)[0]

    def _call(
        self, actor: str, method: str, arguments: tuple[Any, ...], timeout_s: float, *, repeats: bool
    ) -> tuple[Any, bool]:
        """(the answer, whether an earlier call may have been carried out too). Without `repeats`, a call that may have been carried out is the last one."""
        deadline = time.monotonic() + timeout_s
        repeated = False
        while True:
            sent = False
            try:
                handle = self._handle(actor)
                reference = getattr(handle, method).remote(*arguments)
                sent = True
                return ray.get(reference, timeout=max(1.0, deadline - time.monotonic())), repeated
            except RayTaskError as error:
                raise _cause(error) from None
            except (RayActorError, GetTimeoutError, ValueError) as error:
                self._handles.pop(actor, None)
                repeated = repeated or sent
                if sent and not repeats:
                    raise ClusterUnavailable(
                        f"{actor} of cluster {self.namespace} did not answer: it may have carried the call out or not; look before you repeat it"
                    ) from None
                if time.monotonic() > deadline or not ray.is_initialized():
                    raise ClusterUnavailable(f"{actor} of cluster {self.namespace} does not answer: {error}") from None
                time.sleep(RETRY_S)

    def ask(self, actor: str, message: Any, timeout_s: float = CALL_TIMEOUT_S) -> Any:
        """Send a message to the actor's machine and return its answer."""
        client_id = secrets.token_hex(8)
        return decode(self.call(actor, "call", actor, client_id, encode(message), timeout_s, timeout_s=timeout_s))

    def operate(self, message: Any, *, repeats: bool, done_if: tuple[str, ...]) -> None:
        """Have the master carry out an operator's call. Raises what it refused it with, ClusterUnavailable.

        A refusal of a kind in `done_if` counts as done after a repeat: the call before it was carried out, and its answer was lost.
        """
        blob = encode(replace(message, request_id=secrets.token_hex(8)))
        arguments = MASTER, secrets.token_hex(8), blob, CALL_TIMEOUT_S
        if not repeats:
            self.call(
                MASTER, "ready"
            )  # A master that is just being restarted is waited for: what is sent to it might be lost.
        found, repeated = self._call(MASTER, "call", arguments, CALL_TIMEOUT_S, repeats=repeats)
        answer: OperatorAnswer = decode(found)
        if answer.error and not (repeated and answer.kind in done_if):
            raise refusal(answer.kind, answer.error, answer.field, answer.value)

    def view(self, name: str, arguments: dict[str, Any]) -> Any:
        """A view of the observer. What was just made is waited for: its note may still be on the way, and that of a job surely is. Raises UnknownId."""
        began = time.monotonic()
        while True:
            try:
                return self.call(OBSERVER, "view", name, arguments)
            except UnknownId as error:
                wait_s = NOTE_LATE_S if self._is_job(arguments) else NOTE_SOON_S
                if time.monotonic() > began + wait_s:
                    raise error from None
                time.sleep(0.02)

    def _is_job(self, arguments: dict[str, Any]) -> bool:
        """Whether the batch framework has the job that a view is asked for."""
        subject = arguments.get("job") or (arguments.get("kind") in (None, "job") and arguments.get("subject"))
        try:
            return bool(subject and self.call(BATCH, "find", subject))
        except UnknownId:
            return False

    # ------------------------------------------------------------ data

    def put(self, key: str, data: bytes) -> Blob:
        """Leave `data` with the batch framework under `key`: a file on its node, written directly where we are on it too."""
        node_id, directory = self._home()
        path = Path(directory) / key
        if node_id == ray.get_runtime_context().get_node_id():
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f"{path.name}.{os.getpid()}.new")
            temporary.write_bytes(data)
            temporary.replace(path)
        else:
            self.call(BATCH, "put", key, data)
        return Blob(path=str(path), node_id=node_id, size=len(data), key=key)

    def put_file(self, key: str, path: Path) -> Blob:
        """As `put`, of a file on this node, which is gone afterwards."""
        node_id, directory = self._home()
        target, size = Path(directory) / key, path.stat().st_size
        if node_id == ray.get_runtime_context().get_node_id():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(path, target)
        else:
            self.call(BATCH, "put", key, path.read_bytes())
            path.unlink(missing_ok=True)
        return Blob(path=str(target), node_id=node_id, size=size, key=key)

    def read(self, blob: Blob) -> bytes:
        """The bytes of a blob. Raises UnknownId when they are gone."""
        if blob.inline or not (blob.path or blob.key):
            return blob.inline
        return self.read_piece(blob.key, 0, -1)

    def read_piece(self, key: str, offset: int, length: int) -> bytes:
        """`length` bytes (all if negative) of what was put under `key`, from `offset` on. Raises UnknownId when they are gone."""
        node_id, directory = self._home()
        if node_id != ray.get_runtime_context().get_node_id():
            data: bytes = self.call(BATCH, "read", key, offset, length)
            return data
        try:
            with (Path(directory) / key).open("rb") as file:
                file.seek(offset)
                return file.read(length)
        except FileNotFoundError:
            raise UnknownId("data", key) from None

    def _home(self) -> tuple[str, str]:
        if self._where is None:
            self._where = self.call(BATCH, "where")
        return self._where

    def _handle(self, actor: str) -> Any:
        # Asked each time: a call on a handle from before would have Ray start a cluster of its own, open to the network.
        if self._closed or not ray.is_initialized():
            raise ClusterUnavailable(f"cluster {self.namespace} has been shut down")
        found = self._handles.get(actor)
        if found is None:
            found = self._handles[actor] = ray.get_actor(actor, namespace=self.namespace)
        return found


def _cause(error: RayTaskError) -> BaseException:
    """Our own error as it was raised; anything else as Ray shows it."""
    cause = getattr(error, "cause", None)
    return cause if isinstance(cause, RaymesosError) else error
