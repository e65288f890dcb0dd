"""Of what these tests write, no note comes back: nothing is waited for."""

from __future__ import annotations

import pytest

from raymesos.http.mesos.operator import asking


@pytest.fixture(autouse=True)
def _no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "SHOWN_S", 0.0)
