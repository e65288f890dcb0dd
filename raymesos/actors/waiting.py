"""Clients that wait for news of a host's machine: answered after the turn that has some, or when they have waited long enough."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from raymesos.actors.host import Host
from raymesos.errors import UnknownId

# Beyond the time that it was to wait, for a host that is busy.
SLACK_S = 30.0

T = TypeVar("T")


@dataclass(slots=True)
class _Waiter:
    news: Callable[[int], Any]
    now: Callable[[int], Any]
    until_ms: int
    answer: Future[Any]


class Waiting:
    """Of one host. Both functions of a waiter are called with the time, on the host's thread, and may raise UnknownId."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._waiters: list[_Waiter] = []
        host.after_turn(self._after_turn)

    def wait(self, wait_s: float, news: Callable[[int], T | None], now: Callable[[int], T]) -> T:
        """What `news` has, as soon as it is not None; after `wait_s` seconds what `now` has. Raises UnknownId."""
        waiter = _Waiter(news, now, self._host.now_ms() + int(wait_s * 1000), Future())
        found = self._host.ask(lambda now_ms: self._news_or_wait(waiter, now_ms))
        answer: T = waiter.answer.result(wait_s + SLACK_S) if found is None else found
        return answer

    def _news_or_wait(self, waiter: _Waiter, now_ms: int) -> Any:
        found = waiter.news(now_ms)
        if found is None:
            self._waiters.append(waiter)
        return found

    def _after_turn(self, now_ms: int) -> int | None:
        """Returns when the next one has waited long enough."""
        left = []
        for waiter in self._waiters:
            try:
                found = waiter.news(now_ms)
                if found is None and now_ms < waiter.until_ms:
                    left.append(waiter)
                else:
                    waiter.answer.set_result(waiter.now(now_ms) if found is None else found)
            except UnknownId as error:  # What it waits for was dropped meanwhile.
                waiter.answer.set_exception(error)
        self._waiters = left
        return min((w.until_ms for w in left), default=None)
