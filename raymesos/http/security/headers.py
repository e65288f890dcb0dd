"""What answers say to browsers. A route that needs another policy sends that header itself, and it is left as it is."""

from __future__ import annotations

from collections.abc import Iterable

Headers = list[tuple[bytes, bytes]]

# For what is no page: nothing of it is run, shown or framed.
NOTHING = b"default-src 'none'; frame-ancestors 'none'"
# For pages of others' making, with scripts and styles in place, like the jobs API's documentation; the page at / has a stricter one. Whatever runs there, nothing is loaded from elsewhere nor sent elsewhere.
PAGE = b"; ".join(
    (
        b"default-src 'self'",
        b"script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        b"style-src 'self' 'unsafe-inline'",
        b"img-src 'self' data: blob:",
        b"font-src 'self' data:",
        b"connect-src 'self'",
        b"object-src 'none'",
        b"base-uri 'self'",
        b"form-action 'self'",
        b"frame-ancestors 'none'",
    )
)
_ALWAYS: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
]
# What is known only to whom it was shown stays out of caches; assets say themselves how long they last.
_FRESH = (b"cache-control", b"no-store")


def secured(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """The headers of an answer with what is missing of these."""
    given = list(headers)
    names = {name.lower(): value for name, value in given}
    html = names.get(b"content-type", b"").startswith(b"text/html")
    policy = (b"content-security-policy", PAGE if html else NOTHING)
    return given + [each for each in (*_ALWAYS, policy, _FRESH) if each[0] not in names]
