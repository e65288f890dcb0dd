from __future__ import annotations

import pytest
from cli_fakes import FakeCluster, Shell


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(lambda: tuple(capsys.readouterr()))  # type: ignore[arg-type,return-value]


@pytest.fixture
def cluster(shell: Shell) -> FakeCluster:
    assert shell.cluster is not None
    return shell.cluster
