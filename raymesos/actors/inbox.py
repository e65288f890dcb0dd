"""What a host's thread finds in its inbox."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from raymesos.actors.link import Batch, Reply
from raymesos.machine import Envelope


@dataclass(frozen=True, slots=True)
class Came:
    """A batch from another host. With `gap` some before it were lost."""

    host: str
    envelopes: list[Envelope]
    epoch: int
    gap: bool


@dataclass(frozen=True, slots=True)
class Replied:
    """The answer to a batch of ours, or word that it got none."""

    peer: str
    batch: Batch
    reply: Reply | None
    gone: bool


@dataclass(frozen=True, slots=True)
class Ask:
    """A look at the machines between two turns."""

    run: Callable[[int], Any]
    answer: Future[Any]

    def carry_out(self, now_ms: int) -> None:
        try:
            self.answer.set_result(self.run(now_ms))
        except Exception as error:  # noqa: BLE001 - the asker gets it
            self.answer.set_exception(error)


@dataclass(frozen=True, slots=True)
class Local:
    """Messages for machines of this host."""

    envelopes: list[Envelope]
