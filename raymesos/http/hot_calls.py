"""Hot calls without a task: uvicorn's protocol, with calls of the scheduler's and the executor's API begun as soon as all of a call is there.

Such a call comes in one piece, often with hundreds behind it, and most wait for nothing: they are answered while the piece is being parsed, in one write for all of them. (A task and two
turns of the loop each cost a third of such a call; of a thousand in a row no two met.) One that does wait, or whose body comes in pieces, goes on in a task; those behind it wait for it, and are
carried out in one go as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from raymesos.http.security.guard import CALL_PATHS

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application


class HotCalls(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *arguments: Any, **fields: Any) -> None:
        super().__init__(*arguments, **fields)
        self._heading = False
        self._held: tuple[RequestResponseCycle, ASGI3Application] | None = None
        """The hot call whose headers have come last; its body may be in the same piece."""
        self._next: tuple[RequestResponseCycle, ASGI3Application] | None = None
        """The hot call that has waited behind others and whose turn it is."""
        self._going = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._corked = Corked(transport)
        self.transport = self._corked  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._corked.cork()
        super().data_received(data)
        self._corked.flush()
        if self._held is not None:
            held, self._held = self._held, None
            super()._start_asgi_task(*held)

    def on_headers_complete(self) -> None:
        self._heading = True
        super().on_headers_complete()
        self._heading = False

    def on_message_complete(self) -> None:
        super().on_message_complete()
        if self._held is not None:
            (cycle, app), self._held = self._held, None
            # After an answer that ends the connection no further call is carried out.
            if not self.transport.is_closing():
                self._run(cycle.run_asgi(app))

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        # One that waits to be told to go on would wait for ever.
        if cycle.waiting_for_100_continue or cycle.scope["path"] not in CALL_PATHS:
            super()._start_asgi_task(cycle, app)
        elif self._heading:
            self._held = (cycle, app)
        elif cycle.more_body:
            super()._start_asgi_task(cycle, app)
        else:
            self._next = (cycle, app)
            if not self._going:
                self.loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        """Carry out calls that have waited, one after the other, until one has to wait itself."""
        self._going = True
        self._corked.cork()
        while self._next is not None and not self.transport.is_closing():
            (cycle, app), self._next = self._next, None
            self._run(cycle.run_asgi(app))
        self._corked.flush()
        self._going = False

    def _run(self, call: Coroutine[Any, Any, None]) -> None:
        try:
            waits_for = call.send(None)
        except StopIteration:
            return
        task = self.loop.create_task(_finish(_Rest(call, waits_for)))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)


class Corked:
    """A transport: what is written between `cork` and `flush` goes out in one piece. (uvloop writes each at once, which was a quarter of a hot call)"""

    __slots__ = ("_held", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._held: list[bytes] | None = None

    def cork(self) -> None:
        self._held = []

    def flush(self) -> None:
        held, self._held = self._held, None
        if held:
            self._transport.write(b"".join(held))

    def write(self, data: bytes) -> None:
        if self._held is None:
            self._transport.write(data)
        else:
            self._held.append(data)

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


async def _finish(rest: _Rest) -> None:
    await rest


class _Rest:
    """The rest of a call that was begun outside of a task and waits now."""

    __slots__ = ("_call", "_waits_for")

    def __init__(self, call: Coroutine[Any, Any, None], waits_for: Any) -> None:
        self._call, self._waits_for = call, waits_for

    def __await__(self) -> Generator[Any, Any, None]:
        call, waits_for = self._call, self._waits_for
        try:
            while True:
                try:
                    value = yield waits_for
                except BaseException as error:  # noqa: BLE001 - the call hears of it, as in a task of its own
                    waits_for = call.throw(error)
                else:
                    waits_for = call.send(value)
        except StopIteration:
            return
