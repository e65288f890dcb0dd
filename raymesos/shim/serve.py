"""What runs in the process of a resident that is an ASGI app or a function. Why it cannot run is told over its control channel, in one line."""

from __future__ import annotations

import contextlib
import importlib
import os
import pickle
import socket
import sys
import traceback
from typing import Any, NoReturn

from raymesos.shim.process import name_process
from raymesos.shim.protocol import pack

CANNOT_RUN = 78
"""The exit code (EX_CONFIG of sysexits.h) of what could not be imported, loaded or bound."""
BACKLOG = 2048
PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"


def serve_app(name: str) -> None:
    """Serve the ASGI app `module:attribute` on `$PORT0` until SIGTERM, and then until requests under way are answered."""
    name_process("raymesos-app")
    app = _imported(name)
    listener = _listener()
    import uvicorn

    server = uvicorn.Server(uvicorn.Config(app, access_log=False))
    with contextlib.suppress(SystemExit):  # So it ends when the app does not start, of which it has printed why.
        server.run(sockets=[listener])
    if not server.started:
        _fail(f"app {name!r} did not start: its lifespan's startup failed", 3)


def call(path: str, python: str) -> None:
    """Call the pickled function at `path`, without arguments; its return ends the process with 0, what it raises with 1."""
    if python not in ("", PYTHON):
        _fail(f"the function was pickled by Python {python}; this one is {PYTHON}", CANNOT_RUN)
    try:
        with open(path, "rb") as file:
            function = pickle.load(file)
    except Exception as error:  # noqa: BLE001 - whatever unpickling does
        _fail(f"the function could not be loaded: {_line(error)}", CANNOT_RUN)
    try:
        function()
    except Exception as error:  # noqa: BLE001 - it is the user's code
        traceback.print_exc()
        _fail(_line(error), 1)


def _imported(name: str) -> Any:
    module_name, _, attribute = name.partition(":")
    try:
        found = importlib.import_module(module_name)
        for part in attribute.split("."):
            found = getattr(found, part)
    except BaseException as error:  # noqa: BLE001 - a module may do anything when it is imported
        if not (isinstance(error, ModuleNotFoundError) and error.name == module_name):
            traceback.print_exc()
        _fail(f"app {name!r} cannot be imported: {_line(error)}", CANNOT_RUN)
    return found


def _listener() -> socket.socket:
    """Bound to where the task is reached: loopback on an agent that is, else every interface."""
    port = os.environ.get("PORT0", "")
    if not port:
        _fail("an app needs a port, and this task has none: ask for ports=1", CANNOT_RUN)
    host = "127.0.0.1" if os.environ.get("RAYMESOS_HOSTNAME", "127.0.0.1") in ("127.0.0.1", "localhost") else ""
    try:
        return socket.create_server((host, int(port)), backlog=BACKLOG)
    except OSError as error:
        _fail(f"port {port} cannot be listened on: {os.strerror(error.errno or 0)}", CANNOT_RUN)


def _line(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0]}"[:500] if text else type(error).__name__


def _fail(text: str, code: int) -> NoReturn:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - the task's own log
    channel = os.environ.get("RAYMESOS_CONTROL_FD", "")
    if channel:
        with socket.socket(fileno=int(channel)) as control:
            control.sendall(pack("failed", {"text": text}))
    sys.stdout.flush()
    os._exit(code)  # Threads that an import has started do not hold it up.
