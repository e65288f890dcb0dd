"""Functions that the workers import: a module beside the tests, as users have modules beside their scripts."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any


def square(x: int) -> int:
    return x * x


def odd_fails(x: int) -> int:
    if x % 2:
        raise ValueError(f"{x} is odd")
    return x


def slowly(x: int) -> int:
    time.sleep(0.02)
    return x


def environment(_: Any) -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if k.startswith("RAYMESOS_")}


def worker_pid(_: Any) -> int:
    return os.getpid()


def dies_the_first_time(marker: str) -> str:
    """Kills its own process the first time it is called with this marker."""
    path = Path(marker)
    if not path.exists():
        path.write_text("was here")
        os.kill(os.getpid(), signal.SIGKILL)
    return "second"


def always_dies(_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def exits(code: int) -> None:
    sys.exit(code)


def unpicklable(_: Any) -> Any:
    return (x for x in range(3))


def talkative(text: str) -> int:
    print(text)
    print(f"err {text}", file=sys.stderr)
    return len(text)


def large(size: int) -> bytes:
    return bytes(size)


def hungry(megabytes: int) -> int:
    """Really takes that much memory, and holds it until it is stopped."""
    held = bytearray(megabytes * 2**20)
    for i in range(0, len(held), 4096):
        held[i] = 1
    time.sleep(60)
    return len(held)


def slow_pid(_: Any) -> int:
    time.sleep(0.02)
    return os.getpid()


def interval(seconds: float) -> tuple[float, float]:
    """When this call began and ended, by the machine's clock."""
    began = time.monotonic()
    time.sleep(seconds)
    return began, time.monotonic()


def marked_with_agent(data: bytes) -> tuple[bytes, str]:
    """The data with a mark behind it, and the agent that it was on."""
    time.sleep(0.02)
    return data + b"!", os.environ["RAYMESOS_AGENT"]


def once_open(gate: str) -> str:
    """Returns once the file `gate` is there."""
    while not Path(gate).exists():
        time.sleep(0.02)
    return gate
