"""How many users a shape wants when."""

from __future__ import annotations

import pytest

from load_tests.over_http.shapes import SHAPES, users_at


def curve(shape: str) -> list[int | None]:
    return [users_at(shape, at_s, 40, most=20, least=5) for at_s in range(0, 44, 4)]


@pytest.mark.parametrize(
    ("shape", "users"),
    [
        ("ramp", [5, 5, 6, 9, 12, 15, 18, 20, 20, 20]),
        ("burst", [6, 6, 20, 20, 6, 20, 20, 6, 6, 20]),
        ("soak", [20] * 10),
    ],
)
def test_each_shape_has_its_own_users_over_time_and_then_ends(shape: str, users: list[int]) -> None:
    assert curve(shape) == [*users, None]


@pytest.mark.parametrize("shape", SHAPES)
def test_no_shape_wants_fewer_users_than_there_are_kinds_or_more_than_allowed(shape: str) -> None:
    wanted = [users_at(shape, tenth / 10, 40, most=7, least=5) for tenth in range(400)]
    assert None not in wanted
    assert {users for users in wanted if users is not None and not 5 <= users <= 7} == set()
