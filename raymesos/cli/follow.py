"""`raymesos logs -f`: a log as it grows, over retries, to the end of what writes it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from raymesos.errors import UnknownId

FOLLOW_S = 0.3
# Each look reads the whole log, so a large one is looked at less often: at most this part of the time goes into reading.
READING_PART = 0.1
# A character of several bytes of which only the first have been written yet.
_HALF = "\ufffd"


def follow_log(
    job: Any, index: int, stream: str, pause: Callable[[float], None], tell: Callable[[str], None]
) -> Iterator[str]:
    """Pieces of the log, as they come. Ends when the input has finished or its job has ended, or with Ctrl-C."""
    shown = ""
    waits = False
    try:
        while True:
            ended = _has_ended(job, index)  # Asked before reading: nothing is written after it.
            began = time.monotonic()
            text = _read(job, index, stream)
            took = time.monotonic() - began
            if text is None and not waits and not ended:
                tell(f"index {index} of job {job.id} has not begun yet")
            waits = text is None
            piece, shown, again = _news(text or "", shown, ended=ended)
            if again:
                tell(f"index {index} of job {job.id} begins again")
            if piece:
                yield piece
            if ended:
                return
            pause(max(FOLLOW_S, took / READING_PART))
    except KeyboardInterrupt:
        return


def _news(text: str, shown: str, *, ended: bool) -> tuple[str, str, bool]:
    """(what is new, what has been shown with it, whether this is the log of another attempt)."""
    whole = text if ended else text.rstrip(_HALF)
    if text.startswith(shown):
        return whole[len(shown) :], max(whole, shown, key=len), False
    return whole, whole, bool(text)


def _read(job: Any, index: int, stream: str) -> str | None:
    """None while nothing has been written, or nothing has begun."""
    try:
        text: str = job.logs(index, stream)
    except UnknownId:
        return None
    return text


def _has_ended(job: Any, index: int) -> bool:
    if job.status().done:
        return True
    rows = [row for row in job.tasks() if row["index"] <= index < row["hi"]]
    return bool(rows) and str(rows[-1]["state"]).endswith("FINISHED")
