"""Names to Ray actors, and the carrier that calls them. With `cluster`, `launcher` and `hosts` the only modules that touch Ray.

A host's Ray actor has the host's address as its name, in the namespace of the cluster.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import ray
from ray.exceptions import ActorDiedError, RayActorError, RayError

from raymesos.actors.link import Batch, Reply

log = logging.getLogger("raymesos.directory")

DRIVER = "driver/"
"""Hosts of users' processes begin so. They end without a word, and nobody may have anything to tell them for long: their end is watched for."""

Done = Callable[[Reply | None, bool], None]


class Directory:
    """Finds the actor of a host by name and keeps its handle until a call shows that it is stale."""

    def __init__(self, namespace: str, own_name: str) -> None:
        self.namespace, self._own_name = namespace, own_name
        self._handles: dict[str, Any] = {}
        self._watched: dict[str, Done] = {}
        self._watching = threading.Lock()

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

    def carry(self, peer: str, from_epoch: int, batch: Batch, done: Done) -> None:
        """Call the peer's `deliver`; its answer, or the failure, comes to `done` on a thread of Ray's. When a driver's host ends later, the last `done` hears it."""
        handle = self.handle(peer)
        if handle is None:
            done(None, True)
            return
        try:
            ref = handle.deliver.remote(
                self._own_name, from_epoch, batch.to_epoch, batch.session, batch.first_seq, batch.count, batch.blob
            )
            ref.future().add_done_callback(lambda future: self._done(peer, future, done))
            if peer.startswith(DRIVER):
                self._watch(peer, handle, done)
        except RayError:
            self.forget(peer)
            done(None, False)

    def ask_road(self, peer: str, told: Callable[[str], None]) -> None:
        """Have `told` hear, on a thread of Ray's, where the peer's road is (`roads`). A driver's host has none."""
        handle = None if peer.startswith(DRIVER) else self._handles.get(peer)
        if handle is not None:
            handle.road.remote().future().add_done_callback(
                lambda future: None if future.exception() is not None else told(future.result())
            )

    def _watch(self, peer: str, handle: Any, done: Done) -> None:
        with self._watching:
            known = peer in self._watched
            self._watched[peer] = done
        if not known:
            handle.watch.remote().future().add_done_callback(lambda future: self._ended(peer, future))

    def _ended(self, peer: str, future: Future[Any]) -> None:
        with self._watching:
            done = self._watched.pop(peer, None)
        # One that is only being restarted is watched again with the next batch.
        if done is not None and isinstance(future.exception(), ActorDiedError):
            self.forget(peer)
            done(None, True)

    def _done(self, peer: str, future: Future[Any], done: Done) -> None:
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
