"""HAProxy's configuration: the same for all its life, whatever services there are. What changes is in a map and in servers, both changed while it runs.

A request is looked up in the map by the first label of its Host or the first part of its path, and goes to the slot that the map names, by rules that stand beside the name.
"""

from __future__ import annotations

from dataclasses import dataclass

from raymesos.gateway.speech import SETTLED, TIMES
from raymesos.gateway.traffic import BOUNDS_MS, BUCKETS

SLOT = "s"
# Most that a client may take for its headers, or lie idle between two requests.
HEADERS_MS, IDLE_MS = 10_000, 75_000
# Neither a WebSocket nor a slow reader is cut sooner for being silent.
TUNNEL_MS = 3_600_000
# The only time-out that HAProxy 2.8 cannot take from a rule.
CONNECT_MS = 1_000
# A larger body is not repeated on another instance: HAProxy repeats what it still has.
RETRIES = 3
IDEMPOTENT = "GET HEAD OPTIONS TRACE PUT DELETE"
_STATUSES = (
    (400, "BadRequest", "the request is malformed"),
    (408, "RequestTimeout", "the request did not come in time"),
    (500, "Internal", "the gateway failed; its log has the story"),
    (502, "BadGateway", "the instance that had the request ended, or answered what is no HTTP"),
    (503, "NoInstance", "no instance could be reached"),
    (504, "GatewayTimeout", "the instance did not answer in time"),
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where HAProxy listens, what its files are, and how much of the machine it takes. `domains`: hosts `<service>.<domain>` are services; none: of any domain."""

    host: str
    port: int
    socket: str
    routes: str
    lua: str
    slots: int
    connections: int
    threads: int
    domains: tuple[str, ...] = ()


def slot_names(slots: int) -> list[str]:
    return [f"{SLOT}{number}" for number in range(1, slots + 1)]


def render(place: Place) -> str:
    """The configuration's text."""
    parts = [_global(place), _base(), _times(place), _frontend(place), _slot_rules(place)]
    parts += [f"backend {name} from slot\n" for name in slot_names(place.slots)]
    return "\n".join(parts)


def _global(place: Place) -> str:
    return f"""global
    stats socket unix@./{place.socket} mode 600 level admin
    stats timeout 1h
    maxconn {place.connections}
    no strict-limits
    nbthread {place.threads}
    lua-load {place.lua}
"""


def _base() -> str:
    errors = "\n".join(f"    http-error status {s} {_body(kind, text)}" for s, kind, text in _STATUSES)
    return f"""defaults base
    mode http
    balance leastconn
    timeout connect {CONNECT_MS}ms
    timeout client {TUNNEL_MS}ms
    timeout server {TUNNEL_MS}ms
    timeout tunnel {TUNNEL_MS}ms
    timeout queue {CONNECT_MS}ms
    timeout http-request {HEADERS_MS}ms
    timeout http-keep-alive {IDLE_MS}ms
    option http-keep-alive
    option http-no-delay
    option forwardfor
{errors}
"""


def _times(place: Place) -> str:
    return f"""backend {TIMES} from base
    stick-table type string len 16 size {max(1024, place.slots)} store http_req_cnt,conn_cur,gpc({BUCKETS + 1})
"""


def _frontend(place: Place) -> str:
    routes = f"map_str({place.routes})"
    at = f"[{place.host}]" if ":" in place.host else place.host
    unknown = "if !{ var(txn.route) -m found }"
    return f"""frontend public from base
    bind {at}:{place.port}
    http-request set-var(txn.began) date(0,us)
    http-request set-header X-Request-Id %[uuid()] unless {{ req.hdr(X-Request-Id) -m found }}
    http-request set-var(txn.request_id) req.hdr(X-Request-Id)

    # Which service: by host, else by path.
{_by_host(place, routes)}
    http-request set-var(txn.service) path,field(2,/) {unknown}
    http-request set-var(txn.prefix) str(/),concat(,txn.service) {unknown}
    http-request set-var(txn.route) var(txn.service),{routes} {unknown}
    http-request return status 503 hdr Retry-After 1 {_body("NotReady", "the gateway has just begun and does not know its services yet")} {unknown} !{{ str({SETTLED}),{routes} -m found }}
    http-request return status 404 {_body("UnknownId", "no such service")} {unknown}

    # Who may call, and how often (API keys, JWT, rate limits): here, where the service is known and nothing of the request has been changed.

    http-request set-var(txn.slot) var(txn.route),field(1,:)
    http-request set-var(txn.timeout_ms) var(txn.route),field(2,:)
    http-request set-var(txn.hold_ms) var(txn.route),field(3,:)
    http-request set-var(txn.max_waiting) var(txn.route),field(4,:)
    http-request set-var(txn.retry) var(txn.route),field(5,:)
    http-request set-header X-Forwarded-Proto http
    http-request set-header X-Forwarded-Host %[req.hdr(Host)]
    http-request del-header X-Forwarded-Prefix
    http-request set-header X-Forwarded-Prefix %[var(txn.prefix)] if {{ var(txn.prefix) -m found }}
    http-request replace-path ^/[^/]*/?(.*)$ /\\1 if {{ var(txn.prefix) -m found }}
    http-request track-sc0 var(txn.slot) table {TIMES}
    http-after-response set-header X-Request-Id %[var(txn.request_id)]
    http-after-response set-var(txn.ms) date(0,us),sub(txn.began),div(1000)
{_counting()}
    use_backend %[var(txn.slot)]
"""


def _by_host(place: Place, routes: str) -> str:
    """`web.example.org:8080` is the service web, and an IP address none."""
    ours = " ".join(f".{domain.strip('.').lower()}" for domain in place.domains)
    name = "req.hdr(Host),field(1,:),lower"
    acl = f"acl named {name} -m end {ours}" if ours else f"acl named {name} -m reg \\.[a-z][^.]*$"
    return f"""    {acl}
    http-request set-var(txn.service) {name},field(1,.) if named
    http-request set-var(txn.route) var(txn.service),{routes} if named"""


def _counting() -> str:
    low = 0
    lines = []
    for index, high in enumerate(BOUNDS_MS):
        lines.append(f"    http-after-response sc-inc-gpc({index},0) if {{ var(txn.ms) -m int {low}:{high - 1} }}")
        low = high
    lines.append(f"    http-after-response sc-inc-gpc({len(BOUNDS_MS)},0) if {{ var(txn.ms) -m int ge {low} }}")
    lines.append(f"    http-after-response sc-inc-gpc({BUCKETS},0) if {{ status ge 500 }}")
    return "\n".join(lines)


def _slot_rules(place: Place) -> str:
    """What all slots have in common. Only one that was held looks at the map again: its service may have gone, and its slot may be another's soon."""
    no_instance = "the service has no instance that is ready"
    full = "as many requests as may already wait for an instance of the service"
    return f"""defaults slot from base
    retries {RETRIES}
    option redispatch 1
    retry-on conn-failure empty-response junk-response
    acl idempotent method {IDEMPOTENT}
    acl retried var(txn.retry) -m str 1
    acl held var(txn.held) -m found
    acl full var(txn.full) -m found
    http-request set-timeout server var(txn.timeout_ms)
    http-request disable-l7-retry unless idempotent retried
    http-request lua.hold if {{ nbsrv eq 0 }}
    http-request return status 503 hdr Retry-After 1 {_body("TooManyWaiting", full)} if full
    http-request set-var(txn.still) var(txn.service),map_str({place.routes}),field(1,:) if held
    http-request return status 404 {_body("UnknownId", "the service is gone")} if held !{{ var(txn.still),strcmp(txn.slot) eq 0 }}
    http-request return status 503 hdr Retry-After 1 {_body("NoInstance", no_instance)} if {{ nbsrv eq 0 }}
"""


def _body(kind: str, text: str) -> str:
    """A JSON body in the words of the HTTP API's errors, with the service's name as it was asked for."""
    return (
        f'content-type application/json lf-string "{{\\"error\\":\\"{kind}\\",\\"message\\":\\"{text}\\",'
        '\\"service\\":\\"%[var(txn.service),json(utf8s)]\\"}"'
    )
