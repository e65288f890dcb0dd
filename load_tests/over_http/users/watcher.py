"""Somebody with the page open: events as they happen, over a connection that is lost now and then and taken up where it was."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import gevent
from locust import between, task

from load_tests.over_http.users.base import WENT_WRONG, Body, Visitor, counts

# Of one connection; then it is "lost".
WATCHED_S = 4.0
LIVE_TIMEOUT_S = 20.0


class Watcher(Visitor):
    weight = 3
    wait_time = between(0.1, 0.5)

    def on_start(self) -> None:
        self._seen_id, self._seen_n = "", 0

    @task
    def open_page(self) -> None:
        self._look_at_jobs()
        self._watch()

    def _look_at_jobs(self) -> None:
        """All jobs and tasks that there are, as the page shows them at first."""
        answer = self.client.get("/api/v3/jobs/stream", stream=True)
        if answer.status_code != 200:
            return
        body = Body(answer)
        try:
            with self.whole("/api/v3/jobs/stream: until snapshotEnd"), _within("no snapshotEnd"):
                assert any(kind == "snapshotEnd" for kind, _, _ in events(body)), "the stream ended"
        finally:
            body.close()

    def _watch(self) -> None:
        """Every event once and in order, also those that happened between two connections."""
        began = time.perf_counter()
        headers = {"Last-Event-ID": self._seen_id} if self._seen_id else {}
        answer = self.client.get("/api/events?last=20", name="/api/events", stream=True, headers=headers)
        if answer.status_code != 200:
            return
        body = Body(answer)
        try:
            with self.whole("/api/events: until live"), _within("not live"):
                assert self._read(body, until="live"), "the stream ended"
            with gevent.Timeout(WATCHED_S, False):
                self._read(body, until="nothing")
                raise EOFError("the stream ended")
        except (EOFError, *WENT_WRONG) as error:
            self.tell("/api/events: watched", began, error)
        finally:
            body.close()

    def _read(self, body: Body, until: str) -> bool:
        """Whether an event called `until` came. Raises AssertionError for one that is missing or comes twice."""
        for kind, id, data in events(body):
            assert kind != "reset", f"event {self._seen_id} is not known any more"
            if kind == "event":
                n = json.loads(data)["n"]
                assert self._seen_n in (0, n - 1), f"event {n} after {self._seen_n}"
                self._seen_n, self._seen_id = n, id
                counts["events seen"] += 1
            if kind == until:
                return True
        return False


def _within(missed: str) -> gevent.Timeout:
    return gevent.Timeout(LIVE_TIMEOUT_S, TimeoutError(f"{missed} after {LIVE_TIMEOUT_S:.0f} s"))


def events(body: Body) -> Iterator[tuple[str, str, str]]:
    """(kind, id, data) of each. (HTML Living Standard, server-sent events; data of one line is all that the server sends)"""
    kind = id = data = ""
    while line := body.line().decode():
        field, _, value = line.rstrip("\r\n").partition(": ")
        if not field:
            if kind:
                yield kind, id, data
            kind = id = data = ""
        elif field == "event":
            kind = value
        elif field == "id":
            id = value
        elif field == "data":
            data = value
