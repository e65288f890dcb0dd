"""Names to Ray actors, and the carrier that calls them. With `cluster`, `launcher` and `hosts` the only modules that touch Ray.

A host's Ray actor has the host's address as its name, in the namespace of the cluster.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import ray
from ray.exceptions import ActorDiedError, RayActorError, RayError

from raymesos.actors.link import Batch, Reply

log = logging.getLogger("raymesos.directory")


class Directory:
    """Finds the actor of a host by name and keeps its handle until a call shows that it is stale."""

    def __init__(self, namespace: str, own_name: str) -> None:
        self.namespace, self._own_name = namespace, own_name
        self._handles: dict[str, Any] = {}

    def handle(self, host: str) -> Any | None:
        """The actor of `host`, or None if there is none of that name."""
        found = self._handles.get(host)
        if found is None:
            try:
                found = self._handles[host] = ray.get_actor(host, namespace=self.namespace)
            except ValueError:
                return None
        return found

    def forget(self, host: str) -> None:
        self._handles.pop(host, None)

    def carry(self, peer: str, from_epoch: int, batch: Batch, done: Callable[[Reply | None, bool], None]) -> None:
        """Call the peer's `deliver`; its answer, or the failure, comes to `done` on a thread of Ray's."""
        handle = self.handle(peer)
        if handle is None:
            done(None, True)
            return
        try:
            ref = handle.deliver.remote(
                self._own_name, from_epoch, batch.to_epoch, batch.session, batch.first_seq, batch.count, batch.blob
            )
            ref.future().add_done_callback(lambda future: self._done(peer, future, done))
        except RayError:
            self.forget(peer)
            done(None, False)

    def _done(self, peer: str, future: Future[Any], done: Callable[[Reply | None, bool], None]) -> None:
        error = future.exception()
        if error is None:
            done(Reply(*future.result()), False)
            return
        if isinstance(error, ActorDiedError):
            # It may be gone for good or have been made anew under its name: the next try looks the name up again.
            self.forget(peer)
        elif not isinstance(error, RayActorError):
            log.error("a call to %s failed: %r", peer, error)
        done(None, False)
