"""`POST /api/v1/executor` of one agent: a bare ASGI callable. Each custom executor has a seat at the host; its stream comes and goes. (Mesos: slave/http.cpp, executor)"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.types import Receive, Scope, Send

from raymesos.errors import InvalidValue, ProtocolError
from raymesos.http.agent.executor_calls import call_error, read_status, read_subscription
from raymesos.http.agent.executor_events import Events
from raymesos.http.agent.executor_tokens import VARIABLE, Claims, ExecutorTokens
from raymesos.http.agent.program import (
    ProgramGone,
    ProgramSays,
    ProgramSeat,
    ProgramSubscribes,
    Turned,
    Welcome,
)
from raymesos.http.asgi import Answer, headers_of, read_body, send_answer
from raymesos.http.desk import Desk
from raymesos.http.mesos.body import read_call
from raymesos.http.mesos.requests import accept_refusal, content_refusal, method_refusal
from raymesos.http.mesos.values import Row, bytes_of
from raymesos.http.streams import Stream
from raymesos.kernel.names import executor_address
from raymesos.wire.messages import TaskStatus

ACCEPTED = Answer(202)
NOT_RECOVERED = Answer(503, "Agent has not finished recovery")
UNKNOWN = Answer(
    401,
    f"Executors show the token that they find in {VARIABLE}: `Authorization: Bearer TOKEN`",
    ((b"www-authenticate", b'Bearer realm="mesos-agent-executor"'),),
)
ANOTHERS = Answer(403, "This token is another executor's, or of a run that has ended")
NOT_SUBSCRIBED = Answer(403, "Executor is not subscribed")
# An agent that Ray restarts is back within seconds.
WELCOME_TIMEOUT_S = 20.0
HEADERS = [(b"content-type", b"application/json")]

Key = tuple[str, str]
"""(framework id, executor id)"""
Known = Callable[[str, str], str | None]
"""What is wrong with a call of (framework id, executor id) that has no stream here: who is unknown; None if both are known."""


class Program:
    """One custom executor as the event loop sees it. What it says between two looks of the loop goes to its seat in one message."""

    def __init__(self, desk: Desk, address: str, over: Callable[[], None]) -> None:
        self.stream: Stream | None = None
        self.welcomed = False
        """Its stream stands: what it says is taken."""
        self.container_id = ""
        """The run that has subscribed."""
        self._desk, self._address, self._over = desk, address, over
        self._events: Events | None = None
        self._answer: asyncio.Future[str | None] | None = None
        self._said: list[TaskStatus | bytes] = []

    def begin(self, seat: ProgramSeat, events: Events) -> asyncio.Future[str | None]:
        """The first subscription, which the seat has. As `subscribe`."""
        self._desk.open(self._address, seat, self._hear)
        return self._wait(events)

    def subscribe(self, message: ProgramSubscribes, events: Events) -> asyncio.Future[str | None]:
        """The future has None once the agent knows the executor, or why it does not. A stream that is open is over."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_result("another subscription of the executor has come")
        if self.stream is not None:
            self.stream.end()
        self._flush()
        self._desk.tell(self._address, message)
        return self._wait(events)

    def _wait(self, events: Events) -> asyncio.Future[str | None]:
        self.stream, self._events, self.welcomed = Stream(HEADERS, self._gone), events, False
        self._answer = asyncio.get_running_loop().create_future()
        return self._answer

    def say(self, said: TaskStatus | bytes) -> None:
        if not self._said:
            asyncio.get_running_loop().call_soon(self._flush)
        self._said.append(said)

    def leave(self) -> None:
        """The stream that was to be is not."""
        self._desk.tell(self._address, ProgramGone())
        self.stream, self.welcomed = None, False

    def _flush(self) -> None:
        if self._said:
            said, self._said = tuple(self._said), []
            self._desk.tell(self._address, ProgramSays(said))

    def _hear(self, message: object) -> None:
        if isinstance(message, Turned):
            self._desk.close(self._address)
            self._over()
        if isinstance(message, Welcome | Turned) and self._answer is not None and not self._answer.done():
            self.welcomed = isinstance(message, Welcome)
            self._answer.set_result(message.reason if isinstance(message, Turned) else None)
        if self.stream is None or self._events is None:
            return
        for event in self._events.of(message):
            self.stream.push(event)
        if isinstance(message, Turned):
            self.stream.end()

    def _gone(self) -> None:
        self._flush()
        self.leave()


class ExecutorApi:
    """Of the agent called `agent`. `container_of` has the ids of runs, empty where unknown. With `tokens` every executor shows its own."""

    def __init__(
        self,
        desk: Desk,
        agent: str,
        known: Known,
        container_of: Callable[[str, str], str],
        tokens: ExecutorTokens | None = None,
    ) -> None:
        self._desk, self._agent, self._known, self._container_of = desk, agent, known, container_of
        self._tokens = tokens
        self._programs: dict[Key, Program] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await read_body(receive)
        if body is None:
            return
        headers, claims = headers_of(scope), None
        answer = None
        if self._tokens is not None:
            claims = self._tokens.shown(headers.get(b"authorization"))
            answer = UNKNOWN if claims is None else None
        answer = answer or method_refusal(scope["method"]) or content_refusal(headers)
        if answer is None:
            answer = await self._call(body, headers, claims, receive, send)
        if answer is not None:
            await send_answer(send, answer)

    async def _call(
        self, body: bytes, headers: dict[bytes, bytes], claims: Claims | None, receive: Receive, send: Send
    ) -> Answer | None:
        """The answer; None if the call has become a stream that has ended."""
        try:
            call = read_call(body, "executor.Call")
        except ProtocolError as error:
            return Answer(400, str(error))
        error_text = call_error(call)
        if error_text is not None:
            return Answer(400, f"Failed to validate Executor::Call: {error_text}")
        key = (call["framework_id"]["value"], call["executor_id"]["value"])
        found = self._programs.get(key)
        if claims is not None and not self._is_of(claims, key, None if call["type"] == "SUBSCRIBE" else found):
            return ANOTHERS
        if call["type"] == "HEARTBEAT":
            return ACCEPTED
        if call["type"] == "SUBSCRIBE":
            return accept_refusal(headers) or await self._subscribe(key, call["subscribe"], receive, send)
        if found is None or not found.welcomed:
            unknown = self._known(*key)
            return NOT_SUBSCRIBED if unknown is None else Answer(400, unknown)
        return self._act(found, call)

    def _is_of(self, claims: Claims, key: Key, program: Program | None) -> bool:
        """Whether it is the token of this executor's present run. That of a stream is known; whoever has none, or wants one, is looked for."""
        if (claims.framework_id, claims.executor_id) != key:
            return False
        return claims.container_id == (program.container_id if program is not None else self._container_of(*key))

    def _act(self, program: Program, call: Row) -> Answer:
        try:
            match call["type"]:
                case "UPDATE":
                    program.say(read_status(call["update"]["status"]))
                case "MESSAGE":
                    program.say(bytes_of(call["message"]["data"], "message.data"))
                case _:
                    return Answer(501)
        except InvalidValue as error:
            return Answer(400, str(error))
        return ACCEPTED

    async def _subscribe(self, key: Key, row: Row, receive: Receive, send: Send) -> Answer | None:
        try:
            message = read_subscription(row, *key)
        except InvalidValue as error:
            return Answer(400, str(error))
        container_id = self._container_of(*key)
        events, program = Events(container_id), self._programs.get(key)
        if program is None:
            program, answer = self._open(key, message, events)
        else:
            answer = program.subscribe(message, events)
        program.container_id = container_id
        stream = program.stream
        try:
            why = await asyncio.wait_for(answer, WELCOME_TIMEOUT_S)
        except TimeoutError:
            if program.stream is stream:
                program.leave()
            return NOT_RECOVERED
        if why is not None:
            return Answer(400, why)
        assert stream is not None
        await stream.run(receive, send)
        return None

    def _open(self, key: Key, first: ProgramSubscribes, events: Events) -> tuple[Program, asyncio.Future[str | None]]:
        name = executor_address(self._agent, key[1], key[0])
        address = f"{name}@{self._desk.name}"
        seat = ProgramSeat(address, f"agent/{self._agent}", key, first, self._desk.told)
        program = self._programs[key] = Program(self._desk, address, lambda: self._forget(key))
        return program, program.begin(seat, events)

    def _forget(self, key: Key) -> None:
        self._programs.pop(key, None)
