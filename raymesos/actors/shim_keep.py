"""An agent keeps its shim: as long as the agent lives there is one.

A shim without any client leaves after a while, so that nothing is left behind by a cluster that is gone; executors come and go, so the agent is a client of its own. And
should the shim die, there is another: executors connect with it, and what they had in the former is lost.
"""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from raymesos.shim.client import ShimClient
from raymesos.shim.launch import ORPHAN_GRACE_S, ShimAddress, start_shim
from raymesos.shim.protocol import Broken

log = logging.getLogger("raymesos.shim")

OWNER = "agent"
# Between two tries to start one: what keeps it from starting does not go away at once.
RETRY_S = 1.0


class ShimKeeper:
    """`address` is that of the present shim. Raises OSError, Broken if there is none at first."""

    def __init__(self, directory: Path, *, orphan_grace_s: float = ORPHAN_GRACE_S) -> None:
        self._directory, self._orphan_grace_s = directory, orphan_grace_s
        self._closed = threading.Event()
        self.address, self._client = self._start()
        self._thread = threading.Thread(target=self._keep, name="shim keeper", daemon=True)
        self._thread.start()

    def shutdown(self) -> None:
        """End the shim with all that it runs; no other is started."""
        self._closed.set()
        self.address.shutdown()

    def _start(self) -> tuple[ShimAddress, ShimClient]:
        address = start_shim(self._directory, orphan_grace_s=self._orphan_grace_s)
        return address, ShimClient.connect(address.socket, OWNER)

    def _keep(self) -> None:
        while not self._closed.is_set():
            try:
                self._client.receive()
            except Broken:
                self._client.close()
                self._again()

    def _again(self) -> None:
        while not self._closed.is_set():
            try:
                self.address, self._client = self._start()
                return
            except (OSError, Broken) as error:
                log.error("the shim of %s does not start: %s", self._directory, error)
                self._closed.wait(RETRY_S)
