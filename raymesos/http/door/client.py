"""The client's side of the door: a cluster over HTTP, for a process without Ray."""

from __future__ import annotations

import os
import time
from typing import Any

import httpx
import msgpack

from raymesos.door import CALL_TIMEOUT_S
from raymesos.errors import ClusterUnavailable, Conflict, InvalidValue, ProtocolError, Unauthorized, UnknownId
from raymesos.http.door.errors import unpacked_error
from raymesos.http.door.names import (
    ASKS,
    CALLS,
    CLUSTER,
    DATA,
    MAX_WAIT_S,
    MEDIA_TYPE,
    OPERATE,
    PIECE_BYTES,
    PREFIX,
    READ_LOG,
    VIEWS,
)
from raymesos.machine import BATCH
from raymesos.wire.codec import decode, encode
from raymesos.wire.work import Blob

TOKEN = "RAYMESOS_TOKEN"
CONNECT_TIMEOUT_S = 5.0
# A server that is restarted is back within seconds; one that answers nothing for so long is not there.
AWAY_S = 30.0
RETRY_S = 0.2
# A server that loses what it was given again and again is broken.
PUT_TRIES = 5
# What a call may take on the server's side before it answers: its own wait for an actor, and some more.
READ_TIMEOUT_S = CALL_TIMEOUT_S + 10.0
_KINDS: dict[str, type] = {"conflict": Conflict, "unknown": UnknownId, "invalid": InvalidValue}


class HttpDoor:
    """One per client process and cluster; threads may share it. `token` is sent as bearer; without one, that of $RAYMESOS_TOKEN.

    Every call is repeated while the server is away, for AWAY_S, unless it says otherwise. `transport` is another way to the server than the network, for tests.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        transport: httpx.BaseTransport | None = None,
        away_s: float = AWAY_S,
    ) -> None:
        self.url = _base(url)
        token = token if token is not None else os.environ.get(TOKEN, "")
        headers = {"content-type": MEDIA_TYPE, **({"authorization": f"Bearer {token}"} if token else {})}
        timeout = httpx.Timeout(READ_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
        # A proxy of the environment is for the internet, not for a cluster.
        self._client = httpx.Client(headers=headers, timeout=timeout, transport=transport, trust_env=False)
        self._away_s = away_s
        self._closed = False

    def cluster(self) -> dict[str, Any]:
        """{name, cluster_id, work_dir, version}, asked once: where nothing answers there is no cluster. Raises ClusterUnavailable."""
        try:
            found: dict[str, Any] = msgpack.unpackb(self._once("GET", CLUSTER))
        except (httpx.TransportError, _Away) as error:
            raise ClusterUnavailable(f"no raymesos cluster answers at {self.url}: {error}") from None
        except (ValueError, msgpack.UnpackException):
            raise ClusterUnavailable(f"what answers at {self.url} is no raymesos cluster") from None
        return found

    def close(self) -> None:
        """Every call raises ClusterUnavailable from now on."""
        self._closed = True
        self._client.close()

    # ------------------------------------------------------------ calls

    def call(self, actor: str, method: str, *arguments: Any, timeout_s: float = CALL_TIMEOUT_S) -> Any:
        if actor.startswith("agent/") and method == "read_log":
            return self._log(actor.removeprefix("agent/"), *arguments)
        if actor != BATCH or method not in CALLS:
            raise ProtocolError(f"{actor} {method} cannot be called over HTTP")
        if method == "poll":
            return self._poll(*arguments)
        if method == "where_ran":
            job, index = arguments
            return tuple(self._post(CALLS[method], {"job": job, "index": index}))
        return self._post(CALLS[method], {"job": arguments[0]})

    def ask(self, actor: str, message: Any, timeout_s: float = CALL_TIMEOUT_S) -> Any:
        path = ASKS.get(type(message)) if actor == BATCH else None
        if path is None:
            raise ProtocolError(f"{actor} cannot be sent {type(message).__name__} over HTTP")
        return decode(self._post(path, encode(message), raw=True))

    def operate(self, message: Any, *, repeats: bool, done_if: tuple[str, ...]) -> None:
        repeated: list[bool] = []
        try:
            self._again("POST", OPERATE, msgpack.packb(encode(message)), repeats=repeats, repeated=repeated)
        except (Conflict, UnknownId, InvalidValue) as error:
            if not (repeated and isinstance(error, tuple(_KINDS[kind] for kind in done_if))):
                raise

    def view(self, name: str, arguments: dict[str, Any]) -> Any:
        return self._post(f"{VIEWS}/{name}", arguments)

    def _poll(self, seen: list[Any], wait_s: float) -> Any:
        rows = [list(each) for each in seen]
        news = self._post(CALLS["poll"], {"seen": rows, "wait_ms": int(min(wait_s, MAX_WAIT_S) * 1000)})
        return [None if each is None else (list(decode(each[0]).parts), each[1], each[2]) for each in news]

    def _log(self, agent: str, task: str, index: int, stream: str, offset: int) -> bytes:
        asked = {"agent": agent, "task": task, "index": index, "stream": stream}
        pieces: list[bytes] = []
        while True:
            pieces.append(self._post(READ_LOG, {**asked, "offset": offset}, raw=True))
            offset += len(pieces[-1])
            if len(pieces[-1]) < PIECE_BYTES:
                return b"".join(pieces)

    # ------------------------------------------------------------ data

    def put(self, key: str, data: bytes) -> Blob:
        for _ in range(PUT_TRIES - 1):
            try:
                return Blob(**self._put(key, data))
            except Conflict:  # The server has lost the pieces before: it is another one.
                continue
        return Blob(**self._put(key, data))

    def _put(self, key: str, data: bytes) -> dict[str, Any]:
        view = memoryview(data)
        for offset in range(0, max(1, len(data)), PIECE_BYTES):
            piece = bytes(view[offset : offset + PIECE_BYTES])
            query = f"?offset={offset}" + ("&last=1" if offset + len(piece) == len(data) else "")
            body = self._again("PUT", f"{DATA}/{key}{query}", piece)
        found: dict[str, Any] = msgpack.unpackb(body)
        return found

    def read(self, blob: Blob) -> bytes:
        if blob.inline or not (blob.path or blob.key):
            return blob.inline
        pieces: list[bytes] = []
        offset = 0
        while True:
            piece = self._again("GET", f"{DATA}/{blob.key}?offset={offset}")
            pieces.append(piece)
            offset += len(piece)
            if len(piece) < PIECE_BYTES or offset == blob.size:
                return b"".join(pieces)

    # ------------------------------------------------------------ requests

    def _post(self, path: str, body: Any, *, raw: bool = False) -> Any:
        packed = msgpack.packb(body, use_bin_type=True)
        answer = self._again("POST", path, packed)
        return answer if raw else msgpack.unpackb(answer, strict_map_key=False)

    def _again(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        repeats: bool = True,
        repeated: list[bool] | None = None,
    ) -> bytes:
        """The answer, after as many tries as it takes while the server is away. `repeated` gets a mark for each try that may have been carried out."""
        deadline = time.monotonic() + self._away_s
        while True:
            try:
                return self._once(method, path, body)
            except (httpx.TransportError, _Away) as error:
                sent = not isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout))
                if sent and not repeats:
                    raise ClusterUnavailable(
                        f"{self.url} did not answer: it may have carried the call out or not; look before you repeat it"
                    ) from None
                if sent and repeated is not None:
                    repeated.append(True)
                if time.monotonic() > deadline:
                    raise ClusterUnavailable(f"{self.url} does not answer: {error}") from None
                time.sleep(RETRY_S)

    def _once(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """Raises what the server refused it with; _Away where it is not ready."""
        if self._closed:
            raise ClusterUnavailable(f"the connection to {self.url} was closed")
        response = self._client.request(method, f"{self.url}{PREFIX}/{path}", content=body)
        if response.is_success:
            return response.content
        error = unpacked_error(response.content) if response.headers.get("content-type") == MEDIA_TYPE else None
        if isinstance(error, ClusterUnavailable) or (error is None and response.status_code in (429, 502, 503, 504)):
            raise _Away(str(error or response.text[:200]))
        if error is not None:
            raise error
        if response.status_code in (401, 403):
            raise Unauthorized(response.text[:500] or f"{self.url} wants a token")
        raise ClusterUnavailable(f"{self.url} answered {response.status_code}: {response.text[:200]}")


class _Away(Exception):
    """The server says that it cannot answer now."""


def _base(url: str) -> str:
    """Raises InvalidValue."""
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, TypeError):
        raise InvalidValue("url", url, "is no URL") from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise InvalidValue("url", url, "must be like http://host:5050")
    return url.rstrip("/")
