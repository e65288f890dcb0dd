"""What every POST of the v1 API is checked for, in Mesos' order and words. (Mesos: http.cpp; libprocess: http.cpp)"""

from __future__ import annotations

from raymesos.http.asgi import Answer

JSON = b"application/json"
PROTOBUF = b"application/x-protobuf"


def method_refusal(method: str) -> Answer | None:
    """Only POST."""
    if method == "POST":
        return None
    return Answer(405, method_text(method, "POST"), ((b"allow", b"POST"),))


def method_text(method: str, *allowed: str) -> str:
    named = ", ".join(f"'{each}'" for each in allowed)
    return f"405 Method Not Allowed. Expecting one of {{ {named} }}, but received '{method}'."


def content_refusal(headers: dict[bytes, bytes]) -> Answer | None:
    """Only JSON. Mesos reads protobuf too; a peer that speaks nothing else is told so."""
    found = headers.get(b"content-type")
    if found is None:
        return Answer(400, "Expecting 'Content-Type' to be present")
    kind = found.lower()
    if kind == JSON:
        return None
    if kind == PROTOBUF:
        return Answer(415, "Expecting 'Content-Type' of application/json: application/x-protobuf is not read here")
    return Answer(415, "Expecting 'Content-Type' of application/json or application/x-protobuf")


def accept_refusal(headers: dict[bytes, bytes]) -> Answer | None:
    """The client takes JSON; one that does not say what it takes takes all."""
    found = headers.get(b"accept")
    if found is None or accepts(found, JSON):
        return None
    if accepts(found, PROTOBUF):
        return Answer(
            406, "Expecting 'Accept' to allow 'application/json': 'application/x-protobuf' is not written here"
        )
    return Answer(406, "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'")


def accepts(accept: bytes, kind: bytes) -> bool:
    """Whether the header allows the media type: by its name, by `type/*` or by `*/*`, and not with a quality of 0."""
    main = kind.partition(b"/")[0]
    for part in accept.lower().split(b","):
        name, *parameters = [piece.strip() for piece in part.split(b";")]
        if name in (kind, main + b"/*", b"*/*", b"*") and not any(_is_zero(p) for p in parameters):
            return True
    return False


def _is_zero(parameter: bytes) -> bool:
    name, _, value = parameter.partition(b"=")
    return name.strip() == b"q" and value.strip(b" 0.") == b"" and value.strip() != b""
