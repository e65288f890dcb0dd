"""`POST /api/v1/scheduler`: a bare ASGI callable. Each subscription is a stream here and a seat at the host.

It keeps only what the statuses need: which framework has which stream now. Everything else is for the master to say. (Mesos: http.cpp, scheduler)
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import deque
from dataclasses import replace
from typing import Any

from starlette.types import Receive, Scope, Send

from raymesos.errors import ClusterUnavailable, InvalidValue, ProtocolError
from raymesos.http.asgi import Answer, headers_of, read_body, send_answer
from raymesos.http.mesos.body import read_call
from raymesos.http.mesos.call_checks import call_error, principal_mismatch, subscription_error
from raymesos.http.mesos.calls import ReadCall, read_scheduler_call, read_subscription
from raymesos.http.mesos.events import Known, Place, error_event, event_bytes
from raymesos.http.mesos.master_info import master_info_json
from raymesos.http.mesos.operator.places import place_of
from raymesos.http.mesos.requests import accept_refusal, content_refusal, method_refusal
from raymesos.http.mesos.seat import Leave, Over, Seat
from raymesos.http.mesos.tasks import Reading
from raymesos.http.mesos.values import Row
from raymesos.http.security.access import Caller, caller_of
from raymesos.http.security.audit import note_call, note_read
from raymesos.http.site import Site
from raymesos.http.streams import Stream
from raymesos.model.tasks import Capability
from raymesos.wire.messages import FrameworkUpdated, Subscribe, Subscribed, Teardown, UpdateFramework

STREAM_ID = b"mesos-stream-id"
ACCEPTED = Answer(202)
AWAY = Answer(503, "No leader elected")
READS_ONLY = Answer(403, "This token changes nothing")
NOWHERE = Place()
UNKNOWN = Answer(400, "Framework cannot be found")
# How long the master may take for the one call that is answered with what came of it.
UPDATE_TIMEOUT_S = 30.0
# Ids of frameworks that were here, for the words with which they are refused.
FORMER_KEPT = 1_000

# The other calls say what a framework has heard and wants to be offered; these change what runs, and what is whose.
AUDITED = ("SUBSCRIBE", "TEARDOWN", "ACCEPT", "KILL", "SHUTDOWN", "MESSAGE", "UPDATE_FRAMEWORK")


class Subscription:
    """One stream with its seat. `framework_id` is empty until the master has given it."""

    def __init__(self, api: SchedulerApi, subscribe: Subscribe, known: Known) -> None:
        self.id = str(uuid.uuid4())
        self.framework_id = ""
        self.principal, self.user = subscribe.info.principal, subscribe.info.user
        self.updates: deque[asyncio.Future[str]] = deque()
        """Who waits for the master's answers to UPDATE_FRAMEWORK, oldest first."""
        self._api, self._desk = api, api.site.desk
        self._known = known
        self._address = self._desk.address("framework/v1", self.id)
        self.stream = Stream(api.headers(self.id), self._gone)
        self._desk.open(self._address, Seat(self._address, subscribe, self._desk.told), self._hear)

    def tell(self, message: Any) -> None:
        """The client wants this of the master."""
        self._desk.tell(self._address, message)

    def show(self, event: Any) -> None:
        """The client hears this."""
        self.stream.push(event_bytes(event, self._known))

    async def update(self, message: UpdateFramework) -> str:
        """What the master says of it; empty if it was carried out. Raises ClusterUnavailable when the subscription ends first."""
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.updates.append(answer)
        self.tell(message)
        try:
            return await asyncio.wait_for(answer, UPDATE_TIMEOUT_S)
        except TimeoutError:
            raise ClusterUnavailable("the master did not answer") from None

    def _hear(self, message: Any) -> None:
        match message:
            case Over():
                self._close()
                self.stream.end()
            case FrameworkUpdated(error) if self.updates:
                answer = self.updates.popleft()
                if not answer.done():
                    answer.set_result(error)
            case Subscribed(framework_id):
                self.framework_id = framework_id
                self._api.subscribed(self)
                self.show(message)
            case _:
                self.show(message)

    def _gone(self) -> None:
        self.tell(Leave())
        self._close()

    def _close(self) -> None:
        self._desk.close(self._address)
        self._api.ended(self)
        for answer in self.updates:
            if not answer.done():
                answer.set_exception(ClusterUnavailable("the subscription has ended"))


class SchedulerApi:
    """For the event loop's thread."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self._known = Known(lambda master_id: master_info_json(site, master_id), self._place)
        self._here: dict[str, Subscription] = {}
        """By framework id."""
        self._former: dict[str, bool] = {}
        """Framework id to whether it was torn down, of those whose subscription here has ended."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = headers_of(scope)
        body = await read_body(receive)
        if body is None:
            return
        answer = None if self.site.master_is_up() else AWAY
        answer = answer or method_refusal(scope["method"]) or content_refusal(headers)
        if answer is None:
            answer = await self._call(scope, body, headers, receive, send)
        if answer is not None:
            await send_answer(send, answer)

    def headers(self, stream_id: str) -> list[tuple[bytes, bytes]]:
        return [(STREAM_ID, stream_id.encode()), (b"content-type", b"application/json")]

    def subscribed(self, subscription: Subscription) -> None:
        """The framework's stream is this one from now on. The former one hears from the master that it is over."""
        self._former.pop(subscription.framework_id, None)
        self._here[subscription.framework_id] = subscription

    def ended(self, subscription: Subscription) -> None:
        if self._here.get(subscription.framework_id) is subscription:
            del self._here[subscription.framework_id]
            self._remember(subscription.framework_id, torn_down=False)

    def _place(self, agent_id: str) -> Place:
        note = self.site.views.state.agents.get(agent_id)
        return NOWHERE if note is None else Place(place_of(note).url if note.endpoint else None, note.region, note.zone)

    # ------------------------------------------------------------ one call

    async def _call(
        self, scope: Scope, body: bytes, headers: dict[bytes, bytes], receive: Receive, send: Send
    ) -> Answer | None:
        """The answer; None if the call has become a stream that has ended."""
        try:
            call = read_call(body, "scheduler.Call")
        except ProtocolError as error:
            return Answer(400, str(error))
        caller = caller_of(scope)
        error_text = call_error(call, caller.principal)
        if error_text is not None:
            return Answer(400, f"Failed to validate scheduler::Call: {error_text}")
        _note(scope, call)
        if call["type"] == "SUBSCRIBE":
            return await self._subscribe(call, headers, caller, receive, send)
        found = self._subscription(call["framework_id"]["value"], headers, caller)
        return found if isinstance(found, Answer) else await self._act(found, call, caller)

    async def _subscribe(
        self, call: Row, headers: dict[bytes, bytes], caller: Caller, receive: Receive, send: Send
    ) -> Answer | None:
        refusal = accept_refusal(headers)
        if refusal is None and STREAM_ID in headers:
            refusal = Answer(400, "Subscribe calls should not include the 'Mesos-Stream-Id' header")
        if refusal is not None:
            return refusal
        row = call["subscribe"]["framework_info"]
        error = subscription_error(row)
        try:
            subscribe = read_subscription(call["subscribe"], caller.principal)
            error = error or self._alien(caller, subscribe.info.roles)
        except InvalidValue as invalid:
            error = error or str(invalid)
        if error is not None:
            stream = Stream(self.headers(str(uuid.uuid4())), lambda: None)
            stream.push(error_event(error))
            stream.end()
        else:
            stream = Subscription(self, subscribe, self._known_to(subscribe.info.capabilities)).stream
        await stream.run(receive, send)
        return None

    def _known_to(self, capabilities: tuple[str, ...]) -> Known:
        return replace(
            self._known,
            refined=Capability.RESERVATION_REFINEMENT in capabilities,
            multi_role=Capability.MULTI_ROLE in capabilities,
        )

    def _subscription(self, framework_id: str, headers: dict[bytes, bytes], caller: Caller) -> Subscription | Answer:
        """The one that the call is for, or why it is for none."""
        found = self._here.get(framework_id)
        if found is None:
            return self._absent(framework_id)
        if caller.principal and caller.principal != found.principal:
            return Answer(400, principal_mismatch(caller.principal, found.principal))
        said = headers.get(STREAM_ID)
        if said is None:
            return Answer(400, "All non-subscribe calls should include the 'Mesos-Stream-Id' header")
        stream_id = said.decode("latin-1")
        if stream_id != found.id:
            return Answer(
                400,
                f"The stream ID '{stream_id}' included in this request didn't match the stream ID currently associated with framework ID {framework_id}",
            )
        return found

    def _absent(self, framework_id: str) -> Answer:
        """A framework that has no stream here: unknown, not subscribed now, or through another door."""
        torn_down = self._former.get(framework_id)
        note = self.site.views.state.frameworks.get(framework_id)
        if torn_down or (torn_down is None and (note is None or note.state == "completed")):
            return UNKNOWN
        if torn_down is None and note is not None and note.state == "active":
            return Answer(403, "Framework is not connected via HTTP")
        return Answer(403, "Framework is not subscribed")

    async def _act(self, subscription: Subscription, call: Row, caller: Caller) -> Answer:
        if call["type"] == "UNKNOWN":
            return Answer(501)
        if caller.reads_only:
            return READS_ONLY
        allows = self.site.access.allows
        reading = Reading(
            subscription.framework_id,
            int(time.time() * 1000),
            subscription.user,
            lambda action, subject: allows(caller, action, subject),
        )
        try:
            read: ReadCall = read_scheduler_call(call, reading)
        except InvalidValue as error:
            return Answer(400, str(error))
        for event in read.refused:
            subscription.show(event)
        message = read.message
        if isinstance(message, UpdateFramework):
            return await self._update(subscription, call, message, caller)
        if message is not None:
            subscription.tell(message)
        if isinstance(message, Teardown):
            self._here.pop(subscription.framework_id, None)
            self._remember(subscription.framework_id, torn_down=True)
        return ACCEPTED

    async def _update(self, subscription: Subscription, call: Row, message: UpdateFramework, caller: Caller) -> Answer:
        error = subscription_error(call["update_framework"]["framework_info"])
        alien = self._alien(caller, message.info.roles)
        if alien is not None:
            return Answer(403, alien)
        try:
            error = error or await subscription.update(message)
        except ClusterUnavailable as away:
            return Answer(503, str(away))
        return Answer(400, f"Supplied FrameworkInfo is not valid: {error}") if error else Answer(200)

    def _alien(self, caller: Caller, roles: tuple[str, ...]) -> str | None:
        """Why a framework of the caller's may not be in these roles."""
        if all(self.site.access.allows(caller, "register_frameworks", role) for role in roles):
            return None
        return f"Not authorized to use roles '{{ {', '.join(roles)} }}'"

    def _remember(self, framework_id: str, *, torn_down: bool) -> None:
        self._former[framework_id] = torn_down
        if len(self._former) > FORMER_KEPT:
            del self._former[next(iter(self._former))]


def _note(scope: Scope, call: Row) -> None:
    """For the audit log: what the call is, and about which framework, task or executor."""
    kind = call["type"]
    if kind not in AUDITED:
        note_read(scope)
        return
    if kind == "SUBSCRIBE":
        info = call["subscribe"]["framework_info"]
        note_call(scope, kind, info.get("id", {}).get("value", "") or info["name"])
        return
    named = call.get(kind.lower(), {})
    what = named.get("task_id", named.get("executor_id", {})).get("value", "")
    note_call(scope, kind, f"{call['framework_id']['value']} {what}".strip())
