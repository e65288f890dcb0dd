"""What all users share: one client each, streams that are read as they come, and measures of what takes more than one request."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from locust import FastHttpUser
from locust.contrib.fasthttp import FAILURE_EXCEPTIONS

counts: Counter[str] = Counter()
"""What users began and saw end. Greenlets share one thread, so nothing is lost between two of them."""

# AssertionError: it came out wrong; the others: it did not come.
WENT_WRONG = (AssertionError, TimeoutError, ValueError, KeyError, *FAILURE_EXCEPTIONS)


class Visitor(FastHttpUser):
    abstract = True
    network_timeout = 30.0
    connection_timeout = 10.0

    def tell(self, name: str, began: float, error: BaseException | None = None) -> None:
        """A row for what took from `began` (of time.perf_counter) until now."""
        self.environment.events.request.fire(
            request_type="whole",
            name=name,
            response_time=(time.perf_counter() - began) * 1000,
            response_length=0,
            exception=error,
            context=self.context(),
        )

    @contextmanager
    def whole(self, name: str) -> Iterator[None]:
        """What happens inside is one row, failed if it raises what is WENT_WRONG."""
        began = time.perf_counter()
        try:
            yield
        except WENT_WRONG as error:
            self.tell(name, began, error)
        else:
            self.tell(name, began)


class Body:
    """The body of a response that does not end by itself. `iter_lines` of locust waits for whole kilobytes."""

    def __init__(self, response: Any) -> None:
        self._parser = response._response

    def line(self) -> bytes:
        """The next one with its end; empty when the stream is over."""
        return self._parser.readline(b"\n")

    def exactly(self, size: int) -> bytes:
        return self._parser.read(size)

    def close(self) -> None:
        self._parser.release()
