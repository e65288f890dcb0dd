"""Replicas seen from outside: which processes, of which version, answer at one address."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable
from urllib.parse import urlsplit

PAUSE_S = 0.01
PATIENCE_S = 60.0


def who(url: str) -> tuple[int, str] | None:
    """(pid, version) of the process that answers `url`; None if nobody does."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=5)
    try:
        connection.request("GET", parts.path)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            return None
        found = json.loads(body)
        return found["pid"], found["version"]
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()


def seconds_until(url: str, enough: Callable[[dict[int, str]], bool], since: float) -> tuple[float, dict[int, str]]:
    """(seconds from `since`, who has answered) until `enough` of those that answered lately: of the last 20 answers for each that was seen. Raises TimeoutError."""
    lately: list[tuple[int, str]] = []
    while time.perf_counter() - since < PATIENCE_S:
        found = who(url)
        if found is None:
            time.sleep(PAUSE_S)
            continue
        lately.append(found)
        lately = lately[-20 * max(1, len({pid for pid, _ in lately})) :]
        if enough(dict(lately)):
            return time.perf_counter() - since, dict(lately)
    raise TimeoutError(f"{url}: after {PATIENCE_S:g} s only {dict(lately)} had answered")


def has(count: int) -> Callable[[dict[int, str]], bool]:
    return lambda seen: len(seen) >= count


def all_are(version: str, count: int) -> Callable[[dict[int, str]], bool]:
    return lambda seen: sum(v == version for v in seen.values()) >= count and set(seen.values()) == {version}


def another_than(pid: int) -> Callable[[dict[int, str]], bool]:
    return lambda seen: any(other != pid for other in seen)
