"""What every POST of the v1 API is checked for before its body is looked at."""

from __future__ import annotations

import pytest

from raymesos.http.asgi import Answer
from raymesos.http.mesos.requests import accept_refusal, accepts, content_refusal, method_refusal


def test_only_posts_are_taken() -> None:
    text = "405 Method Not Allowed. Expecting one of { 'POST' }, but received 'GET'."
    assert method_refusal("GET") == Answer(405, text, ((b"allow", b"POST"),))
    assert method_refusal("POST") is None


@pytest.mark.parametrize(
    ("headers", "status", "words"),
    [
        ({}, 400, "Expecting 'Content-Type' to be present"),
        ({b"content-type": b"text/plain"}, 415, "of application/json or application/x-protobuf"),
        ({b"content-type": b"application/recordio"}, 415, "of application/json or application/x-protobuf"),
        ({b"content-type": b"application/x-protobuf"}, 415, "is not read here"),
    ],
)
def test_only_json_is_read(headers: dict[bytes, bytes], status: int, words: str) -> None:
    refusal = content_refusal(headers)
    assert refusal is not None and refusal.status == status and words in refusal.text
    assert content_refusal({b"content-type": b"Application/JSON"}) is None


@pytest.mark.parametrize(
    ("accept", "taken"),
    [
        (b"*/*", True),
        (b"application/json", True),
        (b"text/html, application/*;q=0.2", True),
        (b"foo", False),
        (b"text/html", False),
        (b"application/json;q=0", False),
        (b"application/json;q=0.0, text/html", False),
        (b"application/jsonp", False),
        (b"", False),
    ],
)
def test_the_answer_is_json_if_the_client_takes_it(accept: bytes, taken: bool) -> None:
    assert accepts(accept, b"application/json") is taken
    assert (accept_refusal({b"accept": accept}) is None) is taken


def test_a_client_that_names_nothing_takes_all_and_one_that_wants_protobuf_is_told() -> None:
    assert accept_refusal({}) is None
    refusal = accept_refusal({b"accept": b"application/x-protobuf"})
    assert refusal is not None and refusal.status == 406 and "is not written here" in refusal.text
