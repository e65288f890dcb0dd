"""`raymesos logs -f`: a log as it grows, over retries, to the end of what writes it."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator
from typing import Any

from raymesos.errors import UnknownId

FOLLOW_S = 0.3
# Holds the first bytes of a character back until the others have been written.
_Decoder = codecs.getincrementaldecoder("utf-8")


def follow_log(
    job: Any, index: int, stream: str, pause: Callable[[float], None], tell: Callable[[str], None]
) -> Iterator[str]:
    """Pieces of the log, as they come, each read once. Ends when the input has finished or its job has ended, or with Ctrl-C."""
    task_id, offset, decoder = "", 0, _Decoder(errors="replace")
    waits = False
    try:
        while True:
            ended = _has_ended(job, index)  # Asked before reading: nothing is written after it.
            piece = _read(job, index, stream, task_id=task_id, offset=offset)
            if piece is None and not waits and not ended:
                tell(f"index {index} of job {job.id} has not begun yet")
            waits = piece is None
            if piece is not None:
                if piece.task_id != task_id:
                    if offset:
                        tell(f"index {index} of job {job.id} begins again")
                    task_id, offset, decoder = piece.task_id, 0, _Decoder(errors="replace")
                offset += len(piece.data)
                if text := decoder.decode(piece.data, final=ended):
                    yield text
            if ended:
                return
            pause(FOLLOW_S)
    except KeyboardInterrupt:
        return


def _read(job: Any, index: int, stream: str, *, task_id: str, offset: int) -> Any:
    """A LogPiece; None while nothing has been written, or nothing has begun."""
    try:
        return job.log_piece(index, stream, task_id=task_id, offset=offset)
    except UnknownId:
        return None


def _has_ended(job: Any, index: int) -> bool:
    if job.status().done:
        return True
    rows = [row for row in job.tasks() if row["index"] <= index < row["hi"]]
    return bool(rows) and str(rows[-1]["state"]).endswith("FINISHED")
