"""A framework as it would be written for Mesos: one stream of events, offers taken for as long as it has work, every update acknowledged."""

from __future__ import annotations

import time
import uuid

import gevent
from gevent.event import Event
from gevent.lock import BoundedSemaphore
from locust import between, task
from locust.exception import StopUser

from load_tests.over_http.users import mesos
from load_tests.over_http.users.base import WENT_WRONG, Body, Visitor, counts
from load_tests.over_http.users.mesos import Row

PATH = "/api/v1/scheduler"
TASKS = 10
# Of ten tasks; on a busy machine each of a framework's executors takes half a minute to start.
ROUND_TIMEOUT_S = 120.0


class Framework(Visitor):
    weight = 2
    wait_time = between(0.2, 0.6)

    def on_start(self) -> None:
        self._id: Row = {}
        self._stream_id = ""
        self._waiting: list[str] = []
        self._live: dict[str, None] = {}
        self._revived = self._accepted = 0.0
        self._subscribed, self._over = Event(), Event()
        self._leaving, self._one_by_one = False, BoundedSemaphore()
        self._reader = gevent.spawn(self._listen)
        began = time.perf_counter()
        if not self._subscribed.wait(ROUND_TIMEOUT_S):
            self.tell("scheduler: stream", began, TimeoutError("no SUBSCRIBED"))

    @task
    def run_tasks(self) -> None:
        """TASKS tasks from REVIVE to the last one's end."""
        if self._reader.dead:
            raise StopUser  # Its stream has ended, which was told.
        self._over.clear()
        self._waiting = [f"true-{uuid.uuid4()}" for _ in range(TASKS)]
        self._revived = time.perf_counter()
        self._call({"type": "REVIVE"})
        if not self._over.wait(ROUND_TIMEOUT_S):
            left = f"{len(self._waiting)} tasks without an offer, {len(self._live)} without an end"
            self.tell("scheduler: ACCEPT to all FINISHED", self._revived, TimeoutError(left))

    def on_stop(self) -> None:
        """Its framework is gone from the cluster afterwards."""
        self._leaving = True
        if self._id:
            self._call({"type": "TEARDOWN"})
        self._reader.kill()

    def _call(self, call: Row) -> None:
        headers, name = {"Mesos-Stream-Id": self._stream_id}, f"{PATH} {call['type']}"
        body = call | {"framework_id": self._id}
        with self._one_by_one:
            # On another connection an ACKNOWLEDGE could come after the TEARDOWN, from a framework that is no more.
            if self._leaving and call["type"] != "TEARDOWN":
                return
            with self.client.post(PATH, json=body, headers=headers, name=name, catch_response=True) as said:
                if said.status_code != 202:
                    said.failure(f"{said.status_code} {said.text}")

    # ------------------------------------------------------------ the stream, in a greenlet of its own

    def _listen(self) -> None:
        began = time.perf_counter()
        subscribe = mesos.subscribe("load-test", "mesos")
        answer = self.client.post(PATH, json=subscribe, stream=True, name=f"{PATH} SUBSCRIBE")
        if answer.status_code == 200:
            self._stream_id = answer.headers["mesos-stream-id"]
            body = Body(answer)
            try:
                for event in mesos.records(body):
                    self._hear(event)
                if not self._leaving:
                    raise EOFError("the stream ended")
            except (EOFError, *WENT_WRONG) as error:
                self.tell("scheduler: stream", began, error)
            finally:
                body.close()
                self._subscribed.set()
                self._over.set()

    def _hear(self, event: Row) -> None:
        match event["type"]:
            case "SUBSCRIBED":
                self._id = event["subscribed"]["framework_id"]
                self._subscribed.set()
            case "OFFERS":
                self._answer(event["offers"]["offers"])
            case "UPDATE":
                self._take(event["update"]["status"])
            case "ERROR":
                self.tell("scheduler: stream", time.perf_counter(), ValueError(event["error"]["message"]))

    def _answer(self, offers: list[Row]) -> None:
        refused = []
        for offer in offers:
            launched = self._waiting[: mesos.room(offer)]
            if not launched:
                refused.append(offer)
                continue
            del self._waiting[: len(launched)]
            self._live |= dict.fromkeys(launched)
            counts["tasks launched"] += len(launched)
            if not self._waiting:
                self.tell("scheduler: REVIVE to offers for all", self._revived)
                self._accepted = time.perf_counter()
            self._call(mesos.accept(offer, launched))
        if refused:
            self._call(mesos.decline(refused))
        if not self._waiting:
            self._call({"type": "SUPPRESS"})

    def _take(self, status: Row) -> None:
        if "uuid" in status:
            self._call(mesos.acknowledge(status))
        state, id = status["state"], status["task_id"]["value"]
        if state in mesos.ENDED and id in self._live:
            del self._live[id]
            counts[f"tasks {state}"] += 1
            if not self._live and not self._waiting:
                self.tell("scheduler: ACCEPT to all FINISHED", self._accepted)
                self._over.set()
