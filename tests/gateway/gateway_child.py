"""A gateway's controller in a process of its own, for tests that kill it: prints its URL and keeps running. Arguments: directory, service, port of its instance."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from gateway_rig import Rig, route

from raymesos.wire.routes import Endpoint


def main(directory: str, service: str, port: str) -> None:
    rig = Rig(Path(directory))
    rig.set(route(service, Endpoint("kept", "127.0.0.1", int(port))))
    print(rig.url, flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
