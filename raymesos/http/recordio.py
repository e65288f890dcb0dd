"""RecordIO: how Mesos' streams tell one message from the next. A record is its length in bytes, in decimal, a newline, and so many bytes.

Chunks of the transport carry no meaning: a record may come in many, and many may come in one. (Mesos: recordio.hpp)
"""

from __future__ import annotations

from collections.abc import Iterable

from raymesos.errors import ProtocolError

# What a peer may send as one record; Mesos sets no bound, and a length alone would have us wait for it for ever.
MAX_RECORD_BYTES = 64 * 2**20


def frame(record: bytes) -> bytes:
    """One record, ready to be sent."""
    return b"%d\n%b" % (len(record), record)


def frames(records: Iterable[bytes]) -> bytes:
    """Several records, ready to be sent in one write."""
    return b"".join([b"%d\n%b" % (len(record), record) for record in records])


class Reader:
    """Takes bytes as they come and gives out whole records. After a ProtocolError it takes nothing more: where the next record begins is not known."""

    def __init__(self, max_record_bytes: int = MAX_RECORD_BYTES) -> None:
        self._bound = max_record_bytes
        self._digits = len(str(max_record_bytes))
        self._held = bytearray()
        self._need: int | None = None
        """Bytes of the record whose length has come; None while a length is awaited."""
        self._broken: ProtocolError | None = None

    @property
    def between(self) -> bool:
        """Whether all that came was whole records: a stream that ends now ends well."""
        return not self._held and self._need is None

    def feed(self, data: bytes) -> list[bytes]:
        """The records that `data` completes, in order. Raises ProtocolError for a length that is none, or above the bound; what came before it in `data` is lost."""
        if self._broken is not None:
            raise self._broken
        self._held += data
        try:
            return self._take()
        except ProtocolError as error:
            self._broken = error
            self._held.clear()
            raise

    def _take(self) -> list[bytes]:
        records: list[bytes] = []
        held, at = self._held, 0
        while True:
            if self._need is None:
                end = held.find(b"\n", at, at + self._digits + 1)
                if end < 0:
                    break
                self._need = self._length(bytes(held[at:end]))
                at = end + 1
            if len(held) - at < self._need:
                break
            records.append(bytes(held[at : at + self._need]))
            at += self._need
            self._need = None
        del held[:at]
        if self._need is None:
            self._check_start(bytes(held[: self._digits + 1]))
        return records

    def _length(self, text: bytes) -> int:
        # Not isdigit of a str, nor int alone: both take more than ten ASCII digits, signs and blanks.
        if not text.isdigit():
            raise ProtocolError(f"{text[:20]!r} is no length of a record")
        length = int(text)
        if length > self._bound:
            raise ProtocolError(f"a record of {length} bytes; at most {self._bound} are taken")
        return length

    def _check_start(self, text: bytes) -> None:
        """What waits for the rest of a length could still become one."""
        if text and (not text.isdigit() or len(text) > self._digits):
            raise ProtocolError(f"{text[:20]!r} is no length of a record")
