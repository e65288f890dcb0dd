"""What the gate reads of a request's headers: found in one walk, because the hot calls pass here too."""

from __future__ import annotations

from collections.abc import Iterable

_SLOT = {
    b"host": 0,
    b"origin": 1,
    b"sec-fetch-site": 2,
    b"content-type": 3,
    b"content-length": 4,
    b"authorization": 5,
    b"transfer-encoding": 6,
    b"sec-fetch-mode": 7,
    b"sec-fetch-dest": 8,
    b"referer": 9,
    b"user-agent": 10,
}
# Who sends one of these twice wants two readers to see two things.
_SINGLE = (0, 1, 3, 4, 5)


class Head:
    """Values as they came, None for what did not; `twice` names a header that must not come twice and did."""

    __slots__ = ("_values", "twice")

    def __init__(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        self._values: list[bytes | None] = [None] * len(_SLOT)
        self.twice = b""
        values = self._values
        for name, value in headers:
            slot = _SLOT.get(name)
            if slot is not None:
                if values[slot] is not None and slot in _SINGLE:
                    self.twice = name
                values[slot] = value

    @property
    def host(self) -> bytes | None:
        return self._values[0]

    @property
    def origin(self) -> bytes | None:
        return self._values[1]

    @property
    def fetch_site(self) -> bytes | None:
        return self._values[2]

    @property
    def content_type(self) -> bytes:
        """The media type alone, in small letters; empty if none was given."""
        return (self._values[3] or b"").split(b";", 1)[0].strip().lower()

    @property
    def content_length(self) -> bytes | None:
        return self._values[4]

    @property
    def authorization(self) -> bytes | None:
        return self._values[5]

    @property
    def has_body(self) -> bool:
        return self._values[6] is not None or self._values[4] not in (None, b"0")

    @property
    def opens_a_page(self) -> bool:
        """A link that was followed or an address that was typed: the page that had the link sees nothing of the answer."""
        return self._values[7] == b"navigate" and self._values[8] == b"document"

    @property
    def from_browser(self) -> bool:
        """Whether a browser may have sent it, be it an old one."""
        values = self._values
        told = values[1] is not None or values[2] is not None or values[9] is not None
        return told or (values[10] or b"").startswith(b"Mozilla/")
