"""What Mesos says of text that is no JSON: where its reader stopped, and what stands there. (picojson 1.3, which Mesos reads with)

Only for text that a quicker reader has refused: this one goes character by character.
"""

from __future__ import annotations

_BLANKS = b" \t\n\r"
_WHITE = frozenset(_BLANKS)
_ESCAPES = frozenset(b'"\\/bfnrt')
_NUMBER_STARTS = frozenset(b"0123456789-")
_IN_NUMBERS = frozenset(b"0123456789+-eE.")
_HEX = frozenset(b"0123456789abcdefABCDEF")
_WORDS = {ord("n"): b"ull", ord("t"): b"rue", ord("f"): b"alse"}
# So much of the offending line is told. (Mesos: all of it)
MAX_TOLD = 1_000


def complaint(text: bytes) -> str:
    """What Mesos says of `text`; empty if its reader would take it."""
    reader = _Reader(text)
    if not reader.value():
        line = text.count(b"\n", 0, reader.at) + 1
        return f"syntax error at line {line} near: {_rest_of_line(text, reader.at)}"
    rest = text[reader.at :].lstrip(_BLANKS + b"\x0b\x0c")
    if rest:
        return f"Parsed JSON included non-whitespace trailing characters: {rest[:MAX_TOLD].decode(errors='replace')}"
    return ""


def _rest_of_line(text: bytes, at: int) -> str:
    line = text[at : at + MAX_TOLD].partition(b"\n")[0]
    return bytes(c for c in line if c >= 32).decode(errors="replace")


class _Reader:
    """`at` is the first character that was not taken."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self.at = 0

    def value(self) -> bool:
        """Take one value with all that is in it. No recursion: how deep it goes is for the sender to say."""
        open_brackets: list[int] = []
        while True:
            opened = self._begin(open_brackets)
            if opened is None:
                return False
            if opened:
                continue
            while True:
                if not open_brackets:
                    return True
                if self._expect(ord(",")):
                    if open_brackets[-1] == ord("}") and not self._key():
                        return False
                    break
                if not self._expect(open_brackets[-1]):
                    return False
                open_brackets.pop()

    def _begin(self, open_brackets: list[int]) -> bool | None:
        """Take a scalar or an empty container (False), or open a container at its first value (True). None for what is no value."""
        self._skip()
        first = self._peek()
        if first in (ord("["), ord("{")):
            self.at += 1
            close = ord("]") if first == ord("[") else ord("}")
            if self._expect(close):
                return False
            if close == ord("}") and not self._key():
                return None
            open_brackets.append(close)
            return True
        return False if self._scalar(first) else None

    def _scalar(self, first: int) -> bool:
        if first in _WORDS:
            self.at += 1
            return self._match(_WORDS[first])
        if first == ord('"'):
            self.at += 1
            return self._string()
        return first in _NUMBER_STARTS and self._number()

    def _key(self) -> bool:
        return self._expect(ord('"')) and self._string() and self._expect(ord(":"))

    def _match(self, word: bytes) -> bool:
        for c in word:
            if self._peek() != c:
                return False
            self.at += 1
        return True

    def _number(self) -> bool:
        begin = self.at
        while self._peek() in _IN_NUMBERS:
            self.at += 1
        try:
            float(self._text[begin : self.at])
        except ValueError:
            return False
        return True

    def _string(self) -> bool:
        while True:
            c = self._peek()
            if c < 32:
                return False
            self.at += 1
            if c == ord('"'):
                return True
            if c == ord("\\") and not self._escape():
                return False

    def _escape(self) -> bool:
        c = self._peek()
        if c < 0:
            return False
        self.at += 1
        if c != ord("u"):
            return c in _ESCAPES
        for _ in range(4):
            if self._peek() not in _HEX:
                return False
            self.at += 1
        return True

    def _expect(self, c: int) -> bool:
        self._skip()
        if self._peek() != c:
            return False
        self.at += 1
        return True

    def _skip(self) -> None:
        while self._peek() in _WHITE:
            self.at += 1

    def _peek(self) -> int:
        """The next character; -1 at the end."""
        return self._text[self.at] if self.at < len(self._text) else -1
