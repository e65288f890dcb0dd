"""No web page reaches the server through its reader's browser: the rules of Host, Origin and Content-Type.

A page can make a browser send requests to a laptop's own ports, and by DNS rebinding even under a name of its own. Three things tell such a request: its Host is no
loopback name, its Origin (or Sec-Fetch-Site) is foreign, or its type is one that a browser sends without asking first.
"""

from __future__ import annotations

from raymesos.http.asgi import Answer
from raymesos.http.security.head import Head
from raymesos.http.security.loopback import is_loopback
from raymesos.model.settings import HttpSettings

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")

# JSON, ours, and what clients of Mesos' API send. Before a browser sends any of them for a foreign page it asks us, and hears no.
CALL_TYPES = (
    b"application/json",
    b"application/vnd.raymesos+msgpack",
    b"application/x-protobuf",
    b"application/recordio",
)
# What a form, or a script without being asked, may send anywhere.
FORM_TYPES = (b"application/x-www-form-urlencoded", b"multipart/form-data", b"text/plain", b"")

# Mesos' endpoints from before the v1 API take forms, or JSON of any type: `curl -d` says that its JSON is a form.
OLDER_PATHS = dict.fromkeys(
    prefix + path
    for prefix in ("", "/master")
    for path in (
        "/teardown",
        "/reserve",
        "/unreserve",
        "/create-volumes",
        "/destroy-volumes",
        "/quota",
        "/weights",
        "/maintenance/schedule",
        "/machine/up",
        "/machine/down",
    )
)
# These check the type themselves, in Mesos' words and order.
V1_PATHS = dict.fromkeys(
    prefix + path
    for prefix in ("", "/master", "/slave(1)")
    for path in ("/api/v1", "/api/v1/scheduler", "/api/v1/executor")
)
EXECUTOR_PATHS = dict.fromkeys(path for path in V1_PATHS if path.endswith("/executor"))
CALL_PATHS = dict.fromkeys(path for path in V1_PATHS if not path.endswith("/v1"))
JOB_PATHS = ("/api/v3/", "/api/door/")
WRONG_V1_TYPE = "Expecting 'Content-Type' of application/json or application/x-protobuf"


class HostRule:
    """Which Host a listener answers to: on loopback only loopback names, whatever the port (a tunnel's differs from ours)."""

    def __init__(self, *, loopback: bool) -> None:
        self._loopback = loopback
        self._known: dict[bytes, bool] = {}

    def allows(self, host: bytes | None) -> bool:
        if host is None:
            return False
        found = self._known.get(host)
        if found is None:
            found = not self._loopback or _is_loopback_host(host)
            # Names come from outside: the memory of them is emptied before it is long.
            if len(self._known) >= 64:
                self._known.clear()
            self._known[host] = found
        return found


def foreign(head: Head, hosts: HostRule, method: str) -> Answer | None:
    """Why this request may be a page's that is not ours; None if it is not."""
    if head.twice:
        return Answer(400, f"the header {head.twice.decode('latin-1')} came twice")
    host = head.host
    if not hosts.allows(host):
        said = "is missing" if host is None else f"{_shown(host)} is no loopback name"
        return Answer(
            403,
            f"Host {said}: this server listens on loopback and answers to localhost, 127.0.0.1 and [::1] only, "
            "so that no web page reaches it under a name of its own",
        )
    origin, site = head.origin, head.fetch_site
    if origin is not None and not _same_origin(origin, host):
        return Answer(403, f"Origin {_shown(origin)} is foreign: only pages of this server may call it")
    if site not in (None, b"same-origin", b"none") and not (method == "GET" and origin is None and head.opens_a_page):
        return Answer(403, f"Sec-Fetch-Site {_shown(site or b'')}: only pages of this server may call it")
    return None


def wrong_type(head: Head, method: str, path: str) -> Answer | None:
    """Why the body's type is refused; None if it is not. What has no body needs no type."""
    if method in SAFE_METHODS or not head.has_body:
        return None
    kind = head.content_type
    if kind in CALL_TYPES:
        return None
    if path in V1_PATHS:
        return Answer(415, WRONG_V1_TYPE) if kind in FORM_TYPES[:3] else None
    if path in OLDER_PATHS and (head.origin is not None or not head.from_browser):
        # A foreign Origin has been refused already, and browsers name it with every form that they send.
        return None
    named = kind.decode("latin-1") or "missing"
    return Answer(
        415, f"Content-Type is {_shown(named.encode())}; calls are taken as application/json only, never as a form"
    )


def body_bound(path: str, settings: HttpSettings) -> int:
    """Bytes that a body sent there may have."""
    if path in CALL_PATHS:
        return settings.call_body_bytes
    return settings.job_body_bytes if path.startswith(JOB_PATHS) else settings.body_bytes


def too_long(bound: int) -> Answer:
    return Answer(413, f"The body has more than {bound} bytes, the most that is taken here")


def _same_origin(origin: bytes, host: bytes | None) -> bool:
    """Whether the page is of the address that it calls, port included. (The scheme is that of the port: no port speaks two.)"""
    scheme, _, rest = origin.partition(b"://")
    return scheme in (b"http", b"https") and host is not None and rest.lower() == host.lower()


def _is_loopback_host(host: bytes) -> bool:
    try:
        text = host.decode("ascii")
    except UnicodeDecodeError:
        return False
    if text.startswith("["):
        name, bracket, port = text[1:].partition("]")
        if not bracket:
            return False
        port = port.removeprefix(":") if port.startswith(":") or not port else "none"
    else:
        name, _, port = text.partition(":")
    return is_loopback(name) and (port == "" or (port.isascii() and port.isdigit()))


def _shown(value: bytes) -> str:
    return repr(value[:80].decode("latin-1"))
